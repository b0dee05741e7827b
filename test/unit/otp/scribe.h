/* A kind of process that writes down what it is told.  That is compared as text,
 * oldest first, each line with the number in the process's pid:
 *
 *     HEARD("1 answer 1 {ok,5}"); */
#ifndef COPPICE_TEST_OTP_SCRIBE_H
#define COPPICE_TEST_OTP_SCRIBE_H

#include "unit/otp/world.h"

/* What a tested process does when it is told something, once. */
struct scribe {
    struct process *p;
    void (*then)(struct process *p);
};

static inline void note(struct process *p, const char *what, uint64_t number, struct bytes term)
{
    unsigned long long id = 0;
    struct etf_in in = etf_open(process_pid(p));
    id = etf_pid(&in).id;
    buf_printf(&world.heard, "%llu %s", id, what);
    if (number != 0)
        buf_printf(&world.heard, " %llu", (unsigned long long)number);
    write_part(&world.heard, " ", term);
    buf_printf(&world.heard, "\n");
    struct scribe *s = process_self(p);
    void (*then)(struct process *) = s->then;
    s->then = NULL;
    if (then != NULL)
        then(p);
}

static inline void scribe_message(struct process *p, struct bytes message, struct turn *t)
{
    (void)t;
    note(p, "message", 0, message);
}

static inline void scribe_answer(struct process *p, uint64_t call, const struct answer *a,
                                 struct turn *t)
{
    (void)t;
    const char *what = a->err == OK ? "answer" : a->err == ERR_TIMEOUT ? "late" : "closed";
    note(p, what, call, a->reply);
}

static inline void scribe_down(struct process *p, uint64_t watch, struct bytes reason,
                               struct turn *t)
{
    (void)t;
    note(p, "down", watch, reason);
}

static inline void scribe_wake(struct process *p, struct turn *t)
{
    (void)t;
    note(p, "wake", 0, (struct bytes){0});
}

static inline void scribe_state(const struct process *p, struct buf *out)
{
    (void)p;
    buf_put(out, term_of("{state,1}"));
}

static inline void scribe_leave(struct process *p, struct bytes reason, struct turn *t)
{
    (void)t;
    note(p, "leave", 0, reason);
}

static inline void scribe_free(void *self)
{
    world.freed++;
    free(self);
}

static const struct process_kind scribe = {
    .module = "scribe",
    .message = scribe_message,
    .answer = scribe_answer,
    .down = scribe_down,
    .wake = scribe_wake,
    .state = scribe_state,
    .leave = scribe_leave,
    .free = scribe_free,
};

/* name NULL for none.  NULL as process_start(). */
static inline struct process *scribe_start(const char *name)
{
    struct scribe *s = mem_take(sizeof(*s));
    s->p =
        process_start(world.table, &scribe, s, name != NULL ? bytes_of(name) : (struct bytes){0});
    struct process *p = s->p;
    if (p == NULL)
        free(s);
    return p;
}

static inline void scribe_then(struct process *p, void (*then)(struct process *))
{
    ((struct scribe *)process_self(p))->then = then;
}

#endif
