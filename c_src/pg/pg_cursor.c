#include "pg_cursor.h"

#include "../limits.h"
#include "../otp/turn.h"

/* Nanoseconds of a part, and of a byte that is skipped or made canonical. */
#define WORK_PART 50
#define WORK_BYTE 4

static void next_group(struct pg_cursor *c);
static void read_pids(struct pg_cursor *c);

static void end(struct pg_cursor *c)
{
    c->err = etf_finish(&c->in);
    c->stage = NULL;
}

/* --- processes --------------------------------------------------------- */

static void take_pid(struct pg_cursor *c, struct bytes raw)
{
    c->err = pg_read_pid(&c->pid, raw);
    if (c->err != OK)
        return;
    /* A leave names groups times processes: a short message could cost a long time. */
    if (c->message->verb == PG_LEAVE && ++c->leaves > LIMIT_LEAVES)
        c->err = ERR_LIMIT;
    else if (!bytes_equal(node_of(buf_bytes(&c->pid)), c->node))
        c->err = ERR_SHAPE;
    c->found = c->err == OK;
}

static void begin_pids(struct pg_cursor *c, struct etf_in *in, bool joins)
{
    c->joins = joins;
    c->pids = (struct etf_list){.in = in};
    bool alone = c->message->verb == PG_JOIN || c->message->verb == PG_LEAVE;
    if (alone && etf_peek(in) == ETF_PID)
        take_pid(c, etf_any(in));
    else
        c->pids = etf_list(in);
    c->stage = read_pids;
}

static void end_pids(struct pg_cursor *c)
{
    c->err = c->pids.in->err;
    if (c->err != OK)
        return;
    c->stage = c->message->verb == PG_JOIN ? end : next_group;
    if (c->message->verb == PG_UPDATE && !c->joins) {
        c->aside = etf_open(c->joining);
        begin_pids(c, &c->aside, true);
    }
}

static void read_pids(struct pg_cursor *c)
{
    if (!etf_more(&c->pids))
        end_pids(c);
    else if (etf_peek(c->pids.in) == ETF_PID)
        take_pid(c, etf_any(c->pids.in));
    else
        c->err = ERR_SHAPE;
}

/* --- groups ------------------------------------------------------------ */

static void begin_skip(struct pg_cursor *c, void (*stage)(struct pg_cursor *c))
{
    c->from = c->in.at;
    c->skip = 1;
    c->stage = stage;
}

/* The next term at the cursor is skipped in parts; false until it is. */
static bool skip(struct pg_cursor *c, struct bytes *term)
{
    const uint8_t *at = c->in.at;
    bool all = etf_skip(&c->in, &c->skip, LIMIT_CHECK_BYTES);
    c->work += (uint64_t)(c->in.at - at);
    *term = (struct bytes){c->from, (size_t)(c->in.at - c->from)};
    c->err = c->in.err;
    return all && c->err == OK;
}

/* {Group, Added, Removed}: like pg.erl, those that leave first. */
static void skip_joining(struct pg_cursor *c)
{
    if (skip(c, &c->joining))
        begin_pids(c, &c->in, false);
}

static void end_name(struct pg_cursor *c)
{
    if (c->err != OK)
        return;
    if (c->message->verb == PG_UPDATE) {
        begin_skip(c, skip_joining);
    } else if (c->message->verb == PG_LEAVE) {
        c->aside = etf_open(c->leaving);
        begin_pids(c, &c->aside, false);
    } else {
        begin_pids(c, &c->in, true);
    }
}

static void canonize_name(struct pg_cursor *c)
{
    c->work += LIMIT_STEP_WORK;
    if (!canon_step(c->canon, LIMIT_STEP_WORK, &c->err))
        return;
    canon_close(c->canon);
    c->canon = NULL;
    end_name(c);
}

static void take_name(struct pg_cursor *c, struct bytes raw)
{
    buf_clear(&c->group);
    if (raw.len > LIMIT_CHECK_BYTES) {
        c->canon = canon_open(&c->group, raw);
        c->stage = canonize_name;
        return;
    }
    c->work += raw.len * WORK_BYTE;
    c->err = canon_put(&c->group, raw);
    end_name(c);
}

static void read_name(struct pg_cursor *c)
{
    struct bytes raw;
    if (skip(c, &raw))
        take_name(c, raw);
}

static void begin_name(struct pg_cursor *c)
{
    begin_skip(c, read_name);
    read_name(c);
}

static void next_of_map(struct pg_cursor *c)
{
    if (c->left == 0) {
        end(c);
        return;
    }
    c->left--;
    begin_name(c);
}

static void next_of_list(struct pg_cursor *c)
{
    if (!etf_more(&c->groups)) {
        end(c);
        return;
    }
    etf_tuple_of(&c->in, c->message->verb == PG_UPDATE ? 3 : 2);
    c->err = c->in.err;
    if (c->err == OK)
        begin_name(c);
}

/* The names may be a string. */
static void next_left(struct pg_cursor *c)
{
    struct bytes raw;
    if (etf_next(&c->groups, &raw))
        take_name(c, raw);
    else
        end(c);
}

static void next_group(struct pg_cursor *c)
{
    if (c->message->verb == PG_LOCAL_DATA)
        next_of_map(c);
    else if (c->message->verb == PG_LEAVE)
        next_left(c);
    else
        next_of_list(c);
}

/* --- messages ---------------------------------------------------------- */

static void skip_leaving(struct pg_cursor *c)
{
    if (!skip(c, &c->leaving))
        return;
    c->groups = etf_list(&c->in);
    c->stage = next_group;
}

void pg_open(struct pg_cursor *c, const struct pg_message *message)
{
    must(message->verb != PG_DISCOVER);
    *c = (struct pg_cursor){.message = message,
                            .node = node_of(buf_bytes(&message->sender)),
                            .in = etf_open(message->fields),
                            .stage = next_group};
    if (message->verb == PG_JOIN)
        begin_skip(c, read_name);
    else if (message->verb == PG_LEAVE)
        begin_skip(c, skip_leaving);
    else if (message->verb == PG_LOCAL_DATA)
        c->left = etf_map(&c->in);
    else
        c->groups = etf_list(&c->in);
}

enum pg_found pg_next(struct pg_cursor *c)
{
    c->found = false;
    c->work = WORK_PART;
    c->stage(c);
    if (c->err != OK)
        c->stage = NULL;
    if (c->stage == NULL)
        return PG_END;
    return c->found ? PG_PAIR : PG_PART;
}

void pg_close(struct pg_cursor *c)
{
    canon_close(c->canon);
    buf_free(&c->group);
    buf_free(&c->pid);
}
