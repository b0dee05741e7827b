#include "event.h"

#include "../mem.h"

struct action *outbox_add(struct outbox *out, enum action_kind kind)
{
    out->list = mem_room(out->list, out->count, &out->cap, sizeof(*out->list));
    struct action *a = &out->list[out->count++];
    *a = (struct action){.kind = kind};
    return a;
}

void outbox_clear(struct outbox *out)
{
    for (size_t i = 0; i < out->count; i++)
        buf_free(&out->list[i].bytes);
    out->count = 0;
}

void outbox_free(struct outbox *out)
{
    outbox_clear(out);
    mem_free(out->list);
    *out = (struct outbox){0};
}
