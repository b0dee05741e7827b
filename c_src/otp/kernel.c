#include "kernel.h"

#include "../err.h"
#include "../mem.h"
#include "../term/etf.h"
#include "../term/write.h"
#include "gen.h"

static bool is_auth(struct bytes request)
{
    struct etf_in in = etf_open(request);
    return etf_tuple(&in) == 2 && etf_accept(&in, "is_auth");
}

static void kernel_message(struct process *p, struct bytes message, struct turn *t)
{
    struct gen_message m = gen_read(message);
    if (m.kind != GEN_CALL)
        return;
    if (!is_auth(m.request)) {
        gen_reply_unknown(p, m.from, m.request, t);
        return;
    }
    struct buf yes = {0};
    put_atom(&yes, "yes");
    gen_reply(p, m.from, buf_bytes(&yes), t);
    buf_free(&yes);
}

static void kernel_state(const struct process *p, struct buf *out)
{
    (void)p;
    put_map(out, 0);
}

static const struct process_kind net_kernel = {
    .module = "net_kernel",
    .message = kernel_message,
    .state = kernel_state,
    .free = mem_free,
};

void kernel_start(struct processes *table)
{
    must(process_start(table, &net_kernel, NULL, BYTES("net_kernel")) != NULL);
}

void kernel_ended(struct processes *table, const struct process *p)
{
    if (process_kind(p) == &net_kernel)
        kernel_start(table);
}
