#include <string.h>

#include "../err.h"
#include "../mem.h"
#include "../term/keyed_hash.h"
#include "../term/write.h"
#include "table.h"

struct watcher {
    struct hash_link link; /* in table->watchers */
    struct list entry;     /* in whom->watchers */
    struct process *whom;
    struct watcher_id id; /* in tail */
    uint8_t tail[];
};

/* The reference alone would do for honest peers, but any number of pids may use the same. */
static uint64_t key_of(const struct process *whom, const struct watcher_id *id)
{
    return keyed_hash(id->pid, keyed_hash(id->ref, whom->table->seed ^ whom->number));
}

static struct watcher *find(const struct process *whom, const struct watcher_id *id)
{
    struct hash_link *link = hash_table_find(&whom->table->watchers, key_of(whom, id));
    for (; link != NULL; link = hash_table_next(link)) {
        struct watcher *w = CONTAINER_OF(link, struct watcher, link);
        if (w->whom == whom && bytes_equal(w->id.ref, id->ref) && bytes_equal(w->id.pid, id->pid))
            return w;
    }
    return NULL;
}

static bool is_counted(const struct process *p, struct bytes pid)
{
    return p->counted_node.len > 0 && bytes_equal(buf_bytes(&p->counted_node), node_of(pid));
}

static void drop(struct watcher *w)
{
    hash_table_remove(&w->whom->table->watchers, &w->link);
    list_remove(&w->entry);
    w->whom->counted -= is_counted(w->whom, w->id.pid);
    w->whom->watcher_count--;
    mem_free(w);
}

static struct bytes copy_to(uint8_t *at, struct bytes b)
{
    if (b.len > 0)
        memcpy(at, b.at, b.len);
    return (struct bytes){at, b.len};
}

/* Nanoseconds in which one more watcher is counted. */
#define WORK_COUNTED 5

static void count_node(struct process *p, struct bytes node, struct turn *t)
{
    buf_clear(&p->counted_node);
    buf_put(&p->counted_node, node);
    p->counted = 0;
    for (const struct list *at = p->watchers.next; at != &p->watchers; at = at->next)
        p->counted += is_counted(p, CONTAINER_OF(at, struct watcher, entry)->id.pid);
    turn_worked(t, WORK_COUNTED * (uint64_t)p->watcher_count);
}

/* Whether the node of that pid has its part of them: counted only once there are so many that it
 * could, and then kept, since it asks again. */
static bool has_its_part(struct process *p, struct bytes pid, struct turn *t)
{
    size_t most = LIMIT_WATCHERS / LIMIT_NODE_PART;
    if (p->watcher_count < most) {
        buf_free(&p->counted_node);
        return false;
    }
    if (!is_counted(p, pid))
        count_node(p, node_of(pid), t);
    return p->counted >= most;
}

bool watchers_add(struct process *p, const struct watcher_id *id, struct turn *t)
{
    struct processes *table = p->table;
    if (find(p, id) != NULL)
        return true;
    if (p->watcher_count == LIMIT_WATCHERS || has_its_part(p, id->pid, t))
        return false;
    p->counted += is_counted(p, id->pid);
    struct watcher *w = mem_take(sizeof(*w) + id->pid.len + id->ref.len);
    w->whom = p;
    w->id.pid = copy_to(w->tail, id->pid);
    w->id.ref = copy_to(w->tail + id->pid.len, id->ref);
    w->id.by_name = id->by_name;
    hash_table_put(&table->watchers, &w->link, key_of(p, id));
    list_append(&p->watchers, &w->entry);
    p->watcher_count++;
    return true;
}

void watchers_demonitor(struct process *p, const struct watcher_id *id)
{
    struct watcher *w = find(p, id);
    if (w != NULL)
        drop(w);
}

bool watchers_unlink(struct process *p, struct bytes pid)
{
    struct watcher *w = find(p, &(struct watcher_id){.pid = pid});
    if (w != NULL)
        drop(w);
    return w != NULL;
}

void watchers_drop_node(struct process *p, struct bytes node)
{
    for (struct list *at = p->watchers.next, *next; at != &p->watchers; at = next) {
        next = at->next;
        struct watcher *w = CONTAINER_OF(at, struct watcher, entry);
        if (bytes_equal(node_of(w->id.pid), node))
            drop(w);
    }
}

static void notify(const struct watcher *w, struct bytes from, struct bytes reason, struct turn *t)
{
    bool monitor = w->id.ref.len > 0;
    t->post->send(t->post, &(struct signal){.kind = monitor ? SIGNAL_MONITOR_EXIT : SIGNAL_EXIT,
                                            .node = node_of(w->id.pid),
                                            .from = from,
                                            .to = w->id.pid,
                                            .ref = w->id.ref,
                                            .reason = reason});
}

void watchers_notify(struct process *p, struct bytes reason, struct turn *t)
{
    struct buf name = {0};
    if (p->name.len > 0)
        put_atom_bytes(&name, buf_bytes(&p->name));
    while (!list_empty(&p->watchers)) {
        struct watcher *w = CONTAINER_OF(p->watchers.next, struct watcher, entry);
        notify(w, w->id.by_name ? buf_bytes(&name) : process_pid(p), reason, t);
        drop(w);
    }
    buf_free(&name);
}

void watchers_close(struct process *p)
{
    while (!list_empty(&p->watchers))
        drop(CONTAINER_OF(p->watchers.next, struct watcher, entry));
    buf_free(&p->counted_node);
}

size_t process_watchers(const struct process *p)
{
    return p->watcher_count;
}
