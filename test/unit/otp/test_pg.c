/* Dialogues of a scope with the scopes of other nodes: recorded ones of OTP 25,
 * 27 and 29, and made-up ones for what those do not do. */
#include "otp/pg.h"

#include <stdio.h>
#include <string.h>

#include "err.h"
#include "limits.h"
#include "mem.h"
#include "otp/turn.h"
#include "term/canon.h"
#include "term/etf.h"
#include "term/text.h"
#include "term/write.h"
#include "unit/suite.h"

#define B        "b1@127.0.0.1"
#define B_SCOPE  "#Pid<'" B "'.80.0.7>"
#define B_ONE    "#Pid<'" B "'.81.0.7>"
#define B_TWO    "#Pid<'" B "'.82.0.7>"
#define A_ONE    "#Pid<'a1@127.0.0.1'.81.0.7>"
#define OURS     "#Pid<'c1@127.0.0.1'.500.0.9>"
#define OURS_TOO "#Pid<'c1@127.0.0.1'.501.0.9>"

/* --- a world around one scope ------------------------------------------ */

struct sent {
    enum signal_kind kind;
    struct buf to, ref, payload; /* canonical */
};

struct world {
    struct post post;
    struct turn turn;
    struct processes *table;
    struct process *scope;
    const char *cut; /* the node that is not connected */
    struct sent *sent;
    size_t sent_count, sent_cap, read; /* read: how many of them were looked at */
    unsigned lines;                    /* logged */
    struct buf told;                   /* what the listener was told, as text */
    size_t joined, left;
    bool quiet; /* only counts what it is told */
};

static void put_canonical(struct buf *out, struct bytes term)
{
    if (term.len > 0)
        must(canon_put(out, term) == OK);
}

static void record(struct post *post, const struct signal *s)
{
    struct world *w = (struct world *)post;
    w->sent = mem_room(w->sent, w->sent_count, &w->sent_cap, sizeof(struct sent));
    struct sent *sent = &w->sent[w->sent_count++];
    *sent = (struct sent){.kind = s->kind};
    put_canonical(&sent->to, s->to);
    put_canonical(&sent->ref, s->ref);
    put_canonical(&sent->payload, s->payload);
}

static bool connected(struct post *post, struct bytes node)
{
    const struct world *w = (const struct world *)post;
    return w->cut == NULL || !bytes_equal(node, bytes_of(w->cut));
}

static uint64_t no_flags(struct post *post, struct bytes node)
{
    (void)post;
    (void)node;
    return 0;
}

static bool never_slow(struct post *post, struct bytes node)
{
    (void)post;
    (void)node;
    return false;
}

static void count_line(struct post *post, enum log_level level, struct bytes line)
{
    (void)level;
    ((struct world *)post)->lines++;
    CU_ASSERT(line.len > 0);
}

static void tell(struct world *w, char sign, struct bytes group, struct bytes pid)
{
    if (w->quiet)
        return;
    buf_printf(&w->told, "%c", sign);
    text_print(&w->told, group);
    struct etf_in in = etf_open(pid);
    buf_printf(&w->told, ":%u ", etf_pid(&in).id);
}

static void on_joined(void *who, struct process *scope, struct bytes group, struct bytes pid,
                      struct turn *t)
{
    struct world *w = who;
    CU_ASSERT(t == &w->turn && scope == w->scope);
    w->joined++;
    tell(w, '+', group, pid);
}

static void on_left(void *who, struct process *scope, struct bytes group, struct bytes pid,
                    struct turn *t)
{
    struct world *w = who;
    CU_ASSERT(t == &w->turn && scope == w->scope);
    w->left++;
    tell(w, '-', group, pid);
}

static struct world *world_new(void)
{
    struct world *w = mem_take(sizeof(*w));
    w->post = (struct post){record, connected, no_flags, never_slow, count_line};
    w->turn = (struct turn){.now_ms = 1000000, .random = 1, .post = &w->post};
    w->table = processes_new(BYTES("c1@127.0.0.1"), 9);
    w->scope = pg_start(w->table, BYTES("grove"), &(struct pg_listener){on_joined, on_left, w});
    must(w->scope != NULL);
    return w;
}

static void world_forget_sent(struct world *w)
{
    for (size_t i = 0; i < w->sent_count; i++) {
        buf_free(&w->sent[i].to);
        buf_free(&w->sent[i].ref);
        buf_free(&w->sent[i].payload);
    }
    w->sent_count = w->read = 0;
}

static void world_free(struct world *w)
{
    processes_free(w->table);
    world_forget_sent(w);
    mem_free(w->sent);
    buf_free(&w->told);
    mem_free(w);
}

static void hear(struct world *w, const char *message)
{
    process_deliver(w->scope, wall(term_of(message)), &w->turn);
}

static void join(struct world *w, const char *group, const char *pid)
{
    pg_join(w->scope, term_of(group), term_of(pid), &w->turn);
}

static void leave(struct world *w, const char *group, const char *pid)
{
    pg_leave(w->scope, term_of(group), term_of(pid), &w->turn);
}

static void wait_ms(struct world *w, uint64_t ms)
{
    w->turn.now_ms += ms;
    if (processes_due(w->table) <= w->turn.now_ms)
        processes_wake(w->table, &w->turn);
}

