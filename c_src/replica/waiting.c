#include "../limits.h"
#include "../mem.h"
#include "../term/write.h"
#include "internal.h"

static struct waiter *waiters_add(struct replica *r, struct waiters *list, struct bytes from,
                                  struct amount holds, const struct turn *t)
{
    struct waiter *w = mem_take(sizeof(*w));
    w->by = quotas_charge(&r->durable.waiting, t->node, holds);
    w->holds = holds;
    buf_put(&w->from, from);
    if (list->first == NULL)
        list->first = w;
    else
        list->last->next = w;
    list->last = w;
    return w;
}

static struct waiter *waiters_take(struct waiters *list)
{
    struct waiter *w = list->first;
    if (w != NULL)
        list->first = w->next;
    return w;
}

static void waiter_free(struct replica *r, struct waiter *w)
{
    quotas_refund(&r->durable.waiting, w->by, w->holds);
    buf_free(&w->from);
    buf_free(&w->result);
    for (size_t i = 0; i < REQUEST_ARGS_MAX; i++)
        buf_free(&w->args[i]);
    mem_free(w);
}

static void waiters_free(struct replica *r, struct waiters *list)
{
    for (struct waiter *w; (w = waiters_take(list)) != NULL;)
        waiter_free(r, w);
}

/* With the reason of the storage failure, or else `overloaded`. */
static void refuse(struct replica *r, struct bytes from, struct turn *t)
{
    struct buf overloaded = {0};
    put_atom(&overloaded, "overloaded");
    const struct buf *reason = r->durable.reason.len > 0 ? &r->durable.reason : &overloaded;
    if (from.len > 0)
        gen_reply_error(r->process, from, buf_bytes(reason), t);
    buf_free(&overloaded);
}

static void send_result(struct replica *r, struct bytes from, struct bytes result, struct turn *t)
{
    if (from.len > 0 && result.len > 0)
        gen_reply_value(r->process, from, result, t);
    else if (from.len > 0)
        gen_reply_ok(r->process, from, t);
}

void waiting_reply(struct replica *r, struct bytes from, struct bytes result, struct turn *t)
{
    const struct amount one = {.count = 1};
    if (r->durable.journals)
        buf_put(&waiters_add(r, &r->durable.uncommitted, from, one, t)->result, result);
    else
        send_result(r, from, result, t);
}

/* Of the readers alone: mutations were bounded before they ran. */
static const struct amount most = {SIZE_MAX, LIMIT_MUTATION_BYTES};

static size_t request_bytes(const struct read_request *request)
{
    size_t bytes = sizeof(struct waiter) + request->from.len;
    for (size_t i = 0; i < REQUEST_ARGS_MAX; i++)
        bytes += request->args[i].len;
    return bytes;
}

void waiting_read(struct replica *r, const struct read_request *request, struct turn *t)
{
    struct durable *d = &r->durable;
    const struct amount more = {1, request_bytes(request)};
    if (durable_is_safe(r)) {
        request->handle(r, request->from, request->args, t);
    } else if ((d->stage == DISK_FAILED && !d->loaded) ||
               !quotas_allow(&d->waiting, t->node, more, most)) {
        refuse(r, request->from, t);
    } else {
        struct waiter *w = waiters_add(r, &d->readers, request->from, more, t);
        w->handle = request->handle;
        for (size_t i = 0; i < REQUEST_ARGS_MAX; i++)
            buf_put(&w->args[i], request->args[i]);
    }
}

static void answer_reader(struct replica *r, struct waiter *w, struct turn *t)
{
    struct bytes args[REQUEST_ARGS_MAX];
    for (size_t i = 0; i < REQUEST_ARGS_MAX; i++)
        args[i] = buf_bytes(&w->args[i]);
    struct bytes before = turn_for(t, buf_bytes(&w->by->node));
    w->handle(r, buf_bytes(&w->from), args, t);
    turn_for(t, before);
    waiter_free(r, w);
}

void waiting_answer_readers(struct replica *r, struct turn *t)
{
    for (struct waiter *w; (w = waiters_take(&r->durable.readers)) != NULL;)
        answer_reader(r, w, t);
}

void waiting_answer_committed(struct replica *r, struct turn *t)
{
    for (struct waiter *w; (w = waiters_take(&r->durable.committing)) != NULL;) {
        struct bytes before = turn_for(t, buf_bytes(&w->by->node));
        send_result(r, buf_bytes(&w->from), buf_bytes(&w->result), t);
        turn_for(t, before);
        waiter_free(r, w);
    }
}

static void refuse_all(struct replica *r, struct waiters *list, struct turn *t)
{
    for (struct waiter *w; (w = waiters_take(list)) != NULL;) {
        struct bytes before = turn_for(t, buf_bytes(&w->by->node));
        refuse(r, buf_bytes(&w->from), t);
        turn_for(t, before);
        waiter_free(r, w);
    }
}

void waiting_refuse_mutations(struct replica *r, struct turn *t)
{
    refuse_all(r, &r->durable.committing, t);
    refuse_all(r, &r->durable.uncommitted, t);
}

void waiting_refuse_readers(struct replica *r, struct turn *t)
{
    refuse_all(r, &r->durable.readers, t);
}

void waiting_free(struct replica *r)
{
    waiters_free(r, &r->durable.uncommitted);
    waiters_free(r, &r->durable.committing);
    waiters_free(r, &r->durable.readers);
}
