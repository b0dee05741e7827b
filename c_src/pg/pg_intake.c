#include "pg_intake.h"

#include "../limits.h"
#include "../mem.h"
#include "pg_cursor.h"

struct pg_intake {
    struct pg_intake *next;
    struct buf bytes; /* of a large message; a small one stays where it is */
    uint64_t hold;
    struct buf reader; /* of its turn */
    struct pg_message message;
    struct pg_cursor cursor;
    /* What comes next; NULL when it is done. */
    void (*stage)(struct scope *s, struct pg_intake *i, struct turn *t);
    struct remote_scope *remote; /* once the message is valid */
    size_t refused;
};

/* Nanoseconds of a process that joins or leaves a group, and of the first in a group or the last,
 * beyond their bytes: the group is allocated or freed, in memory that is not in the cache.  One
 * more for each byte of the group's name, by which it is found. */
#define WORK_PAIR  500
#define WORK_GROUP 600

static bool is_whole(const struct pg_message *m)
{
    return m->verb == PG_SYNC || m->verb == PG_LOCAL_DATA;
}

/* --- applied ----------------------------------------------------------- */

static void replace(struct scope *s, struct pg_intake *i, struct turn *t)
{
    struct scope_turn on = {s, t};
    struct roster_source *members = i->remote->members;
    struct roster_visitor removed = {pg_on_removed, &on};
    size_t count = roster_replace_end(s->roster, members, LIMIT_LEAVING, &removed);
    turn_worked(t, WORK_PAIR * count);
    if (roster_is_replacing(members))
        return;
    i->remote->node->settled = true;
    i->stage = NULL;
}

static void join_group(struct scope *s, struct pg_intake *i, struct turn *t)
{
    struct bytes group = buf_bytes(&i->cursor.group), pid = buf_bytes(&i->cursor.pid);
    struct scope_turn on = {s, t};
    struct roster_source *members = i->remote->members;
    roster_make_room(s->roster, members, group, &(struct roster_visitor){pg_on_removed, &on});
    enum roster_change change = roster_add(s->roster, members, group, pid);
    if (change == ROSTER_NEW)
        pg_joined(s, group, pid, t);
    else if (change == ROSTER_FULL)
        i->refused++;
}

static void leave_group(struct scope *s, const struct pg_intake *i, struct turn *t)
{
    struct bytes group = buf_bytes(&i->cursor.group), pid = buf_bytes(&i->cursor.pid);
    if (roster_remove(s->roster, i->remote->members, group, pid))
        pg_left(s, group, pid, t);
}

static void apply_pair(struct scope *s, struct pg_intake *i, struct turn *t)
{
    const struct roster_source *members = i->remote->members;
    size_t groups = roster_source_groups(members);
    if (i->cursor.joins)
        join_group(s, i, t);
    else
        leave_group(s, i, t);
    bool other = roster_source_groups(members) != groups;
    turn_worked(t, WORK_PAIR + i->cursor.group.len + (other ? WORK_GROUP : 0));
}

static void applied(struct scope *s, struct pg_intake *i, struct turn *t)
{
    must(i->cursor.err == OK);
    struct bytes node = node_of(pg_remote_pid(i->remote));
    if (i->refused > 0)
        pg_refused(s, t, "%zu members on %.*s: %s", i->refused, TEXT(node), err_text(ERR_LIMIT));
    i->stage = is_whole(&i->message) ? replace : NULL;
}

static void apply(struct scope *s, struct pg_intake *i, struct turn *t)
{
    enum pg_found found = pg_next(&i->cursor);
    turn_worked(t, i->cursor.work);
    if (found == PG_PAIR)
        apply_pair(s, i, t);
    else if (found == PG_END)
        applied(s, i, t);
}

/* --- validated --------------------------------------------------------- */

/* The message is valid.  Changes are those of a scope whose members are known. */
static void begin(struct scope *s, struct pg_intake *i, struct turn *t)
{
    struct bytes pid = buf_bytes(&i->message.sender);
    i->remote = pg_remote_of_pid(s, pid);
    if (i->remote == NULL && is_whole(&i->message))
        i->remote = pg_remote_add(s, pid, t);
    i->stage = NULL;
    if (i->remote == NULL)
        return;
    /* A sync does not show the peer's own version: it has the version of our discover. */
    if (i->message.verb == PG_LOCAL_DATA)
        i->remote->version = i->message.version;
    if (is_whole(&i->message))
        roster_replace_begin(i->remote->members);
    pg_close(&i->cursor);
    pg_open(&i->cursor, &i->message);
    i->stage = apply;
}

static void validate(struct scope *s, struct pg_intake *i, struct turn *t)
{
    enum pg_found found = pg_next(&i->cursor);
    turn_worked(t, i->cursor.work);
    if (found != PG_END)
        return;
    enum err err = i->cursor.err;
    if (err == OK) {
        begin(s, i, t);
        return;
    }
    pg_refuse(s, buf_bytes(&i->message.sender), err, t);
    i->stage = NULL;
}

