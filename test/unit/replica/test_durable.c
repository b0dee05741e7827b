#include "mem.h"
#include "unit/replica/world.h"

#define STORED(more)                                                                               \
    "#{crdt => gcounter, group => {counter, <<\"v\">>}, sync_interval => 1000,"                    \
    "  snapshot_interval => 60000, " NO_REPAIR ", storage => #{file => \"v.dets\"" more "}}"

#define TROUBLE(reason, what) (&(struct disk_trouble){BYTES(reason), BYTES(what)})
#define COUNT(n)                                                                                   \
    "#{'__struct__' => 'Elixir.Grove.Counter.GCounter',actor => <<\"c1\">>,"                       \
    "counts => #{<<\"c1\">> => " n "},delta_buffer => #{}}"

static void loaded(const char *state, const char *records)
{
    struct buf terms = {0};
    struct bytes one = {0};
    if (records != NULL) {
        struct etf_in in = etf_open(term_of(records));
        for (struct etf_list l = etf_list(&in); etf_next(&l, &one);)
            put_term(&terms, one);
    }
    struct disk_content content = {.state = state != NULL ? term_of(state) : BYTES(""),
                                   .records = buf_bytes(&terms)};
    replica_loaded(world.replica, &content, NULL, &world.turn);
    buf_free(&terms);
}

static void appended(void)
{
    replica_appended(world.replica, 100, NULL, &world.turn);
}

/* With empty files and no members. */
static void open_ready(void)
{
    world_open(STORED(""));
    DISK_OP("load");
    replica_settled(world.replica, true, &world.turn);
    loaded(NULL, NULL);
    DISK_OP("begin");
    replica_begun(world.replica, NULL, &world.turn);
    SENT_NOTHING();
}

/* --- committing ------------------------------------------------------------- */

static void answers_when_on_disk(void)
{
    open_ready();
    deliver(CALL(1, "{mutate, {increment, [5]}}"));
    DISK_OP("append [" COUNT("5") "]");
    SENT_NOTHING();
    appended();
    SENT(THEM(1), REPLY(1, "ok"));
    SENT_NOTHING();
    world_close();
}

/* Unknown fields are in the record of the change that brought them, and in no other. */
static void writes_unknown_fields_once(void)
{
#define WIDE(actor, counts)                                                                        \
    "#{'__struct__' => 'Elixir.Grove.Counter.GCounter',actor => " actor ",counts => " counts       \
    ",delta_buffer => #{},hlc => 3}"
    open_ready();
    deliver("{grove_delta, " WIDE("b", "#{}") ", " THEM(9) "}");
    DISK_OP("append [" WIDE("<<\"c1\">>", "#{}") "]");
    appended();
    deliver(CALL(1, "{mutate, increment}"));
    DISK_OP("append [" COUNT("1") "]");
    appended();
    SENT(THEM(1), REPLY(1, "ok"));
    world_close();
}

/* One record for all of them. */
static void writes_queued_mutations_together(void)
{
    open_ready();
    deliver(CALL(1, "{mutate, increment}"));
    DISK_OP("append [" COUNT("1") "]");
    deliver(CALL(2, "{mutate, increment}"));
    deliver(CALL(3, "{mutate_reply, increment}"));
    deliver(CAST("{mutate, increment}"));
    SENT_NOTHING();
    appended();
    SENT(THEM(1), REPLY(1, "ok"));
    DISK_OP("append [" COUNT("4") "]");
    appended();
    SENT(THEM(2), REPLY(2, "ok"));
    SENT(THEM(3), REPLY(3, "{ok, ok}"));
    SENT_NOTHING();
    world_close();
}

static void refuses_bad_operations_at_once(void)
{
    open_ready();
    deliver(CALL(1, "{mutate, {increment, [-1]}}"));
    SENT(THEM(1), REPLY(1, "{error, {bad_op, {increment, [-1]}}}"));
    SENT_NOTHING();
    world_close();
}

/* They are answered when the state that they found is safe: here, at once. */
static void answers_mutations_without_effect(void)
{
    open_ready();
    deliver(CALL(1, "{mutate, {increment, [0]}}"));
    deliver(CALL(2, "{mutate, []}"));
    SENT(THEM(1), REPLY(1, "ok"));
    SENT(THEM(2), REPLY(2, "ok"));
    SENT_NOTHING();
    world_close();
}

