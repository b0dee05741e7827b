/* Following: nodes are found over peers, looked after while somebody is connected to them, and
 * forgotten when nobody is. */
#include "limits.h"
#include "unit/node/nodes.h"

#define FORGET_MS (LIMIT_FOLLOW_TICKTIMES * 60000)

#define FOLLOWS "{follow, true}. {scope, s}. "

static void finds_the_nodes_of_a_coppice(void)
{
    start(1, "b@h", "");
    start(2, "c@h", "{connect, ['b@h']}.");
    start(3, "d@h", "{connect, ['c@h']}.");
    start(0, "a@h", FOLLOWS "{connect, ['b@h']}.");
    CU_ASSERT(linked(0, 1) && linked(0, 2) && linked(0, 3));
    CU_ASSERT(!linked(1, 3)); /* nobody else does so */
    end_all();
}

static void finds_the_nodes_of_a_beam(void)
{
    start(1, "b@h", "{scope, s}.");
    plays_beam(1, "['a@h', 'c@h', 'b@h']");
    start(2, "c@h", "{scope, s}.");
    start(0, "a@h", FOLLOWS "{connect, ['b@h']}.");
    CU_ASSERT(linked(0, 1) && linked(0, 2));
    end_all();
}

static void leaves_others_alone_unless_told(void)
{
    start(1, "b@h", "{scope, s}.");
    plays_beam(1, "['c@h']");
    start(2, "c@h", "");
    start(0, "a@h", "{scope, s}. {connect, ['b@h']}.");
    pass(10 * LIMIT_FOLLOW_ASK_MS);
    CU_ASSERT(linked(0, 1) && !linked(0, 2));
    end_all();
}

static void finds_who_comes_later(void)
{
    start(1, "b@h", "");
    start(0, "a@h", FOLLOWS "{connect, ['b@h']}.");
    start(2, "c@h", "{connect, ['b@h']}.");
    CU_ASSERT(!linked(0, 2));
    pass(LIMIT_FOLLOW_ASK_MS);
    CU_ASSERT(linked(0, 2));
    end_all();
}

/* A name from a peer is any term, and long lists are cut. */
static void takes_no_nonsense(void)
{
    start(1, "b@h", "{scope, s}.");
    plays_beam(1, "['nohost', <<\"c@h\">>, 'c@@h', 7, ['c@h'], 'x@y\x01', 'a@h']");
    start(2, "c@h", "");
    start(0, "a@h", FOLLOWS "{connect, ['b@h']}.");
    unsigned dials = nodes[0].dials;
    pass(3 * LIMIT_FOLLOW_ASK_MS);
    CU_ASSERT_EQUAL(nodes[0].dials, dials);
    nodes[1].knows = "{'c@h'}";
    pass(LIMIT_FOLLOW_ASK_MS);
    nodes[1].knows = "['c@h'|'c@h']";
    pass(LIMIT_FOLLOW_ASK_MS);
    CU_ASSERT(linked(0, 1));
    end_all();
}

/* Starts a, whose one peer knows so many names of a kind, and then c's. */
static void hears_of(const char *format, unsigned count)
{
    struct buf names = {0};
    buf_printf(&names, "[");
    for (unsigned i = 0; i < count; i++)
        buf_printf(&names, format, i);
    buf_printf(&names, "'c@h']");
    buf_put_u8(&names, '\0');
    start(1, "b@h", "{scope, s}.");
    plays_beam(1, (const char *)names.at);
    start(2, "c@h", "");
    start(0, "a@h", FOLLOWS "{connect, ['b@h']}.");
    buf_free(&names);
}

static void follows_no_more_than_it_may(void)
{
    hears_of("'n%u@nowhere',", LIMIT_FOLLOWED - 2);
    CU_ASSERT(linked(0, 2));
    end_all();
    hears_of("'n%u@nowhere',", LIMIT_FOLLOWED + 200);
    /* Besides: epmd, and b twice. */
    CU_ASSERT_EQUAL(nodes[0].dials, LIMIT_FOLLOWED + 3);
    end_all();
}

static void reads_no_more_than_it_may(void)
{
    hears_of("n%u,", LIMIT_FOLLOWED - 2);
    CU_ASSERT(linked(0, 2));
    end_all();
    hears_of("n%u,", LIMIT_FOLLOWED + 200);
    CU_ASSERT(linked(0, 1) && !linked(0, 2));
    end_all();
}

/* A command is named for a moment, and epmd has never heard of it. */
static void makes_nothing_of_commands(void)
{
    start(1, "b@h", "{scope, s}.");
    plays_beam(1, "['coppice_0123@h']");
    start(0, "a@h", FOLLOWS "{connect, ['b@h']}.");
    CU_ASSERT(!logged(0, "coppice_0123"));
    nodes[1].knows = "[]";
    pass(LIMIT_FOLLOW_ASK_MS);
    unsigned dials = nodes[0].dials;
    pass(2 * FORGET_MS);
    CU_ASSERT_EQUAL(nodes[0].dials, dials);
    end_all();
}

