#include <string.h>

#include "../err.h"
#include "../mem.h"
#include "internal.h"

/* After a value of so many bytes there is a pause of a millisecond: one of a megabyte that changes
 * all the time would keep the node from anything else. */
#define BYTES_A_MS 16384

/* Asks for the value when the replica has changed, and then not again before it is told: so what
 * changes meanwhile is told at once, and a value is one that the replica would give to anybody. */
struct coppice_watch {
    struct list entry;
    struct coppice *node;
    struct buf name;   /* with a zero byte */
    uint64_t version;  /* of node_version(), last seen */
    bool changed;      /* since the value was asked for */
    bool asking;       /* for the value */
    bool over;         /* coppice_unwatch() was called: freed by watches_begin() */
    uint64_t again_ms; /* not before this time of the loop */
    bool has_told;
    enum coppice_status status; /* of what was told last ... */
    struct buf last;            /* ... and its term */
    coppice_callback *told;
    void *who;
};

static void watch_free(struct coppice_watch *w)
{
    list_remove(&w->entry);
    buf_free(&w->name);
    buf_free(&w->last);
    mem_free(w);
}

struct coppice_watch *coppice_watch(struct coppice *c, const char *replica, coppice_callback *told,
                                    void *who)
{
    struct coppice_watch *w = mem_take(sizeof(*w));
    *w = (struct coppice_watch){.node = c, .changed = true, .told = told, .who = who};
    buf_put(&w->name, bytes_of(replica));
    buf_put_u8(&w->name, 0);
    list_append(&c->watches, &w->entry);
    do_soon(c);
    return w;
}

void coppice_unwatch(struct coppice_watch *w)
{
    w->over = true;
    do_soon(w->node);
}

/* Tells it unless it was told last. */
static void tell(struct coppice_watch *w, struct coppice_answer *a)
{
    bool same = w->has_told && w->status == a->status &&
                bytes_equal(buf_bytes(&w->last), buf_bytes(&a->term));
    if (w->over || same)
        return;
    w->has_told = true;
    w->status = a->status;
    buf_clear(&w->last);
    buf_put(&w->last, buf_bytes(&a->term));
    w->told(w->who, a);
}

/* A replica that has ended since is told of by the next look; one that it cannot be asked any more,
 * since the node has ended, not at all. */
static void on_value(void *who, struct coppice_answer *a)
{
    struct coppice_watch *w = who;
    enum coppice_status status = coppice_status(a);
    w->asking = false;
    w->again_ms = uv_now(loop_uv(w->node->loop)) + a->term.len / BYTES_A_MS;
    if (w->over)
        do_soon(w->node);
    else if (status == COPPICE_OK || status == COPPICE_REFUSED)
        tell(w, a);
    else if (status == COPPICE_DOWN)
        watches_look(w->node);
}

static void tell_down(struct coppice_watch *w)
{
    struct coppice_answer a = {0};
    answer_set_text(&a, COPPICE_DOWN, "there is no replica %s on this node",
                    (const char *)w->name.at);
    tell(w, &a);
    answer_tell(&a, NULL, NULL);
}

static void look(struct coppice_watch *w)
{
    uint64_t version = node_version(w->node->node, (struct bytes){w->name.at, w->name.len - 1});
    if (version == w->version)
        return;
    w->version = version;
    w->changed = true;
    do_soon(w->node);
}

void watches_look(void *who)
{
    struct coppice *c = who;
    bool runs = !loop_has_ended(c->loop); /* else all replicas have ended with it */
    for (struct list *e = c->watches.next; runs && e != &c->watches; e = e->next)
        look(CONTAINER_OF(e, struct coppice_watch, entry));
}

static void begin(struct coppice_watch *w)
{
    look(w);
    w->changed = false;
    if (w->version == 0) {
        tell_down(w);
        return;
    }
    w->asking = true;
    coppice_value(w->node, (const char *)w->name.at, on_value, w);
}

static void free_those_over(struct coppice *c)
{
    struct list *next;
    for (struct list *e = c->watches.next; e != &c->watches; e = next) {
        struct coppice_watch *w = CONTAINER_OF(e, struct coppice_watch, entry);
        next = e->next;
        if (w->over && !w->asking)
            watch_free(w);
    }
}

static void on_later(uv_timer_t *later)
{
    do_soon(later->data);
}

void watches_begin(struct coppice *c)
{
    uint64_t now = uv_now(loop_uv(c->loop)), next = UINT64_MAX;
    bool runs = c->ready && !loop_has_ended(c->loop);
    free_those_over(c);
    for (struct list *e = c->watches.next; runs && e != &c->watches; e = e->next) {
        struct coppice_watch *w = CONTAINER_OF(e, struct coppice_watch, entry);
        if (!w->changed || w->asking || w->over)
            continue;
        if (w->again_ms <= now)
            begin(w);
        else if (w->again_ms < next)
            next = w->again_ms;
    }
    if (next != UINT64_MAX)
        uv_timer_start(&c->later, on_later, next - now, 0);
}

void watches_free(struct coppice *c)
{
    while (!list_empty(&c->watches))
        watch_free(CONTAINER_OF(c->watches.next, struct coppice_watch, entry));
}
