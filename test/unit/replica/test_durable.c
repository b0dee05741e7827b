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
    struct disk_content content = {state != NULL ? term_of(state) : BYTES(""), buf_bytes(&terms)};
    replica_loaded(world.replica, &content, NULL, &world.turn);
    buf_free(&terms);
}

static void appended(void)
{
    replica_appended(world.replica, 100, NULL, &world.turn);
}

/* Its files are empty, and it is alone. */
static void open_ready(void)
{
    world_open(STORED(""));
    WISHED("load");
    replica_settled(world.replica, true, &world.turn);
    loaded(NULL, NULL);
    WISHED("begin");
    replica_begun(world.replica, NULL, &world.turn);
    QUIET();
}

/* --- what is safe ----------------------------------------------------------- */

static void answers_when_it_is_on_disk(void)
{
    open_ready();
    told(CALL(1, "{mutate, {increment, [5]}}"));
    WISHED("append [" COUNT("5") "]");
    QUIET();
    appended();
    SAID(THEM(1), REPLY(1, "ok"));
    QUIET();
    world_close();
}

/* One flush serves all who wait. */
static void writes_what_came_meanwhile_at_once(void)
{
    open_ready();
    told(CALL(1, "{mutate, increment}"));
    WISHED("append [" COUNT("1") "]");
    told(CALL(2, "{mutate, increment}"));
    told(CALL(3, "{mutate_reply, increment}"));
    told(CAST("{mutate, increment}"));
    QUIET();
    appended();
    SAID(THEM(1), REPLY(1, "ok"));
    WISHED("append [" COUNT("4") "]");
    appended();
    SAID(THEM(2), REPLY(2, "ok"));
    SAID(THEM(3), REPLY(3, "{ok, ok}"));
    QUIET();
    world_close();
}

static void refuses_at_once_what_is_wrong(void)
{
    open_ready();
    told(CALL(1, "{mutate, {increment, [-1]}}"));
    SAID(THEM(1), REPLY(1, "{error, {bad_op, {increment, [-1]}}}"));
    QUIET();
    world_close();
}

/* What changes nothing is told as well when what it saw is safe: here, at once. */
static void answers_what_changes_nothing(void)
{
    open_ready();
    told(CALL(1, "{mutate, {increment, [0]}}"));
    told(CALL(2, "{mutate, []}"));
    SAID(THEM(1), REPLY(1, "ok"));
    SAID(THEM(2), REPLY(2, "ok"));
    QUIET();
    world_close();
}

static void tells_nobody_before(void)
{
    open_ready();
    told(CALL(1, "{mutate, increment}"));
    WISHED("append [" COUNT("1") "]");
    told(CALL(2, "value"));
    told(CALL(3, "state"));
    joined(THEM(5), false);
    ASKED_DIGEST(THEM(5), OUR_REF(1));
    wait_ms(SYNC_MS);
    told(CALL(4, "sync_now"));
    QUIET();
    appended();
    SAID(THEM(1), REPLY(1, "ok"));
    SAID(THEM(2), REPLY(2, "{ok, 1}"));
    SAID(THEM(3), REPLY(3, "{ok, " OURS("#{<<\"c1\">> => 1}") "}"));
    SAID(THEM(5), OUR_DELTA("#{<<\"c1\">> => 1}"));
    SAID(THEM(4), REPLY(4, "ok"));
    QUIET();
    world_close();
}

static void tells_the_delta_after(void)
{
    open_ready();
    joined(THEM(5), true);
    SAID(THEM(5), OUR_DELTA("#{}"));
    SAID("rex", PULL(OUR_REF(1), THEM(5)));
    told(CAST("{mutate, increment}"));
    WISHED("append [" COUNT("1") "]");
    wait_ms(SYNC_MS);
    QUIET();
    appended();
    wait_ms(SYNC_MS);
    SAID(THEM(5), OUR_DELTA("#{<<\"c1\">> => 1}"));
    QUIET();
    world_close();
}