static void discloses_nothing_before_it_is_safe(void)
{
    open_ready();
    deliver(CALL(1, "{mutate, increment}"));
    DISK_OP("append [" COUNT("1") "]");
    deliver(CALL(2, "value"));
    deliver(CALL(3, "state"));
    joined(THEM(5), false);
    ASKED_DIGEST(THEM(5), OUR_REF(1));
    wait_ms(SYNC_MS);
    deliver(CALL(4, "sync_now"));
    SENT_NOTHING();
    appended();
    SENT(THEM(1), REPLY(1, "ok"));
    SENT(THEM(2), REPLY(2, "{ok, 1}"));
    SENT(THEM(3), REPLY(3, "{ok, " OURS("#{<<\"c1\">> => 1}") "}"));
    SENT(THEM(5), OUR_DELTA("#{<<\"c1\">> => 1}"));
    SENT(THEM(4), REPLY(4, "ok"));
    SENT_NOTHING();
    world_close();
}

static void answers_for_the_node_that_asked(void)
{
    open_ready();
    deliver_of("c@h", CALL(1, "{mutate, increment}"));
    appended();
    CU_ASSERT(was_sent_for("c@h"));
    deliver_of("c@h", CALL(1, "{mutate, increment}"));
    deliver_of("d@h", CALL(2, "value"));
    appended();
    CU_ASSERT(was_sent_for("d@h"));
    deliver_of("c@h", CALL(1, "{mutate, increment}"));
    deliver_of("d@h", CALL(2, "{mutate, increment}"));
    replica_appended(world.replica, 100, TROUBLE("enospc", "no space"), &world.turn);
    CU_ASSERT(was_sent_for("d@h"));
    world_close();
}

/* A third of what one node may have. */
static void put_large_question(struct buf *out)
{
    const size_t blob = LIMIT_MUTATION_BYTES / LIMIT_NODE_PART / 3;
    put_tuple(out, 3);
    put_atom(out, "$gen_call");
    put_term(out, term_of("{" THEM(2) ", t2}"));
    put_tuple(out, 2);
    put_atom(out, "digest");
    uint8_t *zeros = mem_take(blob);
    put_binary(out, (struct bytes){zeros, blob});
    mem_free(zeros);
}

static void limits_what_one_node_asks(void)
{
    struct buf question = {0};
    put_large_question(&question);
    open_ready();
    deliver(CALL(1, "{mutate, increment}"));
    DISK_OP("append [" COUNT("1") "]");
    for (int i = 0; i < 2; i++)
        deliver_bytes(buf_bytes(&question));
    SENT_NOTHING();
    deliver_bytes(buf_bytes(&question));
    SENT(THEM(2), REPLY(2, "{error, overloaded}"));
    deliver_bytes_of("c@h", buf_bytes(&question));
    SENT_NOTHING();
    buf_free(&question);
    world_close();
}

static void sends_the_delta_when_safe(void)
{
    open_ready();
    joined(THEM(5), true);
    SENT(THEM(5), OUR_DELTA("#{}"));
    SENT("rex", PULL(OUR_REF(1), THEM(5)));
    deliver(CAST("{mutate, increment}"));
    DISK_OP("append [" COUNT("1") "]");
    wait_ms(SYNC_MS);
    SENT_NOTHING();
    appended();
    wait_ms(SYNC_MS);
    SENT(THEM(5), OUR_DELTA("#{<<\"c1\">> => 1}"));
    SENT_NOTHING();
    world_close();
}

/* No reply waits for them, and they are not relayed. */
static void journals_deltas_from_peers(void)
{
    open_ready();
    deliver(THEIR_DELTA("#{b => 2}"));
    deliver(CALL(1, "value"));
    DISK_OP("append [#{'__struct__' => 'Elixir.Grove.Counter.GCounter',actor => <<\"c1\">>,"
            "counts => #{b => 2},delta_buffer => #{}}]");
    SENT(THEM(1), REPLY(1, "{ok, 2}"));
    deliver(CALL(2, "{mutate, increment}"));
    SENT_NOTHING();
    appended();
    DISK_OP("append [" COUNT("1") "]");
    appended();
    SENT(THEM(2), REPLY(2, "ok"));
    SENT_NOTHING();
    world_close();
}

