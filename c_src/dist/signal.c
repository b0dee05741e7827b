#include "signal.h"

static struct bytes keep(struct buf *memory, struct bytes b)
{
    struct bytes kept = {memory->at + memory->len, b.len};
    buf_put(memory, b);
    return kept;
}

void signal_copy(struct signal *copy, const struct signal *s, struct buf *memory)
{
    *copy = *s;
    /* All at once, so that the slices do not move. */
    buf_room(memory, signal_bytes(s));
    copy->node = keep(memory, s->node);
    copy->from = keep(memory, s->from);
    copy->to = keep(memory, s->to);
    copy->ref = keep(memory, s->ref);
    copy->reason = keep(memory, s->reason);
    copy->mfa = keep(memory, s->mfa);
    copy->options = keep(memory, s->options);
    copy->payload = keep(memory, s->payload);
    copy->payload.len += keep(memory, s->rest.part).len;
    copy->rest = (struct share){0};
    copy->owner = keep(memory, s->owner);
}

size_t signal_bytes(const struct signal *s)
{
    return s->node.len + s->from.len + s->to.len + s->ref.len + s->reason.len + s->mfa.len +
           s->options.len + s->payload.len + s->rest.part.len + s->owner.len;
}
