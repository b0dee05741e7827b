/* What a replica knows of its members. */
#include "replica/report.h"

#include "unit/replica/pair.h"
#include "unit/replica/world.h"

static struct member_report member(const struct side *s)
{
    struct member_report report = {0}, ignored;
    size_t i = 0;
    CU_ASSERT(replica_report_member(s->replica, &i, &report));
    CU_ASSERT(!replica_report_member(s->replica, &i, &ignored));
    return report;
}

static bool both(enum agreement agreement)
{
    return member(&pair.a).agreement == agreement && member(&pair.b).agreement == agreement;
}

static void receive(struct side *s, const char *type, uint32_t first, uint32_t count)
{
    struct buf delta = {0};
    put_delta(&delta, type, "x", first, count);
    side_receives(s, buf_bytes(&delta));
    buf_free(&delta);
}

/* Small states and large ones, which are compared by ranges. */
static void agreement_follows_comparisons(void)
{
    static const uint32_t sizes[] = {10, LARGE};
    for (size_t i = 0; i < 2; i++) {
        struct member_report before;
        pair_open("gset", "anti_entropy_interval => 1000, anti_entropy_jitter => 0");
        receive(&pair.a, "gset", 0, sizes[i]);
        receive(&pair.b, "gset", 0, sizes[i]);
        pair.a.turn.wall_ms = pair.b.turn.wall_ms = 5000;
        side_sees(&pair.a, &pair.b);
        side_sees(&pair.b, &pair.a);
        CU_ASSERT(both(AGREEMENT_EQUAL));
        before = member(&pair.a);
        CU_ASSERT(before.agreed_ms == 5000 && before.synced_ms == 5000 && !before.behind);
        pair.a.cut = true;
        receive(&pair.a, "gset", sizes[i], 10);
        pair.a.cut = false;
        CU_ASSERT(!pair_agrees() && both(AGREEMENT_EQUAL)); /* nobody has looked since */
        pair.a.turn.wall_ms = pair.b.turn.wall_ms = 9000;
        pair_wait_ms(1000);
        CU_ASSERT(pair_agrees() && member(&pair.a).agreement != AGREEMENT_DIFFERS);
        CU_ASSERT(member(&pair.a).synced_ms == 9000);
        pair_wait_ms(1000);
        CU_ASSERT(both(AGREEMENT_EQUAL));
        pair_close();
    }
}

/* What differs, and is not sent. */
static void a_difference_is_told(void)
{
    pair_open("gset", "anti_entropy_interval => 1000, anti_entropy_jitter => 0");
    side_sees(&pair.a, &pair.b);
    side_sees(&pair.b, &pair.a);
    CU_ASSERT(both(AGREEMENT_EQUAL));
    pair.b.cut = true;
    receive(&pair.b, "gset", 0, 10);
    pair_wait_ms(1000);
    CU_ASSERT(member(&pair.b).agreement == AGREEMENT_DIFFERS); /* it was asked */
    CU_ASSERT(member(&pair.a).agreement == AGREEMENT_EQUAL);   /* and is not answered */
    pair.b.cut = false;
    pair_wait_ms(60000);
    CU_ASSERT(pair_agrees() && both(AGREEMENT_EQUAL));
    pair_close();
}

static void counts(void)
{
    struct replica_report report;
    pair_open("gset", NO_REPAIR);
    side_sees(&pair.a, &pair.b);
    receive(&pair.b, "gset", 0, 10);
    replica_report(pair.b.replica, &report); /* a state of the other one, and this delta */
    CU_ASSERT(report.elements == 10 && report.deltas_received == 2 && report.merges == 2);
    CU_ASSERT(report.members == 0 && report.refused == 0 && report.refused_for == NULL);
    replica_report(pair.a.replica, &report);
    CU_ASSERT(report.members == 1 && !report.stored);
    pair_close();
}

static void small_values_are_shown(void)
{
    struct buf value = {0};
    pair_open("gset", NO_REPAIR);
    receive(&pair.a, "gset", 0, 10);
    CU_ASSERT(replica_report_value(pair.a.replica, 10, 100000, &value) == VALUE_SHOWN);
    CU_ASSERT(value.len > 0);
    buf_clear(&value);
    CU_ASSERT(replica_report_value(pair.a.replica, 9, 100000, &value) == VALUE_LARGE);
    CU_ASSERT(replica_report_value(pair.a.replica, 10, 100, &value) == VALUE_LARGE);
    CU_ASSERT(value.len == 0);
    buf_free(&value);
    pair_close();
}

/* It is that of the disk, which is not read yet. */
static void values_that_are_not_safe_are_shown_later(void)
{
    struct buf value = {0};
    world_open("#{crdt => gcounter, storage => #{file => \"v.dets\"}}");
    CU_ASSERT(replica_report_value(world.replica, 10, 100000, &value) == VALUE_LATER);
    replica_loaded(world.replica, &(struct disk_content){.saved = false}, NULL, &world.turn);
    CU_ASSERT(replica_report_value(world.replica, 10, 100000, &value) == VALUE_SHOWN);
    buf_clear(&value);
    replica_begun(world.replica, NULL, &world.turn);
    replica_settled(world.replica, true, &world.turn);
    deliver(CAST("{mutate, increment}"));
    CU_ASSERT(replica_report_value(world.replica, 10, 100000, &value) == VALUE_LATER);
    CU_ASSERT_EQUAL(value.len, 0);
    replica_appended(world.replica, 100, NULL, &world.turn);
    CU_ASSERT(replica_report_value(world.replica, 10, 100000, &value) == VALUE_SHOWN);
    buf_free(&value);
    world_close();
}

static void adapters_are_no_members(void)
{
    struct member_report m;
    size_t i = 0;
    world_open("#{crdt => gcounter, pubsub => 'Elixir.App.PubSub', group => {c, <<\"v\">>}}");
    replica_adapter_joined(world.replica, term_of(THEM(1)), &world.turn);
    joined(OTHERS(5), false);
    replica_adapter_joined(world.replica, term_of("#Pid<'d@h'.1.0.3>"), &world.turn);
    CU_ASSERT(replica_report_member(world.replica, &i, &m));
    CU_ASSERT(bytes_equal(m.node, BYTES("c@h")) && !m.beam);
    CU_ASSERT(!replica_report_member(world.replica, &i, &m));
    world_close();
}

SUITE("report", TEST(agreement_follows_comparisons), TEST(a_difference_is_told), TEST(counts),
      TEST(small_values_are_shown), TEST(values_that_are_not_safe_are_shown_later),
      TEST(adapters_are_no_members))
