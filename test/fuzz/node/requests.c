/* Every request that a process of the node knows, and every message. */
#include "otp/process.h"
#include "sayings.h"
#include "term/write.h"

#define WHOLE_RANGES 128 /* bytes of a bit for each range of buckets */

static void put_fun_of(struct world *w, struct buf *out, const struct peer *p)
{
    buf_put(out, BYTES("p\0\0\0\0\1"));
    size_t size_at = out->len - 5;
    for (unsigned i = 0; i < 24; i++)
        buf_put_u8(out, 0);
    put_atom(out, "m");
    put_uint(out, draw(&w->in, 3));
    put_uint(out, 0);
    arg_pid(w, out, p);
    uint32_t size = (uint32_t)(out->len - size_at);
    for (unsigned i = 0; i < 4; i++)
        out->at[size_at + i] = (uint8_t)(size >> (24 - 8 * i));
}

static void put_change(struct world *w, struct buf *out, const struct peer *p,
                       const struct crdt_type *type)
{
    unsigned which = draw(&w->in, 8), count = 1 + draw(&w->in, 3);
    if (which == 7) {
        arg_any(w, out);
    } else if (which >= 5) {
        put_fun_of(w, out, p);
    } else if (which == 4) {
        put_list(out, count);
        for (; count > 0; count--)
            put_operation(&w->terms, out, type, 3);
        put_nil(out);
    } else {
        put_operation(&w->terms, out, type, 3);
    }
}

static void put_subscribe(struct world *w, struct buf *out, const struct peer *p)
{
    static const char *const what[] = {"value", "delta", "version", "ok"};
    bool options = draw(&w->in, 2) == 0;
    arg_head(out, "subscribe", options ? 2 : 1);
    arg_pid(w, out, p);
    if (!options)
        return;
    put_map(out, 2);
    put_atom(out, "ack");
    put_bool(out, draw(&w->in, 2) == 0);
    put_atom(out, "what");
    put_atom(out, what[draw(&w->in, 4)]);
}

static void put_comparison(struct world *w, struct buf *out)
{
    switch (draw(&w->in, 4)) {
    case 0:
        arg_head(out, "digest", 1);
        put_uint(out, draw_number(&w->in));
        break;
    case 1:
        arg_head(out, "part", 2);
        put_uint(out, 64u * draw_byte(&w->in));
        put_uint(out, 64u * draw_byte(&w->in));
        break;
    case 2:
        arg_head(out, "narrow", 3);
        put_uint(out, draw_number(&w->in));
        put_uint(out, draw(&w->in, 2) == 0 ? 64 : 8);
        arg_filler(w, out, draw(&w->in, 2) == 0 ? WHOLE_RANGES : 8 * WHOLE_RANGES);
        break;
    default:
        arg_head(out, "entries", 3);
        put_uint(out, draw_number(&w->in));
        arg_filler(w, out, 2 * (size_t)draw(&w->in, 16));
        arg_filler(w, out, 8 * (size_t)draw(&w->in, 16));
        break;
    }
}

static void put_options(struct world *w, struct buf *out)
{
    static const char *const keys[] = {"sync_interval", "group", "actor", "mapset", "storage"};
    unsigned second = draw(&w->in, 6);
    put_map(out, second < 5 ? 2 : 1);
    put_atom(out, "crdt");
    put_atom(out, crdt_type_at(draw(&w->in, 10))->name);
    if (second == 5)
        return;
    put_atom(out, keys[second]);
    if (second == 4) {
        put_map(out, 1);
        put_atom(out, "file");
        put_binary(out, BYTES("more"));
    } else if (second == 0) {
        put_uint(out, 1000);
    } else {
        arg_any(w, out);
    }
}

static void put_for_server(struct world *w, struct buf *out)
{
    switch (draw(&w->in, 6)) {
    case 0:
        arg_head(out, "start_replica", 2);
        put_word(&w->terms, out);
        put_options(w, out);
        break;
    case 1:
        arg_head(out, "stop_replica", 1);
        arg_target(w, out, true);
        break;
    case 2:
        arg_head(out, "connect", 1);
        put_atom(out, draw(&w->in, 2) == 0 ? "old@h" : "new@h");
        break;
    case 3:
        put_atom(out, "status");
        break;
    case 4:
        put_atom(out, "peers");
        break;
    default:
        put_atom(out, "replicas");
        break;
    }
}