/* What peers tell is kept too, but nobody waits for it, and it is not told on. */
static void keeps_what_it_hears(void)
{
    open_ready();
    told(THEIR_DELTA("#{b => 2}"));
    told(CALL(1, "value"));
    WISHED("append [#{'__struct__' => 'Elixir.Grove.Counter.GCounter',actor => <<\"c1\">>,"
           "counts => #{b => 2},delta_buffer => #{}}]");
    SAID(THEM(1), REPLY(1, "{ok, 2}"));
    told(CALL(2, "{mutate, increment}"));
    QUIET();
    appended();
    WISHED("append [" COUNT("1") "]");
    appended();
    SAID(THEM(2), REPLY(2, "ok"));
    QUIET();
    world_close();
}

/* A fun is given the state by somebody else: it waits until that is safe. */
static void sends_no_fun_before(void)
{
    open_ready();
    told(CALL(1, "{mutate, increment}"));
    WISHED("append [" COUNT("1") "]");
    told(CALL(2, "{mutate, fun lists:sort/1}"));
    QUIET();
    appended();
    SAID(THEM(1), REPLY(1, "ok"));
    CU_ASSERT(world.said.len > world.read);
    world_close();
}

/* --- starting ----------------------------------------------------------------- */

static void begins_with_what_is_there(void)
{
    world_open(STORED(""));
    WISHED("load");
    replica_settled(world.replica, true, &world.turn);
    told(CALL(1, "{mutate, increment}"));
    told(CALL(2, "value"));
    QUIET();
    loaded(COUNT("7"), "[[" COUNT("8") "], [" COUNT("9") "," GCOUNTER("b", "#{b => 1}") "]]");
    WISHED("begin");
    SAID(THEM(2), REPLY(2, "{ok, 10}"));
    replica_begun(world.replica, NULL, &world.turn);
    WISHED("append [" COUNT("10") "]");
    appended();
    SAID(THEM(1), REPLY(1, "ok"));
    CU_ASSERT(logged("page_views: loaded v.dets: a snapshot, 2 journal records"));
    world_close();
}

static void refuses_while_it_cannot_begin(void)
{
    world_open(STORED(""));
    WISHED("load");
    replica_settled(world.replica, true, &world.turn);
    told(CALL(1, "{mutate, increment}"));
    told(CALL(2, "value"));
    replica_loaded(world.replica, NULL, TROUBLE("locked", "v.dets is in use"), &world.turn);
    SAID(THEM(1), REPLY(1, "{error, {storage, locked}}"));
    SAID(THEM(2), REPLY(2, "{error, {storage, locked}}"));
    told(CALL(3, "{mutate, increment}"));
    SAID(THEM(3), REPLY(3, "{error, {storage, locked}}"));
    told(CALL(4, "value"));
    SAID(THEM(4), REPLY(4, "{error, {storage, locked}}"));
    wait_ms(LIMIT_DISK_RETRY_MS);
    WISHED("load");
    replica_loaded(world.replica, NULL, TROUBLE("locked", "v.dets is in use"), &world.turn);
    wait_ms(LIMIT_DISK_RETRY_MS);
    WISHED("load");
    CU_ASSERT(log_lines() == 1);
    loaded(COUNT("7"), NULL);
    WISHED("begin");
    replica_begun(world.replica, TROUBLE("enospc", "no room"), &world.turn);
    told(CALL(5, "value"));
    SAID(THEM(5), REPLY(5, "{ok, 7}"));
    told(CALL(6, "{mutate, increment}"));
    SAID(THEM(6), REPLY(6, "{error, {storage, enospc}}"));
    wait_ms(LIMIT_DISK_RETRY_MS);
    WISHED("begin");
    replica_begun(world.replica, NULL, &world.turn);
    CU_ASSERT(logged("storage works again"));
    told(CALL(7, "{mutate, increment}"));
    WISHED("append [" COUNT("8") "]");
    world_close();
}

