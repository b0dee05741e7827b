/* `coppice diff`: two replicas' states, compared here.
 *
 * Each is joined to an empty state of one actor, so that what is left of them does not depend on
 * whose they are: two replicas agree if their states are then the same bytes. */
#include <openssl/rand.h>
#include <stdio.h>

#include "../crdt/crdt.h"
#include "../term/canon.h"
#include "../term/order.h"
#include "../term/text.h"
#include "../term/write.h"
#include "client.h"
#include "commands.h"
#include "output.h"

/* Bytes of a key, an element or a value in a line. */
#define SHOWN_BYTES 200

/* Two sides: of the nodes in the order of the operands. */
struct sides {
    const char *node[2];
    struct bytes term[2]; /* what is compared, canonical; empty: not there */
    struct buf path;      /* where that is: "values <<\"k\">> counts" */
};

/* --- the differences ------------------------------------------------------------------ */

static void put_short(struct buf *out, struct bytes term)
{
    text_print_short(out, term, SHOWN_BYTES);
}

/* A line for two sides that differ, key being the last step to them. */
static void print_difference(const struct sides *s, struct bytes key)
{
    struct buf line = {0};
    bool both = s->term[0].len > 0 && s->term[1].len > 0;
    if (!both)
        buf_printf(&line, "only at %s: ", s->node[s->term[0].len > 0 ? 0 : 1]);
    buf_put(&line, buf_bytes(&s->path));
    put_short(&line, key);
    for (int i = 0; i < 2 && both; i++) {
        buf_put(&line, i == 0 ? BYTES(": ") : BYTES(", "));
        put_short(&line, s->term[i]);
        buf_printf(&line, " at %s", s->node[i]);
    }
    printf("%.*s\n", TEXT(line));
    buf_free(&line);
}

static bool is_struct(struct bytes term)
{
    return struct_module(term).len > 0;
}

static bool is_map(struct bytes term)
{
    struct etf_in in = etf_open(term);
    return etf_peek(&in) == ETF_MAP;
}

static void compare_maps(struct sides *s, bool fields);

/* Two values under a key.  The fields of a struct and of structs in it are compared key by key,
 * what is below them as a whole. */
static void compare_values(struct sides *s, struct bytes key, bool field)
{
    struct bytes a = s->term[0], b = s->term[1];
    if (bytes_equal(a, b))
        return;
    bool both = a.len > 0 && b.len > 0;
    bool structs = both && is_struct(a) && bytes_equal(struct_module(a), struct_module(b));
    if (!structs && !(both && field && is_map(a) && is_map(b))) {
        print_difference(s, key);
        return;
    }
    size_t len = s->path.len;
    put_short(&s->path, key);
    buf_put_u8(&s->path, ' ');
    compare_maps(s, structs);
    s->path.len = len;
}

/* The map that a MapSet has inside; false for any other term. */
static bool read_set(struct bytes term, struct bytes *map)
{
    static const char *const fields[] = {"map", NULL};
    const struct form form = {"Elixir.MapSet", fields, 1};
    return struct_read(term, &form, map, NULL) == OK;
}

/* Walks two maps side by side, in the order of keys.  Recursion is as deep as structs are nested,
 * at most LIMIT_TERM_DEPTH. */
static void compare_maps(struct sides *s, bool fields)
{
    struct bytes whole[2] = {s->term[0], s->term[1]}, map[2], key[2], value[2];
    struct etf_in in[2];
    uint32_t left[2];
    bool sets = read_set(whole[0], &map[0]) && read_set(whole[1], &map[1]);
    for (int i = 0; i < 2; i++) {
        in[i] = etf_open(sets ? map[i] : whole[i]);
        left[i] = etf_map(&in[i]);
        key[i] = etf_any(&in[i]);
        value[i] = etf_any(&in[i]);
    }
    while (left[0] > 0 || left[1] > 0) {
        int order = left[0] == 0 ? 1 : left[1] == 0 ? -1 : term_compare_keys(key[0], key[1]);
        bool there[2] = {order <= 0, order >= 0};
        for (int i = 0; i < 2; i++)
            s->term[i] = there[i] ? value[i] : (struct bytes){0};
        compare_values(s, key[there[0] ? 0 : 1], fields && !sets);
        for (int i = 0; i < 2; i++) {
            if (!there[i] || --left[i] == 0)
                continue;
            key[i] = etf_any(&in[i]);
            value[i] = etf_any(&in[i]);
        }
    }
    s->term[0] = whole[0];
    s->term[1] = whole[1];
}

