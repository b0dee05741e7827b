#include "shared.h"

#include "../err.h"
#include "../mem.h"

struct shared {
    struct buf content;
    size_t holders;
};

struct shared *shared_new(struct buf *content)
{
    struct shared *s = mem_take(sizeof(*s));
    *s = (struct shared){*content, 1};
    *content = (struct buf){0};
    return s;
}

struct shared *shared_hold(struct shared *s)
{
    s->holders++;
    return s;
}

void shared_release(struct shared *s)
{
    if (s == NULL)
        return;
    must(s->holders > 0);
    if (--s->holders > 0)
        return;
    buf_free(&s->content);
    mem_free(s);
}

struct bytes shared_bytes(const struct shared *s)
{
    return buf_bytes(&s->content);
}
