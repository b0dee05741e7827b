/* Replays dialogues of the scopes of OTP 25, 27 and 29, recorded with
 * test/vectors/pg/record.escript, with our scope in place of the recorded one. */
#include "pg_world.h"

/* A term of a trace, canonical, with the recorded scope's pid replaced by ours, which has the
 * same length. */
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

/* The next message that our scope sent; skips monitors. */
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
    CU_FAIL("OTP's scope does not have this member");
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

/* Our scope sends the same messages to the same processes at the same points as the recorded
 * one, and has the same members. */
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

static void replays_otp_25(void)
{
    replay("pg/otp25.trace");
}

static void replays_otp_27(void)
{
    replay("pg/otp27.trace");
}

static void replays_otp_29(void)
{
    replay("pg/otp29.trace");
}

SUITE("pg recorded", TEST(replays_otp_25), TEST(replays_otp_27), TEST(replays_otp_29))
