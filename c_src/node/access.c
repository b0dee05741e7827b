#include "access.h"

#include "../limits.h"

static bool may_write(const struct rights *rights, struct bytes node)
{
    return access_may_write((const struct access *)rights, node);
}

static void refused(struct rights *rights, struct bytes node, struct turn *t)
{
    struct access *a = (struct access *)rights;
    a->refused++;
    if (a->told.count == LIMIT_READERS || names_find(&a->told, node) != NULL)
        return;
    names_add(&a->told, node, sizeof(struct buf));
    turn_log(t, LOG_WARNING, "%.*s may only read: its changes and deltas are refused", TEXT(node));
}

void access_init(struct access *a, struct bytes self, const struct name_patterns *read_only)
{
    *a = (struct access){.rights = {may_write, refused}, .self = self, .read_only = read_only};
}

void access_free(struct access *a)
{
    names_free(&a->told);
}

bool access_may_write(const struct access *a, struct bytes node)
{
    return a->read_only->count == 0 || bytes_equal(node, a->self) ||
           !name_patterns_match(a->read_only, node);
}
