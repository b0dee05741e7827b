#include "dets.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../dets/dets_read.h"
#include "../dets/dets_salvage.h"
#include "../dets/dets_write.h"
#include "../limits.h"
#include "../mem.h"
#include "../net/disk.h"
#include "../net/file.h"
#include "../store/replace.h"
#include "../term/canon.h"
#include "../term/text.h"
#include "../term/write.h"

#define EXIT_ERROR    1
#define EXIT_NO_INPUT 66
#define EXIT_IO       74

/* --- what is said --------------------------------------------------------------------- */

static void complain(const char *name, const struct dets_fault *fault)
{
    fprintf(stderr, "coppice: %s: byte %llu: %s (%s)\n", name, (unsigned long long)fault->at,
            fault->what, err_text(fault->err));
}

static void complain_all(const char *name, const struct dets_faults *faults)
{
    for (size_t i = 0; i < faults->listed; i++)
        complain(name, &faults->list[i]);
    if (faults->count > faults->listed)
        fprintf(stderr, "coppice: %s: and %llu more\n", name,
                (unsigned long long)(faults->count - faults->listed));
}

static void advise(const char *name, enum err e)
{
    if (e == ERR_NOT_SAVED || e == ERR_DAMAGED)
        fprintf(stderr, "coppice: %s`coppice dets salvage %s` takes out what can be read\n",
                e == ERR_NOT_SAVED ? "unless a node has it open: " : "", name);
}

/* A line on standard output. */
static void print_canonical(struct bytes term)
{
    struct buf text = {0};
    text_print(&text, term);
    buf_put_u8(&text, '\n');
    fwrite(text.at, 1, text.len, stdout);
    buf_free(&text);
}

static void put_entry(struct buf *map, const char *key, uint64_t value)
{
    put_atom(map, key);
    put_uint(map, value);
}

/* A map whose entries may stand in any order. */
static void print_map(struct buf *map)
{
    struct buf canonical = {0};
    must(canon_put(&canonical, buf_bytes(map)) == OK);
    print_canonical(buf_bytes(&canonical));
    buf_free(&canonical);
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
    int code = faults.count == 0 ? 0 : EXIT_ERROR;
    if (code == 0 && dets_header_read(&header, file) == OK)
        print_header(&header, file.len);
    complain_all(name, &faults);
    if (code != 0)
        advise(name, faults.list[0].err);
    dets_faults_free(&faults);
    return code;
}

/* --- list and dump -------------------------------------------------------------------- */

/* The objects of one key follow each other, in a bag as in a set. */
struct listing {
    struct buf key; /* that of the last object; empty before the first */
    uint64_t bytes; /* of its objects so far */
};

static void print_listed(struct listing *l)
{
    struct buf pair = {0};
    if (l->key.len == 0)
        return;
    put_tuple(&pair, 2);
    put_term(&pair, buf_bytes(&l->key));
    put_uint(&pair, l->bytes);
    print_canonical(buf_bytes(&pair));
    buf_free(&pair);
}

static enum err list_one(void *who, const struct dets_object *o)
{
    struct listing *l = who;
    if (!bytes_equal(buf_bytes(&l->key), o->key)) {
        print_listed(l);
        buf_clear(&l->key);
        buf_put(&l->key, o->key);
        l->bytes = 0;
    }
    l->bytes += o->object.len;
    return OK;
}

struct dumping {
    const char *name;
    bool failed;
};

static enum err dump_one(void *who, const struct dets_object *o)
{
    struct dumping *d = who;
    struct buf canonical = {0};
    enum err e = canon_external(&canonical, o->object);
    if (e == OK) {
        print_canonical(buf_bytes(&canonical));
    } else {
        struct dets_fault fault;
        (void)dets_fault(&fault, e, o->at, "an object of %zu bytes is left out", o->object.len);
        complain(d->name, &fault);
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
    complain(name, &fault);
    advise(name, e);
    return EXIT_ERROR;
}

static int list(const char *name, struct bytes file)
{
    struct listing l = {0};
    int code = walk(name, file, list_one, &l);
    print_listed(&l);
    buf_free(&l.key);
    return code;
}

static int dump(const char *name, struct bytes file)
{
    struct dumping d = {name, false};
    int code = walk(name, file, dump_one, &d);
    return d.failed ? EXIT_ERROR : code;
}

/* --- salvage -------------------------------------------------------------------------- */

static bool next_piece(void *image, struct bytes *piece)
{
    return dets_image_next(image, piece);
}

/* For those to read who may read the source.  The number of this process keeps two that run at
 * once out of each other's way. */
static int write_image(const char *path, const char *source, struct dets_image *image)
{
    struct storage_failure failure;
    struct buf beside = {0};
    buf_printf(&beside, "%s.%ld.tmp", path, (long)getpid());
    buf_put_u8(&beside, 0);
    const char *new = (const char *)beside.at;
    enum err e = replace_write(net_disk(), new, source, next_piece, image, &failure);
    if (e == OK)
        e = replace_name(net_disk(), new, path, &failure);
    buf_free(&beside);
    if (e == OK)
        return 0;
    fprintf(stderr, "coppice: %s\n", failure.what);
    return EXIT_IO;
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
        complain(name, &fault);
        return EXIT_ERROR;
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
    if (e != OK) {
        fprintf(stderr, "coppice: %s: %s\n", name, err_text(e));
        return EXIT_ERROR;
    }
    complain_all(name, &s.faults);
    if (s.given_up)
        fprintf(stderr, "coppice: %s: given up: too much in it looks like objects\n", name);
    int code = write_salvaged(&s, name);
    if (code == 0 && (s.faults.count > 0 || s.given_up))
        code = EXIT_ERROR;
    dets_salvage_free(&s);
    return code;
}

int dets_command(const char *what, const char *name)
{
    static const struct {
        const char *what;
        int (*run)(const char *name, struct bytes file);
    } commands[] = {{"check", check}, {"list", list}, {"dump", dump}, {"salvage", salvage}};
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(commands[i].what, what) != 0)
            continue;
        struct buf file = {0};
        enum err e = file_read(&file, name, LIMIT_DETS_BYTES);
        int code = EXIT_NO_INPUT;
        if (e == OK)
            code = commands[i].run(name, buf_bytes(&file));
        else
            fprintf(stderr, "coppice: %s: %s\n", name,
                    e == ERR_LIMIT ? err_text(e) : strerror(errno));
        buf_free(&file);
        if (code == 0 && (fflush(stdout) != 0 || ferror(stdout))) {
            fprintf(stderr, "coppice: standard output: %s\n", strerror(errno));
            code = EXIT_IO;
        }
        return code;
    }
    return -1;
}