static void looks_after_whom_it_follows(void)
{
    start(1, "b@h", "");
    start(2, "c@h", "{connect, ['b@h']}.");
    start(0, "a@h", FOLLOWS "{connect, ['b@h']}.");
    CU_ASSERT(linked(0, 2));
    crash(2);
    pass(10000);
    start(2, "c@h", "");
    pass(LIMIT_DIAL_BACKOFF_MAX_MS);
    CU_ASSERT(linked(0, 2)); /* though it connects to nobody */
    end_all();
}

static void forgets_who_has_left(void)
{
    start(1, "b@h", "");
    start(2, "c@h", "{connect, ['b@h']}.");
    start(0, "a@h", FOLLOWS "{connect, ['b@h']}.");
    crash(2);
    pass(FORGET_MS - 1);
    CU_ASSERT(!logged(0, "c@h is forgotten"));
    pass(LIMIT_DIAL_BACKOFF_MAX_MS);
    CU_ASSERT(logged(0, "c@h is forgotten"));
    unsigned dials = nodes[0].dials;
    pass(10 * FORGET_MS);
    CU_ASSERT_EQUAL(nodes[0].dials, dials);
    start(2, "c@h", "{connect, ['b@h']}.");
    pass(LIMIT_FOLLOW_ASK_MS);
    CU_ASSERT(linked(0, 2));
    end_all();
}

/* Who is out of our reach and still in somebody else's is tried for as long. */
static void remembers_who_is_named(void)
{
    start(1, "b@h", "{scope, s}.");
    plays_beam(1, "['c@h']");
    start(2, "c@h", "");
    start(0, "a@h", FOLLOWS "{connect, ['b@h']}.");
    crash(2);
    pass(3 * FORGET_MS);
    CU_ASSERT(!logged(0, "forgotten"));
    start(2, "c@h", "");
    pass(LIMIT_DIAL_BACKOFF_MAX_MS);
    CU_ASSERT(linked(0, 2));
    end_all();
}

/* Whoever follows does not remind others, who do, of a node that has gone. */
static void followers_forget_together(void)
{
    start(1, "b@h", FOLLOWS "{connect, ['a@h']}.");
    start(0, "a@h", FOLLOWS "{connect, ['b@h']}.");
    start(2, "c@h", "{connect, ['a@h']}.");
    pass(2 * LIMIT_FOLLOW_ASK_MS); /* each hears of it from the other */
    CU_ASSERT(linked(1, 2));
    crash(2);
    pass(FORGET_MS + LIMIT_DIAL_BACKOFF_MAX_MS);
    CU_ASSERT(logged(0, "c@h is forgotten") && logged(1, "c@h is forgotten"));
    end_all();
}

static void never_forgets_whom_it_was_told(void)
{
    start(1, "b@h", "{scope, s}.");
    plays_beam(1, "['c@h']");
    start(0, "a@h", FOLLOWS "{connect, ['b@h', 'c@h']}.");
    nodes[1].knows = "[]";
    pass(3 * FORGET_MS);
    start(2, "c@h", "");
    pass(LIMIT_DIAL_BACKOFF_MAX_MS);
    CU_ASSERT(linked(0, 2));
    end_all();
}

/* A replica writes when it has caught up, also with those that it has yet to find. */
static void replicas_wait_for_who_is_found(void)
{
    static const char *const known[] = {"[]", "['c@h']", NULL};
    for (size_t i = 0; i < 3; i++) {
        start(1, "b@h", "{scope, s}.");
        plays_beam(1, known[i]);
        start(2, "c@h", "");
        nodes[2].deaf = true;
        start(0, "a@h", FOLLOWS "{connect, ['b@h']}. {replica, r, #{crdt => gcounter}}.");
        cast(0, "{mutate, increment}");
        pass(1);
        CU_ASSERT_EQUAL(number_of(0, "waiting"), i > 0);
        pass(LIMIT_CATCH_UP_MS);
        CU_ASSERT_EQUAL(number_of(0, "waiting"), 0);
        end_all();
    }
}

SUITE("follow", TEST(finds_the_nodes_of_a_coppice), TEST(finds_the_nodes_of_a_beam),
      TEST(leaves_others_alone_unless_told), TEST(finds_who_comes_later), TEST(takes_no_nonsense),
      TEST(follows_no_more_than_it_may), TEST(reads_no_more_than_it_may),
      TEST(makes_nothing_of_commands), TEST(looks_after_whom_it_follows),
      TEST(forgets_who_has_left), TEST(remembers_who_is_named), TEST(followers_forget_together),
      TEST(never_forgets_whom_it_was_told), TEST(replicas_wait_for_who_is_found))
