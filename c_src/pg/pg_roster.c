#include "pg_roster.h"

#include <stdlib.h>
#include <string.h>

#include "../err.h"
#include "../limits.h"
#include "../mem.h"
#include "../otp/hash_table.h"
#include "../otp/list.h"
#include "../otp/turn.h"
#include "../sorted.h"
#include "../term/keyed_hash.h"
#include "../term/order.h"

struct member {
    struct hash_link link;   /* first, so that a link can be cast to its member */
    struct hash_link by_pid; /* of our own source's members */
    struct subgroup *subgroup;
    struct member *prev, *next; /* in the subgroup, by arrival */
    struct term pid;
    uint64_t joined; /* how many times; at least 1 */
    uint64_t seen;   /* how many times since roster_replace_begin() */
    bool counted;    /* of the members with its group and pid, the one that is visited */
};

/* The members of one source in one group; never empty. */
struct subgroup {
    struct group *group;
    struct roster_source *source;
    struct subgroup *prev, *next; /* in the source, by arrival */
    struct member *first, *last;
    size_t count;
};

struct group {
    struct hash_link link; /* first, so that a link can be cast to its group */
    struct term name;
    struct subgroup **subgroups; /* sorted by source_order() */
    size_t count, cap;
    size_t members; /* in all subgroups; at least as many as processes */
    size_t processes;
};

struct roster_source {
    struct term scope;
    struct bytes node; /* its node's name, inside it */
    struct subgroup *first, *last;
    size_t groups;
    bool ours, replacing;
};

struct roster {
    struct hash_table groups;
    struct hash_table members;
    struct hash_table ours; /* our own source's members by pid */
    uint64_t seed;
};

/* --- finding ----------------------------------------------------------- */

static struct group *find_group(const struct roster *r, struct bytes name)
{
    uint64_t hash = keyed_hash(name, r->seed);
    for (struct hash_link *l = hash_table_find(&r->groups, hash); l != NULL;
         l = hash_table_next(l)) {
        struct group *g = (struct group *)l;
        if (bytes_equal(term_bytes(&g->name), name))
            return g;
    }
    return NULL;
}

static int source_order(const struct roster_source *a, const struct roster_source *b)
{
    if (a->ours != b->ours)
        return a->ours ? -1 : 1;
    int order = bytes_compare(a->node, b->node);
    return order != 0 ? order : bytes_compare(term_bytes(&a->scope), term_bytes(&b->scope));
}

static int compare_source(const void *element, const void *key)
{
    struct subgroup *const *subgroup = element;
    return source_order((*subgroup)->source, key);
}

/* The index of the source's subgroup in the group, or where it would be inserted. */
static size_t subgroup_place(const struct group *g, const struct roster_source *source)
{
    return sorted_place(g->subgroups, g->count, sizeof(*g->subgroups), source, compare_source);
}

static struct subgroup *find_subgroup(const struct group *g, const struct roster_source *source)
{
    struct subgroup **found =
        sorted_find(g->subgroups, g->count, sizeof(*g->subgroups), source, compare_source);
    return found != NULL && (*found)->source == source ? *found : NULL;
}

static uint64_t member_hash(const struct group *g, struct bytes pid)
{
    return keyed_hash(pid, g->link.key);
}

/* Members with the same group and pid, of different sources, have the same hash. */
static struct member *first_with_hash(const struct roster *r, const struct group *g,
                                      struct bytes pid)
{
    return (struct member *)hash_table_find(&r->members, member_hash(g, pid));
}

static struct member *next_with_hash(const struct member *m)
{
    return (struct member *)hash_table_next(&m->link);
}

static struct member *find_member(const struct roster *r, const struct subgroup *sub,
                                  struct bytes pid)
{
    struct member *m = first_with_hash(r, sub->group, pid);
    while (m != NULL && !(m->subgroup == sub && bytes_equal(term_bytes(&m->pid), pid)))
        m = next_with_hash(m);
    return m;
}

