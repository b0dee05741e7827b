#include "pg_roster.h"

#include <stdlib.h>
#include <string.h>

#include "../err.h"
#include "../limits.h"
#include "../mem.h"
#include "../otp/hash_table.h"
#include "../sorted.h"
#include "../term/order.h"

struct member {
    struct hash_link link; /* first, so that a link can be cast to its member */
    struct subgroup *subgroup;
    struct member *prev, *next; /* in the subgroup, by arrival */
    struct term pid;
    uint64_t joined; /* how many times; at least 1 */
    uint64_t seen;   /* how many times since roster_replace_begin() */
};

/* The members of one node in one group; never empty. */
struct subgroup {
    struct group *group;
    struct roster_node *node;
    struct subgroup *prev, *next; /* in the node, by arrival */
    struct member *first, *last;
    size_t count;
};

struct group {
    struct hash_link link; /* first, so that a link can be cast to its group */
    struct term name;
    struct subgroup **subgroups; /* sorted by node_order() */
    size_t count, cap;
    size_t members;
};

struct roster_node {
    struct buf name;
    struct subgroup *first, *last;
    size_t groups;
    bool ours, replacing;
};

struct roster {
    struct hash_table groups;
    struct hash_table members;
    uint64_t seed;
};

/* --- finding ----------------------------------------------------------- */

static struct group *find_group(const struct roster *r, struct bytes name)
{
    uint64_t hash = bytes_hash(name, r->seed);
    for (struct hash_link *l = hash_table_find(&r->groups, hash); l != NULL;
         l = hash_table_next(l)) {
        struct group *g = (struct group *)l;
        if (bytes_equal(term_bytes(&g->name), name))
            return g;
    }
    return NULL;
}

static int node_order(const struct roster_node *a, const struct roster_node *b)
{
    if (a->ours != b->ours)
        return a->ours ? -1 : 1;
    return bytes_compare(buf_bytes(&a->name), buf_bytes(&b->name));
}

static int compare_node(const void *element, const void *key)
{
    struct subgroup *const *subgroup = element;
    return node_order((*subgroup)->node, key);
}

/* The index of the node's subgroup in the group, or where it would be inserted. */
static size_t subgroup_place(const struct group *g, const struct roster_node *node)
{
    return sorted_place(g->subgroups, g->count, sizeof(*g->subgroups), node, compare_node);
}

static struct subgroup *find_subgroup(const struct group *g, const struct roster_node *node)
{
    struct subgroup **found =
        sorted_find(g->subgroups, g->count, sizeof(*g->subgroups), node, compare_node);
    return found != NULL && (*found)->node == node ? *found : NULL;
}

static uint64_t member_hash(const struct subgroup *sub, struct bytes pid)
{
    return bytes_hash(pid, sub->group->link.key);
}

static struct member *find_member(const struct roster *r, const struct subgroup *sub,
                                  struct bytes pid)
{
    uint64_t hash = member_hash(sub, pid);
    for (struct hash_link *l = hash_table_find(&r->members, hash); l != NULL;
         l = hash_table_next(l)) {
        struct member *m = (struct member *)l;
        if (m->subgroup == sub && bytes_equal(term_bytes(&m->pid), pid))
            return m;
    }
    return NULL;
}

static struct member *find(const struct roster *r, const struct roster_node *node,
                           struct bytes group, struct bytes pid)
{
    struct group *g = find_group(r, group);
    struct subgroup *sub = g == NULL ? NULL : find_subgroup(g, node);
    return sub == NULL ? NULL : find_member(r, sub, pid);
}

/* --- joining ----------------------------------------------------------- */

static struct group *group_new(struct roster *r, struct bytes name)
{
    struct group *g = mem_take(sizeof(*g));
    g->name = term_copy(name);
    hash_table_put(&r->groups, &g->link, bytes_hash(name, r->seed));
    return g;
}

static struct subgroup *subgroup_new(struct group *g, struct roster_node *node)
{
    struct subgroup *sub = mem_take(sizeof(*sub));
    *sub = (struct subgroup){.group = g, .node = node, .prev = node->last};
    if (node->last != NULL)
        node->last->next = sub;
    else
        node->first = sub;
    node->last = sub;
    node->groups++;
    size_t place = subgroup_place(g, node);
    g->subgroups = sorted_insert(g->subgroups, &g->count, &g->cap, sizeof(*g->subgroups), place);
    g->subgroups[place] = sub;
    return sub;
}

static void member_new(struct roster *r, struct subgroup *sub, struct bytes pid)
{
    struct member *m = mem_take(sizeof(*m));
    *m = (struct member){
        .subgroup = sub, .prev = sub->last, .pid = term_copy(pid), .joined = 1, .seen = 1};
    if (sub->last != NULL)
        sub->last->next = m;
    else
        sub->first = m;
    sub->last = m;
    sub->count++;
    sub->group->members++;
    hash_table_put(&r->members, &m->link, member_hash(sub, pid));
}

enum roster_change roster_add(struct roster *r, struct roster_node *node, struct bytes group,
                              struct bytes pid)
{
    struct group *g = find_group(r, group);
    struct subgroup *sub = g == NULL ? NULL : find_subgroup(g, node);
    struct member *m = sub == NULL ? NULL : find_member(r, sub, pid);
    if (m != NULL) {
        if (node->replacing)
            m->seen++;
        else
            m->joined++;
        return ROSTER_SAME;
    }
    if ((g != NULL && g->members >= LIMIT_MEMBERS) || (sub == NULL && node->groups >= LIMIT_GROUPS))
        return ROSTER_FULL;
    if (g == NULL)
        g = group_new(r, group);
    if (sub == NULL)
        sub = subgroup_new(g, node);
    member_new(r, sub, pid);
    return ROSTER_NEW;
}

