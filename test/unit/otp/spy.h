/* A kind of process that records the calls of its callbacks.  They are compared as text,
 * oldest first; each line starts with the number in the process's pid:
 *
 *     CALLED("1 answer 1 {ok,5}"); */
#ifndef COPPICE_TEST_OTP_SPY_H
#define COPPICE_TEST_OTP_SPY_H

#include "unit/otp/world.h"

struct spy {
    struct process *p;
    void (*then)(struct process *p); /* called once, in the next callback; or NULL */
};

static inline void record(struct process *p, const char *what, uint64_t number, struct bytes term)
{
    unsigned long long id = 0;
    struct etf_in in = etf_open(process_pid(p));
    id = etf_pid(&in).id;
    buf_printf(&world.calls, "%llu %s", id, what);
    if (number != 0)
        buf_printf(&world.calls, " %llu", (unsigned long long)number);
    write_part(&world.calls, " ", term);
    buf_printf(&world.calls, "\n");
    struct spy *s = process_self(p);
    void (*then)(struct process *) = s->then;
    s->then = NULL;
    if (then != NULL)
        then(p);
}

static inline void spy_message(struct process *p, struct bytes message, struct turn *t)
{
    (void)t;
    record(p, "message", 0, message);
}

static inline void spy_answer(struct process *p, uint64_t call, const struct answer *a,
                              struct turn *t)
{
    (void)t;
    const char *what = a->err == OK ? "answer" : a->err == ERR_TIMEOUT ? "late" : "closed";
    record(p, what, call, a->reply);
}

static inline void spy_down(struct process *p, uint64_t watch, struct bytes reason, struct turn *t)
{
    (void)t;
    record(p, "down", watch, reason);
}

static inline void spy_wake(struct process *p, struct turn *t)
{
    (void)t;
    record(p, "wake", 0, (struct bytes){0});
}

static inline void spy_state(const struct process *p, struct buf *out)
{
    (void)p;
    buf_put(out, term_of("{state,1}"));
}

static inline void spy_leave(struct process *p, struct bytes reason, struct turn *t)
{
    (void)t;
    record(p, "leave", 0, reason);
}

static inline void spy_free(void *self)
{
    world.freed++;
    free(self);
}

static const struct process_kind spy = {
    .module = "spy",
    .message = spy_message,
    .answer = spy_answer,
    .down = spy_down,
    .wake = spy_wake,
    .state = spy_state,
    .leave = spy_leave,
    .free = spy_free,
};

/* The same, which traps exits. */
static const struct process_kind trapping_spy = {
    .module = "spy",
    .message = spy_message,
    .state = spy_state,
    .leave = spy_leave,
    .free = spy_free,
    .traps_exits = true,
};

/* name may be NULL.  Returns NULL like process_start(). */
static inline struct process *spy_start_kind(const char *name, const struct process_kind *k)
{
    struct spy *s = mem_take(sizeof(*s));
    s->p = process_start(world.table, k, s, name != NULL ? bytes_of(name) : (struct bytes){0});
    struct process *p = s->p;
    if (p == NULL)
        free(s);
    return p;
}

static inline struct process *spy_start(const char *name)
{
    return spy_start_kind(name, &spy);
}

static inline void spy_then(struct process *p, void (*then)(struct process *))
{
    ((struct spy *)process_self(p))->then = then;
}

#endif
