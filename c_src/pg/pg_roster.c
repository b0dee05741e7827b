#include "pg_roster.h"

#include <stdlib.h>
#include <string.h>

#include "../err.h"
#include "../limits.h"
#include "../mem.h"
#include "../otp/hash_table.h"
#include "../sorted.h"
#include "../term/order.h"

/* The link comes first in both that are looked up. */
struct member {
    struct hash_link link;
    struct bunch *bunch;
    struct member *prev, *next; /* in the bunch, by arrival */
    struct term pid;
    uint64_t joined; /* how often; at least 1 */
    uint64_t seen;   /* how often since roster_begin() */
};

/* The members of one node in one group; never empty. */
struct bunch {
    struct group *group;
    struct roster_node *node;
    struct bunch *prev, *next; /* in the node, by arrival */
    struct member *first, *last;
    size_t count;
};

struct group {
    struct hash_link link;
    struct term name;
    struct bunch **bunches; /* sorted by node_order() */
    size_t count, cap;
    size_t members;
};

struct roster_node {
    struct buf name;
    struct bunch *first, *last;
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
    struct bunch *const *bunch = element;
    return node_order((*bunch)->node, key);
}

/* Where the node's bunch is in the group, or belongs. */
static size_t bunch_place(const struct group *g, const struct roster_node *node)
{
    return sorted_place(g->bunches, g->count, sizeof(*g->bunches), node, compare_node);
}

static struct bunch *find_bunch(const struct group *g, const struct roster_node *node)
{
    struct bunch **found =
        sorted_find(g->bunches, g->count, sizeof(*g->bunches), node, compare_node);
    return found != NULL && (*found)->node == node ? *found : NULL;
}

static uint64_t member_hash(const struct bunch *b, struct bytes pid)
{
    return bytes_hash(pid, b->group->link.key);
}

static struct member *find_member(const struct roster *r, const struct bunch *b, struct bytes pid)
{
    uint64_t hash = member_hash(b, pid);
    for (struct hash_link *l = hash_table_find(&r->members, hash); l != NULL;
         l = hash_table_next(l)) {
        struct member *m = (struct member *)l;
        if (m->bunch == b && bytes_equal(term_bytes(&m->pid), pid))
            return m;
    }
    return NULL;
}

static struct member *find(const struct roster *r, const struct roster_node *node,
                           struct bytes group, struct bytes pid)
{
    struct group *g = find_group(r, group);
    struct bunch *b = g == NULL ? NULL : find_bunch(g, node);
    return b == NULL ? NULL : find_member(r, b, pid);
}

/* --- joining ----------------------------------------------------------- */

static struct group *group_new(struct roster *r, struct bytes name)
{
    struct group *g = mem_take(sizeof(*g));
    g->name = term_copy(name);
    hash_table_put(&r->groups, &g->link, bytes_hash(name, r->seed));
    return g;
}

static struct bunch *bunch_new(struct group *g, struct roster_node *node)
{
    struct bunch *b = mem_take(sizeof(*b));
    *b = (struct bunch){.group = g, .node = node, .prev = node->last};
    if (node->last != NULL)
        node->last->next = b;
    else
        node->first = b;
    node->last = b;
    node->groups++;
    size_t place = bunch_place(g, node);
    g->bunches = sorted_insert(g->bunches, &g->count, &g->cap, sizeof(*g->bunches), place);
    g->bunches[place] = b;
    return b;
}

static void member_new(struct roster *r, struct bunch *b, struct bytes pid)
{
    struct member *m = mem_take(sizeof(*m));
    *m =
        (struct member){.bunch = b, .prev = b->last, .pid = term_copy(pid), .joined = 1, .seen = 1};
    if (b->last != NULL)
        b->last->next = m;
    else
        b->first = m;
    b->last = m;
    b->count++;
    b->group->members++;
    hash_table_put(&r->members, &m->link, member_hash(b, pid));
}

