#include "dvv.h"

#include "../err.h"
#include "../mem.h"

/* --- actors ------------------------------------------------------------------ */

void dvv_add_actors(struct dvv *s)
{
    while (s->by_actor_count < actors_count(&s->actors)) {
        s->by_actor =
            mem_room(s->by_actor, s->by_actor_count, &s->by_actor_cap, sizeof(*s->by_actor));
        s->by_actor[s->by_actor_count++] = (struct dvv_actor){0};
    }
}

void dvv_open(struct dvv *s, struct bytes actor, uint64_t seed)
{
    *s = (struct dvv){0};
    actors_init(&s->actors, seed);
    table_init(&s->entries, sizeof(struct dots), seed);
    must(actors_number(&s->actors, actor) == DVV_OWN);
    dvv_add_actors(s);
}

static void dots_done(void *record)
{
    dots_free(record);
}

void dvv_close(struct dvv *s)
{
    for (size_t i = 0; i < s->by_actor_count; i++)
        dot_heap_free(&s->by_actor[i].heap);
    mem_free(s->by_actor);
    mem_free(s->raised);
    actors_free(&s->actors);
    table_free(&s->entries, dots_done);
}

/* The tag as the other state numbers its actor. */
static struct tag translate(struct dvv *to, const struct dvv *from, struct tag tag)
{
    struct tag same = tag_translate(&to->actors, &from->actors, tag);
    dvv_add_actors(to);
    return same;
}

/* --- raising the clock and the context, adding dots -------------------------------- */

bool dvv_raise_clock(struct dvv *s, struct tag tag, struct dvv *delta)
{
    struct dvv_actor *a = &s->by_actor[tag.actor];
    if (tag.n <= a->clock)
        return false;
    if (a->clock == 0) {
        s->clocks++;
        if (s->watch != NULL)
            s->watch->told(s->watch, actors_term(&s->actors, tag.actor), true);
    }
    a->clock = tag.n;
    if (delta != NULL)
        dvv_raise_clock(delta, translate(delta, s, tag), NULL);
    return true;
}

bool dvv_raise_context(struct dvv *s, struct tag tag, struct dvv *delta)
{
    struct dvv_actor *a = &s->by_actor[tag.actor];
    if (tag.n <= a->context)
        return false;
    a->context = tag.n;
    s->raised = mem_room(s->raised, s->raised_count, &s->raised_cap, sizeof(*s->raised));
    s->raised[s->raised_count++] = tag.actor;
    dvv_raise_clock(s, tag, delta);
    if (delta != NULL)
        dvv_raise_context(delta, translate(delta, s, tag), NULL);
    return true;
}

static void push_dot(struct dvv *s, size_t element, struct tag dot, bool replaces)
{
    dot_heap_push(&s->by_actor[dot.actor].heap, &s->entries, dot.actor,
                  (struct dot_ref){dot.n, (uint32_t)element}, replaces);
}

/* Fills the heaps anew: the elements have other numbers. */
static void refill_heaps(struct dvv *s)
{
    for (size_t i = 0; i < s->by_actor_count; i++)
        dot_heap_clear(&s->by_actor[i].heap);
    s->generation = s->entries.generation;
    for (size_t i = 0; i < table_end(&s->entries); i++) {
        struct dots *d = table_at(&s->entries, i);
        for (size_t k = 0; d != NULL && k < d->count; k++)
            push_dot(s, i, dots_list(d)[k], false);
    }
}

static struct dots *add_element(struct dvv *s, struct bytes element, bool *added)
{
    struct dots *d = table_add(&s->entries, element, added);
    if (s->generation != s->entries.generation)
        refill_heaps(s);
    return d;
}

bool dvv_add_dots(struct dvv *s, struct bytes element, struct tag *tags, size_t count,
                  struct dvv *delta)
{
    size_t seen = 0;
    for (size_t i = 0; i < count; i++) {
        if (tags[i].n > s->by_actor[tags[i].actor].context)
            tags[seen++] = tags[i];
    }
    if (seen == 0)
        return false;
    /* If it is added here, all tags are new to it: it gets dots. */
    bool added;
    struct dots *d = add_element(s, element, &added);
    count = dots_filter_new(d, tags, seen);
    if (count == 0)
        return false;
    dots_merge(d, tags, count);
    size_t number = table_number(&s->entries, d);
    for (size_t i = 0; i < count; i++) {
        dvv_raise_clock(s, tags[i], delta);
        push_dot(s, number, tags[i], !added);
    }
    for (size_t i = 0; delta != NULL && i < count; i++)
        tags[i] = translate(delta, s, tags[i]);
    if (delta != NULL)
        dvv_add_dots(delta, element, tags, count, NULL);
    return true;
}

/* --- dropping dots ------------------------------------------------------------------ */

/* Drops all dominated dots of one element; no context rises any further meanwhile. */
static void drop_dominated_dots(struct dvv *s, struct dots *d)
{
    struct tag *list = dots_list(d);
    size_t left = 0;
    for (size_t i = 0; i < d->count; i++) {
        if (list[i].n > s->by_actor[list[i].actor].context)
            list[left++] = list[i];
    }
    dots_truncate(d, left);
}

static void drop_dominated_of(struct dvv *s, uint32_t actor, dvv_on_drop *on_drop, void *arg)
{
    struct dot_ref *taken;
    size_t count = dot_heap_take(&s->by_actor[actor].heap, s->by_actor[actor].context, &taken);
    for (size_t i = 0; i < count; i++) {
        struct dots *d = table_at(&s->entries, taken[i].element);
        if (dots_of(d, actor) != taken[i].n)
            continue;
        drop_dominated_dots(s, d);
        on_drop(s, taken[i].element, arg);
    }
    mem_free(taken);
}

/* An element without dots must stay until all its heap entries are taken.  That is the case when
 * this returns, since they are all below the context. */
void dvv_drop_dominated(struct dvv *s, dvv_on_drop *on_drop, void *arg)
{
    while (s->raised_count > 0)
        drop_dominated_of(s, s->raised[--s->raised_count], on_drop, arg);
}

static void doom_emptied(struct dvv *s, uint32_t element, void *arg)
{
    const struct dots *d = table_at(&s->entries, element);
    if (d->count == 0)
        table_doom(arg, element);
}

void dvv_prune(struct dvv *s)
{
    struct table_doomed emptied = {0};
    dvv_drop_dominated(s, doom_emptied, &emptied);
    table_remove_doomed(&s->entries, &emptied);
}

static void check_dots(const struct dvv *s, struct dots *d, size_t *dots)
{
    const struct tag *list = dots_list(d);
    must(d->count > 0);
    for (size_t i = 0; i < d->count; i++) {
        const struct dvv_actor *a = &s->by_actor[list[i].actor];
        must(i == 0 || list[i - 1].actor < list[i].actor);
        must(list[i].n > a->context && list[i].n <= a->clock);
        dots[list[i].actor]++;
    }
}

void dvv_check(const struct dvv *s)
{
    const struct table *t = &s->entries;
    size_t *dots = mem_take(s->by_actor_count * sizeof(*dots));
    table_check(t);
    must(s->raised_count == 0 && s->by_actor_count == actors_count(&s->actors));
    for (size_t i = 0; i < table_end(t); i++) {
        if (table_at(t, i) != NULL)
            check_dots(s, table_at(t, i), dots);
    }
    for (uint32_t i = 0; i < s->by_actor_count; i++) {
        must(s->by_actor[i].context <= s->by_actor[i].clock);
        must(dot_heap_check(&s->by_actor[i].heap, &s->entries, i) == dots[i]);
    }
    mem_free(dots);
}