/* --- the states --------------------------------------------------------------------------- */

struct fetched {
    struct buf state; /* canonical */
    enum err err;
};

static void take(struct bytes value, void *who)
{
    struct fetched *f = who;
    f->err = canon_put(&f->state, value);
}

static int fetch(struct args *args, int operand, struct fetched *fetched)
{
    struct buf term = {0};
    put_atom(&term, "state");
    int code = client_run(args, &(struct client_request){.kind = REQUEST_CALL,
                                                         .node = args->operands[operand],
                                                         .server = args->operands[2],
                                                         .term = buf_bytes(&term),
                                                         .format = FORMAT_RESULT,
                                                         .show = take,
                                                         .who = fetched,
                                                         .to_replica = true});
    buf_free(&term);
    return code;
}

/* Replaces a state by what it is for an actor that has made no change. */
static enum err make_neutral(const struct crdt_type *type, const struct crdt_options *options,
                             struct fetched *f)
{
    struct crdt *crdt = crdt_make(type, options);
    struct buf state = {0};
    bool changed;
    enum err e = f->err == OK ? crdt_merge(crdt, buf_bytes(&f->state), NULL, &changed) : f->err;
    if (e == OK) {
        crdt_state(crdt, &state);
        buf_clear(&f->state);
        e = canon_put(&f->state, buf_bytes(&state));
    }
    buf_free(&state);
    crdt_free(crdt);
    return e;
}

/* The exit code for two states of the same type. */
static int compare(struct args *args, const struct crdt_type *type, struct fetched *fetched)
{
    struct buf actor = {0};
    struct crdt_options options = {.form = MAPSET_PLAIN};
    const char *server = args->operands[2];
    must(RAND_bytes((uint8_t *)&options.seed, sizeof(options.seed)) == 1);
    put_binary(&actor, BYTES("coppice diff"));
    options.actor = buf_bytes(&actor);
    enum err e = OK;
    struct sides sides = {.node = {args->operands[0], args->operands[1]}};
    for (int i = 0; i < 2 && e == OK; i++) {
        e = make_neutral(type, &options, &fetched[i]);
        sides.term[i] = buf_bytes(&fetched[i].state);
    }
    int code = 0;
    if (e != OK) {
        code = fail(EX_UNAVAILABLE, "%s: its state cannot be read here: %s", server, err_text(e));
    } else if (bytes_equal(sides.term[0], sides.term[1])) {
        printf("equal\n");
    } else {
        compare_maps(&sides, true);
        code = EXIT_FAILURE;
    }
    buf_free(&sides.path);
    buf_free(&actor);
    return code;
}

int command_diff(struct args *args)
{
    struct fetched fetched[2] = {{{0}, OK}, {{0}, OK}};
    const struct crdt_type *types[2] = {NULL, NULL};
    int code = 0;
    for (int i = 0; i < 2 && code == 0; i++) {
        code = fetch(args, i, &fetched[i]);
        types[i] = code == 0 ? crdt_type_of(buf_bytes(&fetched[i].state)) : NULL;
        if (code == 0 && types[i] == NULL)
            code = fail(EX_UNAVAILABLE, "%s at %s: its state is of no type that is known here",
                        args->operands[2], args->operands[i]);
    }
    if (code == 0 && types[0] != types[1]) {
        printf("%s at %s, %s at %s\n", types[0]->name, args->operands[0], types[1]->name,
               args->operands[1]);
        code = EXIT_FAILURE;
    } else if (code == 0) {
        code = compare(args, types[0], fetched);
    }
    buf_free(&fetched[0].state);
    buf_free(&fetched[1].state);
    return code;
}
