#include "wakeup.h"

#include "../err.h"
#include "../limits.h"
#include "../mem.h"

static bool before(const struct wakeup *a, const struct wakeup *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->age < b->age;
}

static void put_at(struct wakeups *all, size_t place, struct wakeup *w)
{
    all->heap[place - 1] = w;
    w->place = place;
}

static struct wakeup *at(const struct wakeups *all, size_t place)
{
    return all->heap[place - 1];
}

static void sift_up(struct wakeups *all, struct wakeup *w)
{
    size_t place = w->place;
    for (; place > 1 && before(w, at(all, place / 2)); place /= 2)
        put_at(all, place, at(all, place / 2));
    put_at(all, place, w);
}

static void sift_down(struct wakeups *all, struct wakeup *w)
{
    size_t place = w->place;
    for (size_t child; (child = place * 2) <= all->count; place = child) {
        if (child < all->count && before(at(all, child + 1), at(all, child)))
            child++;
        if (!before(at(all, child), w))
            break;
        put_at(all, place, at(all, child));
    }
    put_at(all, place, w);
}

void wakeup_set(struct wakeups *all, struct wakeup *w, uint64_t at_ms)
{
    wakeup_stop(all, w);
    w->at_ms = at_ms > all->rung_ms ? at_ms : all->rung_ms;
    w->age = all->set++;
    all->heap = mem_room(all->heap, all->count, &all->cap, sizeof(struct wakeup *));
    put_at(all, ++all->count, w);
    sift_up(all, w);
}

void wakeup_stop(struct wakeups *all, struct wakeup *w)
{
    if (w->place == 0)
        return;
    size_t place = w->place;
    must(place <= all->count && at(all, place) == w);
    struct wakeup *last = at(all, all->count--);
    if (last != w) {
        put_at(all, place, last);
        sift_up(all, last);
        sift_down(all, last);
    }
    w->place = 0;
}

uint64_t wakeups_due(const struct wakeups *all)
{
    return all->count > 0 ? at(all, 1)->at_ms : UINT64_MAX;
}

void wakeups_ring(struct wakeups *all, struct turn *t)
{
    uint64_t set = all->set, worked = t->work;
    all->rung_ms = t->now_ms;
    while (all->count > 0 && at(all, 1)->at_ms <= t->now_ms && at(all, 1)->age < set &&
           t->work - worked <= LIMIT_STEP_WORK) {
        struct wakeup *w = at(all, 1);
        wakeup_stop(all, w);
        w->ring(w, t);
    }
}

void wakeups_stop(struct wakeups *all)
{
    for (; all->count > 0; all->count--)
        at(all, all->count)->place = 0;
}

void wakeups_free(struct wakeups *all)
{
    mem_free(all->heap);
    *all = (struct wakeups){0};
}
