/* Terms near the limits of depth: what a replica accepts, it can also send, in whatever answer. */
#include "unit/replica/world.h"

/* An operation of each type that keeps a term, as the format of its text, and the levels that the
 * term stands in in its argument. */
static const struct {
    const char *type, *op;
    size_t levels;
} types[] = {
    {"lww_register", "{set, [%s]}", 0},
    {"mv_register", "{set, [%s]}", 0},
    {"gset", "{add, [%s]}", 0},
    {"two_p_set", "{remove, [%s]}", 0},
    {"or_set", "{add, [%s]}", 0},
    {"dvv_set", "{add, [%s]}", 0},
    {"rga", "{insert_at, [0, %s]}", 0},
    {"or_map", "{put, [%s, gset]}", 0},
    {"or_map", "[{put, [k, two_p_set]}, {update, [k, {add, [%s]}]}]", 2},
    {"or_map",
     "[{put, [k, or_map]}, {update, [k, {put, [k, or_map]}]},"
     " {update, [k, {update, [k, {put, [k, rga]}]}]},"
     " {update, [k, {update, [k, {update, [k, {insert_at, [0, %s]}]}]}]}]",
     6},
};

#define TYPES (sizeof(types) / sizeof(types[0]))

/* x in so many lists. */
static struct buf nested(size_t levels)
{
    struct buf text = {0};
    for (size_t i = 0; i < levels; i++)
        buf_put_u8(&text, '[');
    buf_put_u8(&text, 'x');
    for (size_t i = 0; i < levels; i++)
        buf_put_u8(&text, ']');
    buf_put_u8(&text, 0);
    return text;
}

static struct buf operation(size_t i, size_t levels)
{
    struct buf value = nested(levels), op = {0};
    buf_printf(&op, types[i].op, (const char *)value.at);
    buf_put_u8(&op, 0);
    buf_free(&value);
    return op;
}

static void open_of_type(const char *type)
{
    struct buf options = {0};
    buf_printf(&options, "#{crdt => %s, sync_interval => 1000, " NO_REPAIR "}", type);
    buf_put_u8(&options, 0);
    world_open((const char *)options.at);
    replica_settled(world.replica, true, &world.turn);
    buf_free(&options);
}

/* Whether the last message can be read by a peer. */
static void is_readable(const char *what)
{
    size_t len;
    enum err e = etf_check(buf_bytes(&world.payload), &len);
    if (e != OK)
        fprintf(stderr, "\n%s\n", what);
    CU_ASSERT(e == OK);
}

static void request(const char *format, const char *op)
{
    struct buf text = {0};
    buf_printf(&text, format, op);
    buf_put_u8(&text, 0);
    deliver((const char *)text.at);
    buf_free(&text);
}

static void keeps_what_it_can_send(void)
{
    static const char *const reads[] = {CALL(1, "value"), CALL(1, "state"),
                                        "{system, {" THEM(1) ", t1}, get_state}",
                                        "{system, {" THEM(1) ", t1}, get_status}"};
    for (size_t i = 0; i < TYPES; i++) {
        open_of_type(types[i].type);
        struct buf op = operation(i, LIMIT_VALUE_DEPTH - types[i].levels);
        request(CALL(1, "{mutate, %s}"), (const char *)op.at);
        SENT(THEM(1), REPLY(1, "ok"));
        for (size_t k = 0; k < sizeof(reads) / sizeof(reads[0]); k++) {
            deliver(reads[k]);
            is_readable(types[i].op);
        }
        buf_free(&op);
        world_close();
    }
}

static void refuses_deeper_values(void)
{
    for (size_t i = 0; i < TYPES; i++) {
        open_of_type(types[i].type);
        struct buf op = operation(i, LIMIT_VALUE_DEPTH - types[i].levels + 1);
        request(CALL(1, "{mutate, %s}"), (const char *)op.at);
        SENT(THEM(1), REPLY(1, "{error, too_large}"));
        request(CAST("{batch, %s}"), (const char *)op.at);
        SENT_NOTHING();
        CU_ASSERT(status("refused") == 1 && status("mutations") == 0);
        CU_ASSERT(crdt_empty(replica_crdt(world.replica)));
        buf_free(&op);
        world_close();
    }
}