/* --- leaving ----------------------------------------------------------- */

static void unlink_member(struct roster *r, struct member *m)
{
    struct subgroup *sub = m->subgroup;
    *(m->prev != NULL ? &m->prev->next : &sub->first) = m->next;
    *(m->next != NULL ? &m->next->prev : &sub->last) = m->prev;
    sub->count--;
    sub->group->members--;
    hash_table_remove(&r->members, &m->link);
}

static void unlink_subgroup(struct roster *r, struct subgroup *sub)
{
    struct group *g = sub->group;
    struct roster_node *node = sub->node;
    *(sub->prev != NULL ? &sub->prev->next : &node->first) = sub->next;
    *(sub->next != NULL ? &sub->next->prev : &node->last) = sub->prev;
    node->groups--;
    size_t place = subgroup_place(g, node);
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
 * member. */
static void remove_member(struct roster *r, struct member *m, const struct roster_visitor *removed)
{
    struct subgroup *sub = m->subgroup;
    struct group *g = sub->group;
    unlink_member(r, m);
    bool last = sub->count == 0;
    if (last)
        unlink_subgroup(r, sub);
    bool empty = g->count == 0;
    if (removed != NULL)
        removed->visit(removed->who, term_bytes(&g->name), term_bytes(&m->pid));
    term_free(&m->pid);
    mem_free(m);
    if (last)
        mem_free(sub);
    if (empty)
        group_free(g);
}

bool roster_remove(struct roster *r, struct roster_node *node, struct bytes group, struct bytes pid)
{
    must(!node->replacing);
    struct member *m = find(r, node, group, pid);
    if (m == NULL || --m->joined > 0)
        return false;
    remove_member(r, m, NULL);
    return true;
}

void roster_clear(struct roster *r, struct roster_node *node, const struct roster_visitor *removed)
{
    while (node->first != NULL)
        remove_member(r, node->first->first, removed);
    must(node->groups == 0);
}

void roster_replace_begin(struct roster_node *node)
{
    must(!node->replacing);
    node->replacing = true;
    for (struct subgroup *sub = node->first; sub != NULL; sub = sub->next)
        for (struct member *m = sub->first; m != NULL; m = m->next)
            m->seen = 0;
}

void roster_replace_end(struct roster *r, struct roster_node *node,
                        const struct roster_visitor *removed)
{
    must(node->replacing);
    node->replacing = false;
    for (struct subgroup *sub = node->first, *after; sub != NULL; sub = after) {
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

bool roster_has(const struct roster *r, const struct roster_node *node, struct bytes group,
                struct bytes pid)
{
    return find(r, node, group, pid) != NULL;
}

static int name_order(const void *a, const void *b)
{
    return term_compare_keys(*(const struct bytes *)a, *(const struct bytes *)b);
}

struct bytes *roster_groups(const struct roster *r, const struct roster_node *node, size_t *count)
{
    size_t n = node == NULL ? r->groups.count : node->groups, at = 0;
    struct bytes *names = mem_take(n * sizeof(*names));
    if (node != NULL) {
        for (struct subgroup *sub = node->first; sub != NULL; sub = sub->next)
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

size_t roster_count(const struct roster *r, const struct roster_node *node, struct bytes group)
{
    struct group *g = find_group(r, group);
    if (g == NULL || node == NULL)
        return g == NULL ? 0 : g->members;
    struct subgroup *sub = find_subgroup(g, node);
    return sub == NULL ? 0 : sub->count;
}

static void walk_subgroup(const struct subgroup *sub, const struct roster_visitor *each)
{
    for (struct member *m = sub->first; m != NULL; m = m->next)
        each->visit(each->who, term_bytes(&sub->group->name), term_bytes(&m->pid));
}

void roster_walk(const struct roster *r, const struct roster_node *node, struct bytes group,
                 const struct roster_visitor *each)
{
    struct group *g = find_group(r, group);
    if (g == NULL)
        return;
    struct subgroup *only = node == NULL ? NULL : find_subgroup(g, node);
    if (only != NULL)
        walk_subgroup(only, each);
    for (size_t i = 0; node == NULL && i < g->count; i++)
        walk_subgroup(g->subgroups[i], each);
}

/* --- construction ------------------------------------------------------ */

struct roster *roster_new(uint64_t seed)
{
    struct roster *r = mem_take(sizeof(*r));
    r->seed = seed;
    return r;
}

void roster_free(struct roster *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->groups.size; i++)
        while (r->groups.slots[i] != NULL) {
            struct group *g = (struct group *)r->groups.slots[i];
            roster_clear(r, g->subgroups[0]->node, NULL);
        }
    must(r->members.count == 0);
    hash_table_free(&r->groups);
    hash_table_free(&r->members);
    mem_free(r);
}

struct roster_node *roster_node_new(struct bytes name, bool ours)
{
    struct roster_node *node = mem_take(sizeof(*node));
    buf_put(&node->name, name);
    node->ours = ours;
    return node;
}

void roster_node_free(struct roster_node *node)
{
    if (node == NULL)
        return;
    must(node->first == NULL);
    buf_free(&node->name);
    mem_free(node);
}

struct bytes roster_node_name(const struct roster_node *node)
{
    return buf_bytes(&node->name);
}
