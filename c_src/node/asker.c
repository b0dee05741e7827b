#include "asker.h"

#include "../otp/gen.h"
#include "../term/write.h"

void asker_put_answer(struct buf *term, const struct answer *a)
{
    struct buf text = {0};
    if (!answer_is_unfit(a)) {
        buf_put(term, a->reply);
        return;
    }
    buf_printf(&text, "its reply has a term that cannot be read here: %s", err_text(a->err));
    put_binary(term, buf_bytes(&text));
    buf_free(&text);
}

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
