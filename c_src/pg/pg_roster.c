#include "../err.h"
#include "../limits.h"
#include "../mem.h"
#include "../otp/turn.h"
#include "../sorted.h"
#include "../term/keyed_hash.h"
#include "pg_roster_internal.h"

/* --- finding ----------------------------------------------------------- */

struct group *roster_group(const struct roster *r, struct bytes name)
{
    if (name.len > LIMIT_GROUP_BYTES)
        return NULL;
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

struct subgroup *roster_subgroup(const struct group *g, const struct roster_source *source)
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

struct member *roster_member(const struct roster *r, const struct roster_source *source,
                             struct bytes group, struct bytes pid)
{
    struct group *g = roster_group(r, group);
    struct subgroup *sub = g == NULL ? NULL : roster_subgroup(g, source);
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
                         .round = sub->source->round,
                         .counted = find_process(r, sub->group, pid) == NULL};
    if (sub->last != NULL)
        sub->last->next = m;
    else
        sub->first = m;
    sub->last = m;
    sub->count++;
    sub->source->members++;
    sub->group->members++;
    sub->group->processes += m->counted;
    hash_table_put(&r->members, &m->link, member_hash(sub->group, pid));
    if (sub->source->ours)
        hash_table_put(&r->ours, &m->by_pid, keyed_hash(pid, r->seed));
    return m->counted;
}

size_t roster_node_place(const struct group *g, const struct roster_source *source)
{
    size_t place = subgroup_place(g, source);
    while (place > 0 && bytes_equal(g->subgroups[place - 1]->source->node, source->node))
        place--;
    return place;
}

bool roster_is_of_node(const struct group *g, size_t place, const struct roster_source *source)
{
    return place < g->count && bytes_equal(g->subgroups[place]->source->node, source->node);
}

/* Whether the group is full for the source: as a whole, or with members of its node. */
static bool is_full(const struct group *g, const struct roster_source *source)
{
    if (g->members < LIMIT_MEMBERS / LIMIT_NODE_PART || g->members >= LIMIT_MEMBERS)
        return g->members >= LIMIT_MEMBERS;
    size_t of_node = 0;
    for (size_t i = roster_node_place(g, source); roster_is_of_node(g, i, source); i++)
        of_node += g->subgroups[i]->count;
    return of_node >= LIMIT_MEMBERS / LIMIT_NODE_PART;
}

/* It is named again: by a join, or for the first time in a replacement. */
static void join_again(struct member *m, const struct roster_source *source)
{
    m->joined = m->round == source->round ? m->joined + 1 : 1;
    m->round = source->round;
}

enum roster_change roster_add(struct roster *r, struct roster_source *source, struct bytes group,
                              struct bytes pid)
{
    struct group *g = roster_group(r, group);
    struct subgroup *sub = g == NULL ? NULL : roster_subgroup(g, source);
    struct member *m = sub == NULL ? NULL : find_member(r, sub, pid);
    if (m != NULL) {
        join_again(m, source);
        return ROSTER_SAME;
    }
    if ((g != NULL && is_full(g, source)) || (sub == NULL && source->groups >= LIMIT_GROUPS) ||
        group.len > LIMIT_GROUP_BYTES)
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
    sub->source->members--;
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

bool roster_remove_member(struct roster *r, struct member *m, const struct roster_visitor *removed)
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
    struct member *m = roster_member(r, source, group, pid);
    if (m == NULL || --m->joined > 0)
        return false;
    return roster_remove_member(r, m, NULL);
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
            roster_clear(r, g->subgroups[0]->source, SIZE_MAX, NULL);
        }
    while (r->leaving != NULL)
        roster_leave_more(r, SIZE_MAX, NULL);
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

size_t roster_source_members(const struct roster_source *source)
{
    return source->members;
}
