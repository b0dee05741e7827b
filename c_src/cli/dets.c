/* `coppice dets check|list|dump|salvage FILE`. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../dets/dets_read.h"
#include "../dets/dets_salvage.h"
#include "../dets/dets_write.h"
#include "../limits.h"
#include "../net/disk.h"
#include "../net/file.h"
#include "../store/replace.h"
#include "../term/canon.h"
#include "../term/write.h"
#include "commands.h"
#include "output.h"

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

static int check(const char *name, struct bytes file)
{
    struct dets_faults faults = {0};
    struct dets_header header;
    dets_check(file, &faults);
    int code = faults.count == 0 ? 0 : EXIT_FAILURE;
    if (code == 0 && dets_header_read(&header, file) == OK)
        print_header(&header, file.len);
    print_faults(name, &faults);
    if (code != 0)
        suggest_salvage(name, faults.list[0].err);
    dets_faults_free(&faults);
    return code;
}

/* --- list and dump -------------------------------------------------------------------- */

/* The objects of a key are adjacent, in bags too. */
struct listing {
    struct buf key; /* of the last object; empty before the first */
    uint64_t bytes; /* of the key's objects so far */
    uint64_t comments;
};

/* `of` is a word for what is listed. */
static void say_comments(const char *name, const char *of, uint64_t comments)
{
    bool one = comments == 1;
    if (comments > 0)
        print_error("%s: %llu %s%s: Erlang reads no pids, references, ports or funs from a text",
                    name, (unsigned long long)comments, of,
                    one ? " is a comment" : "s are comments");
}

static void print_key(struct listing *l)
{
    struct buf pair = {0};
    if (l->key.len == 0)
        return;
    put_tuple(&pair, 2);
    put_term(&pair, buf_bytes(&l->key));
    put_uint(&pair, l->bytes);
    l->comments += !print_consulted(buf_bytes(&pair));
    buf_free(&pair);
}

static enum err list_object(void *who, const struct dets_object *o)
{
    struct listing *l = who;
    if (!bytes_equal(buf_bytes(&l->key), o->key)) {
        print_key(l);
        buf_clear(&l->key);
        buf_put(&l->key, o->key);
        l->bytes = 0;
    }
    l->bytes += o->object.len;
    return OK;
}

struct dumping {
    const char *name;
    bool failed; /* an object was skipped */
    uint64_t comments;
};

static enum err dump_object(void *who, const struct dets_object *o)
{
    struct dumping *d = who;
    struct buf canonical = {0};
    enum err e = canon_external(&canonical, o->object);
    if (e == OK) {
        d->comments += !print_consulted(buf_bytes(&canonical));
    } else {
        struct dets_fault fault;
        (void)dets_fault(&fault, e, o->at, "skipped an object of %zu bytes", o->object.len);
        print_fault(d->name, &fault);
        d->failed = true;
    }
    buf_free(&canonical);
    return OK;
}

static int walk(const char *name, struct bytes file,
                enum err (*visit)(void *who, const struct dets_object *object), void *who)
{
    struct dets_table table;
    struct dets_fault fault;
    enum err e = dets_open(&table, file, &fault);
    if (e == OK)
        e = dets_walk(&table, visit, who, &fault);
    if (e == OK)
        return 0;
    fflush(stdout);
    print_fault(name, &fault);
    suggest_salvage(name, e);
    return EXIT_FAILURE;
}

static int list(const char *name, struct bytes file)
{
    struct listing l = {0};
    int code = walk(name, file, list_object, &l);
    print_key(&l);
    say_comments(name, "key", l.comments);
    buf_free(&l.key);
    return code;
}

static int dump(const char *name, struct bytes file)
{
    struct dumping d = {.name = name};
    int code = walk(name, file, dump_object, &d);
    say_comments(name, "object", d.comments);
    return d.failed ? EXIT_FAILURE : code;
}

/* --- salvage -------------------------------------------------------------------------- */

static bool next_piece(void *image, struct bytes *piece)
{
    return dets_image_next(image, piece);
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
    bool mounted = disk->is_mount(disk->who, path) > 0;
    buf_printf(&name, "%s.%ld.tmp", path, (long)getpid());
    buf_put_u8(&name, 0);
    const char *temporary = mounted ? path : (const char *)name.at;
    enum err e = replace_write(disk, temporary, source, next_piece, image, &failure);
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
    if (code == 0)
        print_salvaged(s, (const char *)path.at);
    buf_free(&path);
    dets_image_free(image);
    return code;
}

static int salvage(const char *name, struct bytes file)
{
    struct dets_salvage s;
    enum err e = dets_salvage(&s, file);
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

static int run_on_file(int (*run)(const char *name, struct bytes file), const char *name)
{
    struct buf file = {0};
    enum err e = file_read(&file, name, LIMIT_DETS_BYTES);
    int code = e == OK ? run(name, buf_bytes(&file)) : fail_to_read(EX_NOINPUT, name, e);
    buf_free(&file);
    return code;
}

int command_dets(struct args *args)
{
    static const struct {
        const char *name;
        int (*run)(const char *name, struct bytes file);
    } subcommands[] = {{"check", check}, {"list", list}, {"dump", dump}, {"salvage", salvage}};
    size_t i = 0;
    while (strcmp(subcommands[i].name, args->operands[0]) != 0)
        i++;
    return run_on_file(subcommands[i].run, args->operands[1]);
}
