#include "pg_wire.h"

#include <string.h>

#include "../limits.h"
#include "../mem.h"
#include "../term/canon.h"
#include "../term/etf.h"
#include "../term/write.h"

/* --- reading ----------------------------------------------------------- */

/* Every message is {Name, ScopePid, Field...}. */
static const struct shape {
    enum gen_kind kind;
    const char *name;
    const char *fields; /* v version, g groups, p pids */
    enum pg_verb verb;
} shapes[] = {
    {GEN_INFO, "discover", "", PG_DISCOVER}, {GEN_INFO, "discover", "v", PG_DISCOVER},
    {GEN_CAST, "sync", "g", PG_SYNC},        {GEN_CAST, "local_data", "vg", PG_LOCAL_DATA},
    {GEN_INFO, "join", "gp", PG_JOIN},       {GEN_INFO, "leave", "pg", PG_LEAVE},
    {GEN_INFO, "update", "g", PG_UPDATE},
};

static const struct shape *read_shape(struct etf_in *in, enum gen_kind kind)
{
    uint32_t arity = etf_tuple(in);
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        const struct shape *s = &shapes[i];
        if (s->kind == kind && strlen(s->fields) + 2 == arity && etf_accept(in, s->name))
            return s;
    }
    return NULL;
}

/* Replaces out with the pid, made canonical. */
static enum err read_pid(struct buf *out, struct bytes raw)
{
    struct etf_in in = etf_open(raw);
    buf_clear(out);
    return etf_peek(&in) == ETF_PID ? canon_put(out, raw) : ERR_SHAPE;
}

enum err pg_read(struct pg_message *m, const struct gen_message *gen)
{
    *m = (struct pg_message){0};
    struct etf_in in = etf_open(gen->request);
    const struct shape *s = read_shape(&in, gen->kind);
    if (s == NULL)
        return ERR_SHAPE;
    m->verb = s->verb;
    enum err err = read_pid(&m->sender, etf_any(&in));
    for (const char *field = s->fields; *field != '\0'; field++) {
        if (*field == 'v')
            m->version = etf_uint64(&in) == 0 ? 0 : PG_VERSION;
        else if (*field == 'g')
            m->groups = etf_any(&in);
        else
            m->pids = etf_any(&in);
    }
    return err != OK ? err : etf_finish(&in);
}

struct walk {
    const struct pg_message *m;
    const struct pg_visitor *visitor;
    struct bytes node; /* of the sender */
    struct buf group, pid;
    size_t leaves;
    enum err err;
};

static void walk_pid(struct walk *w, bool joins, struct bytes raw)
{
    w->err = read_pid(&w->pid, raw);
    if (w->err != OK)
        return;
    /* A leave names groups times processes: a short message could cost a long time. */
    if (w->m->verb == PG_LEAVE && ++w->leaves > LIMIT_LEAVES)
        w->err = ERR_LIMIT;
    else if (!bytes_equal(node_of(buf_bytes(&w->pid)), w->node))
        w->err = ERR_SHAPE;
    else if (w->visitor != NULL)
        w->visitor->visit(w->visitor->who, joins, buf_bytes(&w->group), buf_bytes(&w->pid));
}

static void walk_pids(struct walk *w, bool joins, struct bytes raw)
{
    struct etf_in in = etf_open(raw);
    struct bytes pid;
    if (etf_peek(&in) == ETF_PID && (w->m->verb == PG_JOIN || w->m->verb == PG_LEAVE)) {
        walk_pid(w, joins, raw);
        return;
    }
    for (struct etf_list l = etf_list(&in); w->err == OK && etf_next(&l, &pid);)
        walk_pid(w, joins, pid);
    if (w->err == OK)
        w->err = etf_finish(&in);
}

static void walk_group(struct walk *w, struct bytes raw)
{
    buf_clear(&w->group);
    w->err = canon_put(&w->group, raw);
}

/* {Group, Pids} of a sync, or {Group, Added, Removed} of an update.  Like pg.erl, those that
 * leave first. */
static void walk_entry(struct walk *w, struct bytes raw)
{
    bool update = w->m->verb == PG_UPDATE;
    struct etf_in in = etf_open(raw);
    etf_tuple_of(&in, update ? 3 : 2);
    struct bytes group = etf_any(&in), joining = etf_any(&in), leaving = {0};
    if (update)
        leaving = etf_any(&in);
    w->err = etf_finish(&in);
    if (w->err == OK)
        walk_group(w, group);
    if (w->err == OK && update)
        walk_pids(w, false, leaving);
    if (w->err == OK)
        walk_pids(w, true, joining);
}