/* A member with this group and pid, of any source.  Most groups have one member: then this is not
 * worth a look into the table, which is in no cache. */
static struct member *find_process(const struct roster *r, const struct group *g, struct bytes pid)
{
    struct member *m = g->members > 0 ? first_with_hash(r, g, pid) : NULL;
    while (m != NULL && !(m->subgroup->group == g && bytes_equal(term_bytes(&m->pid), pid)))
        m = next_with_hash(m);
    return m;
}

static struct member *find(const struct roster *r, const struct roster_source *source,
                           struct bytes group, struct bytes pid)
{
    struct group *g = find_group(r, group);
    struct subgroup *sub = g == NULL ? NULL : find_subgroup(g, source);
    return sub == NULL ? NULL : find_member(r, sub, pid);
}

/* --- joining ----------------------------------------------------------- */

static struct group *group_new(struct roster *r, struct bytes name)
{
    struct group *g = mem_take(sizeof(*g));
    g->name = term_copy(name);
    hash_table_put(&r->groups, &g->link, keyed_hash(name, r->seed));
    return g;
}

static struct subgroup *subgroup_new(struct group *g, struct roster_source *source)
{
    struct subgroup *sub = mem_take(sizeof(*sub));
    *sub = (struct subgroup){.group = g, .source = source, .prev = source->last};
    if (source->last != NULL)
        source->last->next = sub;
    else
        source->first = sub;
    source->last = sub;
    source->groups++;
    size_t place = subgroup_place(g, source);
    g->subgroups = sorted_insert(g->subgroups, &g->count, &g->cap, sizeof(*g->subgroups), place);
    g->subgroups[place] = sub;
    return sub;
}

/* Returns false when the process was a member through another source. */
static bool member_new(struct roster *r, struct subgroup *sub, struct bytes pid)
{
    struct member *m = mem_take(sizeof(*m));
    *m = (struct member){.subgroup = sub,
                         .prev = sub->last,
                         .pid = term_copy(pid),
                         .joined = 1,
                         .seen = 1,
                         .counted = find_process(r, sub->group, pid) == NULL};
    if (sub->last != NULL)
        sub->last->next = m;
    else
        sub->first = m;
    sub->last = m;
    sub->count++;
    sub->group->members++;
    sub->group->processes += m->counted;
    hash_table_put(&r->members, &m->link, member_hash(sub->group, pid));
    if (sub->source->ours)
        hash_table_put(&r->ours, &m->by_pid, keyed_hash(pid, r->seed));
    return m->counted;
}

/* Whether the group is full for the source: as a whole, or with members of its node, whose sources
 * are next to each other. */
static bool is_full(const struct group *g, const struct roster_source *source)
{
    if (g->members < LIMIT_MEMBERS / LIMIT_NODE_PART || g->members >= LIMIT_MEMBERS)
        return g->members >= LIMIT_MEMBERS;
    size_t place = subgroup_place(g, source), of_node = 0;
    for (size_t i = place; i > 0 && bytes_equal(g->subgroups[i - 1]->source->node, source->node);
         i--)
        of_node += g->subgroups[i - 1]->count;
    for (size_t i = place; i < g->count && bytes_equal(g->subgroups[i]->source->node, source->node);
         i++)
        of_node += g->subgroups[i]->count;
    return of_node >= LIMIT_MEMBERS / LIMIT_NODE_PART;
}

enum roster_change roster_add(struct roster *r, struct roster_source *source, struct bytes group,
                              struct bytes pid)
{
    struct group *g = find_group(r, group);
    struct subgroup *sub = g == NULL ? NULL : find_subgroup(g, source);
    struct member *m = sub == NULL ? NULL : find_member(r, sub, pid);
    if (m != NULL) {
        if (source->replacing)
            m->seen++;
        else
            m->joined++;
        return ROSTER_SAME;
    }
    if ((g != NULL && is_full(g, source)) || (sub == NULL && source->groups >= LIMIT_GROUPS))
        return ROSTER_FULL;
    if (g == NULL)
        g = group_new(r, group);
    if (sub == NULL)
        sub = subgroup_new(g, source);
    return member_new(r, sub, pid) ? ROSTER_NEW : ROSTER_SAME;
}

