#include <string.h>

#include "../err.h"
#include "../mem.h"
#include "../term/write.h"
#include "table.h"

struct watcher {
    struct lookup_link link; /* in table->watchers */
    struct ring ring;        /* in whom->watchers */
    struct process *whom;
    struct watch_by by; /* in tail */
    uint8_t tail[];
};

/* A monitor's reference is nobody else's; a link has only its two ends. */
static uint64_t key_of(const struct processes *table, uint64_t number, const struct watch_by *by)
{
    return by->ref.len > 0 ? bytes_hash(by->ref, table->watcher_seed)
                           : bytes_hash(by->pid, table->watcher_seed ^ number);
}

/* whom may be NULL for a monitor, which its reference finds alone. */
static struct watcher *find(const struct processes *table, const struct process *whom,
                            const struct watch_by *by)
{
    must(whom != NULL || by->ref.len > 0);
    uint64_t key = key_of(table, whom != NULL ? whom->number : 0, by);
    struct lookup_link *link = lookup_find(&table->watchers, key);
    for (; link != NULL; link = lookup_again(link)) {
        struct watcher *w = HOLDER(link, struct watcher, link);
        if ((whom == NULL || w->whom == whom) && bytes_equal(w->by.ref, by->ref) &&
            bytes_equal(w->by.pid, by->pid))
            return w;
    }
    return NULL;
}

static void drop(struct watcher *w)
{
    lookup_drop(&w->whom->table->watchers, &w->link);
    ring_drop(&w->ring);
    w->whom->watcher_count--;
    mem_free(w);
}

static struct bytes keep(uint8_t *at, struct bytes b)
{
    if (b.len > 0)
        memcpy(at, b.at, b.len);
    return (struct bytes){at, b.len};
}

bool watchers_add(struct process *p, const struct watch_by *by, struct turn *t)
{
    struct processes *table = p->table;
    if (table->watcher_seed == 0)
        table->watcher_seed = turn_random(t) | 1;
    if (find(table, p, by) != NULL)
        return true;
    if (p->watcher_count == LIMIT_WATCHERS)
        return false;
    struct watcher *w = mem_take(sizeof(*w) + by->pid.len + by->ref.len);
    w->whom = p;
    w->by.pid = keep(w->tail, by->pid);
    w->by.ref = keep(w->tail + by->pid.len, by->ref);
    w->by.by_name = by->by_name;
    lookup_put(&table->watchers, &w->link, key_of(table, p->number, by));
    ring_put(&p->watchers, &w->ring);
    p->watcher_count++;
    return true;
}

void watchers_demonitor(struct processes *table, const struct watch_by *by)
{
    struct watcher *w = find(table, NULL, by);
    if (w != NULL)
        drop(w);
}

bool watchers_unlink(struct process *p, struct bytes pid)
{
    struct watcher *w = find(p->table, p, &(struct watch_by){.pid = pid});
    if (w != NULL)
        drop(w);
    return w != NULL;
}

void watchers_forget(struct process *p, struct bytes node)
{
    for (struct ring *at = p->watchers.next, *next; at != &p->watchers; at = next) {
        next = at->next;
        struct watcher *w = HOLDER(at, struct watcher, ring);
        if (bytes_equal(node_of(w->by.pid), node))
            drop(w);
    }
}

static void tell(const struct watcher *w, struct bytes from, struct bytes reason, struct turn *t)
{
    bool monitor = w->by.ref.len > 0;
    t->post->send(t->post, &(struct signal){.kind = monitor ? SIGNAL_MONITOR_EXIT : SIGNAL_EXIT,
                                            .node = node_of(w->by.pid),
                                            .from = from,
                                            .to = w->by.pid,
                                            .ref = w->by.ref,
                                            .reason = reason});
}

void watchers_tell(struct process *p, struct bytes reason, struct turn *t)
{
    struct buf name = {0};
    if (p->name.len > 0)
        put_atom_bytes(&name, buf_bytes(&p->name));
    while (!ring_empty(&p->watchers)) {
        struct watcher *w = HOLDER(p->watchers.next, struct watcher, ring);
        tell(w, w->by.by_name ? buf_bytes(&name) : process_pid(p), reason, t);
        drop(w);
    }
    buf_free(&name);
}

void watchers_close(struct process *p)
{
    while (!ring_empty(&p->watchers))
        drop(HOLDER(p->watchers.next, struct watcher, ring));
}

size_t process_watchers(const struct process *p)
{
    return p->watcher_count;
}
