#include "../err.h"
#include "../limits.h"
#include "../term/etf.h"
#include "../term/write.h"
#include "table.h"
#include "watch.h"

static void timed_out(struct wakeup *timeout, struct turn *t)
{
    struct watch *w = CONTAINER_OF(timeout, struct watch, timeout);
    watch_demonitor(w, t);
    watch_end(w, ERR_TIMEOUT, (struct bytes){0}, t);
}

/* The tag is the plain reference: an alias would only save late replies, which
 * call_answered() drops. */
static void send_request(const struct watch *w, const struct address *whom, struct bytes request,
                         struct turn *t)
{
    struct buf message = {0};
    put_tuple(&message, 3);
    put_atom(&message, "$gen_call");
    put_tuple(&message, 2);
    put_term(&message, process_pid(w->owner));
    reference_put(w->owner->table, w->number, &message);
    put_term(&message, request);
    if (whom->pid.len > 0)
        turn_send(t, process_pid(w->owner), w->to, buf_bytes(&message));
    else
        turn_send_named(t, process_pid(w->owner), w->node, whom->name, buf_bytes(&message));
    buf_free(&message);
}

uint64_t call_start(struct process *owner, const struct address *whom, struct bytes request,
                    uint64_t timeout_ms, struct turn *t)
{
    struct processes *table = owner->table;
    struct watch *w = table->calls < LIMIT_CALLS ? watch_open(owner, whom, t) : NULL;
    if (w == NULL)
        return 0;
    w->call = true;
    w->timeout.ring = timed_out;
    table->calls++;
    uint64_t forever = UINT64_MAX - t->now_ms;
    wakeup_set(table->wakeups, &w->timeout,
               timeout_ms < forever ? t->now_ms + timeout_ms : UINT64_MAX);
    send_request(w, whom, request, t);
    return w->number;
}

/* A call is a watch, and has its number. */
void call_stop(struct process *owner, uint64_t call, struct turn *t)
{
    watch_stop(owner, call, t);
}

bool call_answered(struct process *p, struct bytes message, enum err unfit, struct turn *t)
{
    struct etf_in in = etf_open(message);
    if (etf_tuple(&in) != 2 || etf_peek(&in) != ETF_REFERENCE)
        return false;
    struct bytes reference = etf_any(&in);
    size_t len;
    if (unfit != OK && etf_check(reference, &len) != OK)
        return false;
    uint64_t number = reference_number(p->table, reference);
    if (number == 0)
        return false;
    struct watch *w = watch_find(p->table, number);
    /* Whoever guesses the reference could answer in the callee's place: not a node that may only
     * read. */
    bool is_callee = w == NULL || t->reader.len == 0 || bytes_equal(t->reader, w->node);
    if (w != NULL && w->call && !w->ended && w->owner == p && (is_callee || turn_may_change(t))) {
        watch_demonitor(w, t);
        watch_end(w, unfit, unfit == OK ? etf_last(&in) : (struct bytes){0}, t);
    }
    return true;
}
