/* Elements that have one digest although they differ. */
#include <string.h>

#include "crdt/figures.h"
#include "unit/replica/pair.h"
#include "unit/replica/world.h"

#define INTERVAL_MS 1000
#define REPAIRED    "anti_entropy_interval => 1000, anti_entropy_jitter => 0"
#define BYTES_LONG  19 /* with the head of a binary three words */

static uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t word(struct bytes b, size_t i)
{
    uint64_t v;
    memcpy(&v, b.at + 8 * i, sizeof(v));
    return v;
}

/* bytes(0, _) of docs/wire.md, before the last word is taken. */
static uint64_t before_last(struct bytes b)
{
    uint64_t h = fold(0x9e3779b97f4a7c15u ^ word(b, 0), 0xbf58476d1ce4e5b9u);
    return fold(h ^ word(b, 1), 0xbf58476d1ce4e5b9u);
}

/* Another element with the digest of the first: with other bytes in the middle, and those at the
 * end that make up for it. */
static void put_collision(struct buf *out, struct bytes first)
{
    buf_put(out, first);
    out->at[10] ^= 1;
    uint64_t last = word(first, 2) ^ before_last(first) ^ before_last(buf_bytes(out));
    memcpy(out->at + 16, &last, sizeof(last));
    CU_ASSERT(digest_bytes(0, first) == digest_bytes(0, buf_bytes(out)));
}

static void put_set(struct buf *out, struct bytes element)
{
    put_tuple(out, 2);
    put_atom(out, "grove_delta");
    put_map(out, 4);
    put_atom(out, "__struct__");
    put_atom(out, "Elixir.Grove.Set.GSet");
    put_atom(out, "actor");
    put_atom(out, "x");
    put_atom(out, "delta_buffer");
    put_atom(out, "nil");
    put_atom(out, "elements");
    put_map(out, 2);
    put_atom(out, "__struct__");
    put_atom(out, "Elixir.MapSet");
    put_atom(out, "map");
    put_map(out, 1);
    put_term(out, element);
    put_nil(out);
}

/* Not to the other one, since what a side sends is cut meanwhile. */
static void receive(struct side *s, struct bytes element)
{
    struct buf delta = {0};
    put_set(&delta, element);
    s->cut = true;
    side_receives(s, buf_bytes(&delta));
    pair_wait_ms(1);
    s->cut = false;
    buf_free(&delta);
}

static size_t elements(const struct side *s)
{
    return crdt_elements(replica_crdt(s->replica));
}

static void open_with_collision(uint32_t more)
{
    struct buf first = {0}, second = {0}, delta = {0};
    pair_open("gset", REPAIRED);
    side_sees(&pair.a, &pair.b);
    side_sees(&pair.b, &pair.a);
    put_binary(&first, BYTES("0123456789abcdefghi"));
    CU_ASSERT_FATAL(first.len == 5 + BYTES_LONG);
    put_collision(&second, buf_bytes(&first));
    if (more > 0)
        put_delta(&delta, "gset", "x", 0, more);
    if (more > 0)
        side_receives(&pair.a, buf_bytes(&delta));
    if (more > 0)
        side_receives(&pair.b, buf_bytes(&delta));
    pair_wait_ms(1);
    receive(&pair.a, buf_bytes(&first));
    receive(&pair.b, buf_bytes(&second));
    CU_ASSERT(elements(&pair.a) == more + 1 && elements(&pair.b) == more + 1);
    CU_ASSERT(pair_agrees()); /* so the digests say */
    buf_free(&first);
    buf_free(&second);
    buf_free(&delta);
}

static void converge(uint32_t more)
{
    open_with_collision(more);
    for (unsigned i = 0; i < LIMIT_VERIFIED_REPAIRS + 2; i++)
        pair_wait_ms(INTERVAL_MS);
    CU_ASSERT_EQUAL(elements(&pair.a), more + 2);
    CU_ASSERT_EQUAL(elements(&pair.b), more + 2);
    pair_close();
}

static void small_states_converge(void)
{
    converge(0);
}

static void large_states_converge(void)
{
    converge(LARGE);
}

/* Those that agree are asked for their digest, and for that with a salt now and then. */
static void equal_states_cost_another_message_now_and_then(void)
{
    pair_open("gset", REPAIRED);
    side_sees(&pair.a, &pair.b);
    pair_wait_ms(1);
    pair_reset_counts();
    for (unsigned i = 0; i < LIMIT_VERIFIED_REPAIRS; i++)
        pair_wait_ms(INTERVAL_MS);
    CU_ASSERT_EQUAL(pair.a.messages, LIMIT_VERIFIED_REPAIRS + 1);
    CU_ASSERT(pair.b.bytes < 100 * (LIMIT_VERIFIED_REPAIRS + 1));
    pair_close();
}

SUITE("verify", TEST(small_states_converge), TEST(large_states_converge),
      TEST(equal_states_cost_another_message_now_and_then))
