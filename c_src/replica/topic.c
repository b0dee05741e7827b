#include "../crdt/crdt.h"
#include "../limits.h"
#include "../otp/rex.h"
#include "../term/canon.h"
#include "../term/etf.h"
#include "../term/write.h"
#include "internal.h"

/* The members on a topic of Phoenix.PubSub are in no group: a Grove server is subscribed in its
 * node's Registry, beside anybody else, LiveViews for instance, and a question that is put to one
 * of those ends it.  So each BEAM with an adapter process is asked
 *
 *     'Elixir.Registry':lookup(Pubsub, Topic)                        [{Pid, _}]
 *     lists:map(fun proc_lib:translate_initial_call/1, Pids)         [{Module, init, 1}]
 *
 * and who turns out to run Grove's server is a member from then on, until it ends.  It is asked
 * when the adapter process joins, again a few times while nobody is found (an application starts
 * its pubsub before its replicas), when a delta comes from somebody unknown, and by anti-entropy.
 */

#define SERVER_MODULE "Elixir.Grove.Replication.Server"

bool replica_is_delta(struct bytes message)
{
    struct etf_in in = etf_open(message);
    if (etf_peek(&in) != ETF_TUPLE || etf_tuple(&in) != 3 || !etf_accept(&in, "grove_delta"))
        return false;
    struct bytes delta = etf_any(&in);
    return etf_peek(&in) == ETF_PID && struct_module(delta).len > 0;
}

void topic_wrap(const struct replica *r, struct bytes message, struct buf *out)
{
    put_tuple(out, 4);
    put_atom(out, "forward_to_local");
    put_binary(out, buf_bytes(&r->options.topic));
    put_term(out, message);
    put_atom(out, "Elixir.Phoenix.PubSub");
}

/* --- the questions ------------------------------------------------------------------ */

uint64_t topic_ask(struct replica *r, struct member *adapter, struct turn *t)
{
    struct buf args = {0};
    put_list(&args, 2);
    put_term(&args, term_bytes(&r->options.pubsub));
    put_binary(&args, buf_bytes(&r->options.topic));
    put_nil(&args);
    adapter->checking = false;
    uint64_t call = rex_start(r->process, member_node(adapter), "Elixir.Registry", "lookup",
                              buf_bytes(&args), LIMIT_PULL_MS, t);
    buf_free(&args);
    return call;
}

/* What the candidates run. */
static uint64_t ask_initial_calls(struct replica *r, struct member *adapter, uint32_t count,
                                  struct turn *t)
{
    struct buf args = {0};
    put_list(&args, 2);
    put_export(&args, "proc_lib", "translate_initial_call", 1);
    put_list(&args, count);
    put_term(&args, buf_bytes(&adapter->candidates));
    put_nil(&args);
    put_nil(&args);
    adapter->checking = true;
    uint64_t call = rex_start(r->process, member_node(adapter), "lists", "map", buf_bytes(&args),
                              LIMIT_PULL_MS, t);
    buf_free(&args);
    return call;
}

/* --- the answers --------------------------------------------------------------------- */

/* The subscriber in {Pid, _}, if it is a process of that node that is not known yet. */
static bool put_candidate(struct replica *r, struct member *adapter, struct bytes entry)
{
    struct etf_in in = etf_open(entry);
    struct buf pid = {0};
    bool fits = etf_peek(&in) == ETF_TUPLE && etf_tuple(&in) == 2 && etf_peek(&in) == ETF_PID &&
                canon_put(&pid, etf_any(&in)) == OK &&
                bytes_equal(node_of(buf_bytes(&pid)), member_node(adapter));
    const struct member *known = fits ? member_of_pid(r, buf_bytes(&pid)) : NULL;
    fits = fits && (known == NULL || !known->subscribed);
    if (fits)
        buf_put(&adapter->candidates, buf_bytes(&pid));
    buf_free(&pid);
    return fits;
}

static bool has_server(const struct replica *r, struct bytes node)
{
    for (size_t i = 0; i < r->member_count; i++)
        if (r->members[i]->subscribed && bytes_equal(member_node(r->members[i]), node))
            return true;
    return false;
}

/* Failed means that it is asked again. */
static enum reply_result finished(const struct replica *r, struct member *adapter)
{
    buf_free(&adapter->candidates);
    return has_server(r, member_node(adapter)) ? REPLY_DONE : REPLY_FAILED;
}