/* The next signal that was sent, of this kind; none of another kind before it. */
static struct sent *next_of(struct world *w, enum signal_kind kind)
{
    static struct sent nothing;
    if (w->read == w->sent_count || w->sent[w->read].kind != kind) {
        CU_FAIL("another signal was expected");
        return &nothing;
    }
    return &w->sent[w->read++];
}

/* Erlang text in which SELF stands for the scope's pid. */
static struct bytes with_self(const struct world *w, const char *text)
{
    struct buf out = {0};
    for (const char *at; (at = strstr(text, "SELF")) != NULL; text = at + 4) {
        buf_put(&out, (struct bytes){(const uint8_t *)text, (size_t)(at - text)});
        text_print(&out, process_pid(w->scope));
    }
    buf_put(&out, bytes_of(text));
    buf_put_u8(&out, 0);
    struct bytes term = term_of((const char *)out.at);
    buf_free(&out);
    return term;
}

/* The next thing sent was this message to this pid or name. */
static void said(struct world *w, const char *to, const char *message)
{
    struct sent *sent = next_of(w, to[0] == '#' ? SIGNAL_SEND : SIGNAL_REG_SEND);
    ASSERT_TERM(buf_bytes(&sent->to), term_of(to));
    ASSERT_TERM(buf_bytes(&sent->payload), with_self(w, message));
}

static void watched(struct world *w, const char *pid)
{
    ASSERT_TERM(buf_bytes(&next_of(w, SIGNAL_MONITOR)->to), term_of(pid));
}

static void said_no_more(const struct world *w)
{
    CU_ASSERT_EQUAL(w->read, w->sent_count);
}

/* What the listener was told since the last look. */
static void told(struct world *w, const char *text)
{
    bool same = bytes_equal(buf_bytes(&w->told), bytes_of(text));
    CU_ASSERT(same);
    if (!same)
        fprintf(stderr, "\n     got: %.*s\n  wanted: %s\n", (int)w->told.len,
                w->told.len > 0 ? (const char *)w->told.at : "", text);
    buf_clear(&w->told);
}

/* The end of what the scope watches there, as the peer's node tells it. */
static void down(struct world *w, const char *pid, const char *reason)
{
    struct sent *monitor = NULL;
    for (size_t i = 0; i < w->sent_count; i++)
        if (w->sent[i].kind == SIGNAL_MONITOR &&
            bytes_equal(buf_bytes(&w->sent[i].to), term_of(pid)))
            monitor = &w->sent[i];
    must(monitor != NULL);
    struct signal s = {.kind = SIGNAL_MONITOR_EXIT,
                       .from = term_of(pid),
                       .to = process_pid(w->scope),
                       .ref = buf_bytes(&monitor->ref),
                       .reason = term_of(reason)};
    processes_signal(w->table, node_of(s.from), &s, &w->turn);
}

/* B's scope is known and has told what it says, and has been told. */
static void meet_b(struct world *w, const char *members)
{
    struct buf sync = {0};
    pg_meet(w->scope, BYTES(B), 0, &w->turn);
    buf_printf(&sync, "{'$gen_cast', {sync, %s, %s}}", B_SCOPE, members);
    buf_put_u8(&sync, 0);
    hear(w, (const char *)sync.at);
    buf_free(&sync);
    hear(w, "{discover, " B_SCOPE "}");
    w->read = w->sent_count;
    buf_clear(&w->told);
}

static void members_text(void *who, struct bytes pid)
{
    struct etf_in in = etf_open(pid);
    struct etf_pid p = etf_pid(&in);
    struct etf_in node = etf_open(p.node);
    struct atom name;
    etf_atom(&node, &name);
    buf_printf(who, "%.2s%u ", (const char *)name.text, p.id);
}

static void members_are(const struct world *w, const char *group, const char *text)
{
    struct buf out = {0};
    pg_members(w->scope, term_of(group), members_text, &out);
    CU_ASSERT(bytes_equal(buf_bytes(&out), bytes_of(text)));
    buf_free(&out);
}

/* --- recorded dialogues ------------------------------------------------ */

/* A slice of a trace, canonical, with the pid of our scope where the recorded
 * one's stands: the two have the same length. */
static struct term canonical(struct bytes raw, struct bytes recorded, struct bytes ours)
{
    struct buf out = {0};
    must(canon_put(&out, raw) == OK && recorded.len == ours.len);
    for (size_t i = 0; i + ours.len <= out.len; i++)
        if (memcmp(out.at + i, recorded.at, recorded.len) == 0)
            memcpy(out.at + i, ours.at, ours.len);
    return term_take(&out);
}

struct replay {
    struct world *w;
    struct term recorded; /* the pid of the scope that was recorded */
    size_t views, sent;
};

static struct term replay_term(const struct replay *r, struct etf_in *in)
{
    return canonical(etf_any(in), term_bytes(&r->recorded), process_pid(r->w->scope));
}

static void replay_membership(struct replay *r, struct etf_in *in, bool joins)
{
    struct term group = replay_term(r, in), pid = replay_term(r, in);
    (joins ? pg_join : pg_leave)(r->w->scope, term_bytes(&group), term_bytes(&pid), &r->w->turn);
    term_free(&group);
    term_free(&pid);
}

