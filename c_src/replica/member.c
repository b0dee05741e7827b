#include <string.h>

#include "../mem.h"
#include "inside.h"

/* The first member whose pid is not below this one, in order of bytes: any
 * order does that is the same on every run. */
static size_t place_of(const struct replica *r, struct bytes pid)
{
    size_t low = 0, high = r->member_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (bytes_compare(term_bytes(&r->members[middle]->pid), pid) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct member *member_of_pid(struct replica *r, struct bytes pid)
{
    size_t at = place_of(r, pid);
    bool there = at < r->member_count && bytes_equal(term_bytes(&r->members[at]->pid), pid);
    return there ? r->members[at] : NULL;
}

struct member *member_of_call(struct replica *r, uint64_t call)
{
    for (size_t i = 0; i < r->member_count; i++) {
        struct member *m = r->members[i];
        if (m->pull == PULL_OPEN && m->call == call)
            return m;
    }
    return NULL;
}

struct member *member_add(struct replica *r, struct bytes pid)
{
    size_t at = place_of(r, pid);
    struct member *m = mem_take(sizeof(*m));
    m->pid = term_copy(pid);
    r->members = mem_room(r->members, r->member_count, &r->member_cap, sizeof(struct member *));
    memmove(r->members + at + 1, r->members + at, (r->member_count - at) * sizeof(struct member *));
    r->members[at] = m;
    r->member_count++;
    return m;
}

static void member_free(struct member *m)
{
    compare_stop(m);
    mem_free(m->untold);
    term_free(&m->pid);
    mem_free(m);
}

void member_remove(struct replica *r, struct member *m)
{
    size_t at = place_of(r, term_bytes(&m->pid));
    must(r->members[at] == m);
    must(m->pull != PULL_OPEN && m->untold == NULL);
    r->member_count--;
    memmove(r->members + at, r->members + at + 1, (r->member_count - at) * sizeof(struct member *));
    member_free(m);
}

void member_free_all(struct replica *r)
{
    for (size_t i = 0; i < r->member_count; i++)
        member_free(r->members[i]);
    mem_free(r->members);
    r->members = NULL;
    r->member_count = r->member_cap = 0;
}

struct bytes member_node(const struct member *m)
{
    return node_of(term_bytes(&m->pid));
}
