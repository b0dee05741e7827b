#include "process.h"

#include "../mem.h"
#include "../term/etf.h"
#include "../term/keyed_hash.h"
#include "../term/write.h"
#include "table.h"

/* A process's number is split into the pid's id and serial for peers without V4_NC, which allow 15
 * bits for the one and 13 for the other (erl_ext_dist, NEW_PID_EXT). */
#define PID_ID_BITS 15

struct processes *processes_new(struct bytes node, uint32_t creation, uint64_t seed,
                                struct wakeups *wakeups)
{
    struct processes *table = mem_take(sizeof(*table));
    table->node = node;
    table->creation = creation;
    table->seed = seed;
    table->end = &table->first;
    table->wakeups = wakeups;
    return table;
}

static void process_free(struct process *p)
{
    watchers_close(p);
    while (!list_empty(&p->watches))
        watch_free(CONTAINER_OF(p->watches.next, struct watch, entry));
    mailbox_close(p);
    wakeup_stop(p->table->wakeups, &p->wake);
    p->kind->free(p->self);
    term_free(&p->pid);
    buf_free(&p->name);
    mem_free(p);
}

void processes_free(struct processes *table)
{
    if (table == NULL)
        return;
    for (struct process *p = table->first, *next; p != NULL; p = next) {
        next = p->next;
        process_free(p);
    }
    buf_free(&table->spare);
    hash_table_free(&table->numbers);
    hash_table_free(&table->names);
    hash_table_free(&table->watchers);
    hash_table_free(&table->watches);
    mem_free(table);
}

void processes_on_end(struct processes *table,
                      void (*ended)(void *who, struct process *p, struct bytes reason,
                                    struct turn *t),
                      void *who)
{
    table->on_end = ended;
    table->on_end_who = who;
}

static void on_wakeup(struct wakeup *w, struct turn *t)
{
    struct process *p = CONTAINER_OF(w, struct process, wake);
    p->wake_at_ms = 0;
    if (p->kind->wake != NULL)
        p->kind->wake(p, t);
}

void processes_on_spawn(struct processes *table,
                        void (*run)(void *who, const struct spawn *spawn, struct buf *reason,
                                    struct turn *t),
                        void *who)
{
    table->on_spawn = run;
    table->on_spawn_who = who;
}

static struct term pid_of(const struct processes *table, uint64_t number)
{
    struct buf pid = {0};
    put_pid(&pid, table->node, (uint32_t)(number & ((1u << PID_ID_BITS) - 1)),
            (uint32_t)(number >> PID_ID_BITS), table->creation);
    return term_take(&pid);
}

bool processes_have_room(const struct processes *table)
{
    return table->living < LIMIT_PROCESSES;
}

struct process *process_start(struct processes *table, const struct process_kind *kind, void *self,
                              struct bytes name)
{
    if (!processes_have_room(table) || process_named(table, name) != NULL)
        return NULL;
    struct process *p = mem_take(sizeof(*p));
    p->table = table;
    p->kind = kind;
    p->self = self;
    p->number = ++table->last_process;
    p->pid = pid_of(table, p->number);
    p->wake.ring = on_wakeup;
    p->held_end = &p->held;
    p->held_by.secret = table->seed;
    list_init(&p->watchers);
    list_init(&p->watches);
    buf_put(&p->name, name);
    if (name.len > 0)
        hash_table_put(&table->names, &p->named, keyed_hash(name, table->seed));
    hash_table_put(&table->numbers, &p->numbered, p->number);
    table->living++;
    *table->end = p;
    table->end = &p->next;
    return p;
}

static void unregister(struct process *p)
{
    struct processes *table = p->table;
    if (p->name.len > 0)
        hash_table_remove(&table->names, &p->named);
    hash_table_remove(&table->numbers, &p->numbered);
    table->living--;
}

void process_exit(struct process *p, struct bytes reason, struct turn *t)
{
    if (p->ended)
        return;
    p->ended = true;
    p->table->untidy = true;
    if (p->kind->leave != NULL)
        p->kind->leave(p, reason, t);
    unregister(p);
    if (p->table->on_end != NULL)
        p->table->on_end(p->table->on_end_who, p, reason, t);
    wakeup_stop(p->table->wakeups, &p->wake);
    watches_stop(p, t);
    watchers_notify(p, reason, t);
    mailbox_close(p);
}

bool process_ended(const struct process *p)
{
    return p->ended;
}

void processes_tidy(struct processes *table)
{
    if (!table->untidy)
        return;
    struct process **at = &table->first;
    while (*at != NULL) {
        struct process *p = *at;
        if (p->ended) {
            *at = p->next;
            process_free(p);
        } else {
            at = &p->next;
        }
    }
    table->end = at;
    table->untidy = false;
}

struct process *process_named(struct processes *table, struct bytes name)
{
    struct hash_link *link =
        name.len > 0 ? hash_table_find(&table->names, keyed_hash(name, table->seed)) : NULL;
    for (; link != NULL; link = hash_table_next(link)) {
        struct process *p = CONTAINER_OF(link, struct process, named);
        if (bytes_equal(buf_bytes(&p->name), name))
            return p->ended ? NULL : p;
    }
    return NULL;
}

struct process *process_of_pid(struct processes *table, struct bytes pid)
{
    struct etf_in in = etf_open(pid);
    struct etf_pid parts = etf_pid(&in);
    if (etf_finish(&in) != OK)
        return NULL;
    uint64_t number = parts.id | (uint64_t)parts.serial << PID_ID_BITS;
    struct hash_link *link = hash_table_find(&table->numbers, number);
    struct process *p = link != NULL ? CONTAINER_OF(link, struct process, numbered) : NULL;
    bool same = p != NULL && !p->ended && bytes_equal(term_bytes(&p->pid), pid);
    return same ? p : NULL;
}

void *process_self(const struct process *p)
{
    return p->self;
}

const struct process_kind *process_kind(const struct process *p)
{
    return p->kind;
}

struct bytes process_pid(const struct process *p)
{
    return term_bytes(&p->pid);
}

struct bytes process_name(const struct process *p)
{
    return buf_bytes(&p->name);
}

struct processes *process_table(const struct process *p)
{
    return p->table;
}

struct bytes processes_node(const struct processes *table)
{
    return table->node;
}

uint32_t processes_creation(const struct processes *table)
{
    return table->creation;
}

uint64_t processes_seed(const struct processes *table)
{
    return table->seed;
}

struct process *processes_next(struct processes *table, const struct process *after)
{
    struct process *p = after != NULL ? after->next : table->first;
    while (p != NULL && p->ended)
        p = p->next;
    return p;
}

void process_wake_at(struct process *p, uint64_t at_ms)
{
    p->wake_at_ms = p->ended ? 0 : at_ms;
    if (p->wake_at_ms != 0 && !p->suspended)
        wakeup_set(p->table->wakeups, &p->wake, at_ms);
    else
        wakeup_stop(p->table->wakeups, &p->wake);
}