static void replay_exit(struct replay *r, struct etf_in *in)
{
    struct term pid = replay_term(r, in);
    pg_leave_all(r->w->scope, term_bytes(&pid), &r->w->turn);
    term_free(&pid);
}

static void replay_nodeup(struct replay *r, struct etf_in *in)
{
    struct atom node;
    etf_atom(in, &node);
    pg_meet(r->w->scope, (struct bytes){node.text, node.len}, etf_uint32(in), &r->w->turn);
}

/* The next message that our scope sent, beside its monitors. */
static struct sent *next_message(struct world *w)
{
    while (w->read < w->sent_count && w->sent[w->read].kind != SIGNAL_SEND &&
           w->sent[w->read].kind != SIGNAL_REG_SEND)
        w->read++;
    must(w->read < w->sent_count);
    return &w->sent[w->read++];
}

static void replay_sent(struct replay *r, struct etf_in *in)
{
    struct sent *sent = next_message(r->w);
    struct etf_in to = etf_open(etf_any(in));
    if (etf_peek(&to) == ETF_TUPLE)
        etf_tuple(&to);
    struct term addressee = replay_term(r, &to), message = replay_term(r, in);
    ASSERT_TERM(buf_bytes(&sent->to), term_bytes(&addressee));
    ASSERT_TERM(buf_bytes(&sent->payload), term_bytes(&message));
    term_free(&addressee);
    term_free(&message);
    r->sent++;
}

struct marks {
    struct bytes pids[16];
    unsigned seen[16], count;
};

static void mark(void *who, struct bytes pid)
{
    struct marks *m = who;
    for (unsigned i = 0; i < m->count; i++)
        if (bytes_equal(m->pids[i], pid)) {
            m->seen[i]++;
            return;
        }
    CU_FAIL("a member that OTP's scope has not");
}

/* [{Group, [Pid]}]: the same groups, and in each the same members, once. */
static void replay_view(struct replay *r, struct etf_in *in)
{
    struct bytes entry, pid;
    struct buf status = {0};
    uint32_t groups = 0;
    for (struct etf_list l = etf_list(in); etf_next(&l, &entry); groups++) {
        struct etf_in e = etf_open(entry);
        struct marks marks = {0};
        struct term pids[16];
        etf_tuple_of(&e, 2);
        struct term group = replay_term(r, &e);
        for (struct etf_list p = etf_list(&e); etf_next(&p, &pid); marks.count++) {
            struct etf_in one = etf_open(pid);
            pids[marks.count] = replay_term(r, &one);
            marks.pids[marks.count] = term_bytes(&pids[marks.count]);
        }
        pg_members(r->w->scope, term_bytes(&group), mark, &marks);
        for (unsigned i = 0; i < marks.count; i++) {
            CU_ASSERT_EQUAL(marks.seen[i], 1);
            term_free(&pids[i]);
        }
        term_free(&group);
    }
    pg_status(r->w->scope, &status);
    struct etf_in map = etf_open(buf_bytes(&status));
    CU_ASSERT_EQUAL(etf_map(&map), groups);
    buf_free(&status);
    r->views++;
}

static void replay_record(struct replay *r, struct bytes external)
{
    struct bytes term = wall((struct bytes){external.at + 1, external.len - 1});
    size_t len;
    CU_ASSERT_EQUAL(etf_check(term, &len), OK);
    struct etf_in in = etf_open(term);
    etf_tuple(&in);
    if (etf_accept(&in, "start")) {
        etf_any(&in);
        etf_any(&in);
        must(canon_copy(&r->recorded, etf_any(&in)) == OK);
    } else if (etf_accept(&in, "nodeup")) {
        replay_nodeup(r, &in);
    } else if (etf_accept(&in, "join")) {
        replay_membership(r, &in, true);
    } else if (etf_accept(&in, "leave")) {
        replay_membership(r, &in, false);
    } else if (etf_accept(&in, "exit")) {
        replay_exit(r, &in);
    } else if (etf_accept(&in, "received")) {
        process_deliver(r->w->scope, etf_any(&in), &r->w->turn);
    } else if (etf_accept(&in, "sent")) {
        replay_sent(r, &in);
    } else if (etf_accept(&in, "view")) {
        replay_view(r, &in);
    }
    CU_ASSERT_EQUAL(etf_finish(&in), OK);
}

/* Our scope in the place of the recorded one says the same to the same at the
 * same points, and knows the same. */
static void replay(const char *name)
{
    struct replay r = {.w = world_new()};
    struct bytes trace = vector(name);
    while (trace.len > 0) {
        size_t len = (size_t)trace.at[2] << 8 | trace.at[3];
        must(trace.at[0] == 0 && trace.at[1] == 0 && len + 4 <= trace.len);
        replay_record(&r, (struct bytes){trace.at + 4, len});
        trace = (struct bytes){trace.at + 4 + len, trace.len - 4 - len};
    }
    CU_ASSERT_EQUAL(r.views, 8);
    CU_ASSERT_EQUAL(r.sent, 9);
    while (r.w->read < r.w->sent_count)
        CU_ASSERT_EQUAL(r.w->sent[r.w->read++].kind, SIGNAL_MONITOR);
    CU_ASSERT_EQUAL(r.w->lines, 0);
    CU_ASSERT_TRUE(pg_settled(r.w->scope, BYTES(B)));
    term_free(&r.recorded);
    world_free(r.w);
}

