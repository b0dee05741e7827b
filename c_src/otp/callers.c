#include "callers.h"

#include "../mem.h"
#include "../term/canon.h"
#include "../term/write.h"
#include "gen.h"

struct caller {
    struct caller *next;
    struct quota *by; /* the node that has asked */
    struct buf from;
    struct share value; /* held; none as long as it is being made */
    bool later;
};

static const struct amount one = {.count = 1};

void callers_open(struct callers *c, uint64_t secret)
{
    *c = (struct callers){.waiting.secret = secret};
    c->end = &c->first;
}

bool callers_any(const struct callers *c)
{
    return c->first != NULL;
}

static void refuse(const struct process *p, struct bytes from, struct turn *t)
{
    struct buf reason = {0};
    put_atom(&reason, "overloaded");
    gen_reply_error(p, from, buf_bytes(&reason), t);
    buf_free(&reason);
}

void callers_add(struct callers *c, const struct process *p, struct bytes from, size_t most,
                 bool later, struct turn *t)
{
    const struct amount all = {.count = most};
    if (!quotas_allow(&c->waiting, t->node, one, all)) {
        refuse(p, from, t);
        return;
    }
    struct caller *a = mem_take(sizeof(*a));
    *a = (struct caller){.by = quotas_charge(&c->waiting, t->node, one), .later = later};
    buf_put(&a->from, from);
    *c->end = a;
    c->end = &a->next;
}

static void caller_remove(struct callers *c, struct caller **at)
{
    struct caller *a = *at;
    *at = a->next;
    if (c->end == &a->next)
        c->end = at;
    quotas_refund(&c->waiting, a->by, one);
    shared_release(a->value.of);
    buf_free(&a->from);
    mem_free(a);
}

void callers_close(struct callers *c)
{
    while (c->first != NULL)
        caller_remove(c, &c->first);
}

void callers_give(struct callers *c, struct share value)
{
    for (struct caller *a = c->first; a != NULL; a = a->next) {
        if (a->value.of != NULL || a->later)
            continue;
        a->value = value;
        shared_hold(value.of);
        c->answers = true;
    }
}

bool callers_are_late(struct callers *c)
{
    bool any = false;
    for (struct caller *a = c->first; a != NULL; a = a->next) {
        any |= a->later;
        a->later = false;
    }
    return any;
}

static bool is_slow(const struct caller *a, struct turn *t)
{
    struct buf pid = {0};
    bool slow = canon_put(&pid, gen_caller(buf_bytes(&a->from))) == OK &&
                t->post->slow(t->post, node_of(buf_bytes(&pid)));
    buf_free(&pid);
    return slow;
}

void callers_answer(struct callers *c, const struct process *p, struct turn *t)
{
    c->answers = false;
    for (struct caller **at = &c->first; *at != NULL;) {
        if ((*at)->value.of == NULL || is_slow(*at, t)) {
            at = &(*at)->next;
            continue;
        }
        struct bytes before = turn_for(t, buf_bytes(&(*at)->by->node));
        gen_reply_shared(p, buf_bytes(&(*at)->from), (*at)->value, t);
        turn_for(t, before);
        caller_remove(c, at);
    }
}
