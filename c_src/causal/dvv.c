#include "dvv.h"

#include "../err.h"
#include "../mem.h"

/* --- actors ------------------------------------------------------------------ */

/* Gives those actors a place that have a number already. */
void dvv_know_actors(struct dvv *s)
{
    while (s->known_count < actors_count(&s->actors)) {
        s->known = mem_room(s->known, s->known_count, &s->known_cap, sizeof(*s->known));
        s->known[s->known_count++] = (struct dvv_actor){0};
    }
}

void dvv_open(struct dvv *s, struct bytes actor, uint64_t seed)
{
    *s = (struct dvv){0};
    actors_init(&s->actors, seed);
    table_init(&s->entries, sizeof(struct dots), seed);
    must(actors_number(&s->actors, actor) == DVV_OWN);
    dvv_know_actors(s);
}

static void dots_done(void *record)
{
    dots_free(record);
}

void dvv_close(struct dvv *s)
{
    for (size_t i = 0; i < s->known_count; i++)
        dot_heap_free(&s->known[i].places);
    mem_free(s->known);
    mem_free(s->raised);
    actors_free(&s->actors);
    table_free(&s->entries, dots_done);
}

/* The same tag in another state. */
static struct tag tag_in(struct dvv *to, const struct dvv *from, struct tag tag)
{
    struct tag same = tag_for(&to->actors, &from->actors, tag);
    dvv_know_actors(to);
    return same;
}

/* --- what grows: a clock, the context, dots -------------------------------------- */

bool dvv_raise_clock(struct dvv *s, struct tag tag, struct dvv *grown)
{
    struct dvv_actor *a = &s->known[tag.actor];
    if (tag.n <= a->clock)
        return false;
    a->clock = tag.n;
    if (grown != NULL)
        dvv_raise_clock(grown, tag_in(grown, s, tag), NULL);
    return true;
}

/* The dots that are then hidden are still there until dvv_drop_hidden(). */
bool dvv_raise_context(struct dvv *s, struct tag tag, struct dvv *grown)
{
    struct dvv_actor *a = &s->known[tag.actor];
    if (tag.n <= a->context)
        return false;
    a->context = tag.n;
    s->raised = mem_room(s->raised, s->raised_count, &s->raised_cap, sizeof(*s->raised));
    s->raised[s->raised_count++] = tag.actor;
    dvv_raise_clock(s, tag, grown);
    if (grown != NULL)
        dvv_raise_context(grown, tag_in(grown, s, tag), NULL);
    return true;
}

/* Gives an element those of the tags that are above its dots and the context.  Sorts
 * them. */
bool dvv_add_dots(struct dvv *s, struct bytes element, struct tag *tags, size_t count,
                  struct dvv *grown)
{
    static const struct dots none;
    bool added;
    struct dots *d = table_find(&s->entries, element);
    size_t seen = 0;
    for (size_t i = 0; i < count; i++) {
        if (tags[i].n > s->known[tags[i].actor].context)
            tags[seen++] = tags[i];
    }
    count = dots_news(d != NULL ? d : &none, tags, seen);
    if (count == 0)
        return false;
    if (d == NULL)
        d = table_add(&s->entries, element, &added);
    dots_set(d, tags, count);
    for (size_t i = 0; i < count; i++) {
        dvv_raise_clock(s, tags[i], grown);
        dot_heap_push(&s->known[tags[i].actor].places, tags[i].actor,
                      (struct dot_place){tags[i].n, d});
    }
    for (size_t i = 0; grown != NULL && i < count; i++)
        tags[i] = tag_in(grown, s, tags[i]);
    if (grown != NULL)
        dvv_add_dots(grown, element, tags, count, NULL);
    return true;
}

/* --- what goes ------------------------------------------------------------------- */

/* Drops all dots of one element that are hidden: each context is as high already as it
 * gets. */
static void cut_hidden(struct dvv *s, struct dots *d)
{
    struct tag *list = dots_list(d);
    size_t left = 0;
    for (size_t i = 0; i < d->count; i++) {
        if (list[i].n > s->known[list[i].actor].context)
            list[left++] = list[i];
    }
    dots_cut(d, left);
}

/* Drops all hidden dots.  An element that has none any more must not go before all its
 * places are taken out, which is when this ends: they are all below the context. */
void dvv_drop_hidden(struct dvv *s, dvv_cut *cut, void *arg)
{
    while (s->raised_count > 0) {
        uint32_t actor = s->raised[--s->raised_count];
        uint64_t context = s->known[actor].context;
        struct dot_place place;
        while (dot_heap_pop(&s->known[actor].places, context, &place)) {
            if (dots_of(place.dots, actor) != place.n)
                continue;
            cut_hidden(s, place.dots);
            cut(s, place.dots, arg);
        }
    }
}

/* Elements without dots. */
struct gone {
    struct dots **list;
    size_t count, cap;
};

static void note_gone(struct dvv *s, struct dots *d, void *arg)
{
    (void)s;
    struct gone *g = arg;
    if (d->count > 0)
        return;
    g->list = mem_room(g->list, g->count, &g->cap, sizeof(*g->list));
    g->list[g->count++] = d;
}

void dvv_drop_joined(struct dvv *s)
{
    struct gone gone = {0};
    dvv_drop_hidden(s, note_gone, &gone);
    for (size_t i = 0; i < gone.count; i++)
        table_remove(&s->entries, gone.list[i]);
    mem_free(gone.list);
}

static void check_dots(const struct dvv *s, struct dots *d, size_t *places)
{
    const struct tag *list = dots_list(d);
    must(d->count > 0);
    for (size_t i = 0; i < d->count; i++) {
        const struct dvv_actor *a = &s->known[list[i].actor];
        must(i == 0 || list[i - 1].actor < list[i].actor);
        must(list[i].n > a->context && list[i].n <= a->clock);
        places[list[i].actor]++;
    }
}

void dvv_check(const struct dvv *s)
{
    const struct table *t = &s->entries;
    size_t *places = mem_take(s->known_count * sizeof(*places));
    table_check(t);
    must(s->raised_count == 0 && s->known_count == actors_count(&s->actors));
    for (size_t i = 0; i < table_end(t); i++) {
        if (table_at(t, i) != NULL)
            check_dots(s, table_at(t, i), places);
    }
    for (uint32_t i = 0; i < s->known_count; i++) {
        must(s->known[i].context <= s->known[i].clock);
        must(dot_heap_check(&s->known[i].places, i) == places[i]);
    }
    mem_free(places);
}
