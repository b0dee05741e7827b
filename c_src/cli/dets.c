/* `coppice dets check|list|dump|salvage FILE`. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../dets/dets_read.h"
#include "../dets/dets_salvage.h"
#include "../dets/dets_write.h"
#include "../limits.h"
#include "../net/disk.h"
#include "../store/replace.h"
#include "../term/canon.h"
#include "../term/write.h"
#include "commands.h"
#include "output.h"
#include "progress.h"
#include "table_file.h"

/* --- messages --------------------------------------------------------------------- */

static void print_fault(const char *name, const struct dets_fault *fault)
{
    print_error("%s: byte %llu: %s (%s)", name, (unsigned long long)fault->at, fault->what,
                err_text(fault->err));
}

static void print_faults(const char *name, const struct dets_faults *faults)
{
    for (size_t i = 0; i < faults->listed; i++)
        print_fault(name, &faults->list[i]);
    if (faults->count > faults->listed)
        print_error("%s: and %llu more faults", name,
                    (unsigned long long)(faults->count - faults->listed));
}

static void suggest_salvage(const char *name, enum err e)
{
    if (e == ERR_NOT_SAVED || e == ERR_DAMAGED)
        print_error("%s`coppice dets salvage %s` recovers what can be read",
                    e == ERR_NOT_SAVED ? "unless a node has it open, " : "", name);
}

static void put_entry(struct buf *map, const char *key, uint64_t value)
{
    put_atom(map, key);
    put_uint(map, value);
}

/* Frees the map. */
static void print_map(struct buf *map)
{
    print_term(buf_bytes(map));
    buf_free(map);
}

/* --- reading in bounded memory -------------------------------------------------------- */

/* A smaller file takes no time that anybody would wait for. */
#define PROGRESS_BYTES (8u << 20)

struct reading {
    const char *name;
    struct table_file *file;
    uint32_t slots;
    uint64_t comments; /* terms that Erlang does not read */
    bool failed;       /* an object was skipped */
};

static void begin(struct reading *r, const char *doing, bool printing)
{
    struct dets_header header;
    if (r->file->bytes.len < PROGRESS_BYTES || dets_header_read(&header, r->file->bytes) != OK)
        return;
    r->slots = header.next;
    progress_begin(doing, printing);
}

static void advance(struct reading *r, const struct dets_object *o)
{
    table_file_use(r->file, o->at, o->object.len);
    if (r->slots > 0)
        progress_show(o->slot, r->slots);
}

/* `of` is a word for what is listed. */
static void say_comments(const struct reading *r, const char *of)
{
    bool one = r->comments == 1;
    if (r->comments > 0)
        print_error("%s: %llu %s%s: Erlang reads no pids, references, ports or funs from a text",
                    r->name, (unsigned long long)r->comments, of,
                    one ? " is a comment" : "s are comments");
}

/* --- check ---------------------------------------------------------------------------- */

static void print_header(const struct dets_header *h, size_t bytes)
{
    struct buf map = {0};
    put_map(&map, 7);
    put_atom(&map, "type");
    put_atom(&map, dets_type_name(h->type));
    put_atom(&map, "hash");
    put_atom(&map, h->hash == DETS_PHASH2 ? "phash2" : "phash");
    put_entry(&map, "keypos", h->keypos);
    put_entry(&map, "objects", h->objects);
    put_entry(&map, "keys", h->keys);
    put_entry(&map, "slots", h->next);
    put_entry(&map, "bytes", bytes);
    print_map(&map);
}

static void check_object(void *who, const struct dets_object *o)
{
    advance(who, o);
}

static int check(const char *name, struct table_file *file)
{
    struct dets_faults faults = {0};
    struct dets_header header;
    struct reading r = {.name = name, .file = file};
    begin(&r, "check", false);
    dets_check(file->bytes, &faults, check_object, &r);
    progress_end();
    int code = faults.count == 0 ? 0 : EXIT_FAILURE;
    if (code == 0 && dets_header_read(&header, file->bytes) == OK &&
        dets_type_name(header.type) != NULL)
        print_header(&header, file->bytes.len);
    print_faults(name, &faults);
    if (code != 0)
        suggest_salvage(name, faults.list[0].err);
    dets_faults_free(&faults);
    return code;
}

