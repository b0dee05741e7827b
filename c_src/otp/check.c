#include "../err.h"
#include "table.h"

/* Invariants: a process that can be found has not ended, and is found by both pid and name;
 * every monitor, link, watch and call is in its process's list and in the table's hash table,
 * and nowhere else; no process that has ended or is suspended has a wakeup set; counters of
 * held messages are within their limits. */

static void check_watchers(const struct process *p, size_t *total)
{
    size_t count = 0;
    for (const struct list *at = p->watchers.next; at != &p->watchers; at = at->next)
        count++;
    must(count == p->watcher_count && count <= LIMIT_WATCHERS);
    *total += count;
}

static void check_watches(const struct process *p, size_t *total, size_t *calls)
{
    for (struct list *at = p->watches.next; at != &p->watches; at = at->next) {
        const struct watch *w = CONTAINER_OF(at, struct watch, entry);
        must(w->owner == p && watch_find(p->table, w->number) == w);
        must((w->timeout.place != 0) == (w->call && !w->ended));
        *calls += w->call;
        (*total)++;
    }
}

static void check_living(const struct process *p)
{
    must(process_of_pid(p->table, term_bytes(&p->pid)) == p);
    must(p->name.len == 0 || process_named(p->table, buf_bytes(&p->name)) == p);
    must((p->wake.place != 0) == (p->wake_at_ms != 0 && !p->suspended));
    must(p->held_by.all.count <= LIMIT_BACKLOG && p->held_by.all.bytes <= LIMIT_BACKLOG_BYTES);
    must(p->suspended || p->held == NULL);
}

static void check_ended(const struct process *p)
{
    must(list_empty(&p->watchers) && list_empty(&p->watches));
    must(p->wake.place == 0 && p->held == NULL && p->table->untidy && p->held_by.nodes == NULL);
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
    must(living == table->numbers.count);
    must(watchers == table->watchers.count && watches == table->watches.count);
    must(calls == table->calls && calls <= LIMIT_CALLS);
}
