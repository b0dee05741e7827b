#include "../limits.h"
#include "../mem.h"
#include "../term/write.h"
#include "internal.h"

static struct waiter *waiters_add(struct waiters *w, struct bytes from)
{
    struct waiter *new = mem_take(sizeof(*new));
    buf_put(&new->from, from);
    if (w->first == NULL)
        w->first = new;
    else
        w->last->next = new;
    w->last = new;
    return new;
}

static struct waiter *waiters_take(struct waiters *w)
{
    struct waiter *first = w->first;
    if (first != NULL)
        w->first = first->next;
    return first;
}

static void waiter_free(struct waiter *w)
{
    buf_free(&w->from);
    buf_free(&w->made);
    for (size_t i = 0; i < REQUEST_ARGS_MAX; i++)
        buf_free(&w->args[i]);
    mem_free(w);
}

static void waiters_free(struct waiters *w)
{
    for (struct waiter *first; (first = waiters_take(w)) != NULL;)
        waiter_free(first);
}

static void refuse(struct replica *r, struct bytes from, struct turn *t)
{
    struct buf overloaded = {0};
    put_atom(&overloaded, "overloaded");
    bool fails = r->durable.reason.len > 0;
    if (from.len > 0)
        gen_reply_error(r->process, from, buf_bytes(fails ? &r->durable.reason : &overloaded), t);
    buf_free(&overloaded);
}

static void answer_made(struct replica *r, struct bytes from, struct bytes made, struct turn *t)
{
    if (from.len > 0 && made.len > 0)
        gen_reply_value(r->process, from, made, t);
    else if (from.len > 0)
        gen_reply_ok(r->process, from, t);
}

void waiting_answer(struct replica *r, struct bytes from, struct bytes made, struct turn *t)
{
    if (r->durable.journals)
        buf_put(&waiters_add(&r->durable.made, from)->made, made);
    else
        answer_made(r, from, made, t);
}

static size_t reading_bytes(const struct reading *reading)
{
    size_t bytes = sizeof(struct waiter) + reading->from.len;
    for (size_t i = 0; i < REQUEST_ARGS_MAX; i++)
        bytes += reading->args[i].len;
    return bytes;
}

void waiting_read(struct replica *r, const struct reading *reading, struct turn *t)
{
    struct durable *d = &r->durable;
    size_t more = reading_bytes(reading);
    if (durable_is_safe(r)) {
        reading->handle(r, reading->from, reading->args, t);
    } else if ((d->stage == DISK_FAILED && !d->loaded) ||
               more > LIMIT_MUTATION_BYTES - d->reading_bytes) {
        refuse(r, reading->from, t);
    } else {
        struct waiter *w = waiters_add(&d->readers, reading->from);
        w->handle = reading->handle;
        for (size_t i = 0; i < REQUEST_ARGS_MAX; i++)
            buf_put(&w->args[i], reading->args[i]);
        d->reading_bytes += more;
    }
}

static void answer_reader(struct replica *r, struct waiter *w, struct turn *t)
{
    struct bytes args[REQUEST_ARGS_MAX];
    for (size_t i = 0; i < REQUEST_ARGS_MAX; i++)
        args[i] = buf_bytes(&w->args[i]);
    w->handle(r, buf_bytes(&w->from), args, t);
    waiter_free(w);
}

void waiting_answer_readers(struct replica *r, struct turn *t)
{
    r->durable.reading_bytes = 0;
    for (struct waiter *w; (w = waiters_take(&r->durable.readers)) != NULL;)
        answer_reader(r, w, t);
}

void waiting_answer_sent(struct replica *r, struct turn *t)
{
    for (struct waiter *w; (w = waiters_take(&r->durable.sent)) != NULL;) {
        answer_made(r, buf_bytes(&w->from), buf_bytes(&w->made), t);
        waiter_free(w);
    }
}

static void refuse_all(struct replica *r, struct waiters *w, struct turn *t)
{
    for (struct waiter *first; (first = waiters_take(w)) != NULL;) {
        refuse(r, buf_bytes(&first->from), t);
        waiter_free(first);
    }
}

void waiting_refuse_changes(struct replica *r, struct turn *t)
{
    refuse_all(r, &r->durable.sent, t);
    refuse_all(r, &r->durable.made, t);
}

void waiting_refuse_readers(struct replica *r, struct turn *t)
{
    r->durable.reading_bytes = 0;
    refuse_all(r, &r->durable.readers, t);
}

void waiting_free(struct replica *r)
{
    waiters_free(&r->durable.made);
    waiters_free(&r->durable.sent);
    waiters_free(&r->durable.readers);
}