static void refuses_the_state_of_another_type(void)
{
    world_open(STORED(""));
    WISHED("load");
    replica_settled(world.replica, true, &world.turn);
    loaded("#{'__struct__' => 'Elixir.Grove.Set.GSet'}", NULL);
    told(CALL(1, "value"));
    SAID(THEM(1), REPLY(1, "{error, {storage, bad_state}}"));
    CU_ASSERT(logged("the state of this group in v.dets is a struct of another type"));
    world_close();
}

static void leaves_out_records_of_another_type(void)
{
    world_open(STORED(""));
    WISHED("load");
    replica_settled(world.replica, true, &world.turn);
    loaded(NULL, "[[" COUNT("8") "], nonsense]");
    WISHED("begin");
    told(CALL(1, "value"));
    SAID(THEM(1), REPLY(1, "{ok, 8}"));
    CU_ASSERT(logged("some do not fit this type and were skipped"));
    world_close();
}

/* --- trouble --------------------------------------------------------------------- */

/* What was answered with an error has not happened, and what was answered with ok has. */
static void forgets_what_did_not_get_there(void)
{
    open_ready();
    told(CALL(1, "{mutate, increment}"));
    WISHED("append [" COUNT("1") "]");
    appended();
    SAID(THEM(1), REPLY(1, "ok"));
    told(CALL(2, "{mutate, {increment, [10]}}"));
    WISHED("append [" COUNT("11") "]");
    told(CALL(3, "{mutate, {increment, [100]}}"));
    told(CALL(4, "value"));
    replica_appended(world.replica, 0, TROUBLE("enospc", "cannot write"), &world.turn);
    SAID(THEM(2), REPLY(2, "{error, {storage, enospc}}"));
    SAID(THEM(3), REPLY(3, "{error, {storage, enospc}}"));
    WISHED("load");
    loaded(NULL, "[[" COUNT("1") "]]");
    WISHED("begin");
    SAID(THEM(4), REPLY(4, "{ok, 1}"));
    replica_begun(world.replica, NULL, &world.turn);
    told(CALL(5, "{mutate, increment}"));
    WISHED("append [" COUNT("2") "]");
    world_close();
}

static void asks_the_others_again_for_what_it_forgot(void)
{
    open_ready();
    joined(THEM(5), false);
    told(THEIR_DELTA("#{b => 2}"));
    world.read = world.said.len;
    replica_appended(world.replica, 0, TROUBLE("eio", "cannot sync"), &world.turn);
    WISHED("load");
    ASKED_DIGEST(THEM(5), OUR_REF(2));
    told("{" OUR_REF(1) ", {ok, equal}}"); /* to what it was before */
    told("{" OUR_REF(2) ", " SMALL(GCOUNTER("b", "#{b => 2}")) "}");
    QUIET();
    loaded(NULL, NULL);
    WISHED("begin");
    SAID(THEM(5), OUR_DELTA("#{b => 2}")); /* who asked it meanwhile was refused */
    told(CALL(1, "value"));
    SAID(THEM(1), REPLY(1, "{ok, 2}"));
    replica_begun(world.replica, NULL, &world.turn);
    WISHED("append [#{'__struct__' => 'Elixir.Grove.Counter.GCounter',actor => <<\"c1\">>,"
           "counts => #{b => 2},delta_buffer => #{}}]");
    world_close();
}

/* --- snapshots --------------------------------------------------------------------- */

static void saves_what_has_changed(void)
{
    open_ready();
    told(CAST("{mutate, increment}"));
    WISHED("append [" COUNT("1") "]");
    wait_ms(60000);
    QUIET(); /* not while it is not safe */
    appended();
    WISHED("save");
    struct buf state = {0};
    replica_saved_state(world.replica, &state);
    ASSERT_TERM(buf_bytes(&state), term_of(COUNT("1")));
    buf_free(&state);
    replica_saved(world.replica, NULL, &world.turn);
    CU_ASSERT(status("snapshots") == 1);
    wait_ms(300000);
    QUIET();
    world_close();
}