/* --- leaving ----------------------------------------------------------- */

/* Returns false when the process is still in the group. */
static bool unlink_member(struct roster *r, struct member *m)
{
    struct subgroup *sub = m->subgroup;
    *(m->prev != NULL ? &m->prev->next : &sub->first) = m->next;
    *(m->next != NULL ? &m->next->prev : &sub->last) = m->prev;
    sub->count--;
    sub->group->members--;
    hash_table_remove(&r->members, &m->link);
    if (sub->source->ours)
        hash_table_remove(&r->ours, &m->by_pid);
    struct member *other = find_process(r, sub->group, term_bytes(&m->pid));
    if (other != NULL)
        other->counted |= m->counted;
    else
        sub->group->processes--;
    return other == NULL;
}

static void unlink_subgroup(struct roster *r, struct subgroup *sub)
{
    struct group *g = sub->group;
    struct roster_source *source = sub->source;
    *(sub->prev != NULL ? &sub->prev->next : &source->first) = sub->next;
    *(sub->next != NULL ? &sub->next->prev : &source->last) = sub->prev;
    source->groups--;
    size_t place = subgroup_place(g, source);
    must(g->subgroups[place] == sub);
    sorted_remove(g->subgroups, &g->count, sizeof(*g->subgroups), place);
    if (g->count == 0)
        hash_table_remove(&r->groups, &g->link);
}

static void group_free(struct group *g)
{
    term_free(&g->name);
    mem_free(g->subgroups);
    mem_free(g);
}

/* Unlinks everything before it calls the visitor, which then reads a roster without the
 * member.  Returns false, without calling it, when the process is still in the group. */
static bool remove_member(struct roster *r, struct member *m, const struct roster_visitor *removed)
{
    struct subgroup *sub = m->subgroup;
    struct group *g = sub->group;
    bool left = unlink_member(r, m), last = sub->count == 0;
    if (last)
        unlink_subgroup(r, sub);
    bool empty = g->count == 0;
    if (left && removed != NULL)
        removed->visit(removed->who, term_bytes(&g->name), term_bytes(&m->pid));
    term_free(&m->pid);
    mem_free(m);
    if (last)
        mem_free(sub);
    if (empty)
        group_free(g);
    return left;
}

bool roster_remove(struct roster *r, struct roster_source *source, struct bytes group,
                   struct bytes pid)
{
    must(!source->replacing);
    struct member *m = find(r, source, group, pid);
    if (m == NULL || --m->joined > 0)
        return false;
    return remove_member(r, m, NULL);
}

void roster_clear(struct roster *r, struct roster_source *source,
                  const struct roster_visitor *removed)
{
    while (source->first != NULL)
        remove_member(r, source->first->first, removed);
    must(source->groups == 0);
}

void roster_replace_begin(struct roster_source *source)
{
    must(!source->replacing);
    source->replacing = true;
    for (struct subgroup *sub = source->first; sub != NULL; sub = sub->next)
        for (struct member *m = sub->first; m != NULL; m = m->next)
            m->seen = 0;
}

void roster_replace_end(struct roster *r, struct roster_source *source,
                        const struct roster_visitor *removed)
{
    must(source->replacing);
    source->replacing = false;
    for (struct subgroup *sub = source->first, *after; sub != NULL; sub = after) {
        after = sub->next;
        for (struct member *m = sub->first, *next; m != NULL; m = next) {
            next = m->next;
            m->joined = m->seen;
            if (m->seen == 0)
                remove_member(r, m, removed);
        }
    }
}

/* --- reading ----------------------------------------------------------- */

bool roster_has(const struct roster *r, const struct roster_source *source, struct bytes group,
                struct bytes pid)
{
    return find(r, source, group, pid) != NULL;
}

static int name_order(const void *a, const void *b)
{
    return term_compare_keys(*(const struct bytes *)a, *(const struct bytes *)b);
}

