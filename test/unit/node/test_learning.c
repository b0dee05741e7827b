/* What a learns of a BEAM, b, whose `rex` answers as a test says. */
#include "limits.h"
#include "pg/pg.h"
#include "unit/node/killer.h"

#define AGAIN_MIN_MS 1000

/* What b answers; NULL: nothing. */
static struct {
    const char *version, *scope;
    unsigned versions, scopes; /* how often it was asked */
} beam;

static void rex_receives(struct process *p, struct bytes message, struct turn *t)
{
    struct gen_message m = gen_read(message);
    struct etf_in in = etf_open(m.request);
    CU_ASSERT_FATAL(m.kind == GEN_CALL && etf_tuple(&in) == 5 && etf_accept(&in, "call"));
    bool version = etf_accept(&in, "pg");
    CU_ASSERT(version || etf_accept(&in, "Elixir.Grove.Cluster.Membership"));
    beam.versions += version;
    beam.scopes += !version;
    const char *answer = version ? beam.version : beam.scope;
    if (answer != NULL)
        gen_reply(p, m.from, term_of(answer), t);
}

static void start_b(void)
{
    static const struct process_kind kind = {
        .module = "rex", .message = rex_receives, .state = rex_state, .free = rex_free};
    configure(1, "b@h", "{scope, s}.");
    begin(1, node_new_bare(&nodes[1].config, DFLAGS_OURS | DFLAGS_OF_BEAM));
    CU_ASSERT_FATAL(process_start(node_processes(nodes[1].node), &kind, NULL, BYTES("rex")) !=
                    NULL);
}

static void begin_with(const char *version, const char *scope)
{
    beam.version = version;
    beam.scope = scope;
    beam.versions = beam.scopes = 0;
    start_b();
    start(0, "a@h", "{connect, ['b@h']}. {replica, r, #{crdt => gcounter}}.");
    CU_ASSERT(connected(0, 1));
}

static bool has_joined(const char *scope)
{
    struct process *p = process_named(node_processes(nodes[0].node), bytes_of(scope));
    return p != NULL && pg_is_scope(p);
}

static void joins_the_scope_of_grove(void)
{
    begin_with("1", "shared");
    CU_ASSERT(beam.versions == 1 && beam.scopes == 1 && has_joined("shared"));
    run_for(60000);
    CU_ASSERT(beam.versions == 1 && beam.scopes == 1);
    stop_all();
}

/* Grove may be started after its node; and the answer may be anything. */
static void asks_for_the_scope_until_there_is_one(void)
{
    static const char *const answers[] = {"{badrpc, nodedown}", "7", "[]", "shared"};
    begin_with("{badrpc, nodedown}", "{badrpc, {'EXIT', {undef, []}}}");
    for (unsigned i = 0; i < 4; i++) {
        CU_ASSERT(beam.scopes == i + 1 && !has_joined("shared"));
        beam.scope = answers[i];
        run_for((uint64_t)AGAIN_MIN_MS << i);
    }
    CU_ASSERT(beam.versions == 1 && beam.scopes == 5 && has_joined("shared"));
    stop_all();
}

static void asks_again_when_its_process_is_ended(void)
{
    begin_with(NULL, NULL);
    CU_ASSERT(beam.versions == 1 && beam.scopes == 0);
    beam.version = "1";
    kill_from(1, 0, process_of(0, "coppice_learning"));
    CU_ASSERT(beam.versions == 2 && beam.scopes == 1);
    beam.scope = "shared";
    kill_from(1, 0, process_of(0, "coppice_learning"));
    CU_ASSERT(beam.versions == 2 && beam.scopes == 2 && has_joined("shared"));
    kill_from(1, 0, process_of(0, "coppice_learning"));
    CU_ASSERT(beam.versions == 2 && beam.scopes == 2);
    stop_all();
}

/* With either question open. */
static void one_that_goes_is_asked_anew_when_it_is_back(void)
{
    begin_with(NULL, NULL);
    crash(1);
    beam.version = "1";
    start_b();
    run_for(4 * LIMIT_DIAL_BACKOFF_MIN_MS);
    CU_ASSERT(beam.versions == 2 && beam.scopes == 1);
    crash(1);
    beam.scope = "shared";
    start_b();
    run_for(10 * LIMIT_DIAL_BACKOFF_MIN_MS);
    CU_ASSERT(beam.versions == 3 && beam.scopes == 2 && has_joined("shared"));
    stop_all();
}

/* Whoever may write may suspend the process, too: what it is told late is of no use. */
static void one_that_goes_while_its_process_is_suspended_is_forgotten(void)
{
    struct turn t = {.now_ms = net.now_ms};
    for (unsigned i = 0; i < 2; i++) {
        begin_with(i == 0 ? NULL : "1", NULL);
        struct process *p = process_of(0, "coppice_learning");
        process_suspend(p, &t);
        crash(1);
        process_resume(p, &t);
        run_for(60000);
        beam.version = "1";
        beam.scope = "shared";
        start_b();
        run_for(LIMIT_DIAL_BACKOFF_MAX_MS);
        CU_ASSERT(beam.versions == 2 && beam.scopes == 1 + i && has_joined("shared"));
        stop_all();
    }
}

static void a_scope_with_the_name_of_a_replica_is_refused(void)
{
    begin_with("1", "r");
    CU_ASSERT(logged(0, "the pg scope r cannot start: its name is taken by a replica"));
    CU_ASSERT(!has_joined("r"));
    cast(0, "{mutate, increment}");
    run_for(LIMIT_CATCH_UP_MS + 1000);
    CU_ASSERT_EQUAL(status_number(0, "mutations"), 1);
    stop_all();
}

SUITE("learning", TEST(joins_the_scope_of_grove), TEST(asks_for_the_scope_until_there_is_one),
      TEST(asks_again_when_its_process_is_ended), TEST(one_that_goes_is_asked_anew_when_it_is_back),
      TEST(one_that_goes_while_its_process_is_suspended_is_forgotten),
      TEST(a_scope_with_the_name_of_a_replica_is_refused))
