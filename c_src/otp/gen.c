#include "gen.h"

#include "../dist/control.h"
#include "../term/canon.h"
#include "../term/etf.h"
#include "../term/write.h"
#include "table.h"

/* {Pid, Tag} */
static bool is_from(struct bytes from)
{
    struct etf_in in = etf_open(from);
    return etf_tuple(&in) == 2 && etf_peek(&in) == ETF_PID;
}

struct gen_message gen_read(struct bytes message)
{
    struct gen_message m = {.kind = GEN_INFO, .request = message};
    struct etf_in in = etf_open(message);
    uint32_t arity = etf_tuple(&in);
    if (arity == 2 && etf_accept(&in, "$gen_cast"))
        return (struct gen_message){.kind = GEN_CAST, .request = etf_last(&in)};
    bool call = arity == 3 && etf_accept(&in, "$gen_call");
    if (!call && (arity != 3 || !etf_accept(&in, "system")))
        return m;
    struct bytes from = etf_any(&in);
    if (is_from(from))
        m = (struct gen_message){call ? GEN_CALL : GEN_SYSTEM, from, etf_last(&in)};
    return m;
}

bool gen_is_system(struct bytes message, struct gen_message *m)
{
    struct etf_in in = etf_open(message);
    if (etf_tuple(&in) != 3 || !etf_accept(&in, "system"))
        return false;
    *m = gen_read(message);
    return m->kind == GEN_SYSTEM;
}

struct bytes gen_caller(struct bytes from)
{
    struct etf_in in = etf_open(from);
    etf_tuple_of(&in, 2);
    return etf_any(&in);
}

/* Exactly [alias | Ref]. */
static bool alias_of(struct bytes term, struct bytes *ref)
{
    struct etf_in in = etf_open(term);
    struct bytes head;
    if (!etf_cons(&in, &head, ref))
        return false;
    struct etf_in at_head = etf_open(head);
    struct etf_in at_tail = etf_open(*ref);
    return etf_accept(&at_head, "alias") && etf_peek(&at_tail) == ETF_REFERENCE;
}

/* The alias in a tag, as gen:reply/2 finds it: [alias | Ref], or a list that starts with
 * one. */
static bool find_alias(struct bytes tag, struct bytes *ref)
{
    if (alias_of(tag, ref))
        return true;
    struct etf_in in = etf_open(tag);
    struct etf_list list = etf_list(&in);
    struct bytes first;
    return etf_next(&list, &first) && alias_of(first, ref);
}

/* The tag's alias, canonical, perhaps in scratch; false without one, or when its node does not
 * support aliases.  Of a node that is not connected (which has no flags) that is not known: it does
 * if it is the caller's own, since that has made the alias. */
static bool take_alias(struct bytes tag, struct bytes caller, struct buf *scratch,
                       struct bytes *alias, struct turn *t)
{
    struct bytes found;
    if (!find_alias(tag, &found) || canon_view(scratch, found, alias) != OK)
        return false;
    struct bytes node = node_of(*alias);
    uint64_t flags = t->post->flags(t->post, node);
    if (flags == 0)
        return bytes_equal(node, node_of(caller));
    return control_can_write(SIGNAL_ALIAS_SEND, flags);
}

/* owner: of an alias. */
static void send_to(const struct process *p, enum signal_kind kind, struct bytes to,
                    struct bytes owner, struct bytes payload, struct turn *t)
{
    t->post->send(t->post, &(struct signal){.kind = kind,
                                            .node = node_of(to),
                                            .from = process_pid(p),
                                            .to = to,
                                            .owner = owner,
                                            .payload = payload});
}

/* {Tag, {First, Reply}}; without a first (NULL) or a reply (empty) {Tag, Reply} or {Tag, First}. */
static void put_reply(struct buf *message, struct bytes tag, const char *first, struct bytes reply)
{
    put_tuple(message, 2);
    put_term(message, tag);
    if (first != NULL && reply.len > 0)
        put_tuple(message, 2);
    if (first != NULL)
        put_atom(message, first);
    put_term(message, reply);
}

/* A reply may be large: it is copied once.  The memory of small ones is used again; a reply may
 * lead to another one while it is sent. */
static void reply_to(const struct process *p, struct bytes from, const char *first,
                     struct bytes reply, struct turn *t)
{
    struct etf_in in = etf_open(from);
    etf_tuple_of(&in, 2);
    struct bytes caller = etf_any(&in), tag = etf_last(&in), pid, alias;
    must(in.err == OK);
    struct buf alias_memory = {0}, pid_memory = {0}, message = p->table->spare;
    p->table->spare = (struct buf){0};
    put_reply(&message, tag, first, reply);
    if (canon_view(&pid_memory, caller, &pid) != OK)
        ; /* there is nobody to reply to */
    else if (take_alias(tag, pid, &alias_memory, &alias, t))
        send_to(p, SIGNAL_ALIAS_SEND, alias, pid, buf_bytes(&message), t);
    else
        send_to(p, SIGNAL_SEND, pid, (struct bytes){0}, buf_bytes(&message), t);
    buf_free(&p->table->spare);
    buf_reset(&message);
    p->table->spare = message;
    buf_free(&pid_memory);
    buf_free(&alias_memory);
}

void gen_reply(const struct process *p, struct bytes from, struct bytes reply, struct turn *t)
{
    reply_to(p, from, NULL, reply, t);
}

void gen_reply_ok(const struct process *p, struct bytes from, struct turn *t)
{
    reply_to(p, from, "ok", (struct bytes){0}, t);
}

void gen_reply_value(const struct process *p, struct bytes from, struct bytes value, struct turn *t)
{
    reply_to(p, from, "ok", value, t);
}

void gen_reply_error(const struct process *p, struct bytes from, struct bytes reason,
                     struct turn *t)
{
    reply_to(p, from, "error", reason, t);
}

void gen_reply_unknown(const struct process *p, struct bytes from, struct bytes request,
                       struct turn *t)
{
    struct buf reason = {0};
    put_tuple(&reason, 2);
    put_atom(&reason, "unknown_request");
    put_term(&reason, request);
    gen_reply_error(p, from, buf_bytes(&reason), t);
    buf_free(&reason);
}
