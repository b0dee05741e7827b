/* A large table is joined in slices. */
#include "limits.h"
#include "unit/replica/world.h"

#define LARGE 40000

/* As it is written on a disk. */
#define RECORD(counts)                                                                             \
    "[#{'__struct__' => 'Elixir.Grove.Counter.GCounter',actor => <<\"c1\">>,counts => " counts     \
    ",delta_buffer => #{}}]"

#define STORED                                                                                     \
    "#{crdt => gcounter, group => {counter, <<\"v\">>}, sync_interval => 1000,"                    \
    "  snapshot_interval => 60000, " NO_REPAIR ", storage => #{file => \"v.dets\"}}"

static void put_large(struct buf *out, const char *module, uint32_t first)
{
    put_map(out, 4);
    put_atom(out, "__struct__");
    put_atom(out, module);
    put_atom(out, "actor");
    put_atom(out, "b");
    put_atom(out, "counts");
    put_map(out, LARGE);
    for (uint32_t i = 0; i < LARGE; i++) {
        put_uint(out, first + i);
        put_uint(out, 1);
    }
    put_atom(out, "delta_buffer");
    put_map(out, 0);
    must(out->len > 3 * LIMIT_SLICE_BYTES);
}

/* One of one struct, one that is refused, one that is large. */
static void put_records(struct buf *out)
{
    put_term(out, term_of("[" OURS("#{<<\"c1\">> => 5}") "]"));
    put_term(out, term_of("[" OURS("#{<<\"c1\">> => -5}") ", " OURS("#{x => 7}") "]"));
    put_list(out, 2);
    put_term(out, term_of(OURS("#{y => 2}")));
    put_large(out, "Elixir.Grove.Counter.GCounter", LARGE);
    put_nil(out);
}

static void load(const char *module)
{
    struct buf state = {0}, records = {0};
    put_large(&state, module, 0);
    put_records(&records);
    struct disk_content content = {buf_bytes(&state), buf_bytes(&records), true, &state, &records};
    replica_loaded(world.replica, &content, NULL, &world.turn);
    CU_ASSERT(state.at == NULL && records.at == NULL);
}

static void open_loading(void)
{
    world_open(STORED);
    DISK_OP("load");
    replica_settled(world.replica, true, &world.turn);
    load("Elixir.Grove.Counter.GCounter");
}

static bool is_due(void)
{
    return wakeups_due(&world.wakeups) <= world.turn.now_ms;
}

/* The rest of the steps; their number. */
static unsigned load_all(void)
{
    unsigned steps = 0, percent = world.percent;
    for (; !replica_is_loaded(world.replica); steps++) {
        CU_ASSERT_FATAL(is_due());
        CU_ASSERT(world.percent >= percent && world.percent < 100);
        percent = world.percent;
        wakeups_ring(&world.wakeups, &world.turn);
    }
    return steps;
}

static void callers_wait_for_the_last_slice(void)
{
    open_loading();
    deliver(CALL(1, "value"));
    deliver(CALL(2, "{mutate, increment}"));
    SENT_NOTHING();
    unsigned steps = load_all();
    CU_ASSERT(steps > 4 * LARGE * 6 / LIMIT_SLICE_BYTES);
    CU_ASSERT_EQUAL(world.percent, 100);
    DISK_OP("begin");
    SENT(THEM(1), REPLY(1, "{ok, 80014}"));
    replica_begun(world.replica, NULL, &world.turn);
    DISK_OP("append " RECORD("#{<<\"c1\">> => 6}"));
    CU_ASSERT(strstr((char *)world.log.at, "a snapshot, 3 journal records; some do not fit") !=
              NULL);
    world_close();
}

/* It is joined like all else, and is not on disk yet. */
static void a_delta_may_come_meanwhile(void)
{
    open_loading();
    deliver(THEIR_DELTA("#{b => 3, 7 => 10}"));
    load_all();
    DISK_OP("begin");
    replica_begun(world.replica, NULL, &world.turn);
    DISK_OP("append " RECORD("#{7 => 10,b => 3}"));
    replica_appended(world.replica, 100, NULL, &world.turn);
    deliver(CALL(1, "value"));
    SENT(THEM(1), REPLY(1, "{ok, 80026}"));
    world_close();
}

static void a_large_snapshot_of_another_type_is_refused(void)
{
    world_open(STORED);
    DISK_OP("load");
    load("Elixir.Grove.Set.GSet");
    wait_ms(10);
    SENT_NOTHING();
    CU_ASSERT(!replica_is_loaded(world.replica));
    CU_ASSERT(world.percent == 0 || world.percent == 100);
    CU_ASSERT(strstr((char *)world.log.at, "choose another file or group") != NULL);
    wait_ms(LIMIT_DISK_RETRY_MS);
    DISK_OP("load");
    load("Elixir.Grove.Counter.GCounter");
    load_all();
    DISK_OP("begin");
    world_close();
}

/* Nothing is saved: it is all on disk. */
static void it_may_end_meanwhile(void)
{
    open_loading();
    wakeups_ring(&world.wakeups, &world.turn);
    process_exit(world.replica, term_of("shutdown"), &world.turn);
    SENT_NOTHING();
    world_close();
}

SUITE("loading", TEST(callers_wait_for_the_last_slice), TEST(a_delta_may_come_meanwhile),
      TEST(a_large_snapshot_of_another_type_is_refused), TEST(it_may_end_meanwhile))
