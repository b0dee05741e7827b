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

/* {badrpc, {'EXIT', _}}: the caller appends the reason. */
static void put_exit(struct buf *out)
{
    put_tuple(out, 2);
    put_atom(out, "badrpc");
    put_tuple(out, 2);
    put_atom(out, "EXIT");
}

/* The value of this name in args, [_, [{Name, Value}] | _]. */
static struct bytes bound(struct bytes args, const char *name)
{
    struct etf_in in = etf_open(args);
    struct bytes element = {0}, pair = {0}, value = {0};
    struct etf_list list = etf_list(&in);
    must(etf_next(&list, &element) && etf_next(&list, &element));
    struct etf_in bindings = etf_open(element);
    for (struct etf_list all = etf_list(&bindings); etf_next(&all, &pair);) {
        struct etf_in at = etf_open(pair);
        etf_tuple_of(&at, 2);
        if (etf_accept(&at, name))
            value = etf_any(&at);
    }
    must(value.len > 0);
    return value;
}

/* Puts a result before the others: a state, or what is there for a fun that failed. */
static void add_result(struct buf *results, bool failed, struct bytes state)
{
    struct buf all = {0};
    if (failed) {
        put_tuple(&all, 2);
        put_atom(&all, "error");
        put_atom(&all, "oops");
    } else {
        put_term(&all, state);
    }
    buf_put(&all, buf_bytes(results));
    buf_free(results);
    *results = all;
}

/* What has become of the funs. */
struct done {
    struct buf state, results; /* the last result first */
    uint32_t count;
    bool hung;
};

/* With funs_fail, some fail, and some are so slow that those behind them are not applied; with
 * funs_hang, some hang. */
static void apply_all(struct sim *s, unsigned node, struct bytes funs, struct done *done)
{
    struct etf_in in = etf_open(funs);
    struct bytes fun;
    bool slow = false;
    for (struct etf_list l = etf_list(&in); etf_next(&l, &fun);) {
        done->hung |= s->options.funs_hang && sim_random(s, 16) == 0;
        if (done->hung || slow)
            continue;
        bool failed = s->options.funs_fail && sim_random(s, 4) == 0;
        slow = s->options.funs_fail && sim_random(s, 4) == 0;
        struct buf next = {0};
        if (!failed) {
            fun_apply(s, node, fun, buf_bytes(&done->state), &next);
            buf_free(&done->state);
            done->state = next;
        }
        add_result(&done->results, failed, buf_bytes(&done->state));
        done->count++;
    }
}

/* The answer to replica/question.h: the form is not evaluated, but each fun is applied.  If one
 * hangs, the process is killed at once. */
static void run_all(struct sim *s, unsigned node, struct bytes args, struct buf *out)
{
    struct done done = {0};
    buf_put(&done.state, bound(args, "State"));
    apply_all(s, node, bound(args, "Funs"), &done);
    if (done.hung) {
        put_exit(out);
        put_tuple(out, 2);
        put_atom(out, "$coppice");
        put_list(out, done.count + 1);
        put_term(out, buf_bytes(&done.state));
    } else {
        put_list(out, done.count);
    }
    buf_put(out, buf_bytes(&done.results));
    put_nil(out);
    buf_free(&done.state);
    buf_free(&done.results);
}

/* {badrpc, {'EXIT', {undef, [{Module, Function, [], []}]}}} */
void fun_put_undef(struct buf *out, struct bytes module, struct bytes function)
{
    put_exit(out);
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
    bool several = etf_accept(&name, "erl_eval");
    if (s->options.funs_hang && !nodes && (erlang || several) && sim_random(s, 4) == 0)
        return;
    put_tuple(&reply, 2);
    put_term(&reply, tag);
    if (erlang && nodes)
        put_nil(&reply); /* it is connected to the asking node only */
    else if (erlang && s->options.funs_fail && sim_random(s, 4) == 0)
        fun_put_undef(&reply, module, function);
    else if (erlang)
        run(s, node, args, &reply);
    else if (several)
        run_all(s, node, args, &reply);
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