/* --- list and dump -------------------------------------------------------------------- */

/* The objects of a key are adjacent, in bags too. */
struct listing {
    struct reading reading;
    struct buf key; /* of the last object; empty before the first */
    uint64_t bytes; /* of the key's objects so far */
};

static void print_key(struct listing *l)
{
    struct buf pair = {0};
    if (l->key.len == 0)
        return;
    put_tuple(&pair, 2);
    put_term(&pair, buf_bytes(&l->key));
    put_uint(&pair, l->bytes);
    l->reading.comments += !print_consulted(buf_bytes(&pair));
    buf_free(&pair);
}

static enum err list_object(void *who, const struct dets_object *o)
{
    struct listing *l = who;
    advance(&l->reading, o);
    if (!bytes_equal(buf_bytes(&l->key), o->key)) {
        print_key(l);
        buf_clear(&l->key);
        buf_put(&l->key, o->key);
        l->bytes = 0;
    }
    l->bytes += o->object.len;
    return OK;
}

static enum err dump_object(void *who, const struct dets_object *o)
{
    struct reading *r = who;
    struct buf canonical = {0};
    advance(r, o);
    enum err e = canon_external(&canonical, o->object);
    if (e == OK) {
        r->comments += !print_consulted(buf_bytes(&canonical));
    } else {
        struct dets_fault fault;
        (void)dets_fault(&fault, e, o->at, "skipped an object of %zu bytes", o->object.len);
        print_fault(r->name, &fault);
        r->failed = true;
    }
    buf_free(&canonical);
    return OK;
}

static int walk(struct reading *r, const char *doing,
                enum err (*visit)(void *who, const struct dets_object *object), void *who)
{
    struct dets_table table;
    struct dets_fault fault;
    enum err e = dets_open(&table, r->file->bytes, &fault);
    table.changing = r->file->mapped;
    begin(r, doing, true);
    if (e == OK)
        e = dets_walk(&table, visit, who, &fault);
    progress_end();
    if (e == OK)
        return 0;
    fflush(stdout);
    print_fault(r->name, &fault);
    suggest_salvage(r->name, e);
    return EXIT_FAILURE;
}

static int list(const char *name, struct table_file *file)
{
    struct listing l = {.reading = {.name = name, .file = file}};
    int code = walk(&l.reading, "list", list_object, &l);
    print_key(&l);
    say_comments(&l.reading, "key");
    buf_free(&l.key);
    return code;
}

static int dump(const char *name, struct table_file *file)
{
    struct reading r = {.name = name, .file = file};
    int code = walk(&r, "dump", dump_object, &r);
    say_comments(&r, "object");
    return r.failed ? EXIT_FAILURE : code;
}

/* --- salvage -------------------------------------------------------------------------- */

/* The search is two thirds of the work, and writing one. */
static void show_search(void *who, uint64_t done, uint64_t all)
{
    (void)who;
    progress_show(2 * done, 3 * all);
}

struct writing {
    struct dets_image *image;
    uint64_t written;
};

static bool next_piece(void *who, struct bytes *piece)
{
    struct writing *w = who;
    uint64_t all = dets_image_size(w->image);
    progress_show(2 * all + w->written, 3 * all);
    bool more = dets_image_next(w->image, piece);
    w->written += more ? piece->len : 0;
    return more;
}

/* The file gets the permissions of the source.  The process id keeps two salvages that run
 * at once from writing to the same temporary file.  A file that is mounted by itself cannot be
 * replaced: it is written in place, since the source remains, from which it can be written again.
 */
