#include "global.h"

#include "../limits.h"
#include "../mem.h"
#include "../term/canon.h"
#include "../term/etf.h"
#include "../term/write.h"
#include "gen.h"
#include "names.h"
#include "watch.h"

#define PROTOCOL_VERSION 8 /* of OTP 25 to 29 */

/* A process on whose behalf a resource is locked; its end releases the lock. */
struct holder {
    struct term pid;
    uint64_t watch;
};

struct lock {
    struct buf resource; /* canonical: the record's name */
    struct term requester;
    struct holder *holders;
    size_t count, cap;
};

struct global {
    struct names locks;
};

/* --- locks ------------------------------------------------------------------------- */

static size_t holder_place(const struct lock *lock, struct bytes pid)
{
    size_t i = 0;
    while (i < lock->count && !bytes_equal(term_bytes(&lock->holders[i].pid), pid))
        i++;
    return i;
}

static bool lock_add(struct process *p, struct lock *lock, struct bytes pid, struct turn *t)
{
    if (holder_place(lock, pid) < lock->count)
        return true;
    if (lock->count == LIMIT_LOCK_HOLDERS)
        return false;
    lock->holders = mem_room(lock->holders, lock->count, &lock->cap, sizeof(*lock->holders));
    lock->holders[lock->count++] = (struct holder){
        .pid = term_copy(pid),
        .watch = watch_start(p, &(struct address){.pid = pid}, t),
    };
    return true;
}

static void lock_free(struct names *locks, struct lock *lock)
{
    for (size_t i = 0; i < lock->count; i++)
        term_free(&lock->holders[i].pid);
    mem_free(lock->holders);
    term_free(&lock->requester);
    names_remove(locks, lock);
}

static void lock_remove(struct global *g, struct lock *lock, size_t place)
{
    term_free(&lock->holders[place].pid);
    lock->holders[place] = lock->holders[--lock->count];
    if (lock->count == 0)
        lock_free(&g->locks, lock);
}

/* {Resource, Requester} and the caller's pid, canonical. */
struct lock_request {
    struct term resource, requester, pid;
};

static void lock_request_free(struct lock_request *r)
{
    term_free(&r->resource);
    term_free(&r->requester);
    term_free(&r->pid);
}

/* False, with nothing to free, for another shape and for what is too large to be kept. */
static bool lock_request_read(struct lock_request *r, struct bytes id, struct bytes from)
{
    struct etf_in in = etf_open(id);
    struct bytes pid = gen_caller(from);
    struct etf_in caller = etf_open(pid);
    *r = (struct lock_request){0};
    if (etf_peek(&in) != ETF_TUPLE || etf_tuple(&in) != 2 || id.len > LIMIT_LOCK_BYTES ||
        etf_peek(&caller) != ETF_PID)
        return false;
    struct bytes resource = etf_any(&in), requester = etf_any(&in);
    if (canon_copy(&r->resource, resource) == OK && canon_copy(&r->requester, requester) == OK &&
        canon_copy(&r->pid, pid) == OK)
        return true;
    lock_request_free(r);
    return false;
}

/* Whether the node has its part of all locks. */
static bool has_its_part(const struct global *g, struct bytes node)
{
    size_t count = 0;
    if (g->locks.count < LIMIT_LOCKS / LIMIT_NODE_PART)
        return false;
    for (size_t i = 0; i < g->locks.count; i++) {
        const struct lock *lock = g->locks.list[i];
        count += bytes_equal(node_of(term_bytes(&lock->holders[0].pid)), node);
    }
    return count >= LIMIT_LOCKS / LIMIT_NODE_PART;
}

static bool lock_set(struct process *p, const struct lock_request *r, struct turn *t)
{
    struct global *g = process_self(p);
    struct bytes requester = term_bytes(&r->requester);
    struct lock *lock = names_find(&g->locks, term_bytes(&r->resource));
    if (lock != NULL && !bytes_equal(term_bytes(&lock->requester), requester))
        return false;
    if (lock == NULL &&
        (g->locks.count == LIMIT_LOCKS || has_its_part(g, node_of(term_bytes(&r->pid)))))
        return false;
    if (lock == NULL) {
        lock = names_add(&g->locks, term_bytes(&r->resource), sizeof(*lock));
        lock->requester = term_copy(requester);
    }
    return lock_add(p, lock, term_bytes(&r->pid), t);
}

static void lock_release(struct process *p, const struct lock_request *r, struct turn *t)
{
    struct global *g = process_self(p);
    struct lock *lock = names_find(&g->locks, term_bytes(&r->resource));
    if (lock == NULL || !bytes_equal(term_bytes(&lock->requester), term_bytes(&r->requester)))
        return;
    size_t place = holder_place(lock, term_bytes(&r->pid));
    if (place == lock->count)
        return;
    watch_stop(p, lock->holders[place].watch, t);
    lock_remove(g, lock, place);
}

