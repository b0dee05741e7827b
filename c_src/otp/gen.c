#include "gen.h"

#include "../dist/control.h"
#include "../term/canon.h"
#include "../term/etf.h"
#include "../term/write.h"

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
        return (struct gen_message){.kind = GEN_CAST, .request = etf_any(&in)};
    bool call = arity == 3 && etf_accept(&in, "$gen_call");
    if (!call && (arity != 3 || !etf_accept(&in, "system")))
        return m;
    struct bytes from = etf_any(&in);
    if (is_from(from))
        m = (struct gen_message){call ? GEN_CALL : GEN_SYSTEM, from, etf_any(&in)};
    return m;
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

/* Puts the tag's alias, canonical; false without one, or when its node does not support aliases.
 * Of a node that is not connected that is not known: it does if it is the caller's own, since
 * that has made the alias. */
static bool put_alias(struct buf *to, struct bytes caller, struct bytes tag, struct turn *t)
{
    struct bytes alias;
    if (!find_alias(tag, &alias) || canon_put(to, alias) != OK)
        return false;
    struct bytes node = node_of(buf_bytes(to));
    if (!t->post->connected(t->post, node))
        return bytes_equal(node, node_of(caller));
    return control_can_write(SIGNAL_ALIAS_SEND, t->post->flags(t->post, node));
}

/* owner: of an alias. */
static void send_to(const struct process *p, enum signal_kind kind, struct bytes to,
                    struct bytes owner, struct bytes payload, struct share rest, struct turn *t)
{
    t->post->send(t->post, &(struct signal){.kind = kind,
                                            .node = node_of(to),
                                            .from = process_pid(p),
                                            .to = to,
                                            .owner = owner,
                                            .payload = payload,
                                            .rest = rest});
}

/* Sends {Tag, Reply} or, unless first is NULL, {Tag, {First, Reply}}.  One of reply and rest is the
 * Reply; the rest is not copied. */
static void reply_to(const struct process *p, struct bytes from, const char *first,
                     struct bytes reply, struct share rest, struct turn *t)
{
    struct etf_in in = etf_open(from);
    etf_tuple_of(&in, 2);
    struct bytes caller = etf_any(&in), tag = etf_any(&in);
    must(etf_finish(&in) == OK);
    struct buf alias = {0}, pid = {0}, message = {0};
    put_tuple(&message, 2);
    put_term(&message, tag);
    if (first != NULL) {
        put_tuple(&message, 2);
        put_atom(&message, first);
    }
    buf_put(&message, reply);
    if (canon_put(&pid, caller) != OK)
        ; /* there is nobody to reply to */
    else if (put_alias(&alias, buf_bytes(&pid), tag, t))
        send_to(p, SIGNAL_ALIAS_SEND, buf_bytes(&alias), buf_bytes(&pid), buf_bytes(&message), rest,
                t);
    else
        send_to(p, SIGNAL_SEND, buf_bytes(&pid), (struct bytes){0}, buf_bytes(&message), rest, t);
    buf_free(&message);
    buf_free(&pid);
    buf_free(&alias);
}

void gen_reply(const struct process *p, struct bytes from, struct bytes reply, struct turn *t)
{
    reply_to(p, from, NULL, reply, (struct share){0}, t);
}

void gen_reply_ok(const struct process *p, struct bytes from, struct turn *t)
{
    struct buf ok = {0};
    put_atom(&ok, "ok");
    gen_reply(p, from, buf_bytes(&ok), t);
    buf_free(&ok);
}

void gen_reply_value(const struct process *p, struct bytes from, struct bytes value, struct turn *t)
{
    reply_to(p, from, "ok", value, (struct share){0}, t);
}

void gen_reply_shared(const struct process *p, struct bytes from, struct share value,
                      struct turn *t)
{
    reply_to(p, from, "ok", (struct bytes){0}, value, t);
}

void gen_reply_error(const struct process *p, struct bytes from, struct bytes reason,
                     struct turn *t)
{
    reply_to(p, from, "error", reason, (struct share){0}, t);
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
