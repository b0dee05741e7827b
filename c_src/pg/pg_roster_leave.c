#include "../err.h"
#include "../limits.h"
#include "pg_roster_internal.h"

/* --- scopes that end --------------------------------------------------- */

size_t roster_clear(struct roster *r, struct roster_source *source, size_t most,
                    const struct roster_visitor *removed)
{
    size_t count = 0;
    for (; source->first != NULL && count < most; count++)
        roster_remove_member(r, source->first->first, removed);
    must(source->first != NULL || source->groups == 0);
    return count;
}

/* With the last of them the subgroup is freed, and perhaps the group. */
static void clear_subgroup(struct roster *r, struct subgroup *sub,
                           const struct roster_visitor *removed)
{
    for (size_t left = sub->count; left > 0; left--)
        roster_remove_member(r, sub->first, removed);
}

/* Our processes would go on to ask those in their groups. */
static void leave_ours(struct roster *r, const struct roster_source *source,
                       const struct roster_source *ours, const struct roster_visitor *removed)
{
    const struct roster_source *few = ours->groups < source->groups ? ours : source;
    for (const struct subgroup *sub = few->first, *next; sub != NULL; sub = next) {
        next = sub->next;
        struct subgroup *theirs = roster_subgroup(sub->group, source);
        if (theirs != NULL && roster_subgroup(sub->group, ours) != NULL)
            clear_subgroup(r, theirs, removed);
    }
}

void roster_source_leave(struct roster *r, struct roster_source *source,
                         const struct roster_source *ours, size_t most,
                         const struct roster_visitor *removed)
{
    must(!source->ours && !source->leaving);
    if (source->members > most)
        leave_ours(r, source, ours, removed);
    roster_clear(r, source, most, removed);
    if (source->first == NULL) {
        roster_source_free(source);
        return;
    }
    source->leaving = true;
    *(r->leaving != NULL ? &r->leaving_last->next : &r->leaving) = source;
    r->leaving_last = source;
}

bool roster_is_leaving(const struct roster *r)
{
    return r->leaving != NULL;
}

size_t roster_leave_more(struct roster *r, size_t most, const struct roster_visitor *removed)
{
    struct roster_source *source = r->leaving;
    if (source == NULL)
        return 0;
    size_t count = roster_clear(r, source, most, removed);
    if (source->first == NULL) {
        r->leaving = source->next;
        roster_source_free(source);
    }
    return count;
}

void roster_make_room(struct roster *r, const struct roster_source *source, struct bytes group,
                      const struct roster_visitor *removed)
{
    struct group *g = r->leaving != NULL ? roster_group(r, group) : NULL;
    if (g == NULL)
        return;
    bool all = source == NULL || g->members >= LIMIT_MEMBERS;
    size_t first = all ? 0 : roster_node_place(g, source), end = first;
    while (end < g->count && (all || roster_is_of_node(g, end, source)))
        end++;
    for (; end > first; end--)
        if (g->subgroups[end - 1]->source->leaving)
            clear_subgroup(r, g->subgroups[end - 1], removed);
}

/* --- replacing --------------------------------------------------------- */

void roster_replace_begin(struct roster_source *source)
{
    must(!source->replacing);
    source->replacing = true;
    source->round = !source->round;
    source->at = source->first != NULL ? source->first->first : NULL;
}

static struct member *member_after(const struct member *m)
{
    const struct subgroup *sub = m->subgroup;
    if (m->next == NULL && sub->next != NULL)
        return sub->next->first;
    return m->next;
}

size_t roster_replace_end(struct roster *r, struct roster_source *source, size_t most,
                          const struct roster_visitor *removed)
{
    must(source->replacing);
    size_t count = 0;
    for (; source->at != NULL && count < most; count++) {
        struct member *m = source->at;
        source->at = member_after(m);
        if (m->round != source->round)
            roster_remove_member(r, m, removed);
    }
    source->replacing = source->at != NULL;
    return count;
}

bool roster_is_replacing(const struct roster_source *source)
{
    return source->replacing;
}