static void speaks_as_otp_25(void)
{
    replay("pg/otp25.trace");
}

static void speaks_as_otp_27(void)
{
    replay("pg/otp27.trace");
}

static void speaks_as_otp_29(void)
{
    replay("pg/otp29.trace");
}

/* --- discovery --------------------------------------------------------- */

static void answers_a_stranger_in_its_version(void)
{
    struct world *w = world_new();
    join(w, "{counter, <<\"hits\">>}", OURS);
    hear(w, "{discover, " B_SCOPE "}");
    watched(w, B_SCOPE);
    said(w, B_SCOPE, "{'$gen_cast', {sync, SELF, [{{counter, <<\"hits\">>}, [" OURS "]}]}}");
    said(w, B_SCOPE, "{discover, SELF}");
    hear(w, "{discover, #Pid<'a1@127.0.0.1'.80.0.7>, 1}");
    watched(w, "#Pid<'a1@127.0.0.1'.80.0.7>");
    said(w, "#Pid<'a1@127.0.0.1'.80.0.7>",
         "{'$gen_cast', {local_data, SELF, 1, #{{counter, <<\"hits\">>} => [" OURS "]}}}");
    said(w, "#Pid<'a1@127.0.0.1'.80.0.7>", "{discover, SELF, 1}");
    said_no_more(w);
    leave(w, "{counter, <<\"hits\">>}", OURS);
    said(w, "#Pid<'a1@127.0.0.1'.80.0.7>",
         "{update, SELF, [{{counter, <<\"hits\">>}, [], [" OURS "]}]}");
    said(w, B_SCOPE, "{leave, SELF, " OURS ", [{counter, <<\"hits\">>}]}");
    said_no_more(w);
    world_free(w);
}

static void only_answers_whom_it_knows(void)
{
    struct world *w = world_new();
    meet_b(w, "[]");
    hear(w, "{discover, " B_SCOPE "}");
    said(w, B_SCOPE, "{'$gen_cast', {sync, SELF, []}}");
    /* A newer scope raises its own version with any later greeting. */
    hear(w, "{discover, " B_SCOPE ", 7}");
    said(w, B_SCOPE, "{'$gen_cast', {local_data, SELF, 1, #{}}}");
    hear(w, "{discover, " B_SCOPE ", 0}");
    said(w, B_SCOPE, "{'$gen_cast', {sync, SELF, []}}");
    hear(w, "{'$gen_cast', {local_data, " B_SCOPE ", 1, #{}}}");
    join(w, "g", OURS);
    said(w, B_SCOPE, "{update, SELF, [{g, [" OURS "], []}]}");
    said_no_more(w);
    world_free(w);
}

static void greets_until_answered(void)
{
    struct world *w = world_new();
    pg_meet(w->scope, BYTES(B), 1, &w->turn);
    said(w, "grove", "{discover, SELF, 1}");
    wait_ms(w, LIMIT_DISCOVER_MS - 1);
    said_no_more(w);
    for (int i = 0; i < 3; i++) {
        wait_ms(w, LIMIT_DISCOVER_MS);
        said(w, "grove", "{discover, SELF, 1}");
    }
    CU_ASSERT_FALSE(pg_settled(w->scope, BYTES(B)));
    hear(w, "{discover, " B_SCOPE ", 1}");
    watched(w, B_SCOPE);
    said(w, B_SCOPE, "{'$gen_cast', {local_data, SELF, 1, #{}}}");
    said(w, B_SCOPE, "{discover, SELF, 1}");
    CU_ASSERT_FALSE(pg_settled(w->scope, BYTES(B)));
    wait_ms(w, LIMIT_DISCOVER_MS);
    said(w, B_SCOPE, "{discover, SELF, 1}");
    hear(w, "{'$gen_cast', {local_data, " B_SCOPE ", 1, #{}}}");
    CU_ASSERT_TRUE(pg_settled(w->scope, BYTES(B)));
    wait_ms(w, LIMIT_DISCOVER_MS);
    wait_ms(w, LIMIT_DISCOVER_MS);
    said_no_more(w);
    CU_ASSERT_EQUAL(processes_due(w->table), UINT64_MAX);
    world_free(w);
}

/* The scope of OTP 25 would end with badkey on a leave that it cannot place. */
static void tells_news_only_after_all(void)
{
    struct world *w = world_new();
    join(w, "g", OURS);
    pg_meet(w->scope, BYTES(B), 0, &w->turn);
    said(w, "grove", "{discover, SELF}");
    hear(w, "{'$gen_cast', {sync, " B_SCOPE ", []}}");
    watched(w, B_SCOPE);
    leave(w, "g", OURS);
    join(w, "h", OURS);
    said_no_more(w);
    wait_ms(w, LIMIT_DISCOVER_MS);
    said(w, B_SCOPE, "{'$gen_cast', {sync, SELF, [{h, [" OURS "]}]}}");
    said_no_more(w);
    leave(w, "h", OURS);
    said(w, B_SCOPE, "{leave, SELF, " OURS ", [h]}");
    wait_ms(w, LIMIT_DISCOVER_MS);
    said_no_more(w);
    world_free(w);
}

