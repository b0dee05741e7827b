#include "terms.h"

#include "term/write.h"

#define LEVELS_STEP 3 /* of nesting, for each of 255: beyond LIMIT_TERM_DEPTH */

static const char *const words[] = {
    "ok",          "error",      "nil",          "true",        "false",
    "undefined",   "normal",     "shutdown",     "kill",        "killed",
    "value",       "state",      "get",          "mutate",      "batch",
    "increment",   "decrement",  "add",          "remove",      "set",
    "put",         "update",     "delete",       "insert",      "insert_at",
    "remove_at",   "head",       "resolve",      "sync_now",    "subscribe",
    "unsubscribe", "digest",     "part",         "narrow",      "entries",
    "ranges",      "equal",      "grove_delta",  "coppice_ack", "mutate_reply",
    "EXIT",        "DOWN",       "alias",        "noproc",      "noconnection",
    "system",      "get_state",  "get_status",   "suspend",     "resume",
    "terminate",   "discover",   "sync",         "join",        "leave",
    "local_data",  "badrpc",     "call",         "erpc",        "apply",
    "erlang",      "pg",         "rex",          "coppice",     "net_kernel",
    "is_auth",     "replicas",   "status",       "peers",       "start_replica",
    "gcounter",    "or_set",     "or_map",       "crdt",        "what",
    "ack",         "version",    "delta",        "__struct__",  "Elixir.MapSet",
    "map",         "$gen_call",  "$gen_cast",    "grove",       "features_request",
    "broadcast",   "bad_result", "unknown_type", "nodeup",      "stop_replica",
};
#define WORDS (sizeof(words) / sizeof(words[0]))

void terms_free(struct terms *g)
{
    for (size_t i = 0; i < TERMS_KNOWN; i++)
        term_free(&g->known[i]);
}

void terms_know(struct terms *g, struct bytes term)
{
    struct term *kept = &g->known[g->seen++ % TERMS_KNOWN];
    term_free(kept);
    *kept = term_copy(term);
}

struct bytes terms_known(const struct terms *g, size_t i)
{
    static const uint8_t nothing[] = {106};
    size_t have = g->seen < TERMS_KNOWN ? g->seen : TERMS_KNOWN;
    if (have == 0)
        return (struct bytes){nothing, sizeof(nothing)};
    return term_bytes(&g->known[(g->seen - 1 - i % have) % TERMS_KNOWN]);
}

void put_word(struct terms *g, struct buf *out)
{
    put_atom(out, words[draw_byte(g->in) % WORDS]);
}

void put_actor(struct terms *g, struct buf *out)
{
    static const char *const actors[] = {"a", "b", "c", "d"};
    put_binary(out, bytes_of(actors[draw(g->in, 4)]));
}

void put_element(struct terms *g, struct buf *out)
{
    unsigned which = draw(g->in, 8);
    if (which < 5)
        put_int(out, which);
    else if (which == 5)
        put_float(out, 1.0);
    else if (which == 6)
        put_binary(out, BYTES("x"));
    else
        put_drawn(g, out, 2);
}

/* --- one tag each -------------------------------------------------------------------- */

static void put_big(struct terms *g, struct buf *out)
{
    static const uint16_t sizes[] = {1, 8, 9, 16, 255, 256, 1024, 1040};
    uint32_t size = sizes[draw(g->in, 8)];
    uint8_t sign = (uint8_t)draw(g->in, 2), fill = draw_byte(g->in);
    buf_put_u8(out, size > 255 ? 111 : 110);
    if (size > 255)
        buf_put_u32(out, size);
    else
        buf_put_u8(out, (uint8_t)size);
    buf_put_u8(out, sign);
    for (uint32_t i = 0; i < size; i++)
        buf_put_u8(out, fill);
}

void put_integer(struct terms *g, struct buf *out)
{
    unsigned how = draw(g->in, 16);
    if (how == 15)
        put_big(g, out);
    else if (how == 14)
        put_int(out, -(int64_t)draw_byte(g->in));
    else
        put_uint(out, draw_number(g->in));
}

static void put_atom_drawn(struct terms *g, struct buf *out, unsigned tag)
{
    struct bytes text = draw_bytes(g->in, 20);
    buf_put_u8(out, (uint8_t)tag);
    if (tag == 100 || tag == 118)
        buf_put_u16(out, (uint16_t)text.len);
    else
        buf_put_u8(out, (uint8_t)text.len);
    buf_put(out, text);
}

static void put_bits(struct terms *g, struct buf *out)
{
    struct bytes b = draw_bytes(g->in, 8);
    buf_put_u8(out, 77);
    buf_put_u32(out, (uint32_t)b.len);
    buf_put_u8(out, (uint8_t)draw(g->in, 10));
    buf_put(out, b);
}

static void put_string(struct terms *g, struct buf *out)
{
    struct bytes b = draw_bytes(g->in, 16);
    buf_put_u8(out, 107);
    buf_put_u16(out, (uint16_t)b.len);
    buf_put(out, b);
}

static void put_text_float(struct terms *g, struct buf *out)
{
    struct bytes b = draw_bytes(g->in, 31);
    buf_put_u8(out, 99);
    buf_put(out, b);
    for (size_t i = b.len; i < 31; i++)
        buf_put_u8(out, 0);
}

static void put_float_drawn(struct terms *g, struct buf *out)
{
    buf_put_u8(out, 70);
    for (unsigned i = 0; i < 8; i++)
        buf_put_u8(out, draw_byte(g->in));
}

