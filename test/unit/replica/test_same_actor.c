/* Members with the actor of this replica. */
#include "unit/replica/world.h"

/* The nodes that status names. */
static bool same_actor_is(const char *nodes)
{
    struct buf map = {0};
    struct bytes found = {0};
    replica_status(world.replica, &map);
    struct etf_in in = etf_open(buf_bytes(&map));
    for (uint32_t left = etf_map(&in); left > 0; left--) {
        bool is_key = etf_accept(&in, "same_actor");
        if (!is_key)
            etf_any(&in);
        struct bytes value = etf_any(&in);
        found = is_key ? value : found;
    }
    bool same = bytes_equal(found, term_of(nodes));
    buf_free(&map);
    return same;
}

/* Counted and logged at a decreasing rate; the member is shown until it leaves. */
static void reports_members_with_its_actor(void)
{
    static const char theirs[] = "{grove_delta, " OURS("#{<<\"c1\">> => 5}") ", " OTHERS(5) "}";
    world_open_settled();
    deliver(theirs); /* not a member: nobody knows whether it still runs */
    CU_ASSERT(same_actor_is("[]") && log_lines() == 0);
    joined(OTHERS(5), true);
    for (int i = 0; i < 9; i++)
        deliver(theirs);
    CU_ASSERT(same_actor_is("['c@h']"));
    CU_ASSERT(log_lines() == 4); /* 1, 2, 4, 8 */
    CU_ASSERT(logged("page_views: the replica on c@h has the same actor <<\"c1\">>: changes are"));
    joined(THEM(5), true);
    deliver("{grove_delta, " GCOUNTER("b", "#{<<\"c1\">> => 9}") ", " THEM(5) "}");
    CU_ASSERT(same_actor_is("['c@h']"));
    left(OTHERS(5));
    CU_ASSERT(same_actor_is("[]"));
    world_close();
}

static void reports_a_pulled_state_with_its_actor(void)
{
    world_open_settled();
    joined(OTHERS(5), true);
    deliver("{" OUR_REF(1) ", {ok, " OURS("#{<<\"c1\">> => 5}") "}}");
    CU_ASSERT(same_actor_is("['c@h']"));
    world_close();
}

SUITE("members with the same actor", TEST(reports_members_with_its_actor),
      TEST(reports_a_pulled_state_with_its_actor))