static void saves_again_what_was_not_saved(void)
{
    open_ready();
    told(CAST("{mutate, increment}"));
    appended();
    world.read = world.said.len;
    wait_ms(60000);
    WISHED("save");
    replica_saved(world.replica, TROUBLE("enospc", "cannot write v.dets.tmp"), &world.turn);
    CU_ASSERT(logged("snapshot failed: cannot write v.dets.tmp"));
    wait_ms(60000);
    WISHED("save");
    world_close();
}

static void waits_where_others_save(void)
{
    open_ready();
    told(CAST("{mutate, increment}"));
    appended();
    world.read = world.said.len;
    world.disk_is_busy = true;
    wait_ms(60000);
    QUIET();
    world.disk_is_busy = false;
    wait_ms(LIMIT_DISK_RETRY_MS);
    WISHED("save");
    world_close();
}

static void saves_early_when_the_journal_is_long(void)
{
    open_ready();
    told(CAST("{mutate, increment}"));
    WISHED("append [" COUNT("1") "]");
    replica_appended(world.replica, LIMIT_JOURNAL_BYTES + 1, NULL, &world.turn);
    WISHED("save");
    world_close();
}

/* The state is taken when the step is over: what is made in it could still be refused. */
static void makes_no_change_before_the_state_is_taken(void)
{
    open_ready();
    told(CALL(1, "{mutate, increment}"));
    WISHED("append [" COUNT("1") "]");
    told(CALL(2, "{mutate, increment}"));
    replica_appended(world.replica, LIMIT_JOURNAL_BYTES + 1, NULL, &world.turn);
    SAID(THEM(1), REPLY(1, "ok"));
    WISHED("save");
    told(CALL(3, "{mutate, increment}"));
    QUIET();
    struct buf state = {0};
    replica_saved_state(world.replica, &state);
    ASSERT_TERM(buf_bytes(&state), term_of(COUNT("1")));
    buf_free(&state);
    replica_captured(world.replica, &world.turn);
    WISHED("append [" COUNT("3") "]");
    world_close();
}

static void saves_when_it_ends(void)
{
    open_ready();
    told(CAST("{mutate, increment}"));
    appended();
    world.read = world.said.len;
    process_exit(world.replica, term_of("shutdown"), &world.turn);
    WISHED("save " COUNT("1"));
    world_close();
}

/* What it has not read it must not replace. */
static void saves_nothing_before_it_is_loaded(void)
{
    world_open(STORED(""));
    WISHED("load");
    told(THEIR_DELTA("#{b => 2}"));
    wait_ms(300000);
    process_exit(world.replica, term_of("shutdown"), &world.turn);
    QUIET();
    world_close();
}

/* --- interval ------------------------------------------------------------------------ */

static void answers_at_once_where_that_is_asked_for(void)
{
    world_open(STORED(", durability => interval"));
    WISHED("load");
    replica_settled(world.replica, true, &world.turn);
    loaded(COUNT("7"), NULL);
    told(CALL(1, "{mutate, increment}"));
    SAID(THEM(1), REPLY(1, "ok"));
    QUIET();
    wait_ms(60000);
    WISHED("save");
    world_close();
}

SUITE("durable", TEST(answers_when_it_is_on_disk), TEST(writes_what_came_meanwhile_at_once),
      TEST(refuses_at_once_what_is_wrong), TEST(answers_what_changes_nothing),
      TEST(tells_nobody_before), TEST(tells_the_delta_after), TEST(keeps_what_it_hears),
      TEST(sends_no_fun_before), TEST(begins_with_what_is_there),
      TEST(refuses_while_it_cannot_begin), TEST(refuses_the_state_of_another_type),
      TEST(leaves_out_records_of_another_type), TEST(forgets_what_did_not_get_there),
      TEST(asks_the_others_again_for_what_it_forgot), TEST(saves_what_has_changed),
      TEST(saves_again_what_was_not_saved), TEST(waits_where_others_save),
      TEST(saves_early_when_the_journal_is_long), TEST(makes_no_change_before_the_state_is_taken),
      TEST(saves_when_it_ends), TEST(saves_nothing_before_it_is_loaded),
      TEST(answers_at_once_where_that_is_asked_for))