static void put_made_up_pid(struct terms *g, struct buf *out)
{
    put_pid(out, g->node, draw(g->in, 4), 0, 1);
}

static void put_made_up_reference(struct terms *g, struct buf *out)
{
    uint32_t words_of[5] = {draw(g->in, 4)};
    put_reference(out, g->node, 1, words_of, 1 + draw(g->in, 5));
}

static void put_port(struct terms *g, struct buf *out)
{
    buf_put_u8(out, 120);
    put_atom_bytes(out, g->node);
    buf_put_u64(out, draw_number(g->in));
    buf_put_u32(out, 1);
}

/* --- containers ------------------------------------------------------------------------ */

static void put_many(struct terms *g, struct buf *out, unsigned count, unsigned levels)
{
    while (count-- > 0)
        put_drawn(g, out, levels);
}

static void put_tuple_drawn(struct terms *g, struct buf *out, unsigned levels)
{
    unsigned arity = draw(g->in, 6);
    bool large = draw(g->in, 8) == 0;
    buf_put_u8(out, large ? 105 : 104);
    if (large)
        buf_put_u32(out, arity);
    else
        buf_put_u8(out, (uint8_t)arity);
    put_many(g, out, arity, levels);
}

static void put_list_drawn(struct terms *g, struct buf *out, unsigned levels)
{
    unsigned count = draw(g->in, 5);
    buf_put_u8(out, 108);
    buf_put_u32(out, count);
    put_many(g, out, count, levels);
    if (draw(g->in, 8) == 0)
        put_drawn(g, out, levels);
    else
        put_nil(out);
}

static void put_map_drawn(struct terms *g, struct buf *out, unsigned levels)
{
    unsigned count = draw(g->in, 5);
    put_map(out, count);
    put_many(g, out, 2 * count, levels);
}

static void put_deep(struct terms *g, struct buf *out)
{
    unsigned levels = draw(g->in, 8) < 7 ? draw(g->in, 8) : LEVELS_STEP * draw_byte(g->in);
    bool tuples = draw(g->in, 2) == 0;
    for (unsigned i = 0; i < levels; i++) {
        if (tuples)
            put_tuple(out, 1);
        else
            put_list(out, 1);
    }
    put_nil(out);
    for (unsigned i = 0; i < levels && !tuples; i++)
        put_nil(out);
}

/* NEW_FUN_EXT, with a size that says the truth but for one in eight. */
static void put_fun(struct terms *g, struct buf *out, unsigned levels)
{
    size_t start = out->len + 1;
    unsigned frees = draw(g->in, 3);
    buf_put_u8(out, 112);
    buf_put_u32(out, 0);
    buf_put_u8(out, (uint8_t)draw(g->in, 3));
    buf_put_u64(out, 0);
    buf_put_u64(out, 0);
    buf_put_u32(out, 0);
    buf_put_u32(out, frees);
    put_word(g, out);
    put_uint(out, draw_byte(g->in));
    put_uint(out, draw_byte(g->in));
    put_made_up_pid(g, out);
    put_many(g, out, frees, levels);
    uint32_t size = (uint32_t)(out->len - start) + (draw(g->in, 8) == 7);
    for (unsigned i = 0; i < 4; i++)
        out->at[start + i] = (uint8_t)(size >> (24 - 8 * i));
}

static void put_type_struct(struct terms *g, struct buf *out)
{
    put_struct(g, out, crdt_type_at(draw(g->in, 10)), draw(g->in, 2) == 0);
}

static void put_export_drawn(struct terms *g, struct buf *out)
{
    static const char *const functions[] = {"increment", "add", "state"};
    put_export(out, crdt_type_at(draw(g->in, 10))->module, functions[draw(g->in, 3)],
               (uint8_t)draw(g->in, 3));
}

static void put_leaf(struct terms *g, struct buf *out, unsigned which)
{
    static const uint8_t atom_tags[] = {100, 115, 118, 119};
    switch (which) {
    case 0:
        put_nil(out);
        break;
    case 1:
        put_atom_drawn(g, out, atom_tags[draw(g->in, 4)]);
        break;
    case 2:
        put_binary(out, draw_bytes(g->in, 64));
        break;
    case 3:
        put_bits(g, out);
        break;
    case 4:
        put_string(g, out);
        break;
    case 5:
        put_text_float(g, out);
        break;
    case 6:
        put_float_drawn(g, out);
        break;
    case 7:
        put_port(g, out);
        break;
    case 8:
        put_deep(g, out);
        break;
    case 9:
        put_export_drawn(g, out);
        break;
    case 10:
        put_made_up_reference(g, out);
        break;
    case 11:
        put_made_up_pid(g, out);
        break;
    case 12:
    case 13:
        put_integer(g, out);
        break;
    default:
        put_word(g, out);
        break;
    }
}

void put_drawn(struct terms *g, struct buf *out, unsigned levels)
{
    unsigned which = draw(g->in, 32);
    if (levels == 0 && which >= 24)
        which -= 16;
    switch (which) {
    case 31:
        put_tuple_drawn(g, out, levels - 1);
        break;
    case 30:
        put_list_drawn(g, out, levels - 1);
        break;
    case 29:
        put_map_drawn(g, out, levels - 1);
        break;
    case 28:
        put_fun(g, out, levels - 1);
        break;
    case 27:
    case 26:
        put_type_struct(g, out);
        break;
    case 25:
    case 24:
    case 23:
        put_term(out, terms_known(g, draw_byte(g->in)));
        break;
    default:
        put_leaf(g, out, which);
        break;
    }
}
