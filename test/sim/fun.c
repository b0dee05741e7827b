#include <string.h>

#include "term/canon.h"
#include "term/etf.h"
#include "term/write.h"
#include "world.h"

/* NEW_FUN_EXT (erl_ext_dist); its one free variable is the number to add. */
#define NEW_FUN    112
#define UNIQ_BYTES 16

void fun_put(struct sim *s, unsigned node, struct buf *out, uint64_t by)
{
    struct buf inside = {0};
    buf_put_u8(&inside, 1); /* arity */
    for (unsigned i = 0; i < UNIQ_BYTES; i++)
        buf_put_u8(&inside, (uint8_t)i);
    buf_put_u32(&inside, 0); /* index */
    buf_put_u32(&inside, 1); /* free variables */
    put_atom(&inside, "caller");
    put_uint(&inside, 0);
    put_uint(&inside, 0);
    peer_put_pid(s, node, &inside);
    put_uint(&inside, by);
    buf_put_u8(out, NEW_FUN);
    buf_put_u32(out, (uint32_t)inside.len + 4);
    buf_put(out, buf_bytes(&inside));
    buf_free(&inside);
}

static uint64_t free_variable(struct bytes fun)
{
    static const size_t fixed = 1 + 4 + 1 + UNIQ_BYTES + 4 + 4;
    must(fun.len > fixed && fun.at[0] == NEW_FUN);
    struct etf_in in = etf_open((struct bytes){fun.at + fixed, fun.len - fixed});
    for (unsigned i = 0; i < 4; i++)
        etf_any(&in);
    uint64_t by = etf_uint64(&in);
    must(etf_finish(&in) == OK);
    return by;
}

/* Copies a map of counts, adding `by` to one actor's. */
static void raise_count(struct etf_in *in, struct buf *out, const char *actor, uint64_t by)
{
    struct buf pairs = {0};
    uint32_t count = 0;
    for (uint32_t left = etf_map(in); left > 0; left--, count++) {
        struct etf_in key = etf_open(etf_any(in));
        struct bytes value = etf_any(in);
        struct atom name;
        etf_atom(&key, &name);
        if (bytes_equal((struct bytes){name.text, name.len}, bytes_of(actor))) {
            struct etf_in old = etf_open(value);
            by += etf_uint64(&old);
            count--;
            continue;
        }
        put_atom_bytes(&pairs, (struct bytes){name.text, name.len});
        put_term(&pairs, value);
    }
    put_map(out, count + 1);
    put_atom(out, actor);
    put_uint(out, by);
    put_term(out, buf_bytes(&pairs));
    buf_free(&pairs);
}

/* Copies a counter's struct, applying the fun to its counts. */
static void apply(struct etf_in *in, struct buf *out, const char *actor, uint64_t by)
{
    uint32_t fields = etf_map(in);
    put_map(out, fields);
    for (; fields > 0; fields--) {
        struct bytes key = etf_any(in);
        struct etf_in name = etf_open(key);
        put_term(out, key);
        if (etf_accept(&name, "counts"))
            raise_count(in, out, actor, by);
        else
            put_term(out, etf_any(in));
    }
}

void fun_apply(const struct sim *s, unsigned node, struct bytes fun, struct bytes state,
               struct buf *out)
{
    char actor[] = {'n', (char)('1' + node), '\0'};
    uint64_t by = free_variable(fun);
    struct etf_in at = etf_open(state);
    if (strcmp(s->options.crdt, "gcounter") == 0) {
        apply(&at, out, actor, by);
        return;
    }
    uint32_t fields = etf_map(&at);
    put_map(out, fields);
    for (; fields > 0; fields--) {
        struct bytes key = etf_any(&at);
        struct etf_in name = etf_open(key);
        put_term(out, key);
        if (etf_accept(&name, "positive"))
            apply(&at, out, actor, by);
        else
            put_term(out, etf_any(&at));
    }
}

/* Appends apply(Fun, [State]); args is [Fun, [State]]. */
static void run(struct sim *s, unsigned node, struct bytes args, struct buf *out)
{
    struct etf_in in = etf_open(args);
    struct bytes fun = {0}, states = {0}, state = {0};
    struct etf_list list = etf_list(&in);
    bool whole = etf_next(&list, &fun) && etf_next(&list, &states);
    struct etf_in inner = etf_open(states);
    struct etf_list arguments = etf_list(&inner);
    must(whole && etf_next(&arguments, &state));
    fun_apply(s, node, fun, state, out);
}

/* {badrpc, {'EXIT', {undef, [{Module, Function, [], []}]}}} */
void fun_put_undef(struct buf *out, struct bytes module, struct bytes function)
{
    put_tuple(out, 2);
    put_atom(out, "badrpc");
    put_tuple(out, 2);
    put_atom(out, "EXIT");
    put_tuple(out, 2);
    put_atom(out, "undef");
    put_list(out, 1);
    put_tuple(out, 4);
    put_term(out, module);
    put_term(out, function);
    put_nil(out);
    put_nil(out);
    put_nil(out);
}

void fun_call(struct sim *s, unsigned node, struct bytes message)
{
    struct etf_in in = etf_open(message);
    struct buf pid = {0}, self = {0}, reply = {0};
    etf_tuple_of(&in, 3);
    etf_expect(&in, "$gen_call");
    etf_tuple_of(&in, 2);
    struct bytes from = etf_any(&in), tag = etf_any(&in);
    etf_tuple_of(&in, 5);
    etf_expect(&in, "call");
    struct bytes module = etf_any(&in), function = etf_any(&in), args = etf_any(&in);
    etf_expect(&in, "user");
    if (etf_finish(&in) != OK)
        sim_violated(s, "the rex of caller%u got something other than a call", node + 1);
    struct etf_in name = etf_open(module), called = etf_open(function);
    bool erlang = etf_accept(&name, "erlang"), nodes = etf_accept(&called, "nodes");
    if (s->options.funs_hang && erlang && !nodes && sim_random(s, 4) == 0)
        return;
    put_tuple(&reply, 2);
    put_term(&reply, tag);
    if (erlang && nodes)
        put_nil(&reply); /* it is connected to the asking node only */
    else if (erlang)
        run(s, node, args, &reply);
    else
        fun_put_undef(&reply, module, function);
    enum err e = canon_put(&pid, from);
    must(e == OK);
    peer_put_pid(s, node, &self);
    peer_send(s, node,
              &(struct signal){.kind = SIGNAL_SEND,
                               .from = buf_bytes(&self),
                               .to = buf_bytes(&pid),
                               .payload = buf_bytes(&reply)});
    buf_free(&pid);
    buf_free(&self);
    buf_free(&reply);
}