/* A fun is sent the state. */
static void sends_no_fun_before_it_is_safe(void)
{
    open_ready();
    deliver(CALL(1, "{mutate, increment}"));
    DISK_OP("append [" COUNT("1") "]");
    deliver(CALL(2, "{mutate, fun lists:sort/1}"));
    SENT_NOTHING();
    appended();
    SENT(THEM(1), REPLY(1, "ok"));
    CU_ASSERT(world.sent.len > world.read);
    world_close();
}

/* The mutation before it changes nothing, so that there is nothing to wait for. */
static void sends_a_fun_behind_a_mutation_without_effect(void)
{
    static const char *const without_effect[] = {"{increment, [0]}", "[]",
                                                 "[{increment, [0]}, {increment, [0]}]"};
    for (size_t i = 0; i < 3; i++) {
        char call[100];
        snprintf(call, sizeof(call), CALL(2, "{mutate, %s}"), without_effect[i]);
        open_ready();
        deliver(CALL(1, "{mutate, increment}"));
        DISK_OP("append [" COUNT("1") "]");
        deliver(call);
        deliver(CALL(3, "{mutate, fun lists:sort/1}"));
        deliver(CALL(4, "value"));
        appended();
        SENT(THEM(1), REPLY(1, "ok"));
        SENT(THEM(4), REPLY(4, "{ok, 1}"));
        SENT(THEM(2), REPLY(2, "ok"));
        CU_ASSERT(world.sent.len > world.read); /* the fun */
        deliver(CALL(5, "{mutate, increment}"));
        world_close();
    }
}

/* --- starting ----------------------------------------------------------------- */

static void loads_snapshot_and_journal(void)
{
    world_open(STORED(""));
    DISK_OP("load");
    replica_settled(world.replica, true, &world.turn);
    deliver(CALL(1, "{mutate, increment}"));
    deliver(CALL(2, "value"));
    SENT_NOTHING();
    loaded(COUNT("7"), "[[" COUNT("8") "], [" COUNT("9") "," GCOUNTER("b", "#{b => 1}") "]]");
    DISK_OP("begin");
    SENT(THEM(2), REPLY(2, "{ok, 10}"));
    replica_begun(world.replica, NULL, &world.turn);
    DISK_OP("append [" COUNT("10") "]");
    appended();
    SENT(THEM(1), REPLY(1, "ok"));
    CU_ASSERT(logged("page_views: loaded v.dets: a snapshot, 2 journal records"));
    world_close();
}

static void refuses_while_storage_fails(void)
{
    world_open(STORED(""));
    DISK_OP("load");
    replica_settled(world.replica, true, &world.turn);
    deliver(CALL(1, "{mutate, increment}"));
    deliver(CALL(2, "value"));
    replica_loaded(world.replica, NULL, TROUBLE("locked", "v.dets is in use"), &world.turn);
    SENT(THEM(1), REPLY(1, "{error, {storage, locked}}"));
    SENT(THEM(2), REPLY(2, "{error, {storage, locked}}"));
    deliver(CALL(3, "{mutate, increment}"));
    SENT(THEM(3), REPLY(3, "{error, {storage, locked}}"));
    deliver(CALL(4, "value"));
    SENT(THEM(4), REPLY(4, "{error, {storage, locked}}"));
    wait_ms(LIMIT_DISK_RETRY_MS);
    DISK_OP("load");
    replica_loaded(world.replica, NULL, TROUBLE("locked", "v.dets is in use"), &world.turn);
    wait_ms(LIMIT_DISK_RETRY_MS);
    DISK_OP("load");
    CU_ASSERT(log_lines() == 1);
    loaded(COUNT("7"), NULL);
    DISK_OP("begin");
    replica_begun(world.replica, TROUBLE("enospc", "no room"), &world.turn);
    deliver(CALL(5, "value"));
    SENT(THEM(5), REPLY(5, "{ok, 7}"));
    deliver(CALL(6, "{mutate, increment}"));
    SENT(THEM(6), REPLY(6, "{error, {storage, enospc}}"));
    wait_ms(LIMIT_DISK_RETRY_MS);
    DISK_OP("begin");
    replica_begun(world.replica, NULL, &world.turn);
    CU_ASSERT(logged("storage works again"));
    deliver(CALL(7, "{mutate, increment}"));
    DISK_OP("append [" COUNT("8") "]");
    world_close();
}

