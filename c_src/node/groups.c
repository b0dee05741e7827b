#include "groups.h"

#include "../err.h"
#include "../mem.h"
#include "../otp/list.h"
#include "../sorted.h"
#include "../term/keyed_hash.h"

struct group {
    struct hash_link link;
    struct term name;
    struct process **replicas; /* at least one */
    size_t count, cap;
};

static void group_free(struct group *group)
{
    mem_free(group->replicas);
    term_free(&group->name);
    mem_free(group);
}

void groups_free(struct groups *g)
{
    for (size_t i = 0; i < g->by_name.size; i++)
        for (struct hash_link *link = g->by_name.slots[i], *next; link != NULL; link = next) {
            next = link->next;
            group_free(CONTAINER_OF(link, struct group, link));
        }
    hash_table_free(&g->by_name);
}

static struct group *find(const struct groups *g, struct bytes name)
{
    struct hash_link *link = hash_table_find(&g->by_name, keyed_hash(name, g->seed));
    for (; link != NULL; link = hash_table_next(link)) {
        struct group *group = CONTAINER_OF(link, struct group, link);
        if (bytes_equal(term_bytes(&group->name), name))
            return group;
    }
    return NULL;
}

static struct group *add(struct groups *g, struct bytes name)
{
    struct group *group = mem_take(sizeof(*group));
    group->name = term_copy(name);
    hash_table_put(&g->by_name, &group->link, keyed_hash(name, g->seed));
    return group;
}

void groups_add(struct groups *g, struct bytes group, struct process *replica)
{
    struct group *found = find(g, group);
    if (found == NULL)
        found = add(g, group);
    found->replicas =
        mem_room(found->replicas, found->count, &found->cap, sizeof(*found->replicas));
    found->replicas[found->count++] = replica;
}

void groups_remove(struct groups *g, struct bytes group, const struct process *replica)
{
    struct group *found = find(g, group);
    must(found != NULL);
    size_t place = 0;
    while (found->replicas[place] != replica)
        must(++place < found->count);
    sorted_remove(found->replicas, &found->count, sizeof(struct process *), place);
    if (found->count > 0)
        return;
    hash_table_remove(&g->by_name, &found->link);
    group_free(found);
}

struct process *groups_at(const struct groups *g, struct bytes group, size_t i)
{
    const struct group *found = find(g, group);
    return found != NULL && i < found->count ? found->replicas[i] : NULL;
}