/* The greatest depth of a state with x in so many lists, made past the door for operations. */
static struct buf state_of(size_t i, size_t levels)
{
    const struct crdt_options options = {.actor = term_of("b"), .seed = 1};
    struct crdt *c = crdt_make(crdt_type_named(bytes_of(types[i].type)), &options);
    struct buf text = operation(i, levels), state = {0};
    struct mutation_turn t = {.wall_ms = 1};
    struct bytes all = term_of((const char *)text.at);
    struct etf_in in = etf_open(all);
    bool list = etf_peek(&in) == ETF_LIST;
    struct op op;
    if (!list) {
        CU_ASSERT(op_read(&op, all) == OK && crdt_mutate(c, &op, 1, &t) == OK);
    } else {
        struct bytes one;
        for (struct etf_list l = etf_list(&in); etf_next(&l, &one);)
            CU_ASSERT(op_read(&op, one) == OK && crdt_mutate(c, &op, 1, &t) == OK);
    }
    crdt_state(c, &state);
    buf_free(&text);
    crdt_free(c);
    return state;
}

/* Delivers it as a delta from a peer, and tells whether it was merged. */
static bool accepts(size_t i, struct bytes state)
{
    struct buf message = {0};
    open_of_type(types[i].type);
    put_tuple(&message, 3);
    put_atom(&message, "grove_delta");
    put_term(&message, state);
    put_term(&message, term_of(THEM(9)));
    deliver_bytes(buf_bytes(&message));
    bool merged = status("merges") == 1;
    CU_ASSERT(status("refused") == !merged);
    CU_ASSERT(crdt_empty(replica_crdt(world.replica)) == !merged);
    deliver("{system, {" THEM(1) ", t1}, get_status}");
    is_readable(types[i].op);
    buf_free(&message);
    world_close();
    return merged;
}

static void refuses_deeper_structs(void)
{
    for (size_t i = 0; i < TYPES; i++) {
        size_t levels = LIMIT_STRUCT_DEPTH;
        struct buf state = state_of(i, levels);
        while (etf_is_deeper(buf_bytes(&state), LIMIT_STRUCT_DEPTH)) {
            buf_free(&state);
            state = state_of(i, --levels);
        }
        CU_ASSERT(levels > LIMIT_VALUE_DEPTH - types[i].levels);
        CU_ASSERT(accepts(i, buf_bytes(&state)));
        buf_free(&state);
        state = state_of(i, levels + 1);
        CU_ASSERT(!accepts(i, buf_bytes(&state)));
        buf_free(&state);
    }
}

static void refuses_deep_names(void)
{
    static const char *const keys[] = {"actor", "group"};
    for (size_t i = 0; i < 4; i++) {
        struct buf name = nested(LIMIT_NAME_DEPTH + i % 2), text = {0};
        struct replica_options o;
        struct options_error error;
        buf_printf(&text, "#{crdt => rga, %s => %s}", keys[i / 2], (const char *)name.at);
        buf_put_u8(&text, 0);
        enum err e = replica_options_read(&o, term_of("r"), term_of((const char *)text.at),
                                          BYTES("c@h"), &error);
        CU_ASSERT((e == OK) == (i % 2 == 0));
        if (e == OK)
            replica_options_free(&o);
        else
            CU_ASSERT(strstr(error.what, "expected at most 64 levels") != NULL);
        buf_free(&name);
        buf_free(&text);
    }
}

SUITE("depth", TEST(keeps_what_it_can_send), TEST(refuses_deeper_values),
      TEST(refuses_deeper_structs), TEST(refuses_deep_names))