static void put_rex_call(struct world *w, struct buf *out)
{
    static const char *const calls[][2] = {{"erlang", "nodes"},   {"erlang", "system_info"},
                                           {"pg", "get_members"}, {"coppice", "status"},
                                           {"erlang", "apply"},   {"erlang", "processes"}};
    unsigned which = draw(&w->in, 8);
    arg_head(out, draw(&w->in, 8) == 0 ? "block_call" : "call", 4);
    if (which < 6) {
        put_atom(out, calls[which][0]);
        put_atom(out, calls[which][1]);
    } else {
        put_word(&w->terms, out);
        arg_any(w, out);
    }
    unsigned args = draw(&w->in, 4);
    if (args > 0)
        put_list(out, args);
    for (; args > 0; args--)
        arg_any(w, out);
    put_nil(out);
    arg_any(w, out);
}

static void put_lock(struct world *w, struct buf *out, const struct peer *p)
{
    arg_head(out, draw(&w->in, 2) == 0 ? "set_lock" : "del_lock", 1);
    put_tuple(out, 2);
    put_element(&w->terms, out);
    arg_pid(w, out, p);
}

/* Any request to that process (its type: NULL if it is no replica). */
static void put_request(struct world *w, struct buf *out, const struct peer *p,
                        const struct crdt_type *type)
{
    static const char *const names[] = {"mutate", "mutate", "batch", "mutate_reply"};
    static const char *const plain[] = {"value", "state", "sync_now", "get"};
    unsigned which = draw(&w->in, 16);
    if (type == NULL && which < 8)
        put_for_server(w, out);
    else if (type == NULL && which < 11)
        put_rex_call(w, out);
    else if (type == NULL && which < 13)
        put_lock(w, out, p);
    else if (which == 15)
        arg_any(w, out);
    else if (which >= 13)
        put_subscribe(w, out, p);
    else if (which == 12)
        put_comparison(w, out);
    else if (which < 4)
        put_atom(out, plain[which]);
    else if (which == 11) {
        arg_head(out, "unsubscribe", 1);
        arg_ref(w, out, p);
    } else {
        arg_head(out, names[which % 4], 1);
        put_change(w, out, p, type != NULL ? type : crdt_type_at(0));
    }
}

static void put_from(struct world *w, struct buf *out, const struct peer *p)
{
    put_tuple(out, 2);
    arg_pid(w, out, p);
    unsigned how = draw(&w->in, 8);
    if (how < 4) {
        put_list(out, 1);
        put_atom(out, "alias");
    }
    if (how == 7)
        arg_any(w, out);
    else
        arg_ref(w, out, p);
}

void say_call(struct world *w, struct buf *out, const struct peer *p, const struct process *to)
{
    arg_head(out, "$gen_call", 2);
    put_from(w, out, p);
    put_request(w, out, p, to != NULL ? world_type(to) : NULL);
}

void say_cast(struct world *w, struct buf *out, const struct peer *p, const struct process *to)
{
    arg_head(out, "$gen_cast", 1);
    put_request(w, out, p, to != NULL ? world_type(to) : NULL);
}

void say_system(struct world *w, struct buf *out, const struct peer *p, const struct process *to)
{
    static const char *const requests[] = {"get_state", "get_status", "suspend", "resume"};
    unsigned which = draw(&w->in, 8);
    (void)to;
    arg_head(out, "system", 2);
    put_from(w, out, p);
    if (which < 5) {
        put_atom(out, requests[which % 4]);
    } else if (which == 5) {
        arg_head(out, "terminate", 1);
        put_word(&w->terms, out);
    } else {
        arg_any(w, out);
    }
}

void say_delta(struct world *w, struct buf *out, const struct peer *p, const struct process *to)
{
    arg_head(out, "grove_delta", 2);
    arg_state(w, out, arg_type(w, to));
    arg_pid(w, out, p);
}

void say_ack(struct world *w, struct buf *out, const struct peer *p, const struct process *to)
{
    (void)to;
    arg_head(out, "coppice_ack", 1);
    arg_ref(w, out, p);
}

void say_forward(struct world *w, struct buf *out, const struct peer *p, const struct process *to)
{
    arg_head(out, "forward_to_local", 3);
    put_binary(out, BYTES("grove:or_set"));
    say_delta(w, out, p, to);
    put_atom(out, "Elixir.Phoenix.PubSub");
}

void say_ei_call(struct world *w, struct buf *out, const struct peer *p, const struct process *to)
{
    (void)to;
    put_tuple(out, 2);
    arg_pid(w, out, p);
    if (draw(&w->in, 3) == 0)
        put_atom(out, "features_request");
    else
        put_rex_call(w, out);
}

void say_anything(struct world *w, struct buf *out, const struct peer *p, const struct process *to)
{
    (void)p;
    (void)to;
    arg_any(w, out);
}
