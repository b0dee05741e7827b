#include "../limits.h"
#include "internal.h"

void catch_up_start(struct replica *r, struct turn *t)
{
    if (r->caught_up || r->catch_up_by_ms != 0)
        return;
    r->catch_up_by_ms = t->now_ms + LIMIT_CATCH_UP_MS;
    replica_set_wake(r);
}

static void catch_up_done(struct replica *r, struct turn *t)
{
    r->caught_up = true;
    r->catch_up_by_ms = 0;
    replica_set_wake(r);
    mutation_resume(r, t);
}

/* With a journal, this actor's past is known, unless its files were restored from a backup. */
static void give_up(struct replica *r, struct turn *t)
{
    struct bytes name = process_name(r->process);
    turn_log(t, LOG_WARNING, "%.*s: not every peer sent its state within %d ms; %s", TEXT(name),
             LIMIT_CATCH_UP_MS,
             r->durable.journals
                 ? "accepting mutations, based on the state on disk"
                 : "accepting mutations, which peers may ignore if this actor has restarted");
}

void catch_up_check(struct replica *r, struct turn *t)
{
    if (r->caught_up)
        return;
    if (r->settled && !pull_pending(r)) {
        catch_up_done(r, t);
    } else if (r->catch_up_by_ms != 0 && t->now_ms >= r->catch_up_by_ms && !intake_is_open(r)) {
        give_up(r, t);
        catch_up_done(r, t);
    }
}
