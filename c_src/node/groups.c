#include "groups.h"

#include "../err.h"
#include "../mem.h"
#include "../sorted.h"

struct group {
    struct buf name;
    struct process **replicas; /* at least one */
    size_t count, cap;
};

void groups_free(struct groups *g)
{
    for (size_t i = 0; i < g->groups.count; i++)
        mem_free(((struct group *)g->groups.list[i])->replicas);
    names_free(&g->groups);
}

void groups_add(struct groups *g, struct bytes group, struct process *replica)
{
    struct group *found = names_find(&g->groups, group);
    if (found == NULL)
        found = names_add(&g->groups, group, sizeof(*found));
    found->replicas =
        mem_room(found->replicas, found->count, &found->cap, sizeof(*found->replicas));
    found->replicas[found->count++] = replica;
}

void groups_remove(struct groups *g, struct bytes group, const struct process *replica)
{
    struct group *found = names_find(&g->groups, group);
    must(found != NULL);
    size_t place = 0;
    while (found->replicas[place] != replica)
        must(++place < found->count);
    sorted_remove(found->replicas, &found->count, sizeof(struct process *), place);
    if (found->count > 0)
        return;
    mem_free(found->replicas);
    names_remove(&g->groups, found);
}

struct process *groups_at(const struct groups *g, struct bytes group, size_t i)
{
    const struct group *found = names_find(&g->groups, group);
    return found != NULL && i < found->count ? found->replicas[i] : NULL;
}