static void keeps_the_newer_version(void)
{
    struct world *w = world_new();
    hear(w, "{discover, " B_SCOPE ", 1}");
    w->read = w->sent_count;
    pg_meet(w->scope, BYTES(B), 0, &w->turn);
    said(w, B_SCOPE, "{discover, SELF, 1}");
    /* A sync may be the answer to an old greeting. */
    hear(w, "{'$gen_cast', {sync, " B_SCOPE ", []}}");
    join(w, "g", OURS);
    said(w, B_SCOPE, "{update, SELF, [{g, [" OURS "], []}]}");
    pg_forget(w->scope, BYTES(B), &w->turn);
    CU_ASSERT_EQUAL(next_of(w, SIGNAL_DEMONITOR)->kind, SIGNAL_DEMONITOR);
    pg_meet(w->scope, BYTES(B), 0, &w->turn);
    said(w, "grove", "{discover, SELF}");
    world_free(w);
}

/* --- peers that end ---------------------------------------------------- */

static void greets_again_when_a_scope_ends(void)
{
    struct world *w = world_new();
    meet_b(w, "[{g, [" B_ONE "]}, {h, [" B_TWO "]}]");
    wait_ms(w, LIMIT_DISCOVER_MS);
    join(w, "g", OURS);
    w->read = w->sent_count;
    buf_clear(&w->told);
    down(w, B_SCOPE, "killed");
    told(w, "-g:81 -h:82 ");
    said(w, "grove", "{discover, SELF}");
    CU_ASSERT_FALSE(pg_settled(w->scope, BYTES(B)));
    leave(w, "g", OURS);
    said_no_more(w);
    wait_ms(w, LIMIT_DISCOVER_MS);
    said(w, "grove", "{discover, SELF}");
    said_no_more(w);
    world_free(w);
}

/* A scope that our greeting kills must not be killed as fast as it restarts. */
static void does_not_chase_a_scope_that_keeps_ending(void)
{
    struct world *w = world_new();
    pg_meet(w->scope, BYTES(B), 1, &w->turn);
    said(w, "grove", "{discover, SELF, 1}");
    for (unsigned i = 0; i < 10; i++) {
        char pid[64], message[128];
        snprintf(pid, sizeof(pid), "#Pid<'" B "'.%u.0.7>", 100 + i);
        snprintf(message, sizeof(message), "{'$gen_cast', {sync, %s, []}}", pid);
        hear(w, message);
        watched(w, pid);
        wait_ms(w, 10);
        down(w, pid, "badarg");
        said_no_more(w);
    }
    wait_ms(w, LIMIT_DISCOVER_MS);
    said(w, "grove", "{discover, SELF, 1}");
    said_no_more(w);
    world_free(w);
}

static void forgets_a_node_that_is_down(void)
{
    struct world *w = world_new();
    meet_b(w, "[{g, [" B_ONE "]}]");
    wait_ms(w, LIMIT_DISCOVER_MS);
    w->cut = B;
    processes_node_down(w->table, BYTES(B), &w->turn);
    told(w, "-g:81 ");
    pg_forget(w->scope, BYTES(B), &w->turn);
    wait_ms(w, 10 * LIMIT_DISCOVER_MS);
    said_no_more(w);
    /* What was on its way when the connection went. */
    hear(w, "{discover, " B_SCOPE "}");
    hear(w, "{'$gen_cast', {sync, " B_SCOPE ", [{g, [" B_ONE "]}]}}");
    hear(w, "{join, " B_SCOPE ", g, " B_ONE "}");
    said_no_more(w);
    told(w, "");
    CU_ASSERT_EQUAL(processes_due(w->table), UINT64_MAX);
    world_free(w);
}

static void stops_greeting_a_node_that_is_down(void)
{
    struct world *w = world_new();
    pg_meet(w->scope, BYTES(B), 0, &w->turn);
    said(w, "grove", "{discover, SELF}");
    w->cut = B;
    wait_ms(w, LIMIT_DISCOVER_MS);
    said_no_more(w);
    CU_ASSERT_EQUAL(processes_due(w->table), UINT64_MAX);
    world_free(w);
}

static void takes_a_restarted_scope_for_the_old(void)
{
    struct world *w = world_new();
    meet_b(w, "[{g, [" B_ONE ", " B_TWO "]}]");
    hear(w, "{'$gen_cast', {sync, #Pid<'" B "'.90.0.7>, [{g, [" B_TWO "]}]}}");
    told(w, "-g:81 -g:82 +g:82 ");
    CU_ASSERT_EQUAL(next_of(w, SIGNAL_DEMONITOR)->kind, SIGNAL_DEMONITOR);
    watched(w, "#Pid<'" B "'.90.0.7>");
    said_no_more(w);
    /* The old one is a stranger now. */
    hear(w, "{join, " B_SCOPE ", g, " B_ONE "}");
    down(w, B_SCOPE, "killed");
    told(w, "");
    members_are(w, "g", "b182 ");
    world_free(w);
}