static void walk_list(struct walk *w)
{
    struct etf_in in = etf_open(w->m->groups);
    struct bytes element;
    for (struct etf_list l = etf_list(&in); w->err == OK && etf_next(&l, &element);) {
        if (w->m->verb != PG_LEAVE) {
            walk_entry(w, element);
            continue;
        }
        walk_group(w, element);
        if (w->err == OK)
            walk_pids(w, false, w->m->pids);
    }
    if (w->err == OK)
        w->err = etf_finish(&in);
}

static void walk_map(struct walk *w)
{
    struct etf_in in = etf_open(w->m->groups);
    for (uint32_t left = etf_map(&in); w->err == OK && left > 0; left--) {
        walk_group(w, etf_any(&in));
        struct bytes pids = etf_any(&in);
        if (w->err == OK)
            walk_pids(w, true, pids);
    }
    if (w->err == OK)
        w->err = etf_finish(&in);
}

enum err pg_walk(const struct pg_message *m, const struct pg_visitor *visitor)
{
    struct walk w = {.m = m, .visitor = visitor, .node = node_of(buf_bytes(&m->sender))};
    if (m->verb == PG_JOIN) {
        walk_group(&w, m->groups);
        if (w.err == OK)
            walk_pids(&w, true, m->pids);
    } else if (m->verb == PG_LOCAL_DATA) {
        walk_map(&w);
    } else if (m->verb != PG_DISCOVER) {
        walk_list(&w);
    }
    buf_free(&w.group);
    buf_free(&w.pid);
    return w.err;
}

/* --- writing ----------------------------------------------------------- */

static void put_head(struct buf *out, uint32_t arity, const char *name, struct bytes self)
{
    put_tuple(out, arity);
    put_atom(out, name);
    put_term(out, self);
}

void pg_put_discover(struct buf *out, struct bytes self, unsigned version)
{
    put_head(out, version == 0 ? 2 : 3, "discover", self);
    if (version > 0)
        put_uint(out, PG_VERSION);
}

static void put_pid_of(void *who, struct bytes group, struct bytes pid)
{
    (void)group;
    put_term(who, pid);
}

static void put_members(struct buf *out, const struct roster *roster,
                        const struct roster_source *source, struct bytes group)
{
    size_t count = roster_count(roster, source, group);
    must(count > 0);
    put_list(out, (uint32_t)count);
    roster_walk(roster, source, group, &(struct roster_visitor){put_pid_of, out});
    put_nil(out);
}

void pg_put_members(struct buf *out, struct bytes self, unsigned version,
                    const struct roster *roster, const struct roster_source *source)
{
    size_t count;
    struct bytes *groups = roster_groups(roster, source, &count);
    put_tuple(out, 2);
    put_atom(out, "$gen_cast");
    if (version == 0) {
        put_head(out, 3, "sync", self);
        if (count > 0)
            put_list(out, (uint32_t)count);
    } else {
        put_head(out, 4, "local_data", self);
        put_uint(out, PG_VERSION);
        put_map(out, (uint32_t)count);
    }
    for (size_t i = 0; i < count; i++) {
        if (version == 0)
            put_tuple(out, 2);
        put_term(out, groups[i]);
        put_members(out, roster, source, groups[i]);
    }
    if (version == 0)
        put_nil(out);
    mem_free(groups);
}

static void put_groups(struct buf *out, const struct pg_change *change)
{
    put_list(out, (uint32_t)change->count);
    for (size_t i = 0; i < change->count; i++)
        put_term(out, change->groups[i]);
    put_nil(out);
}

static void put_one(struct buf *out, struct bytes pid)
{
    put_list(out, 1);
    put_term(out, pid);
    put_nil(out);
}

static void put_update(struct buf *out, struct bytes self, const struct pg_change *change)
{
    put_head(out, 3, "update", self);
    put_list(out, (uint32_t)change->count);
    for (size_t i = 0; i < change->count; i++) {
        put_tuple(out, 3);
        put_term(out, change->groups[i]);
        if (!change->joins)
            put_nil(out);
        put_one(out, change->pid);
        if (change->joins)
            put_nil(out);
    }
    put_nil(out);
}

void pg_put_change(struct buf *out, struct bytes self, unsigned version,
                   const struct pg_change *change)
{
    must(change->count == 1 || (change->count > 1 && !change->joins));
    if (version > 0) {
        put_update(out, self, change);
    } else if (change->joins) {
        put_head(out, 4, "join", self);
        put_term(out, change->groups[0]);
        put_term(out, change->pid);
    } else {
        put_head(out, 4, "leave", self);
        put_term(out, change->pid);
        put_groups(out, change);
    }
}