static void refuses_a_snapshot_of_another_type(void)
{
    world_open(STORED(""));
    DISK_OP("load");
    replica_settled(world.replica, true, &world.turn);
    loaded("#{'__struct__' => 'Elixir.Grove.Set.GSet'}", NULL);
    deliver(CALL(1, "value"));
    SENT(THEM(1), REPLY(1, "{error, {storage, bad_state}}"));
    CU_ASSERT(logged("the state of this group in v.dets is a struct of another type"));
    world_close();
}

static void skips_records_of_another_type(void)
{
    world_open(STORED(""));
    DISK_OP("load");
    replica_settled(world.replica, true, &world.turn);
    loaded(NULL, "[[" COUNT("8") "], nonsense]");
    DISK_OP("begin");
    deliver(CALL(1, "value"));
    SENT(THEM(1), REPLY(1, "{ok, 8}"));
    CU_ASSERT(logged("some do not fit this type and were skipped"));
    world_close();
}

/* --- failures -------------------------------------------------------------------- */

/* A mutation answered with an error has not happened; one answered with ok has. */
static void rolls_back_after_a_failed_append(void)
{
    open_ready();
    deliver(CALL(1, "{mutate, increment}"));
    DISK_OP("append [" COUNT("1") "]");
    appended();
    SENT(THEM(1), REPLY(1, "ok"));
    deliver(CALL(2, "{mutate, {increment, [10]}}"));
    DISK_OP("append [" COUNT("11") "]");
    deliver(CALL(3, "{mutate, {increment, [100]}}"));
    deliver(CALL(4, "value"));
    replica_appended(world.replica, 0, TROUBLE("enospc", "cannot write"), &world.turn);
    SENT(THEM(2), REPLY(2, "{error, {storage, enospc}}"));
    SENT(THEM(3), REPLY(3, "{error, {storage, enospc}}"));
    DISK_OP("load");
    loaded(NULL, "[[" COUNT("1") "]]");
    DISK_OP("begin");
    SENT(THEM(4), REPLY(4, "{ok, 1}"));
    replica_begun(world.replica, NULL, &world.turn);
    deliver(CALL(5, "{mutate, increment}"));
    DISK_OP("append [" COUNT("2") "]");
    world_close();
}

static void pulls_again_after_a_roll_back(void)
{
    open_ready();
    joined(THEM(5), false);
    deliver(THEIR_DELTA("#{b => 2}"));
    skip_sent();
    replica_appended(world.replica, 0, TROUBLE("eio", "cannot sync"), &world.turn);
    DISK_OP("load");
    ASKED_DIGEST(THEM(5), OUR_REF(2));
    deliver("{" OUR_REF(1) ", {ok, equal}}"); /* compared with the lost state */
    deliver("{" OUR_REF(2) ", " SMALL(GCOUNTER("b", "#{b => 2}")) "}");
    SENT_NOTHING();
    loaded(NULL, NULL);
    DISK_OP("begin");
    SENT(THEM(5), OUR_DELTA("#{b => 2}")); /* it may have asked in vain meanwhile */
    deliver(CALL(1, "value"));
    SENT(THEM(1), REPLY(1, "{ok, 2}"));
    replica_begun(world.replica, NULL, &world.turn);
    DISK_OP("append [#{'__struct__' => 'Elixir.Grove.Counter.GCounter',actor => <<\"c1\">>,"
            "counts => #{b => 2},delta_buffer => #{}}]");
    world_close();
}

/* --- snapshots --------------------------------------------------------------------- */

static void saves_only_after_changes(void)
{
    open_ready();
    deliver(CAST("{mutate, increment}"));
    DISK_OP("append [" COUNT("1") "]");
    wait_ms(60000);
    SENT_NOTHING(); /* not before it is safe */
    appended();
    DISK_OP("save");
    struct buf state = {0};
    replica_saved_state(world.replica, &state);
    ASSERT_TERM(buf_bytes(&state), term_of(COUNT("1")));
    buf_free(&state);
    replica_saved(world.replica, NULL, &world.turn);
    CU_ASSERT(status("snapshots") == 1);
    wait_ms(300000);
    SENT_NOTHING();
    world_close();
}

/* A node that only starts and stops writes no table again; what came before it had loaded is
 * saved. */
