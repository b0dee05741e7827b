/* Two authors write one text at the same time.  Both replicas must end with the same text. */
#include "crdt/figures.h"
#include "crdt/part.h"
#include "unit/crdt/laws.h"
#include "unit/crdt/session.h"

#define KEYS     6000
#define SESSIONS 4

static void agree(const struct authors *a)
{
    struct buf first = put(a->replica[0], crdt_value), second = put(a->replica[1], crdt_value);
    uint64_t digests[AUTHORS];
    for (unsigned i = 0; i < AUTHORS; i++) {
        crdt_check(a->replica[i]);
        crdt_digest(a->replica[i], PART_WHOLE, 1, &digests[i]);
    }
    ASSERT_TERM(buf_bytes(&first), buf_bytes(&second));
    CU_ASSERT(digests[0] == digests[1] && equivalent(a->replica[0], a->replica[1]));
    buf_free(&first);
    buf_free(&second);
}

/* Each insertion is an element; each of these is in the text, unless it is removed. */
static void has_all(const struct crdt *c, const struct key *keys)
{
    const struct rga *r = (const struct rga *)c;
    size_t inserted = 0;
    for (size_t i = 0; i < KEYS; i++)
        inserted += keys[i].character != 0;
    CU_ASSERT(r->elements.present == inserted && inserted < KEYS * 95 / 100);
    CU_ASSERT(rga_tree_shown(&r->tree) == inserted - crdt_tombstones(c));
    CU_ASSERT(crdt_elements(c) == inserted - crdt_tombstones(c));
    CU_ASSERT(crdt_tombstones(c) <= KEYS - inserted && crdt_tombstones(c) > KEYS / 50);
}

static void play(struct authors *a, const struct key *keys)
{
    struct buf request = {0};
    for (size_t i = 0; i < KEYS; i++) {
        buf_clear(&request);
        put_edit(&request, keys[i].index, &keys[i].character);
        authors_press(a, &keys[i], buf_bytes(&request));
    }
    buf_free(&request);
}

static void both_end_with_the_same_text(void)
{
    for (uint64_t seed = 1; seed <= SESSIONS; seed++) {
        struct authors a, again;
        authors_open(&a);
        authors_open(&again);
        struct key *keys = session_make(&a, KEYS, seed);
        authors_finish(&a);
        agree(&a);
        has_all(a.replica[0], keys);
        play(&again, keys);
        authors_finish(&again);
        agree(&again);
        CU_ASSERT(equivalent(a.replica[0], again.replica[0]));
        mem_free(keys);
        authors_close(&a);
        authors_close(&again);
    }
}

static void what_arrives_twice_changes_nothing(void)
{
    struct authors a;
    authors_open(&a);
    mem_free(session_make(&a, KEYS, SESSIONS + 1));
    authors_finish(&a);
    struct buf before = put(a.replica[0], crdt_value);
    for (unsigned i = 0; i < AUTHORS; i++)
        a.read[i] = a.seen[i] = 0;
    authors_finish(&a);
    struct buf after = put(a.replica[0], crdt_value);
    ASSERT_TERM(buf_bytes(&after), buf_bytes(&before));
    agree(&a);
    buf_free(&before);
    buf_free(&after);
    authors_close(&a);
}

SUITE("rga_authors", TEST(both_end_with_the_same_text), TEST(what_arrives_twice_changes_nothing))
