#include "../dist/control.h"
#include "../dist/handshake.h"
#include "../mem.h"
#include "../otp/list.h"
#include "internal.h"

/* A signal for a node that is being dialled: mostly an answer. */
struct answer {
    struct list link; /* in peer.answers */
    struct quota *by; /* the node that has caused it */
    struct signal signal;
    struct buf memory;
};

static const struct amount one_node = {.count = 1};

static struct amount bytes_of_it(const struct answer *a)
{
    return (struct amount){.bytes = a->memory.len};
}

static void answer_remove(struct peer *p, struct answer *a)
{
    struct cluster *c = p->cluster;
    quotas_refund(&c->answered, a->by, bytes_of_it(a));
    if (--p->answer_count == 0) {
        quotas_refund(&c->answered, p->dialled_for, one_node);
        p->dialled_for = NULL;
        wakeup_stop(c->wakeups, &p->answers_late);
    }
    list_remove(&a->link);
    buf_free(&a->memory);
    mem_free(a);
}

static struct answer *first(const struct peer *p)
{
    return CONTAINER_OF(p->answers.next, struct answer, link);
}

static void dropped(struct cluster *c, const struct signal *signal, const char *why, struct turn *t)
{
    c->undelivered++;
    if (few_lines_may(&c->answer_lines, t))
        turn_log(t, LOG_INFO, "a message for %.*s is dropped: %s", TEXT(signal->node), why);
    c->listener.undelivered(c->listener.who, signal, t);
}

static void on_late(struct wakeup *w, struct turn *t)
{
    struct peer *p = CONTAINER_OF(w, struct peer, answers_late);
    answers_drop(p, "no connection in time", t);
    if (p->dialling == DIAL_ONCE && p->attempt == NULL)
        peer_set(p, DIAL_NEVER, p->tried);
    p->cluster->untidy = true;
}

void answers_init(struct peer *p)
{
    list_init(&p->answers);
    p->answers_late.ring = on_late;
}

bool answers_drop(struct peer *p, const char *why, struct turn *t)
{
    if (p->answer_count == 0)
        return false;
    while (p->answer_count > 0) {
        dropped(p->cluster, &first(p)->signal, why, t);
        answer_remove(p, first(p));
    }
    return true;
}

void answers_send(struct peer *p, struct turn *t)
{
    while (p->answer_count > 0) {
        const struct signal *signal = &first(p)->signal;
        /* Whoever gave us an alias may have lied about its node. */
        bool alias = signal->kind == SIGNAL_ALIAS_SEND;
        if (alias && !control_can_write(signal->kind, channel_flags(p->up->channel)))
            dropped(p->cluster, signal, "it does not support aliases", t);
        else
            link_send(p->up, signal, t);
        answer_remove(p, first(p));
    }
}

void answers_end(struct peer *p)
{
    while (p->answer_count > 0)
        answer_remove(p, first(p));
}

static void answer_add(struct peer *p, const struct signal *signal, struct turn *t)
{
    struct cluster *c = p->cluster;
    struct answer *a = mem_take(sizeof(*a));
    signal_copy(&a->signal, signal, &a->memory);
    list_append(&p->answers, &a->link);
    a->by = quotas_charge(&c->answered, t->node, bytes_of_it(a));
    if (p->answer_count++ > 0)
        return;
    p->dialled_for = quotas_charge(&c->answered, t->node, one_node);
    wakeup_set(c->wakeups, &p->answers_late, t->now_ms + LIMIT_ANSWER_MS);
}

/* Why the signal cannot wait, or NULL. */
static const char *refusal(const struct cluster *c, const struct signal *signal,
                           const struct turn *t)
{
    const struct amount most = {LIMIT_ANSWERED_NODES, LIMIT_ANSWER_BYTES};
    const struct peer *known = peer_find(c, signal->node);
    bool waits = known != NULL && known->answer_count > 0;
    if (!node_name_valid(signal->node))
        return "not a valid node name";
    if (!quotas_allow(&c->answered, t->node, (struct amount){!waits, signal_bytes(signal)}, most))
        return "it is not connected, and too many wait";
    return NULL;
}

void cluster_deliver(struct cluster *c, const struct signal *signal, struct turn *t)
{
    if (cluster_send(c, signal->node, signal, t))
        return;
    if (c->stopping || !c->options.serves) {
        c->listener.undelivered(c->listener.who, signal, t);
        return;
    }
    const char *why = refusal(c, signal, t);
    if (why != NULL) {
        dropped(c, signal, why, t);
        return;
    }
    struct peer *p = peer_named(c, signal->node);
    answer_add(p, signal, t);
    /* One that is dialled again and again has its next attempt soon. */
    if (p->redial.place == 0)
        cluster_connect_once(c, signal->node, t);
}

uint64_t cluster_undelivered(const struct cluster *c)
{
    return c->undelivered;
}
