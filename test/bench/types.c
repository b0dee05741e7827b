/* Benchmarks the memory and time of the data types:
 *
 *     build/bench/types [TYPE ...]
 *
 * Each type runs in a process of its own, whose peak memory is that of the state, within a few
 * megabytes. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crdt/part.h"
#include "term/etf.h"
#include "term/write.h"

#define MANY   1000000 /* operations, when memory is measured */
#define STATE  100000  /* operations, when whole states are */
#define BATCH  1000    /* operations per mutation */
#define PARTS  64      /* of a state */
#define ROUNDS 7       /* the best one counts */

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

/* {Name, [<<"element-0000007">>]} */
static void put_op(struct buf *out, const char *name, uint32_t i)
{
    put_tuple(out, 2);
    put_atom(out, name);
    put_list(out, 1);
    put_short_binary(out, i);
    put_nil(out);
}

static void add(struct buf *out, uint32_t i)
{
    put_op(out, "add", i);
}

static void add_and_remove(struct buf *out, uint32_t i)
{
    put_op(out, i % 2 == 0 ? "add" : "remove", i / 2);
}

static const struct row rows[] = {
    {"gset", add},
    {"two_p_set", add_and_remove},
    {"or_set", add},
    {"dvv_set", add},
};

/* --- measuring --------------------------------------------------------------- */

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

static double peak_mb(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1024;
}

static struct crdt *empty(const struct crdt_type *type, bool of_peer)
{
    static const struct crdt_options options[] = {
        {{(const uint8_t *)"w\1a", 3}, 0x5eed, MAPSET_PLAIN},
        {{(const uint8_t *)"w\1b", 3}, 0xfeed, MAPSET_PLAIN},
    };
    return crdt_make(type, &options[of_peer]);
}

static void mutate(struct crdt *c, const struct row *row, uint32_t count)
{
    struct buf request = {0};
    for (uint32_t i = 0; i < count; i += BATCH) {
        struct ops ops;
        struct bytes bad;
        struct mutation_turn turn = {.wall_ms = i};
        buf_clear(&request);
        put_list(&request, BATCH);
        for (uint32_t j = 0; j < BATCH; j++)
            row->op(&request, i + j);
        put_nil(&request);
        must(ops_read(&ops, buf_bytes(&request), &bad) == OK);
        must(crdt_mutate(c, ops.list, ops.count, &turn) == OK);
        ops_free(&ops);
    }
    buf_free(&request);
}

/* The cost of anti-entropy: writing one part, and the digests of all parts. */
static void measure_parts(const struct crdt *c, const char *type)
{
    double whole = 1e9, one = 1e9, digest = 1e9;
    struct buf out = {0};
    uint64_t digests[PARTS];
    for (int round = 0; round < ROUNDS; round++) {
        buf_clear(&out);
        double start = now_ms();
        crdt_state(c, &out);
        double written = now_ms();
        buf_clear(&out);
        crdt_state_of(c, (struct part){0, PART_BUCKETS / PARTS}, &out);
        double parted = now_ms();
        crdt_digest(c, PART_WHOLE, PARTS, digests);
        double digested = now_ms();
        whole = written - start < whole ? written - start : whole;
        one = parted - written < one ? parted - written : one;
        digest = digested - parted < digest ? digested - parted : digest;
    }
    printf("%-10s %8d operations: written whole in %.1f ms, one of %d parts in %.1f;\n"
           "%-30s  all digests in %.1f\n",
           type, MANY, whole, PARTS, one, "", digest);
    buf_free(&out);
}

static void measure_memory(const struct crdt_type *type, const struct row *row)
{
    struct crdt *c = empty(type, false);
    size_t before = memory_bytes();
    double start = now_ms();
    mutate(c, row, MANY);
    double took = now_ms() - start;
    printf("%-10s %8d operations: %6.1f MB at the peak, %5.1f bytes and %.2f us each\n", row->type,
           MANY, peak_mb(), (double)(memory_bytes() - before) / MANY, took * 1e3 / MANY);
    measure_parts(c, row->type);
    crdt_free(c);
}

/* Merges the state into c, and sets *best to the milliseconds taken if that is less. */
static void time_merge(struct crdt *c, struct bytes state, struct crdt *grown, double *best)
{
    bool changed;
    double start = now_ms();
    must(crdt_merge(c, state, grown, &changed) == OK);
    double took = now_ms() - start;
    *best = took < *best ? took : *best;
}

static void measure_merges(const struct crdt_type *type, const struct row *row)
{
    double write = 1e9, check = 1e9, into_empty = 1e9, with_delta = 1e9, into_equal = 1e9;
    struct crdt *c = empty(type, false);
    struct buf state = {0};
    mutate(c, row, STATE);
    for (int round = 0; round < ROUNDS; round++) {
        size_t len;
        double start = now_ms();
        buf_clear(&state);
        crdt_state(c, &state);
        double written = now_ms();
        must(etf_check(buf_bytes(&state), &len) == OK);
        double checked = now_ms();
        write = written - start < write ? written - start : write;
        check = checked - written < check ? checked - written : check;

        struct crdt *peer = empty(type, true), *other = empty(type, true),
                    *delta = empty(type, true);
        time_merge(peer, buf_bytes(&state), NULL, &into_empty);
        time_merge(peer, buf_bytes(&state), NULL, &into_equal);
        time_merge(other, buf_bytes(&state), delta, &with_delta);
        crdt_free(peer);
        crdt_free(other);
        crdt_free(delta);
    }
    printf(
        "%-10s %8d operations: %6.1f MB written in %.1f ms, checked in %.1f; merged into\n"
        "%-30s  an empty one in %.1f, with a delta of the change in %.1f, an equal one in %.1f\n",
        row->type, STATE, (double)state.len / 1e6, write, check, "", into_empty, with_delta,
        into_equal);
    buf_free(&state);
    crdt_free(c);
}

static void measure(const struct row *row)
{
    const struct crdt_type *type = crdt_type_named(bytes_of(row->type));
    must(type != NULL);
    measure_memory(type, row);
    measure_merges(type, row);
}

static bool is_asked_for(const struct row *row, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], row->type) == 0)
            return true;
    }
    return argc == 1;
}

int main(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int status = 0;
        if (!is_asked_for(&rows[i], argc, argv))
            continue;
        fflush(stdout);
        if (fork() == 0) {
            measure(&rows[i]);
            return EXIT_SUCCESS;
        }
        if (wait(&status) < 0 || status != 0)
            return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