static int write_image(const char *path, const char *source, struct dets_image *image)
{
    const struct disk *disk = net_disk();
    struct storage_failure failure;
    struct buf name = {0};
    struct writing writing = {.image = image};
    bool mounted = disk->is_mount(disk->who, path) > 0;
    buf_printf(&name, "%s.%ld.tmp", path, (long)getpid());
    buf_put_u8(&name, 0);
    const char *temporary = mounted ? path : (const char *)name.at;
    enum err e = replace_write(disk, temporary, source, next_piece, &writing, &failure);
    if (e == OK && !mounted)
        e = replace_commit(disk, temporary, path, &failure);
    buf_free(&name);
    return e == OK ? 0 : fail(EX_IOERR, "%s", failure.what);
}

static void print_salvaged(const struct dets_salvage *s, const char *path)
{
    struct buf map = {0};
    put_map(&map, 7);
    put_atom(&map, "file");
    put_binary(&map, bytes_of(path));
    put_atom(&map, "type");
    put_atom(&map, dets_type_name(s->shape.type));
    put_entry(&map, "keypos", s->shape.keypos);
    put_entry(&map, "objects", s->count);
    put_entry(&map, "older", s->older);
    put_entry(&map, "revived", s->revived);
    put_entry(&map, "faults", s->faults.count);
    print_map(&map);
}

static int write_salvaged(const struct dets_salvage *s, const char *name)
{
    struct dets_image *image;
    struct dets_fault fault;
    struct buf path = {0};
    if (dets_image_new(&image, &s->shape, s->records, s->count, &fault) != OK) {
        print_fault(name, &fault);
        return EXIT_FAILURE;
    }
    buf_printf(&path, "%s.salvaged", name);
    buf_put_u8(&path, 0);
    int code = write_image((const char *)path.at, name, image);
    progress_end();
    if (code == 0)
        print_salvaged(s, (const char *)path.at);
    buf_free(&path);
    dets_image_free(image);
    return code;
}

static int salvage(const char *name, struct table_file *file)
{
    struct dets_salvage s;
    begin(&(struct reading){.file = file}, "salvage", false);
    enum err e = dets_salvage(&s, file->bytes, &(struct dets_salvage_progress){show_search, NULL});
    if (e != OK)
        return fail(EXIT_FAILURE, "%s: %s", name, err_text(e));
    print_faults(name, &s.faults);
    if (s.given_up)
        print_error("%s: salvage stopped early: too much of it looks like objects", name);
    int code = write_salvaged(&s, name);
    if (code == 0 && (s.faults.count > 0 || s.given_up))
        code = EXIT_FAILURE;
    dets_salvage_free(&s);
    return code;
}

/* --- the command ------------------------------------------------------------------ */

struct subcommand {
    const char *name;
    int (*run)(const char *name, struct table_file *file);
    /* Objects are read once.  A salvage reads them again when it writes them; they must not have
     * changed. */
    bool bounded;
};

/* Whether a file is one of OTP's disk_log, whose first four bytes are 1 to 4 (disk_log.hrl). */
static bool is_disk_log(struct bytes file)
{
    return file.len >= 4 && memcmp(file.at, "\1\2\3\4", 4) == 0;
}

static int run_on_file(const struct subcommand *c, const char *name)
{
    static struct table_file file;
    int code = 0;
    if (strcmp(name, "-") == 0)
        return fail(EX_NOINPUT, "-: a table is not read from " STANDARD_INPUT
                                " but from a file, since what belongs together is all over it");
    enum err e = table_file_open(&file, name, c->bounded);
    if (e != OK)
        code = fail_to_read(EX_NOINPUT, name, e);
    else if (is_disk_log(file.bytes))
        code =
            fail(EXIT_FAILURE,
                 "%s: a log of Erlang's disk_log, such as Mnesia's .DCD, .DCL and .LOG files, "
                 "not a DETS table: start Mnesia to have it read, or read it by disk_log:chunk/2",
                 name);
    else
        code = c->run(name, &file);
    table_file_close(&file);
    return code;
}

int command_dets(struct args *args)
{
    static const struct subcommand subcommands[] = {{"check", check, true},
                                                    {"list", list, true},
                                                    {"dump", dump, true},
                                                    {"salvage", salvage, false}};
    size_t i = 0;
    while (strcmp(subcommands[i].name, args->operands[0]) != 0)
        i++;
    return run_on_file(&subcommands[i], args->operands[1]);
}
