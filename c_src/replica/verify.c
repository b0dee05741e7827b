#include <string.h>

#include "../limits.h"
#include "../mem.h"
#include "../otp/watch.h"
#include "../term/etf.h"
#include "../term/write.h"
#include "internal.h"
#include "work.h"

/* Digests are of 64 bits, and anybody can make two elements that have the same; two replicas, each
 * with another one of them, would compare as equal for ever.  So now and then a comparison that
 * finds no difference is verified with a salt that nobody could know before:
 *
 *     {digest, Mine, Salt, Salted}     {ok, equal | changed | different}
 *
 * Mine is the digest without a salt.  Where it is not that of the replier, one of the two has
 * changed meanwhile, and the next comparison will find out.  Where it is, and the salted ones
 * differ, the digests cannot tell what does: all entries are exchanged.
 *
 * A coppice of version 0.1.0 does not know the request, and is left alone. */

bool verify_is_due(const struct replica *r)
{
    return r->repairs > 0 && r->repairs % LIMIT_VERIFIED_REPAIRS == 0;
}

static uint64_t salted(const struct replica *r, uint64_t salt, struct turn *t)
{
    work_walk(r, t);
    return crdt_digest_salted(r->crdt, salt);
}

enum reply_result verify_start(struct replica *r, struct member *m, struct turn *t)
{
    struct buf request = {0};
    uint64_t salt = turn_random(t);
    put_tuple(&request, 4);
    put_atom(&request, "digest");
    put_uint(&request, compare_whole_digest(r, t));
    put_uint(&request, salt);
    put_uint(&request, salted(r, salt, t));
    m->verifying = true;
    return compare_ask(r, m, &request, t);
}

void verify_digest(struct replica *r, struct bytes from, const struct bytes *args, struct turn *t)
{
    struct etf_in in[3] = {etf_open(args[0]), etf_open(args[1]), etf_open(args[2])};
    uint64_t theirs = etf_uint64(&in[0]), salt = etf_uint64(&in[1]), other = etf_uint64(&in[2]);
    bool valid = etf_finish(&in[0]) == OK && etf_finish(&in[1]) == OK && etf_finish(&in[2]) == OK;
    struct buf reply = {0};
    if (!valid || theirs != compare_whole_digest(r, t))
        put_atom(&reply, "changed");
    else
        put_atom(&reply, salted(r, salt, t) == other ? "equal" : "different");
    gen_reply_value(r->process, from, buf_bytes(&reply), t);
    buf_free(&reply);
}

enum reply_result verify_answer(struct replica *r, struct member *m, struct bytes reply,
                                struct turn *t)
{
    struct etf_in in = etf_open(reply);
    m->verifying = false;
    etf_tuple_of(&in, 2);
    etf_expect(&in, "ok");
    etf_expect(&in, "different");
    if (etf_finish(&in) != OK)
        return REPLY_DONE;
    member_note(m, AGREEMENT_DIFFERS, t);
    m->comparison = mem_take(sizeof(*m->comparison));
    memset(m->comparison->differs, true, sizeof(m->comparison->differs));
    return compare_next_part(r, m, t);
}
