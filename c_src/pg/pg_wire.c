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
    uint32_t arity;
    bool versioned; /* the first field is a version */
    enum pg_verb verb;
} shapes[] = {
    {GEN_INFO, "discover", 2, false, PG_DISCOVER}, {GEN_INFO, "discover", 3, true, PG_DISCOVER},
    {GEN_CAST, "sync", 3, false, PG_SYNC},         {GEN_CAST, "local_data", 4, true, PG_LOCAL_DATA},
    {GEN_INFO, "join", 4, false, PG_JOIN},         {GEN_INFO, "leave", 4, false, PG_LEAVE},
    {GEN_INFO, "update", 3, false, PG_UPDATE},
};

static const struct shape *read_shape(struct etf_in *in, enum gen_kind kind)
{
    uint32_t arity = etf_tuple(in);
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        const struct shape *s = &shapes[i];
        if (s->kind == kind && s->arity == arity && etf_accept(in, s->name))
            return s;
    }
    return NULL;
}

enum err pg_read_pid(struct buf *out, struct bytes raw)
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
    enum err err = pg_read_pid(&m->sender, etf_any(&in));
    if (s->versioned)
        m->version = etf_uint64(&in) == 0 ? 0 : PG_VERSION;
    if (m->verb != PG_DISCOVER)
        m->fields = etf_last(&in);
    return err != OK ? err : etf_finish(&in);
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
