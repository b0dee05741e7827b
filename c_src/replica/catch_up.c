#include "../limits.h"
#include "internal.h"

void catch_up_hold(struct replica *r, struct turn *t)
{
    if (r->caught_up || r->catch_up_by_ms != 0)
        return;
    r->catch_up_by_ms = t->now_ms + LIMIT_CATCH_UP_MS;
    replica_alarm(r);
}

static void catch_up_done(struct replica *r, struct turn *t)
{
    r->caught_up = true;
    r->catch_up_by_ms = 0;
    replica_alarm(r);
    mutation_go_on(r, t);
}

/* With a journal what this actor did is known, unless its files were set back. */
static void give_up(struct replica *r, struct turn *t)
{
    struct bytes name = process_name(r->process);
    turn_log(t, LOG_WARNING, "%.*s: not every peer told its state within %d ms; mutations go on%s",
             (int)name.len, (const char *)name.at, LIMIT_CATCH_UP_MS,
             r->durable.journals ? " from what is on disk"
                                 : ", and what this actor did before a restart may hide them");
}

void catch_up_check(struct replica *r, struct turn *t)
{
    if (r->caught_up)
        return;
    if (r->settled && !pull_pending(r)) {
        catch_up_done(r, t);
    } else if (r->catch_up_by_ms != 0 && t->now_ms >= r->catch_up_by_ms) {
        give_up(r, t);
        catch_up_done(r, t);
    }
}
