#include "quotas.h"

#include "../err.h"
#include "../limits.h"
#include "../mem.h"

static bool fits(struct amount has, struct amount more, struct amount most)
{
    return has.count + more.count <= most.count && has.bytes + more.bytes <= most.bytes;
}

struct quota *quotas_find(const struct quotas *q, struct bytes node)
{
    return q->nodes != NULL ? names_find(q->nodes, node) : NULL;
}

bool quotas_allow(const struct quotas *q, struct bytes node, struct amount more, struct amount most)
{
    const struct quota *of = quotas_find(q, node);
    struct amount has = of != NULL ? of->has : (struct amount){0};
    struct amount part = {most.count / LIMIT_NODE_PART, most.bytes / LIMIT_NODE_PART};
    return fits(q->all, more, most) && (node.len == 0 || fits(has, more, part));
}

static void add(struct amount *to, struct amount more)
{
    to->count += more.count;
    to->bytes += more.bytes;
}

static void subtract(struct amount *from, struct amount less)
{
    must(from->count >= less.count && from->bytes >= less.bytes);
    from->count -= less.count;
    from->bytes -= less.bytes;
}

struct quota *quotas_charge(struct quotas *q, struct bytes node, struct amount more)
{
    struct quota *of = quotas_find(q, node);
    if (q->nodes == NULL) {
        q->nodes = mem_take(sizeof(*q->nodes));
        q->nodes->secret = q->secret;
    }
    if (of == NULL)
        of = names_add(q->nodes, node, sizeof(*of));
    add(&of->has, more);
    add(&q->all, more);
    return of;
}

void quotas_refund(struct quotas *q, struct quota *of, struct amount less)
{
    subtract(&of->has, less);
    subtract(&q->all, less);
    if (of->has.count > 0 || of->has.bytes > 0)
        return;
    names_remove(q->nodes, of);
    if (q->nodes->count == 0)
        quotas_free(q);
}

void quotas_free(struct quotas *q)
{
    if (q->nodes != NULL)
        names_free(q->nodes);
    mem_free(q->nodes);
    *q = (struct quotas){.secret = q->secret};
}
