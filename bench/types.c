/* Measures the data types by themselves, without a node.
 *
 *     build/bench/types state TYPE COUNT FILE
 *
 * makes a state of so many entries, writes it to FILE as an external term, and prints its digest.
 *
 *     build/bench/types join TYPE FILE DIGEST
 *
 * joins such a state with an empty one, as a replica does with what a peer sends, and prints the
 * milliseconds for checking and joining it.
 *
 *     build/bench/types memory TYPE COUNT
 *
 * prints the bytes that a state of so many entries takes, and the microseconds for each mutation
 * (of a thousand in one request) by which it was made.  Ends with another status than 0 if a result
 * is wrong. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crdt/part.h"
#include "term/etf.h"
#include "term/write.h"

#define BATCH 1000 /* operations per mutation */

struct row {
    const char *type;
    void (*op)(struct buf *out, uint32_t i); /* appends the i-th operation */
};

static void put_short_binary(struct buf *out, uint32_t i)
{
    char text[16];
    int len = snprintf(text, sizeof(text), "element-%07u", i);
    put_binary(out, (struct bytes){(const uint8_t *)text, (size_t)len});
}

/* {add, [<<"element-0000007">>]} */
static void add(struct buf *out, uint32_t i)
{
    put_tuple(out, 2);
    put_atom(out, "add");
    put_list(out, 1);
    put_short_binary(out, i);
    put_nil(out);
}

/* {insert_at, [7, <<"element-0000007">>]} */
static void append(struct buf *out, uint32_t i)
{
    put_tuple(out, 2);
    put_atom(out, "insert_at");
    put_list(out, 2);
    put_uint(out, i);
    put_short_binary(out, i);
    put_nil(out);
}

/* {put, [<<"element-0000007">>, gcounter]} */
static void put_counter(struct buf *out, uint32_t i)
{
    put_tuple(out, 2);
    put_atom(out, "put");
    put_list(out, 2);
    put_short_binary(out, i);
    put_atom(out, "gcounter");
    put_nil(out);
}

static const struct row rows[] = {
    {"gset", add}, {"or_set", add}, {"dvv_set", add}, {"rga", append}, {"or_map", put_counter},
};

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static size_t memory_bytes(void)
{
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

static struct crdt *empty(const struct row *row, bool of_peer)
{
    static const struct crdt_options options[] = {
        {{(const uint8_t *)"w\1a", 3}, 0x5eed, MAPSET_PLAIN},
        {{(const uint8_t *)"w\1b", 3}, 0xfeed, MAPSET_PLAIN},
    };
    const struct crdt_type *type = crdt_type_named(bytes_of(row->type));
    must(type != NULL);
    return crdt_make(type, &options[of_peer]);
}

static void mutate(struct crdt *c, const struct row *row, uint32_t count)
{
    struct buf request = {0};
    for (uint32_t i = 0; i < count; i += BATCH) {
        struct ops ops;
        struct bytes bad;
        struct mutation_turn turn = {.wall_ms = i};
        uint32_t some = count - i < BATCH ? count - i : BATCH;
        buf_clear(&request);
        put_list(&request, some);
        for (uint32_t j = 0; j < some; j++)
            row->op(&request, i + j);
        put_nil(&request);
        must(ops_read(&ops, buf_bytes(&request), &bad) == OK);
        must(crdt_mutate(c, ops.list, ops.count, &turn) == OK);
        ops_free(&ops);
    }
    buf_free(&request);
}

static uint64_t digest(const struct crdt *c)
{
    uint64_t all;
    crdt_digest(c, PART_WHOLE, 1, &all);
    return all;
}

static int write_state(const struct row *row, uint32_t count, const char *path)
{
    struct crdt *c = empty(row, false);
    struct buf state = {0};
    mutate(c, row, count);
    put_version(&state);
    crdt_state(c, &state);
    printf("%llu\n", (unsigned long long)digest(c));
    FILE *file = fopen(path, "wb");
    bool written =
        file != NULL && fwrite(state.at, 1, state.len, file) == state.len && fclose(file) == 0;
    buf_free(&state);
    crdt_free(c);
    return written ? EXIT_SUCCESS : EXIT_FAILURE;
}

static bool read_file(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0)
        return false;
    size_t len = (size_t)ftell(file);
    rewind(file);
    out->len = fread(buf_room(out, len), 1, len, file);
    return fclose(file) == 0 && out->len == len && len > 1;
}

static int join(const struct row *row, const char *path, uint64_t wanted)
{
    struct crdt *c = empty(row, true);
    struct buf file = {0};
    size_t len;
    bool changed;
    if (!read_file(path, &file))
        return EXIT_FAILURE;
    struct bytes state = {file.at + 1, file.len - 1};
    double start = now_ms();
    must(etf_check(state, &len) == OK);
    must(crdt_merge(c, state, NULL, &changed) == OK);
    printf("%.3f\n", now_ms() - start);
    bool right = changed && len == state.len && digest(c) == wanted;
    buf_free(&file);
    crdt_free(c);
    return right ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* The state is right if all its entries are new to an empty one. */
static int memory(const struct row *row, uint32_t count)
{
    struct crdt *c = empty(row, false);
    size_t before = memory_bytes();
    double start = now_ms();
    mutate(c, row, count);
    double took = now_ms() - start;
    printf("%zu %.4f\n", memory_bytes() - before, took * 1e3 / count);
    uint64_t once = digest(c);
    if (row->op == add) {
        mutate(c, &(struct row){row->type, add}, BATCH);
        must((digest(c) == once) == (strcmp(row->type, "gset") == 0));
    }
    crdt_free(c);
    return EXIT_SUCCESS;
}

static const struct row *row_named(const char *type)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(type, rows[i].type) == 0)
            return &rows[i];
    }
    return NULL;
}

int main(int argc, char **argv)
{
    const struct row *row = argc >= 4 ? row_named(argv[2]) : NULL;
    if (row != NULL && argc == 5 && strcmp(argv[1], "state") == 0)
        return write_state(row, (uint32_t)strtoul(argv[3], NULL, 10), argv[4]);
    if (row != NULL && argc == 5 && strcmp(argv[1], "join") == 0)
        return join(row, argv[3], strtoull(argv[4], NULL, 10));
    if (row != NULL && argc == 4 && strcmp(argv[1], "memory") == 0)
        return memory(row, (uint32_t)strtoul(argv[3], NULL, 10));
    fprintf(stderr, "usage: types state TYPE COUNT FILE | join TYPE FILE DIGEST | "
                    "memory TYPE COUNT\n");
    return 64;
}
