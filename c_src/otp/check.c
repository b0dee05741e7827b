#include "../err.h"
#include "table.h"

/* Invariants.  In words: whoever can be found has not ended and is found by
 * both pid and name; every monitor, link, watch and call stands in its
 * process's ring and in the table, and nowhere else; nobody who has ended or is
 * suspended will be woken; what is held is counted. */

static void check_watchers(const struct process *p, size_t *total)
{
    size_t count = 0;
    for (const struct ring *at = p->watchers.next; at != &p->watchers; at = at->next)
        count++;
    must(count == p->watcher_count && count <= LIMIT_WATCHERS);
    *total += count;
}

static void check_watches(const struct process *p, size_t *total, size_t *calls)
{
    for (struct ring *at = p->watches.next; at != &p->watches; at = at->next) {
        const struct watch *w = HOLDER(at, struct watch, ring);
        must(w->owner == p && watch_find(p->table, w->number) == w);
        must((w->timeout.place != 0) == (w->call && !w->over));
        *calls += w->call;
        (*total)++;
    }
}

static void check_living(const struct process *p)
{
    must(p->table->slots[p->number % LIMIT_PROCESSES] == p);
    must(p->name.len == 0 || process_named(p->table, buf_bytes(&p->name)) == p);
    must((p->wake.place != 0) == (p->wake_at_ms != 0 && !p->suspended));
    must(p->held_messages <= LIMIT_BACKLOG && p->held_bytes <= LIMIT_BACKLOG_BYTES);
    must(p->suspended || p->held == NULL);
}

static void check_ended(const struct process *p)
{
    must(ring_empty(&p->watchers) && ring_empty(&p->watches));
    must(p->wake.place == 0 && p->held == NULL && p->table->untidy);
}

void processes_check(const struct processes *table)
{
    size_t living = 0, watchers = 0, watches = 0, calls = 0;
    for (const struct process *p = table->first; p != NULL; p = p->next) {
        check_watchers(p, &watchers);
        check_watches(p, &watches, &calls);
        (p->ended ? check_ended : check_living)(p);
        living += !p->ended;
    }
    must(living == table->living && living <= LIMIT_PROCESSES);
    must(watchers == table->watchers.count && watches == table->watches.count);
    must(calls == table->calls && calls <= LIMIT_CALLS);
}
