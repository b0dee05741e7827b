#include "status_report.h"

#include "../limits.h"
#include "../otp/gen.h"
#include "server.h"

/* Milliseconds after which slow nodes are looked at again: nobody hears that one has drained whose
 * connection is lost. */
#define SLOW_MS 1000
/* Nanoseconds that a byte of the map takes, sorted and copied. */
#define WORK_BYTE 7

void status_report_open(struct status_report *r, const struct server_options *options)
{
    *r = (struct status_report){.options = options};
    callers_open(&r->callers, processes_seed(options->table));
}

void status_report_close(struct status_report *r)
{
    status_close(r->status);
    callers_close(&r->callers);
}

static bool step(struct status_report *r)
{
    return status_step(r->status, LIMIT_STATUS_WORK);
}

static void end(struct status_report *r)
{
    status_close(r->status);
    r->status = NULL;
}

static void set_wake(struct status_report *r, struct process *server, struct turn *t)
{
    bool now = r->status != NULL || r->callers.answers;
    if (callers_any(&r->callers))
        process_wake_at(server, now ? 1 : t->now_ms + SLOW_MS);
}

/* Begins one, and sends it if a step is enough for all of it. */
static bool reply_at_once(struct status_report *r, const struct process *server, struct bytes from,
                          struct turn *t)
{
    r->status = status_open(r->options);
    if (!step(r)) {
        turn_worked(t, LIMIT_STATUS_WORK);
        return false;
    }
    const struct buf *map = status_map(r->status);
    turn_worked(t, map->len * WORK_BYTE);
    gen_reply_value(server, from, buf_bytes(map), t);
    end(r);
    return true;
}

void status_report_reply(struct status_report *r, struct process *server, struct bytes from,
                         struct turn *t)
{
    bool later = r->status != NULL;
    if (!later && reply_at_once(r, server, from, t))
        return;
    callers_add(&r->callers, server, from, LIMIT_STATUS_CALLS, later, t);
    set_wake(r, server, t);
}

static void give(struct status_report *r)
{
    struct shared *map = shared_new(status_map(r->status));
    callers_give(&r->callers, (struct share){map, shared_bytes(map)});
    shared_release(map);
    end(r);
    if (callers_are_late(&r->callers))
        r->status = status_open(r->options);
}

void status_report_wake(struct status_report *r, struct process *server, struct turn *t)
{
    if (r->status != NULL) {
        turn_worked(t, LIMIT_STATUS_WORK);
        if (step(r))
            give(r);
    }
    callers_answer(&r->callers, server, t);
    set_wake(r, server, t);
}

void status_report_drained(struct status_report *r, struct process *server)
{
    if (!callers_any(&r->callers))
        return;
    r->callers.answers = true;
    process_wake_at(server, 1);
}