/* --- members ----------------------------------------------------------- */

static void tells_only_differences(void)
{
    struct world *w = world_new();
    meet_b(w, "[{g, [" B_ONE "]}, {h, [" B_ONE ", " B_TWO "]}]");
    hear(w, "{'$gen_cast', {sync, " B_SCOPE ", [{h, [" B_TWO "]}, {i, [" B_ONE "]}]}}");
    told(w, "+i:81 -g:81 -h:81 ");
    hear(w, "{'$gen_cast', {local_data, " B_SCOPE ", 1, #{h => [" B_TWO "], i => [" B_ONE "]}}}");
    told(w, "");
    hear(w, "{update, " B_SCOPE ", [{h, [" B_ONE "], [" B_TWO "]}, {i, [], []}, {j, [], []}]}");
    told(w, "-h:82 +h:81 ");
    hear(w, "{'$gen_cast', {local_data, " B_SCOPE ", 1, #{h => []}}}");
    told(w, "-i:81 -h:81 ");
    struct buf status = {0};
    pg_status(w->scope, &status);
    ASSERT_TERM(buf_bytes(&status), term_of("#{}"));
    buf_free(&status);
    world_free(w);
}

static void counts_how_often_one_joined(void)
{
    struct world *w = world_new();
    meet_b(w, "[{g, [" B_ONE ", " B_ONE "]}]");
    hear(w, "{join, " B_SCOPE ", g, [" B_ONE ", " B_TWO "]}");
    told(w, "+g:82 ");
    hear(w, "{leave, " B_SCOPE ", [" B_ONE "], [g, g]}");
    told(w, "");
    hear(w, "{leave, " B_SCOPE ", " B_ONE ", [g, nothing, g]}");
    told(w, "-g:81 ");
    /* A sync counts anew. */
    hear(w, "{join, " B_SCOPE ", g, " B_TWO "}");
    hear(w, "{'$gen_cast', {sync, " B_SCOPE ", [{g, [" B_TWO "]}]}}");
    hear(w, "{leave, " B_SCOPE ", " B_TWO ", [g]}");
    told(w, "-g:82 ");
    world_free(w);
}

static void ignores_news_of_strangers(void)
{
    struct world *w = world_new();
    hear(w, "{join, " B_SCOPE ", g, " B_ONE "}");
    hear(w, "{leave, " B_SCOPE ", " B_ONE ", [g]}");
    hear(w, "{update, " B_SCOPE ", [{g, [" B_ONE "], []}]}");
    told(w, "");
    said_no_more(w);
    CU_ASSERT_EQUAL(w->lines, 0);
    world_free(w);
}

static void drops_what_is_malformed(void)
{
    static const char *const messages[] = {
        "hello",
        "{}",
        "{discover}",
        "{discover, '" B "'}",
        "{discover, " B_SCOPE ", one}",
        "{discover, " B_SCOPE ", -1}",
        "{discover, #Pid<'c1@127.0.0.1'.1.0.9>}",
        "{sync, " B_SCOPE ", []}",
        "{'$gen_cast', {discover, " B_SCOPE "}}",
        "{'$gen_cast', {sync, " B_SCOPE ", #{}}}",
        "{'$gen_cast', {sync, " B_SCOPE ", [{h, [" B_ONE "]} | g]}}",
        "{'$gen_cast', {sync, " B_SCOPE ", [{h, [" B_ONE "]}, {g, " B_ONE "}]}}",
        "{'$gen_cast', {sync, " B_SCOPE ", [{h, [" B_ONE "]}, {g, [" B_ONE " | " B_ONE "]}]}}",
        "{'$gen_cast', {sync, " B_SCOPE ", [{h, [" B_ONE "]}, {g, [" A_ONE "]}]}}",
        "{'$gen_cast', {sync, " B_SCOPE ", [{h, [" B_ONE "]}, {g}]}}",
        "{'$gen_cast', {sync, " B_SCOPE ", [{h, [" B_ONE "]}, g]}}",
        "{'$gen_cast', {local_data, " B_SCOPE ", 1, []}}",
        "{'$gen_cast', {local_data, " B_SCOPE ", 1, #{h => [" B_ONE "], i => [1]}}}",
        "{'$gen_cast', {local_data, " B_SCOPE ", 1, #{h => [" B_ONE "], i => " B_ONE "}}}",
        "{join, " B_SCOPE ", h}",
        "{join, " B_SCOPE ", h, [" B_ONE ", " A_ONE "]}",
        "{join, " B_SCOPE ", h, [" B_ONE ", " OURS "]}",
        "{join, " B_SCOPE ", h, one}",
        "{leave, " B_SCOPE ", " B_ONE ", g}",
        "{leave, " B_SCOPE ", [" B_ONE ", one], [g]}",
        "{leave, " B_SCOPE ", [" B_ONE "], [g | g]}",
        "{update, " B_SCOPE ", [{g, [], [" B_ONE "]}, {h, [" B_ONE "]}]}",
        "{update, " B_SCOPE ", [{g, [], [" B_ONE "]}, {h, [" B_ONE "], " B_TWO "}]}",
        "{update, " B_SCOPE ", #{}}",
    };
    struct world *w = world_new();
    meet_b(w, "[{g, [" B_ONE "]}]");
    wait_ms(w, LIMIT_DISCOVER_MS);
    for (unsigned i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        hear(w, messages[i]);
        CU_ASSERT_EQUAL(w->lines, i + 1);
        told(w, "");
        said_no_more(w);
    }
    /* Something was lost with them: it is asked for, once. */
    CU_ASSERT_FALSE(pg_settled(w->scope, BYTES(B)));
    wait_ms(w, LIMIT_DISCOVER_MS);
    said(w, B_SCOPE, "{discover, SELF}");
    said_no_more(w);
    world_free(w);
}