struct bytes *roster_groups(const struct roster *r, const struct roster_source *source,
                            size_t *count)
{
    size_t n = source == NULL ? r->groups.count : source->groups, at = 0;
    struct bytes *names = mem_take(n * sizeof(*names));
    if (source != NULL) {
        for (struct subgroup *sub = source->first; sub != NULL; sub = sub->next)
            names[at++] = term_bytes(&sub->group->name);
    } else {
        for (size_t i = 0; i < r->groups.size; i++)
            for (struct hash_link *l = r->groups.slots[i]; l != NULL; l = l->next)
                names[at++] = term_bytes(&((struct group *)l)->name);
    }
    must(at == n);
    if (n > 1)
        qsort(names, n, sizeof(*names), name_order);
    *count = n;
    return names;
}

struct bytes *roster_groups_of(const struct roster *r, struct bytes pid, size_t *count)
{
    struct bytes *names = NULL;
    size_t n = 0, cap = 0;
    for (struct hash_link *l = hash_table_find(&r->ours, keyed_hash(pid, r->seed)); l != NULL;
         l = hash_table_next(l)) {
        const struct member *m = CONTAINER_OF(l, struct member, by_pid);
        if (!bytes_equal(term_bytes(&m->pid), pid))
            continue;
        names = mem_room(names, n, &cap, sizeof(*names));
        names[n++] = term_bytes(&m->subgroup->group->name);
    }
    if (n > 1)
        qsort(names, n, sizeof(*names), name_order);
    *count = n;
    return names;
}

size_t roster_count(const struct roster *r, const struct roster_source *source, struct bytes group)
{
    struct group *g = find_group(r, group);
    if (g == NULL || source == NULL)
        return g == NULL ? 0 : g->processes;
    struct subgroup *sub = find_subgroup(g, source);
    return sub == NULL ? 0 : sub->count;
}

static void walk_subgroup(const struct subgroup *sub, bool counted_only,
                          const struct roster_visitor *each)
{
    for (struct member *m = sub->first; m != NULL; m = m->next)
        if (m->counted || !counted_only)
            each->visit(each->who, term_bytes(&sub->group->name), term_bytes(&m->pid));
}

void roster_walk(const struct roster *r, const struct roster_source *source, struct bytes group,
                 const struct roster_visitor *each)
{
    struct group *g = find_group(r, group);
    if (g == NULL)
        return;
    struct subgroup *only = source == NULL ? NULL : find_subgroup(g, source);
    if (only != NULL)
        walk_subgroup(only, false, each);
    for (size_t i = 0; source == NULL && i < g->count; i++)
        walk_subgroup(g->subgroups[i], true, each);
}

/* --- construction ------------------------------------------------------ */

struct roster *roster_new(uint64_t seed)
{
    struct roster *r = mem_take(sizeof(*r));
    r->seed = seed;
    return r;
}

uint64_t roster_seed(const struct roster *r)
{
    return r->seed;
}

void roster_free(struct roster *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->groups.size; i++)
        while (r->groups.slots[i] != NULL) {
            struct group *g = (struct group *)r->groups.slots[i];
            roster_clear(r, g->subgroups[0]->source, NULL);
        }
    must(r->members.count == 0);
    hash_table_free(&r->groups);
    hash_table_free(&r->members);
    hash_table_free(&r->ours);
    mem_free(r);
}

struct roster_source *roster_source_new(struct bytes scope, bool ours)
{
    struct roster_source *source = mem_take(sizeof(*source));
    source->scope = term_copy(scope);
    source->node = node_of(term_bytes(&source->scope));
    source->ours = ours;
    return source;
}

void roster_source_free(struct roster_source *source)
{
    if (source == NULL)
        return;
    must(source->first == NULL);
    term_free(&source->scope);
    mem_free(source);
}

struct bytes roster_source_scope(const struct roster_source *source)
{
    return term_bytes(&source->scope);
}

size_t roster_source_groups(const struct roster_source *source)
{
    return source->groups;
}