enum roster_change roster_add(struct roster *r, struct roster_node *node, struct bytes group,
                              struct bytes pid)
{
    struct group *g = find_group(r, group);
    struct bunch *b = g == NULL ? NULL : find_bunch(g, node);
    struct member *m = b == NULL ? NULL : find_member(r, b, pid);
    if (m != NULL) {
        if (node->replacing)
            m->seen++;
        else
            m->joined++;
        return ROSTER_SAME;
    }
    if ((g != NULL && g->members >= LIMIT_MEMBERS) || (b == NULL && node->groups >= LIMIT_GROUPS))
        return ROSTER_FULL;
    if (g == NULL)
        g = group_new(r, group);
    if (b == NULL)
        b = bunch_new(g, node);
    member_new(r, b, pid);
    return ROSTER_NEW;
}

/* --- leaving ----------------------------------------------------------- */

static void unlink_member(struct roster *r, struct member *m)
{
    struct bunch *b = m->bunch;
    *(m->prev != NULL ? &m->prev->next : &b->first) = m->next;
    *(m->next != NULL ? &m->next->prev : &b->last) = m->prev;
    b->count--;
    b->group->members--;
    hash_table_remove(&r->members, &m->link);
}

static void unlink_bunch(struct roster *r, struct bunch *b)
{
    struct group *g = b->group;
    struct roster_node *node = b->node;
    *(b->prev != NULL ? &b->prev->next : &node->first) = b->next;
    *(b->next != NULL ? &b->next->prev : &node->last) = b->prev;
    node->groups--;
    size_t place = bunch_place(g, node);
    must(g->bunches[place] == b);
    sorted_remove(g->bunches, &g->count, sizeof(*g->bunches), place);
    if (g->count == 0)
        hash_table_remove(&r->groups, &g->link);
}

static void group_free(struct group *g)
{
    term_free(&g->name);
    mem_free(g->bunches);
    mem_free(g);
}

/* Takes everything out of the table before it tells, so that the visitor
 * reads a roster without the member. */
static void remove_member(struct roster *r, struct member *m, const struct roster_visitor *gone)
{
    struct bunch *b = m->bunch;
    struct group *g = b->group;
    unlink_member(r, m);
    bool last = b->count == 0;
    if (last)
        unlink_bunch(r, b);
    bool empty = g->count == 0;
    if (gone != NULL)
        gone->visit(gone->who, term_bytes(&g->name), term_bytes(&m->pid));
    term_free(&m->pid);
    mem_free(m);
    if (last)
        mem_free(b);
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

void roster_clear(struct roster *r, struct roster_node *node, const struct roster_visitor *gone)
{
    while (node->first != NULL)
        remove_member(r, node->first->first, gone);
    must(node->groups == 0);
}

void roster_begin(struct roster_node *node)
{
    must(!node->replacing);
    node->replacing = true;
    for (struct bunch *b = node->first; b != NULL; b = b->next)
        for (struct member *m = b->first; m != NULL; m = m->next)
            m->seen = 0;
}

void roster_end(struct roster *r, struct roster_node *node, const struct roster_visitor *gone)
{
    must(node->replacing);
    node->replacing = false;
    for (struct bunch *b = node->first, *after; b != NULL; b = after) {
        after = b->next;
        for (struct member *m = b->first, *next; m != NULL; m = next) {
            next = m->next;
            m->joined = m->seen;
            if (m->seen == 0)
                remove_member(r, m, gone);
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
        for (struct bunch *b = node->first; b != NULL; b = b->next)
            names[at++] = term_bytes(&b->group->name);
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
    struct bunch *b = find_bunch(g, node);
    return b == NULL ? 0 : b->count;
}

static void walk_bunch(const struct bunch *b, const struct roster_visitor *each)
{
    for (struct member *m = b->first; m != NULL; m = m->next)
        each->visit(each->who, term_bytes(&b->group->name), term_bytes(&m->pid));
}

void roster_walk(const struct roster *r, const struct roster_node *node, struct bytes group,
                 const struct roster_visitor *each)
{
    struct group *g = find_group(r, group);
    if (g == NULL)
        return;
    struct bunch *only = node == NULL ? NULL : find_bunch(g, node);
    if (only != NULL)
        walk_bunch(only, each);
    for (size_t i = 0; node == NULL && i < g->count; i++)
        walk_bunch(g->bunches[i], each);
}

/* --- life -------------------------------------------------------------- */

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
            roster_clear(r, g->bunches[0]->node, NULL);
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
