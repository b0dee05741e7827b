#include "../err.h"
#include "../term/etf.h"
#include "../term/write.h"
#include "gen.h"
#include "table.h"

static bool is_accepted(struct bytes term)
{
    size_t len;
    return term.len > 0 && etf_check(term, &len) == OK;
}

/* Logs the 1st, 2nd, 4th, 8th, ...: a faulty peer must not fill the disk with log lines. */
static void drop(struct process *p, struct bytes node, enum err why, struct turn *t)
{
    p->dropped++;
    if ((p->dropped & (p->dropped - 1)) == 0) {
        struct bytes name = p->name.len > 0 ? buf_bytes(&p->name) : bytes_of(p->kind->module);
        turn_log(t, LOG_WARNING, "%.*s: dropped a message from %.*s: %s (%llu dropped so far)",
                 TEXT(name), TEXT(node), err_text(why), (unsigned long long)p->dropped);
    }
    if (p->kind->dropped != NULL)
        p->kind->dropped(p, node, t);
}

void process_refuse(struct process *p, struct bytes node, struct bytes message, enum err why,
                    struct turn *t)
{
    must(why != OK);
    struct gen_message m = gen_read(message);
    bool waits = m.kind == GEN_CALL || m.kind == GEN_SYSTEM;
    if (waits && is_accepted(m.from)) {
        struct buf reason = {0};
        put_bad_term(&reason, why);
        gen_reply_error(p, m.from, buf_bytes(&reason), t);
        buf_free(&reason);
    } else if (m.kind != GEN_INFO || !call_answered(p, message, why, t)) {
        drop(p, node, why, t);
    }
}

bool answer_is_unfit(const struct answer *a)
{
    return a->err != OK && a->err != ERR_TIMEOUT && a->err != ERR_CLOSED;
}

uint64_t process_dropped(const struct process *p)
{
    return p->dropped;
}
