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

static void take_message(struct process *p, struct bytes message, struct turn *t)
{
    struct gen_message m = gen_read(message);
    struct buf reply = {0};
    if (m.kind != GEN_CALL)
        return;
    if (is_auth(m.request)) {
        put_atom(&reply, "yes");
        gen_reply(p, m.from, buf_bytes(&reply), t);
    } else {
        put_tuple(&reply, 2);
        put_atom(&reply, "unknown_request");
        put_term(&reply, m.request);
        gen_reply_error(p, m.from, buf_bytes(&reply), t);
    }
    buf_free(&reply);
}

static void put_state(const struct process *p, struct buf *out)
{
    (void)p;
    put_map(out, 0);
}

static const struct process_kind net_kernel = {
    .module = "net_kernel",
    .message = take_message,
    .state = put_state,
    .free = mem_free,
};

void kernel_start(struct processes *table)
{
    must(process_start(table, &net_kernel, NULL, BYTES("net_kernel")) != NULL);
}
