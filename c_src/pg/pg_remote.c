#include "../limits.h"
#include "../mem.h"
#include "../otp/watch.h"
#include "../sorted.h"
#include "pg_scope.h"

/* --- finding ----------------------------------------------------------- */

struct bytes pg_remote_node(const struct remote_scope *remote)
{
    return roster_node_name(remote->members);
}

static int compare_name(const void *element, const void *key)
{
    struct remote_scope *const *remote = element;
    const struct bytes *node = key;
    return bytes_compare(pg_remote_node(*remote), *node);
}

/* The node's index among the remotes, or where it would be inserted. */
static size_t place_of(const struct scope *s, struct bytes node)
{
    return sorted_place(s->remotes, s->count, sizeof(*s->remotes), &node, compare_name);
}

struct remote_scope *pg_remote_find(const struct scope *s, struct bytes node)
{
    struct remote_scope **found =
        sorted_find(s->remotes, s->count, sizeof(*s->remotes), &node, compare_name);
    return found != NULL ? *found : NULL;
}

struct remote_scope *pg_remote_of_pid(const struct scope *s, struct bytes pid)
{
    struct remote_scope *remote = pg_remote_find(s, node_of(pid));
    return remote != NULL && bytes_equal(term_bytes(&remote->pid), pid) ? remote : NULL;
}

struct remote_scope *pg_remote_of_watch(const struct scope *s, uint64_t watch)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->remotes[i]->watch == watch)
            return s->remotes[i];
    return NULL;
}

/* --- adding and removing ----------------------------------------------- */

struct remote_scope *pg_remote_ensure(struct scope *s, struct bytes node)
{
    struct remote_scope *remote = pg_remote_find(s, node);
    if (remote != NULL)
        return remote;
    size_t place = place_of(s, node);
    remote = mem_take(sizeof(*remote));
    remote->members = roster_node_new(node, false);
    s->remotes = sorted_insert(s->remotes, &s->count, &s->cap, sizeof(*s->remotes), place);
    s->remotes[place] = remote;
    return remote;
}

struct remote_scope *pg_remote_adopt(struct scope *s, struct bytes pid, struct turn *t)
{
    must(pg_remote_of_pid(s, pid) == NULL);
    if (!t->post->connected(t->post, node_of(pid)))
        return NULL;
    struct remote_scope *remote = pg_remote_ensure(s, node_of(pid));
    pg_remote_reset(s, remote, t);
    remote->pid = term_copy(pid);
    remote->watch = watch_start(s->process, &(struct address){.pid = pid}, t);
    pg_schedule_retry(s, t);
    return remote;
}

void pg_remote_reset(struct scope *s, struct remote_scope *remote, struct turn *t)
{
    if (remote->watch != 0)
        watch_stop(s->process, remote->watch, t);
    remote->watch = 0;
    remote->settled = remote->informed = remote->absent = false;
    term_free(&remote->pid);
    struct scope_turn on = {s, t};
    roster_clear(s->roster, remote->members, &(struct roster_visitor){pg_on_removed, &on});
}

void pg_remote_free(struct remote_scope *remote)
{
    roster_node_free(remote->members);
    term_free(&remote->pid);
    mem_free(remote);
}

void pg_remote_remove(struct scope *s, struct remote_scope *remote, struct turn *t)
{
    pg_remote_reset(s, remote, t);
    size_t place = place_of(s, pg_remote_node(remote));
    must(s->remotes[place] == remote);
    sorted_remove(s->remotes, &s->count, sizeof(*s->remotes), place);
    pg_remote_free(remote);
}

/* --- sending ----------------------------------------------------------- */

void pg_schedule_retry(struct scope *s, struct turn *t)
{
    if (!s->retry_set)
        process_wake_at(s->process, t->now_ms + LIMIT_DISCOVER_MS);
    s->retry_set = true;
}

void pg_send_discover(struct scope *s, struct remote_scope *remote, struct turn *t)
{
    struct bytes self = process_pid(s->process);
    struct buf out = {0};
    pg_put_discover(&out, self, remote->version);
    struct address named = {.name = process_name(s->process), .node = pg_remote_node(remote)};
    if (remote->pid.len > 0)
        turn_send(t, self, term_bytes(&remote->pid), buf_bytes(&out));
    else
        turn_send_named(t, self, named.node, named.name, buf_bytes(&out));
    if (remote->watch == 0)
        remote->watch = watch_start(s->process, &named, t);
    buf_free(&out);
    remote->retry_ms = t->now_ms + LIMIT_DISCOVER_MS;
    pg_schedule_retry(s, t);
}

void pg_send_members(struct scope *s, struct remote_scope *remote, struct turn *t)
{
    struct bytes self = process_pid(s->process);
    must(remote->pid.len > 0);
    struct buf out = {0};
    pg_put_members(&out, self, remote->version, s->roster, s->ours);
    turn_send(t, self, term_bytes(&remote->pid), buf_bytes(&out));
    buf_free(&out);
    remote->informed = true;
}

/* pg of OTP 25 crashes with badkey on a leave of a group that it does not know (pg.erl,
 * leave_remote): hence only to scopes that have all members. */
void pg_send_change(struct scope *s, const struct pg_change *change, struct turn *t)
{
    struct bytes self = process_pid(s->process);
    struct buf out[PG_VERSION + 1] = {{0}};
    for (size_t i = 0; i < s->count; i++) {
        const struct remote_scope *remote = s->remotes[i];
        if (!remote->informed)
            continue;
        struct buf *message = &out[remote->version];
        if (message->len == 0)
            pg_put_change(message, self, remote->version, change);
        turn_send(t, self, term_bytes(&remote->pid), buf_bytes(message));
    }
    for (unsigned v = 0; v <= PG_VERSION; v++)
        buf_free(&out[v]);
}