static enum reply_result subscribers_received(struct replica *r, struct member *adapter,
                                              struct bytes term, struct turn *t)
{
    struct etf_in in = etf_open(term);
    struct bytes entry;
    uint32_t count = 0;
    buf_clear(&adapter->candidates);
    if (etf_peek(&in) != ETF_LIST)
        return REPLY_REFUSED;
    for (struct etf_list l = etf_list(&in); count < LIMIT_SUBSCRIBERS && etf_next(&l, &entry);)
        count += put_candidate(r, adapter, entry);
    if (count == 0)
        return finished(r, adapter);
    adapter->call = ask_initial_calls(r, adapter, count, t);
    return adapter->call != 0 ? REPLY_MORE : REPLY_FAILED;
}

static bool is_server(struct bytes initial_call)
{
    struct etf_in in = etf_open(initial_call);
    return etf_peek(&in) == ETF_TUPLE && etf_tuple(&in) == 3 && etf_accept(&in, SERVER_MODULE);
}

/* It may be in the group, too. */
static void found_server(struct replica *r, struct bytes pid, struct turn *t)
{
    struct member *m = member_of_pid(r, pid);
    if (m != NULL && m->subscribed)
        return; /* subscribed twice */
    bool is_new = m == NULL;
    if (is_new) {
        m = member_add(r, pid);
        m->beam = true;
    }
    m->subscribed = true;
    if (m->watch == 0) {
        m->watch = watch_start(r->process, &(struct address){.pid = term_bytes(&m->pid)}, t);
        m->joins += m->watch != 0;
    }
    if (is_new) {
        push_to(r, m, t);
        pull_from(r, m, t);
    }
}

static enum reply_result initial_calls_received(struct replica *r, struct member *adapter,
                                                struct bytes term, struct turn *t)
{
    struct etf_in in = etf_open(term), pids = etf_open(buf_bytes(&adapter->candidates));
    struct bytes initial_call;
    if (etf_peek(&in) != ETF_LIST)
        return REPLY_REFUSED;
    for (struct etf_list l = etf_list(&in); etf_next(&l, &initial_call);) {
        struct bytes pid = etf_any(&pids);
        if (pids.err != OK)
            break;
        if (is_server(initial_call))
            found_server(r, pid, t);
    }
    return finished(r, adapter);
}

enum reply_result topic_answer(struct replica *r, struct member *adapter, const struct answer *a,
                               struct turn *t)
{
    struct bytes term = {0};
    switch (rex_read(a, &term)) {
    case REX_VALUE:
        return adapter->checking ? initial_calls_received(r, adapter, term, t)
                                 : subscribers_received(r, adapter, term, t);
    case REX_UNFIT:
    case REX_UNDEF: /* an adapter without Elixir */
        return REPLY_REFUSED;
    case REX_RAISED: /* its Registry has not started yet */
    case REX_FAILED:
    case REX_GONE:
    case REX_LATE:
        break;
    }
    return REPLY_FAILED;
}

/* --- changes ------------------------------------------------------------------------- */

/* At the next tick, and not for each of its deltas: it may be one that is no server. */
void topic_unknown_sender(struct replica *r, struct bytes pid)
{
    for (size_t i = 0; i < r->member_count; i++) {
        struct member *m = r->members[i];
        if (m->adapter && m->pull == PULL_IDLE && bytes_equal(member_node(m), node_of(pid))) {
            m->pull = PULL_BACKOFF;
            m->backoff_ticks = 1;
            m->failures = LIMIT_PULL_TRIES - 1;
        }
    }
}

void topic_adapter_left(struct replica *r, const struct member *adapter)
{
    for (size_t i = 0; i < r->member_count; i++)
        if (bytes_equal(member_node(r->members[i]), member_node(adapter)))
            r->members[i]->subscribed = false;
}

void topic_server_down(struct replica *r, uint64_t watch, struct turn *t)
{
    struct member *m = member_of_watch(r, watch);
    if (m == NULL)
        return;
    m->watch = 0;
    m->subscribed = false;
    member_leave(r, m, t);
}

/* --- status -------------------------------------------------------------------------- */

void topic_put_status(const struct replica *r, struct buf *out)
{
    uint32_t nodes = 0;
    if (r->options.pubsub.len == 0) {
        put_atom(out, "nil");
        return;
    }
    for (size_t i = 0; i < r->member_count; i++)
        nodes += r->members[i]->adapter;
    put_map(out, 3);
    put_atom(out, "name");
    put_term(out, term_bytes(&r->options.pubsub));
    put_atom(out, "nodes");
    if (nodes > 0)
        put_list(out, nodes);
    for (size_t i = 0; i < r->member_count; i++)
        if (r->members[i]->adapter)
            put_atom_bytes(out, member_node(r->members[i]));
    put_nil(out);
    put_atom(out, "topic");
    put_binary(out, buf_bytes(&r->options.topic));
}