/* A map with a key twice has no canonical form; text cannot say it. */
static void drops_a_group_that_is_no_term(void)
{
    struct world *w = world_new();
    struct buf message = {0};
    meet_b(w, "[]");
    put_tuple(&message, 4);
    put_atom(&message, "join");
    put_term(&message, term_of(B_SCOPE));
    put_map(&message, 2);
    for (int i = 0; i < 4; i++)
        put_int(&message, 1);
    put_term(&message, term_of(B_ONE));
    process_deliver(w->scope, wall(buf_bytes(&message)), &w->turn);
    told(w, "");
    CU_ASSERT_EQUAL(w->lines, 1);
    buf_free(&message);
    world_free(w);
}

static void members_of_this_node(void)
{
    struct world *w = world_new();
    meet_b(w, "[{g, [" B_TWO ", " B_ONE "]}]");
    join(w, "g", OURS_TOO);
    join(w, "g", OURS_TOO);
    join(w, "g", OURS);
    told(w, "+g:501 +g:500 ");
    said(w, B_SCOPE, "{join, SELF, g, " OURS_TOO "}");
    said(w, B_SCOPE, "{join, SELF, g, " OURS "}");
    hear(w, "{discover, #Pid<'a1@127.0.0.1'.80.0.7>}");
    hear(w, "{join, #Pid<'a1@127.0.0.1'.80.0.7>, g, " A_ONE "}");
    w->read = w->sent_count;
    members_are(w, "g", "c1501 c1500 a181 b182 b181 ");
    members_are(w, "nothing", "");
    leave(w, "g", OURS_TOO);
    leave(w, "g", OURS_TOO);
    leave(w, "nothing", OURS_TOO);
    told(w, "+g:81 -g:501 ");
    members_are(w, "g", "c1500 a181 b182 b181 ");
    world_free(w);
}

static void leaves_all_groups_at_once(void)
{
    struct world *w = world_new();
    join(w, "g", OURS);
    join(w, "1", OURS);
    join(w, "g", OURS_TOO);
    join(w, "h", OURS_TOO);
    meet_b(w, "[]");
    pg_leave_all(w->scope, term_of(OURS), &w->turn);
    said(w, B_SCOPE, "{leave, SELF, " OURS ", [1, g]}");
    told(w, "-1:500 -g:500 ");
    pg_leave_all(w->scope, term_of(OURS), &w->turn);
    said_no_more(w);
    told(w, "");
    struct buf status = {0};
    pg_status(w->scope, &status);
    ASSERT_TERM(buf_bytes(&status), term_of("#{g => 1, h => 1}"));
    buf_free(&status);
    world_free(w);
}

/* --- limits ------------------------------------------------------------ */

static void put_b_pids(struct buf *out, uint32_t count)
{
    put_list(out, count);
    for (uint32_t i = 0; i < count; i++)
        put_pid(out, BYTES(B), i, 0, 7);
    put_nil(out);
}

static void leaves_out_members_beyond_the_limit(void)
{
    struct world *w = world_new();
    struct buf message = {0};
    w->quiet = true;
    meet_b(w, "[]");
    put_tuple(&message, 4);
    put_atom(&message, "join");
    put_term(&message, term_of(B_SCOPE));
    put_atom(&message, "g");
    put_b_pids(&message, LIMIT_MEMBERS + 3);
    process_deliver(w->scope, buf_bytes(&message), &w->turn);
    CU_ASSERT_EQUAL(w->joined, LIMIT_MEMBERS);
    CU_ASSERT_EQUAL(w->lines, 1);
    join(w, "g", OURS);
    CU_ASSERT_EQUAL(w->joined, LIMIT_MEMBERS);
    CU_ASSERT_EQUAL(w->lines, 2);
    said_no_more(w);
    pg_forget(w->scope, BYTES(B), &w->turn);
    CU_ASSERT_EQUAL(w->left, LIMIT_MEMBERS);
    buf_free(&message);
    world_free(w);
}

static void refuses_a_leave_that_multiplies(void)
{
    struct world *w = world_new();
    struct buf message = {0};
    meet_b(w, "[{1, [" B_ONE "]}]");
    put_tuple(&message, 4);
    put_atom(&message, "leave");
    put_term(&message, term_of(B_SCOPE));
    put_b_pids(&message, 2000);
    put_list(&message, 2000);
    for (int i = 0; i < 2000; i++)
        put_int(&message, i);
    put_nil(&message);
    process_deliver(w->scope, buf_bytes(&message), &w->turn);
    told(w, "");
    CU_ASSERT_EQUAL(w->lines, 1);
    buf_free(&message);
    world_free(w);
}