/* --- at once, or in parts ---------------------------------------------- */

/* Reads the message, which pg_read() has accepted before. */
static void open_message(struct pg_intake *i, const struct gen_message *gen)
{
    enum err err = pg_read(&i->message, gen);
    must(err == OK);
    pg_open(&i->cursor, &i->message);
    i->stage = validate;
}

static void close_message(struct pg_intake *i)
{
    pg_close(&i->cursor);
    buf_free(&i->message.sender);
}

/* Up to so much work. */
static void work(struct scope *s, struct pg_intake *i, uint64_t most, struct turn *t)
{
    for (uint64_t before = t->work; i->stage != NULL && t->work - before <= most;)
        i->stage(s, i, t);
}

static void append(struct scope *s, struct pg_intake *i)
{
    struct pg_intake **end = &s->intakes;
    while (*end != NULL)
        end = &(*end)->next;
    *end = i;
    i->next = NULL;
}

static bool open_large(struct scope *s, const struct gen_message *gen, struct turn *t)
{
    bool remote = t->node.len > 0 && t->post->hold != NULL;
    uint64_t hold = remote ? t->post->hold(t->post, t->node) : 0;
    if (hold == 0)
        return false;
    struct pg_intake *i = mem_take(sizeof(*i));
    *i = (struct pg_intake){.hold = hold};
    buf_put(&i->bytes, gen->request);
    buf_put(&i->reader, t->reader);
    open_message(i, &(struct gen_message){.kind = gen->kind, .request = buf_bytes(&i->bytes)});
    append(s, i);
    pg_set_wake(s, t);
    return true;
}

/* Whether it may take long: a leave names groups times processes, and what replaces many members
 * removes them. */
static bool is_large(const struct scope *s, const struct pg_message *m, size_t len)
{
    const struct remote_scope *remote = pg_remote_of_pid(s, buf_bytes(&m->sender));
    if (is_whole(m) && remote != NULL && roster_source_members(remote->members) > LIMIT_LEAVING)
        return true;
    return len > (m->verb == PG_LEAVE ? LIMIT_LEAVE_BYTES : LIMIT_GROUPS_BYTES);
}

void pg_intake(struct scope *s, const struct pg_message *m, const struct gen_message *gen,
               struct turn *t)
{
    if (is_large(s, m, gen->request.len) && open_large(s, gen, t))
        return;
    struct pg_intake i = {0};
    open_message(&i, gen);
    work(s, &i, UINT64_MAX, t);
    close_message(&i);
}

/* It must be open; s->intakes may be another one afterwards. */
static void drop(struct scope *s, struct pg_intake *i, struct turn *t)
{
    struct pg_intake **at = &s->intakes;
    while (*at != i)
        at = &(*at)->next;
    *at = i->next;
    if (t != NULL)
        t->post->release(t->post, i->hold);
    close_message(i);
    buf_free(&i->reader);
    buf_free(&i->bytes);
    mem_free(i);
}

/* As in the turn in which the message came; ends it when it is done. */
static void go_on(struct scope *s, struct pg_intake *i, uint64_t most, struct turn *t)
{
    struct bytes node = turn_for(t, node_of(buf_bytes(&i->message.sender))), reader = t->reader;
    t->reader = buf_bytes(&i->reader);
    work(s, i, most, t);
    t->reader = reader;
    turn_for(t, node);
    if (i->stage == NULL)
        drop(s, i, t);
}

bool pg_intake_is_open(const struct scope *s)
{
    return s->intakes != NULL;
}

void pg_intake_wake(struct scope *s, struct turn *t)
{
    struct pg_intake *i = s->intakes;
    if (i == NULL)
        return;
    s->intakes = i->next;
    append(s, i);
    go_on(s, i, LIMIT_STEP_WORK, t);
}

void pg_intake_finish(struct scope *s, struct turn *t)
{
    while (s->intakes != NULL)
        go_on(s, s->intakes, UINT64_MAX, t);
}

static struct pg_intake *find(const struct scope *s, struct bytes node)
{
    struct pg_intake *i = s->intakes;
    while (i != NULL && !bytes_equal(node_of(buf_bytes(&i->message.sender)), node))
        i = i->next;
    return i;
}

void pg_intake_finish_node(struct scope *s, struct bytes node, struct turn *t)
{
    struct pg_intake *i = find(s, node);
    if (i != NULL)
        go_on(s, i, UINT64_MAX, t);
}

void pg_intake_drop_node(struct scope *s, struct bytes node, struct turn *t)
{
    struct pg_intake *i = find(s, node);
    if (i != NULL)
        drop(s, i, t);
}

void pg_intake_drop_scope(struct scope *s, const struct remote_scope *remote, struct turn *t)
{
    for (struct pg_intake *i = s->intakes, *next; i != NULL; i = next) {
        next = i->next;
        if (i->remote == remote)
            drop(s, i, t);
    }
}

void pg_intake_free(struct scope *s, struct turn *t)
{
    while (s->intakes != NULL)
        drop(s, s->intakes, t);
}