static void saves_nothing_that_is_saved(void)
{
    for (int early = 0; early < 2; early++) {
        world_open(STORED(""));
        DISK_OP("load");
        if (early)
            deliver(THEIR_DELTA("#{b => 2}"));
        replica_settled(world.replica, true, &world.turn);
        replica_loaded(world.replica,
                       &(struct disk_content){.state = term_of(COUNT("1")), .saved = true}, NULL,
                       &world.turn);
        DISK_OP("begin");
        replica_begun(world.replica, NULL, &world.turn);
        skip_sent();
        if (early)
            appended();
        else
            SENT_NOTHING();
        process_exit(world.replica, term_of("shutdown"), &world.turn);
        if (early)
            DISK_OP("save #{'__struct__' => 'Elixir.Grove.Counter.GCounter',actor => <<\"c1\">>,"
                    "counts => #{b => 2,<<\"c1\">> => 1},delta_buffer => #{}}");
        SENT_NOTHING();
        world_close();
    }
}

/* A fun may return while a record is appended: its change is not on disk with that. */
static void saves_no_result_of_a_fun_before_it_is_on_disk(void)
{
    open_ready();
    deliver(CALL(1, "{mutate, fun m:f/1}"));
    skip_sent();
    deliver(THEIR_DELTA("#{b => 2}"));
    skip_sent(); /* append */
    deliver("{" OUR_REF(1) ", " COUNT("5") "}");
    wait_ms(60000);
    SENT_NOTHING();
    appended();
    DISK_OP("append [" COUNT("5") "]");
    SENT_NOTHING();
    appended();
    SENT(THEM(1), REPLY(1, "ok"));
    DISK_OP("save");
    world_close();
}

static void retries_a_failed_snapshot(void)
{
    open_ready();
    deliver(CAST("{mutate, increment}"));
    appended();
    skip_sent();
    wait_ms(60000);
    DISK_OP("save");
    replica_saved(world.replica, TROUBLE("enospc", "cannot write v.dets.tmp"), &world.turn);
    CU_ASSERT(logged("snapshot failed: cannot write v.dets.tmp"));
    wait_ms(60000);
    DISK_OP("save");
    world_close();
}

/* Its text in the replica's status. */
static bool fails(const char *failure)
{
    struct buf out = {0};
    replica_status(world.replica, &out);
    struct bytes found = {0}, key;
    struct etf_in in = etf_open(buf_bytes(&out));
    for (uint32_t left = etf_map(&in); left > 0 && found.len == 0; left--) {
        key = etf_any(&in);
        if (bytes_equal(key, term_of("snapshot_failure")))
            found = etf_any(&in);
        else
            (void)etf_any(&in);
    }
    bool same = found.len > 0 && bytes_equal(found, term_of(failure));
    buf_free(&out);
    return same;
}

/* One that can never succeed is no hiccup: `status` says since when and why, the log once. */
static void says_since_when_snapshots_fail(void)
{
    open_ready();
    CU_ASSERT(fails("nil"));
    deliver(CAST("{mutate, increment}"));
    skip_sent();
    world.turn.wall_ms = 1000;
    replica_appended(world.replica, LIMIT_JOURNAL_BYTES + 1, NULL, &world.turn);
    DISK_OP("save");
    size_t before = log_lines();
    for (unsigned i = 0; i < 3; i++) {
        replica_captured(world.replica, &world.turn);
        replica_saved(world.replica, TROUBLE("ebusy", "cannot write v.dets"), &world.turn);
        CU_ASSERT(logged("cannot write v.dets; changes stay in the journal"));
        CU_ASSERT(log_lines() == before + 1);
        CU_ASSERT(fails("#{reason => ebusy, since => 1000, what => <<\"cannot write v.dets\">>}"));
        world.turn.wall_ms++;
        /* A long journal does not make it try with each change. */
        deliver(CAST("{mutate, increment}"));
        skip_sent();
        replica_appended(world.replica, LIMIT_JOURNAL_BYTES + 1, NULL, &world.turn);
        SENT_NOTHING();
        wait_ms(60000);
        DISK_OP("save");
    }
    replica_captured(world.replica, &world.turn);
    replica_saved(world.replica, NULL, &world.turn);
    CU_ASSERT(logged("snapshots work again"));
    CU_ASSERT(fails("nil"));
    world_close();
}

