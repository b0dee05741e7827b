/* Replays what people type, one mutation a key, as a replica does with a request, and prints how
 * many keys that were and how many milliseconds of processor time they took:
 *
 *     build/bench/trace paper test/vectors/crdt/paper.gz
 *
 * the editing trace of a real paper, by one author;
 *
 *     build/bench/trace authors KEYS
 *
 * a made-up session of two authors who write one text at the same time (unit/crdt/session.h): each
 * key with its delta, encoded, and that joined to the other author's replica.  Ends with another
 * status than 0 if the final text is wrong, or the two differ. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crdt/part.h"
#include "fake/paper.h"
#include "unit/crdt/session.h"

#define FILE_BYTES   (1024u * 1024)
#define SESSION_SEED 1

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Requests as they arrive, encoded before the clock starts. */
struct requests {
    struct buf terms;
    size_t *end; /* of each */
    size_t count;
};

static void requests_put(struct requests *r, uint32_t index, const uint8_t *character)
{
    put_edit(&r->terms, index, character);
    r->end[r->count++] = r->terms.len;
}

static struct bytes request_at(const struct requests *r, size_t i)
{
    size_t start = i > 0 ? r->end[i - 1] : 0;
    return (struct bytes){r->terms.at + start, r->end[i] - start};
}

static void requests_free(struct requests *r)
{
    buf_free(&r->terms);
    mem_free(r->end);
}

/* --- one author ---------------------------------------------------------------------------- */

static bool read_file(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    out->len = fread(buf_room(out, FILE_BYTES), 1, FILE_BYTES, file);
    return fclose(file) == 0 && out->len > 0;
}

static double replay(struct crdt *c, const struct requests *r)
{
    double start = now_ms();
    for (size_t i = 0; i < r->count; i++) {
        struct ops ops;
        struct bytes bad;
        struct mutation_turn turn = {.wall_ms = 1700000000000 + i};
        must(ops_read(&ops, request_at(r, i), &bad) == OK);
        must(crdt_mutate(c, ops.list, ops.count, &turn) == OK);
        ops_free(&ops);
    }
    return now_ms() - start;
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

static bool replay_paper(struct bytes packed)
{
    static const struct crdt_options options = {{(const uint8_t *)"w\1a", 3}, 0x5eed, MAPSET_PLAIN};
    struct paper t;
    paper_open(&t, packed);
    struct requests r = {.end = mem_take(t.count * sizeof(*r.end))};
    for (size_t i = 0; i < t.count; i++)
        requests_put(&r, t.at[i], t.characters + i);
    struct crdt *c = crdt_make(crdt_type_named(BYTES("rga")), &options);
    printf("%zu %.3f\n", t.count, replay(c, &r));
    bool right = reads(c, t.end);
    crdt_free(c);
    requests_free(&r);
    paper_close(&t);
    return right;
}

/* --- two authors --------------------------------------------------------------------------- */

static bool same(const struct authors *a, const struct authors *b)
{
    struct buf values[] = {{0}, {0}, {0}};
    uint64_t digests[3];
    const struct crdt *all[] = {a->replica[0], a->replica[1], b->replica[0]};
    bool right = true;
    for (unsigned i = 0; i < 3; i++) {
        crdt_value(all[i], &values[i]);
        crdt_digest(all[i], PART_WHOLE, 1, &digests[i]);
        right &= digests[i] == digests[0] && bytes_equal(buf_bytes(&values[i]), buf_bytes(values));
    }
    for (unsigned i = 0; i < 3; i++)
        buf_free(&values[i]);
    return right;
}

static double press_all(struct authors *a, const struct key *keys, const struct requests *r)
{
    double start = now_ms();
    for (size_t i = 0; i < r->count; i++)
        authors_press(a, &keys[i], request_at(r, i));
    authors_finish(a);
    return now_ms() - start;
}

static bool replay_authors(size_t count)
{
    struct authors made, played;
    authors_open(&made);
    authors_open(&played);
    struct key *keys = session_make(&made, count, SESSION_SEED);
    authors_finish(&made);
    struct requests r = {.end = mem_take(count * sizeof(*r.end))};
    for (size_t i = 0; i < count; i++)
        requests_put(&r, keys[i].index, &keys[i].character);
    printf("%zu %.3f\n", count, press_all(&played, keys, &r));
    bool right = same(&played, &made);
    mem_free(keys);
    requests_free(&r);
    authors_close(&made);
    authors_close(&played);
    return right;
}

int main(int argc, char **argv)
{
    struct buf packed = {0};
    bool right;
    if (argc == 3 && strcmp(argv[1], "authors") == 0) {
        right = replay_authors(strtoul(argv[2], NULL, 10));
    } else if (argc == 3 && strcmp(argv[1], "paper") == 0 && read_file(argv[2], &packed)) {
        right = replay_paper(buf_bytes(&packed));
    } else {
        fprintf(stderr, "usage: trace paper FILE | authors KEYS\n");
        return 64;
    }
    buf_free(&packed);
    return right ? EXIT_SUCCESS : EXIT_FAILURE;
}