static void holder_down(struct process *p, uint64_t watch, struct bytes reason, struct turn *t)
{
    (void)reason;
    (void)t;
    struct global *g = process_self(p);
    for (size_t i = 0; i < g->locks.count; i++) {
        struct lock *lock = g->locks.list[i];
        for (size_t k = 0; k < lock->count; k++)
            if (lock->holders[k].watch == watch) {
                lock_remove(g, lock, k);
                return;
            }
    }
}

/* --- requests ----------------------------------------------------------------------- */

static void set_lock(struct process *p, struct bytes id, struct bytes from, struct buf *out,
                     struct turn *t)
{
    struct lock_request r;
    if (!lock_request_read(&r, id, from)) {
        put_bool(out, false);
        return;
    }
    put_bool(out, lock_set(p, &r, t));
    lock_request_free(&r);
}

static void del_lock(struct process *p, struct bytes id, struct bytes from, struct buf *out,
                     struct turn *t)
{
    struct lock_request r;
    put_bool(out, true);
    if (!lock_request_read(&r, id, from))
        return;
    lock_release(p, &r, t);
    lock_request_free(&r);
}

/* Whether the request is a tuple of that name and arity; in is then at its second element. */
static bool is_tuple(struct bytes request, const char *name, uint32_t arity, struct etf_in *in)
{
    *in = etf_open(request);
    return etf_peek(in) == ETF_TUPLE && etf_tuple(in) == arity && etf_accept(in, name);
}

static bool is_atom(struct bytes request, const char *name)
{
    struct etf_in in = etf_open(request);
    return etf_accept(&in, name);
}

/* Appends the reply; false for a request that global does not have. */
static bool reply_put(struct process *p, const struct gen_message *m, struct buf *out,
                      struct turn *t)
{
    struct etf_in in;
    if (is_tuple(m->request, "set_lock", 2, &in))
        set_lock(p, etf_any(&in), m->from, out, t);
    else if (is_tuple(m->request, "del_lock", 2, &in))
        del_lock(p, etf_any(&in), m->from, out, t);
    else if (is_tuple(m->request, "register", 4, &in) ||
             is_tuple(m->request, "register_ext", 5, &in))
        put_atom(out, "yes");
    else if (is_tuple(m->request, "unregister", 2, &in))
        put_atom(out, "ok");
    else if (is_atom(m->request, "get_known") || is_atom(m->request, "get_synced") ||
             is_atom(m->request, "get_names_ext"))
        put_nil(out);
    else if (is_atom(m->request, "get_protocol_version"))
        put_uint(out, PROTOCOL_VERSION);
    else
        return false;
    return true;
}

static void global_call(struct process *p, const struct gen_message *m, struct turn *t)
{
    struct buf reply = {0};
    if (reply_put(p, m, &reply, t))
        gen_reply(p, m->from, buf_bytes(&reply), t);
    else
        gen_reply_unknown(p, m->from, m->request, t);
    buf_free(&reply);
}

/* {in_sync, Node, IsKnown} */
static void say_in_sync(const struct process *p, struct bytes node, struct turn *t)
{
    struct buf message = {0};
    put_tuple(&message, 2);
    put_atom(&message, "$gen_cast");
    put_tuple(&message, 3);
    put_atom(&message, "in_sync");
    put_atom_bytes(&message, processes_node(process_table(p)));
    put_bool(&message, true);
    turn_send_named(t, process_pid(p), node, process_name(p), buf_bytes(&message));
    buf_free(&message);
}

/* {init_connect, Version, Node, Locker}: sent when that node has seen this one come up.  The rest
 * of the protocol does not follow. */
static void global_cast(const struct process *p, struct bytes request, struct turn *t)
{
    struct etf_in in;
    struct atom node;
    if (!is_tuple(request, "init_connect", 4, &in))
        return;
    etf_any(&in);
    etf_atom(&in, &node);
    if (in.err == OK)
        say_in_sync(p, (struct bytes){node.text, node.len}, t);
}

static void global_message(struct process *p, struct bytes message, struct turn *t)
{
    struct gen_message m = gen_read(message);
    if (m.kind == GEN_CALL)
        global_call(p, &m, t);
    else if (m.kind == GEN_CAST)
        global_cast(p, m.request, t);
}

static void global_state(const struct process *p, struct buf *out)
{
    const struct global *g = process_self(p);
    put_map(out, 1);
    put_atom(out, "locks");
    put_uint(out, g->locks.count);
}

static void global_free(void *self)
{
    struct global *g = self;
    while (g->locks.count > 0)
        lock_free(&g->locks, g->locks.list[g->locks.count - 1]);
    names_free(&g->locks);
    mem_free(g);
}

static const struct process_kind global_name_server = {
    .module = "global",
    .message = global_message,
    .down = holder_down,
    .state = global_state,
    .free = global_free,
};

void global_start(struct processes *table)
{
    struct global *g = mem_take(sizeof(*g));
    g->locks.secret = processes_seed(table);
    must(process_start(table, &global_name_server, g, BYTES("global_name_server")) != NULL);
}

void global_ended(struct processes *table, const struct process *p)
{
    if (process_kind(p) == &global_name_server)
        global_start(table);
}