static void waits_while_the_disk_is_busy(void)
{
    open_ready();
    deliver(CAST("{mutate, increment}"));
    appended();
    skip_sent();
    world.disk_is_busy = true;
    wait_ms(60000);
    SENT_NOTHING();
    world.disk_is_busy = false;
    wait_ms(LIMIT_DISK_RETRY_MS);
    DISK_OP("save");
    world_close();
}

static void saves_early_when_the_journal_is_long(void)
{
    open_ready();
    deliver(CAST("{mutate, increment}"));
    DISK_OP("append [" COUNT("1") "]");
    replica_appended(world.replica, LIMIT_JOURNAL_BYTES + 1, NULL, &world.turn);
    DISK_OP("save");
    world_close();
}

/* The state is captured at the end of the step: later mutations could still be rolled back. */
static void runs_no_mutation_before_the_capture(void)
{
    open_ready();
    deliver(CALL(1, "{mutate, increment}"));
    DISK_OP("append [" COUNT("1") "]");
    deliver(CALL(2, "{mutate, increment}"));
    replica_appended(world.replica, LIMIT_JOURNAL_BYTES + 1, NULL, &world.turn);
    SENT(THEM(1), REPLY(1, "ok"));
    DISK_OP("save");
    deliver(CALL(3, "{mutate, increment}"));
    SENT_NOTHING();
    struct buf state = {0};
    replica_saved_state(world.replica, &state);
    ASSERT_TERM(buf_bytes(&state), term_of(COUNT("1")));
    buf_free(&state);
    replica_captured(world.replica, &world.turn);
    DISK_OP("append [" COUNT("3") "]");
    world_close();
}

static void saves_when_it_ends(void)
{
    open_ready();
    deliver(CAST("{mutate, increment}"));
    appended();
    skip_sent();
    process_exit(world.replica, term_of("shutdown"), &world.turn);
    DISK_OP("save " COUNT("1"));
    world_close();
}

/* A snapshot that has not been loaded must not be replaced. */
static void saves_nothing_before_it_is_loaded(void)
{
    world_open(STORED(""));
    DISK_OP("load");
    deliver(THEIR_DELTA("#{b => 2}"));
    wait_ms(300000);
    process_exit(world.replica, term_of("shutdown"), &world.turn);
    SENT_NOTHING();
    world_close();
}

/* --- interval ------------------------------------------------------------------------ */

static void answers_at_once_with_interval_durability(void)
{
    world_open(STORED(", durability => interval"));
    DISK_OP("load");
    replica_settled(world.replica, true, &world.turn);
    loaded(COUNT("7"), NULL);
    deliver(CALL(1, "{mutate, increment}"));
    SENT(THEM(1), REPLY(1, "ok"));
    SENT_NOTHING();
    wait_ms(60000);
    DISK_OP("save");
    world_close();
}

SUITE("durable", TEST(answers_when_on_disk), TEST(writes_unknown_fields_once),
      TEST(writes_queued_mutations_together), TEST(refuses_bad_operations_at_once),
      TEST(answers_mutations_without_effect), TEST(discloses_nothing_before_it_is_safe),
      TEST(answers_for_the_node_that_asked), TEST(limits_what_one_node_asks),
      TEST(sends_the_delta_when_safe), TEST(journals_deltas_from_peers),
      TEST(sends_no_fun_before_it_is_safe), TEST(sends_a_fun_behind_a_mutation_without_effect),
      TEST(loads_snapshot_and_journal), TEST(refuses_while_storage_fails),
      TEST(refuses_a_snapshot_of_another_type), TEST(skips_records_of_another_type),
      TEST(rolls_back_after_a_failed_append), TEST(pulls_again_after_a_roll_back),
      TEST(saves_only_after_changes), TEST(saves_nothing_that_is_saved),
      TEST(saves_no_result_of_a_fun_before_it_is_on_disk), TEST(retries_a_failed_snapshot),
      TEST(says_since_when_snapshots_fail), TEST(waits_while_the_disk_is_busy),
      TEST(saves_early_when_the_journal_is_long), TEST(runs_no_mutation_before_the_capture),
      TEST(saves_when_it_ends), TEST(saves_nothing_before_it_is_loaded),
      TEST(answers_at_once_with_interval_durability))