/* 20 nodes with 10,000 groups each: minutes, if anything here were quadratic. */
static void many_groups_on_many_nodes(void)
{
    struct world *w = world_new();
    w->quiet = true;
    for (unsigned n = 0; n < 20; n++) {
        char name[32];
        snprintf(name, sizeof(name), "n%02u@host", n);
        struct buf m = {0};
        put_tuple(&m, 2);
        put_atom(&m, "$gen_cast");
        put_tuple(&m, 3);
        put_atom(&m, "sync");
        put_pid(&m, bytes_of(name), 1, 0, 7);
        put_list(&m, 10000);
        for (int g = 0; g < 10000; g++) {
            put_tuple(&m, 2);
            put_int(&m, g);
            put_list(&m, 1);
            put_pid(&m, bytes_of(name), 2, 0, 7);
            put_nil(&m);
        }
        put_nil(&m);
        process_deliver(w->scope, buf_bytes(&m), &w->turn);
        process_deliver(w->scope, buf_bytes(&m), &w->turn);
        buf_free(&m);
    }
    CU_ASSERT_EQUAL(w->joined, 200000);
    CU_ASSERT_EQUAL(w->left, 0);
    pg_forget(w->scope, BYTES("n07@host"), &w->turn);
    CU_ASSERT_EQUAL(w->left, 10000);
    process_exit(w->scope, term_of("shutdown"), &w->turn);
    CU_ASSERT_EQUAL(w->left, 200000);
    world_free(w);
}

/* --- as a process ------------------------------------------------------ */

static void answers_every_call(void)
{
    struct world *w = world_new();
    hear(w, "{'$gen_call', {" B_ONE ", tag}, {join_local, g, " B_ONE "}}");
    said(w, B_ONE, "{tag, {error, {unknown_request, {join_local, g, " B_ONE "}}}}");
    said_no_more(w);
    told(w, "");
    world_free(w);
}

static void shows_its_state(void)
{
    struct world *w = world_new();
    meet_b(w, "[{g, [" B_ONE "]}]");
    join(w, "g", OURS);
    pg_meet(w->scope, BYTES("a1@127.0.0.1"), 0, &w->turn);
    struct buf state = {0};
    process_kind(w->scope)->state(w->scope, &state);
    ASSERT_TERM(buf_bytes(&state),
                term_of("#{groups => #{g => 2}, "
                        "peers => #{'a1@127.0.0.1' => undefined, '" B "' => " B_SCOPE "}}"));
    buf_free(&state);
    world_free(w);
}

static void ends_with_everybody_elses_leaving(void)
{
    struct world *w = world_new();
    meet_b(w, "[{g, [" B_ONE "]}]");
    join(w, "g", OURS);
    CU_ASSERT_TRUE(pg_is_scope(w->scope));
    buf_clear(&w->told);
    process_exit(w->scope, term_of("shutdown"), &w->turn);
    told(w, "-g:81 ");
    CU_ASSERT_EQUAL(processes_due(w->table), UINT64_MAX);
    w->read = w->sent_count;
    pg_meet(w->scope, BYTES(B), 0, &w->turn);
    join(w, "h", OURS);
    pg_leave_all(w->scope, term_of(OURS), &w->turn);
    pg_forget(w->scope, BYTES(B), &w->turn);
    said_no_more(w);
    processes_tidy(w->table);
    world_free(w);
}

static void one_scope_of_a_name(void)
{
    struct world *w = world_new();
    struct pg_listener listener = {on_joined, on_left, w};
    CU_ASSERT_PTR_NULL(pg_start(w->table, BYTES("grove"), &listener));
    CU_ASSERT_PTR_NOT_NULL(pg_start(w->table, BYTES("pg"), &listener));
    world_free(w);
}

SUITE("pg", TEST(speaks_as_otp_25), TEST(speaks_as_otp_27), TEST(speaks_as_otp_29),
      TEST(answers_a_stranger_in_its_version), TEST(only_answers_whom_it_knows),
      TEST(greets_until_answered), TEST(tells_news_only_after_all), TEST(keeps_the_newer_version),
      TEST(greets_again_when_a_scope_ends), TEST(does_not_chase_a_scope_that_keeps_ending),
      TEST(forgets_a_node_that_is_down), TEST(stops_greeting_a_node_that_is_down),
      TEST(takes_a_restarted_scope_for_the_old), TEST(tells_only_differences),
      TEST(counts_how_often_one_joined), TEST(ignores_news_of_strangers),
      TEST(drops_what_is_malformed), TEST(drops_a_group_that_is_no_term),
      TEST(members_of_this_node), TEST(leaves_all_groups_at_once),
      TEST(leaves_out_members_beyond_the_limit), TEST(refuses_a_leave_that_multiplies),
      TEST(many_groups_on_many_nodes), TEST(answers_every_call), TEST(shows_its_state),
      TEST(ends_with_everybody_elses_leaving), TEST(one_scope_of_a_name))
