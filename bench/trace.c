/* Replays the editing trace of a real paper, one mutation an edit, and prints how many edits that
 * were and how many milliseconds of processor time they took:
 *
 *     build/bench/trace test/vectors/crdt/paper.gz
 *
 * Ends with another status than 0 if the final text is wrong. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "crdt/crdt.h"
#include "fake/paper.h"
#include "term/etf.h"
#include "term/write.h"

#define FILE_BYTES (1024u * 1024)

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static bool read_file(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    out->len = fread(buf_room(out, FILE_BYTES), 1, FILE_BYTES, file);
    return fclose(file) == 0 && out->len > 0;
}

/* {insert_at, [At, <<Character>>]} or {remove_at, [At]}, as a request has it. */
static void put_edit(struct buf *out, const struct paper *t, size_t i)
{
    bool removes = t->characters[i] == 0;
    put_tuple(out, 2);
    put_atom(out, removes ? "remove_at" : "insert_at");
    put_list(out, removes ? 1 : 2);
    put_uint(out, t->at[i]);
    if (!removes)
        put_binary(out, (struct bytes){t->characters + i, 1});
    put_nil(out);
}

static void replay(struct crdt *c, const struct paper *t)
{
    struct buf request = {0};
    for (size_t i = 0; i < t->count; i++) {
        struct ops ops;
        struct bytes bad;
        struct mutation_turn turn = {.wall_ms = 1700000000000 + i};
        buf_clear(&request);
        put_edit(&request, t, i);
        must(ops_read(&ops, buf_bytes(&request), &bad) == OK);
        must(crdt_mutate(c, ops.list, ops.count, &turn) == OK);
        ops_free(&ops);
    }
    buf_free(&request);
}

static bool reads(const struct crdt *c, struct bytes wanted)
{
    struct buf value = {0}, text = {0};
    struct bytes element;
    crdt_value(c, &value);
    struct etf_in in = etf_open(buf_bytes(&value));
    for (struct etf_list list = etf_list(&in); etf_next(&list, &element);) {
        struct etf_in character = etf_open(element);
        buf_put(&text, etf_binary(&character));
    }
    bool right = etf_finish(&in) == OK && bytes_equal(buf_bytes(&text), wanted);
    buf_free(&value);
    buf_free(&text);
    return right;
}

int main(int argc, char **argv)
{
    static const struct crdt_options options = {{(const uint8_t *)"w\1a", 3}, 0x5eed, MAPSET_PLAIN};
    struct buf packed = {0};
    struct paper t;
    if (argc != 2 || !read_file(argv[1], &packed)) {
        fprintf(stderr, "usage: trace FILE\n");
        return 64;
    }
    paper_open(&t, buf_bytes(&packed));
    struct crdt *c = crdt_make(crdt_type_named(BYTES("rga")), &options);
    double start = now_ms();
    replay(c, &t);
    printf("%zu %.3f\n", t.count, now_ms() - start);
    bool right = reads(c, t.end);
    crdt_free(c);
    paper_close(&t);
    buf_free(&packed);
    return right ? EXIT_SUCCESS : EXIT_FAILURE;
}
