#include "asker.h"

#include "../otp/gen.h"
#include "../term/write.h"

void asker_message(struct process *p, struct bytes message, struct turn *t)
{
    struct gen_message m = gen_read(message);
    if (m.kind == GEN_CALL)
        gen_reply_unknown(p, m.from, m.request, t);
}

void asker_state(const struct process *p, struct buf *out)
{
    (void)p;
    put_nil(out);
}

void asker_free(void *self)
{
    (void)self;
}
