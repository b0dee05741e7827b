#include "ongoing.h"

#include "../err.h"

#define NS_A_SECOND 1000000000u

void ongoing_open(struct ongoing *o)
{
    *o = (struct ongoing){0};
    must(uv_mutex_init(&o->lock) == 0);
}

void ongoing_close(struct ongoing *o)
{
    must(o->first == NULL);
    uv_mutex_destroy(&o->lock);
}

void ongoing_begin(struct ongoing *o, struct ongoing_work *work, const char *doing,
                   struct bytes what)
{
    struct ongoing_work **end = &o->first;
    buf_printf(&work->text, "%s %.*s", doing, (int)what.len, (const char *)what.at);
    work->began_ns = uv_hrtime();
    work->begun = true;
    uv_mutex_lock(&o->lock);
    while (*end != NULL)
        end = &(*end)->next;
    *end = work;
    uv_mutex_unlock(&o->lock);
}

void ongoing_set(struct ongoing *o, struct ongoing_work *work, unsigned percent)
{
    uv_mutex_lock(&o->lock);
    work->percent = percent;
    uv_mutex_unlock(&o->lock);
}

void ongoing_end(struct ongoing *o, struct ongoing_work *work)
{
    struct ongoing_work **place = &o->first;
    if (!work->begun)
        return;
    uv_mutex_lock(&o->lock);
    while (*place != work)
        place = &(*place)->next;
    *place = work->next;
    uv_mutex_unlock(&o->lock);
    buf_free(&work->text);
    *work = (struct ongoing_work){0};
}

void ongoing_put(struct ongoing *o, struct buf *out)
{
    size_t others = 0;
    uv_mutex_lock(&o->lock);
    const struct ongoing_work *work = o->first;
    uint64_t seconds = work == NULL ? 0 : (uv_hrtime() - work->began_ns) / NS_A_SECOND;
    if (seconds > 0) {
        for (const struct ongoing_work *other = work->next; other != NULL; other = other->next)
            others++;
        buf_put(out, buf_bytes(&work->text));
        if (work->percent > 0)
            buf_printf(out, ", %u %%", work->percent);
        if (others > 0)
            buf_printf(out, " (and %zu more)", others);
        buf_printf(out, ": %llu s", (unsigned long long)seconds);
    }
    uv_mutex_unlock(&o->lock);
}
