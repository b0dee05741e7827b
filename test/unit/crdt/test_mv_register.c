#include "crdt/figures.h"
#include "limits.h"
#include "unit/crdt/laws.h"

#define MODULE "'__struct__' => 'Elixir.Grove.Register.MVRegister'"
#define MV(clock, values)                                                                          \
    "#{" MODULE ", actor => a, clock => " clock ", delta_buffer => nil, values => " values "}"

static const struct crdt_type *type(void)
{
    return crdt_type_named(BYTES("mv_register"));
}

static bool merge(struct crdt *c, const char *text, struct crdt *delta)
{
    bool changed = false;
    CU_ASSERT(crdt_merge(c, wall(term_of(text)), delta, &changed) == OK);
    crdt_check(c);
    return changed;
}

static void is_found_by_both_names(void)
{
    CU_ASSERT_PTR_NOT_NULL_FATAL(type());
    CU_ASSERT(type() == crdt_type_named(BYTES("Elixir.Grove.Register.MVRegister")));
    CU_ASSERT(crdt_type_of(term_of(MV("#{}", "#{}"))) == type());
}

static void sets(void)
{
    struct crdt *c = empty(type(), "a");
    is(c, crdt_value, "[]");
    is(c, crdt_state, MV("#{}", "#{}"));
    replies(c, "[]", "[]");
    CU_ASSERT(crdt_empty(c));
    replies(c, "{set, [x]}", "[ok]");
    is(c, crdt_value, "[x]");
    is(c, crdt_state, MV("#{a => 1}", "#{{x, #{a => 1}} => true}"));
    replies(c, "[{set, [x]}, {resolve, [7]}, {set, [nil]}]", "[ok, ok, ok]");
    is(c, crdt_value, "[nil]");
    is(c, crdt_state, MV("#{a => 4}", "#{{nil, #{a => 4}} => true}"));
    CU_ASSERT(!crdt_empty(c) && crdt_tombstones(c) == 0 && crdt_elements(c) == 1);
    crdt_free(c);
}

static void refuses_the_whole_batch(void)
{
    static const char *const wrong[] = {
        "[{set, [x]}, set]",
        "[{set, [x]}, {set, [y, 1]}]",
        "[{set, [x]}, {put, [y]}]",
        "[{set, [x]}, {clock, []}]",
        "[{resolve, [x]}, {resolve, [y, z]}]",
    };
    struct crdt *c = make(type(), "a", "{set, [w]}"), *delta = empty(type(), "a");
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        size_t bad;
        CU_ASSERT(mutate_all(c, wrong[i], delta, NULL, &bad) == ERR_BAD_OP && bad == 1);
        is(c, crdt_state, MV("#{a => 1}", "#{{w, #{a => 1}} => true}"));
        CU_ASSERT(crdt_empty(delta));
    }
    crdt_free(delta);
    crdt_free(c);
}

static void keeps_concurrent_values(void)
{
    struct crdt *a = make(type(), "a", "{set, [x]}"), *b = make(type(), "b", "{set, [y]}"),
                *c = make(type(), "c", "[{set, [w]}, {set, [z]}]");
    CU_ASSERT(join(a, b) && join(a, c) && !join(a, b));
    is(a, crdt_value, "[x, y, z]");
    is(a, crdt_state,
       MV("#{a => 1, b => 1, c => 2}", "#{{x, #{a => 1}} => true, {y, #{b => 1}} => true,"
                                       " {z, #{c => 2}} => true}"));
    /* b has seen its own value and c's, and resolves these; a's remains concurrent. */
    CU_ASSERT(join(b, c));
    replies(b, "{resolve, [v]}", "[ok]");
    is(b, crdt_value, "[v]");
    CU_ASSERT(join(a, b));
    is(a, crdt_state,
       MV("#{a => 1, b => 2, c => 2}",
          "#{{x, #{a => 1}} => true, {v, #{b => 2, c => 2}} => true}"));
    CU_ASSERT(!join(a, c));
    is(a, crdt_value, "[v, x]");
    replies(a, "{resolve, [u]}", "[ok]");
    is(a, crdt_state, MV("#{a => 2, b => 2, c => 2}", "#{{u, #{a => 2, b => 2, c => 2}} => true}"));
    CU_ASSERT(join(b, a) && join(c, a));
    is(b, crdt_value, "[u]");
    is(c, crdt_value, "[u]");
    crdt_free(a);
    crdt_free(b);
    crdt_free(c);
}

/* Equal values of two writers are two writes, superseded separately. */
static void keeps_equal_values_of_two_writers(void)
{
    struct crdt *a = make(type(), "a", "{set, [x]}"), *b = make(type(), "b", "{set, [x]}");
    CU_ASSERT(join(a, b));
    is(a, crdt_value, "[x, x]");
    replies(b, "{set, [y]}", "[ok]");
    CU_ASSERT(join(a, b));
    is(a, crdt_value, "[x, y]");
    crdt_free(a);
    crdt_free(b);
}

static void distinguishes_1_and_1_0(void)
{
    struct crdt *c = empty(type(), "a");
    CU_ASSERT(merge(c, MV("#{1 => 1}", "#{{1, #{1 => 1}} => true}"), NULL));
    CU_ASSERT(merge(c, MV("#{1.0 => 1}", "#{{1, #{1.0 => 1}} => true}"), NULL));
    CU_ASSERT(merge(c, MV("#{1.0 => 1}", "#{{1.0, #{1.0 => 1}} => true}"), NULL));
    is(c, crdt_value, "[1, 1, 1.0]");
    is(c, crdt_state,
       MV("#{1 => 1, 1.0 => 1}", "#{{1, #{1 => 1}} => true, {1, #{1.0 => 1}} => true,"
                                 " {1.0, #{1.0 => 1}} => true}"));
    crdt_free(c);
}

static void missing_actor_counts_as_zero(void)
{
    struct crdt *c = empty(type(), "a");
    CU_ASSERT(merge(c, MV("#{b => 2}", "#{{x, #{b => 2}} => true}"), NULL));
    CU_ASSERT(!merge(c, MV("#{b => 1}", "#{{w, #{b => 1}} => true}"), NULL));
    CU_ASSERT(!merge(c, MV("#{}", "#{{w, #{}} => true}"), NULL));
    CU_ASSERT(merge(c, MV("#{c => 1}", "#{{y, #{c => 1}} => true}"), NULL));
    is(c, crdt_value, "[x, y]");
    /* Explicit 0 or missing: neither clock dominates, but the keys differ. */
    CU_ASSERT(merge(c, MV("#{b => 2, d => 0}", "#{{x, #{b => 2, d => 0}} => true}"), NULL));
    is(c, crdt_value, "[x, x, y]");
    CU_ASSERT(merge(c, MV("#{b => 2, c => 1}", "#{{z, #{b => 2, c => 1}} => true}"), NULL));
    is(c, crdt_state, MV("#{b => 2, c => 1, d => 0}", "#{{z, #{b => 2, c => 1}} => true}"));
    crdt_free(c);
}

/* A struct may have values that are dominated by others of its own. */
static void drops_dominated_incoming_values(void)
{
    struct crdt *c = empty(type(), "a"), *delta = empty(type(), "a");
    CU_ASSERT(merge(c,
                    MV("#{b => 3}", "#{{x, #{b => 1}} => true, {y, #{b => 3}} => true,"
                                    " {z, #{b => 2}} => true}"),
                    delta));
    is(c, crdt_state, MV("#{b => 3}", "#{{y, #{b => 3}} => true}"));
    is(delta, crdt_state, MV("#{b => 3}", "#{{y, #{b => 3}} => true}"));
    crdt_free(delta);
    crdt_free(c);
}

/* Even if the clock of the struct did not cover its values. */
static void set_supersedes_what_was_seen(void)
{
    struct crdt *c = make(type(), "a", "{set, [x]}");
    CU_ASSERT(merge(c, MV("#{}", "#{{y, #{b => 7, c => 2}} => true}"), NULL));
    is(c, crdt_value, "[x, y]");
    replies(c, "{set, [z]}", "[ok]");
    is(c, crdt_state, MV("#{a => 2, b => 7, c => 2}", "#{{z, #{a => 2, b => 7, c => 2}} => true}"));
    CU_ASSERT(!merge(c, MV("#{b => 7}", "#{{y, #{b => 7, c => 2}} => true}"), NULL));
    crdt_free(c);
}

/* Our own clock continues from the greatest number seen, in the clock or in that of a value, so
 * that no two writes share one. */
static void never_reuses_a_clock_value(void)
{
    struct crdt *old = make(type(), "a", "[{set, [x]}, {set, [y]}]"), *new = empty(type(), "a");
    CU_ASSERT(join(new, old));
    replies(new, "{set, [z]}", "[ok]");
    is(new, crdt_state, MV("#{a => 3}", "#{{z, #{a => 3}} => true}"));
    crdt_free(new);

    new = empty(type(), "a");
    CU_ASSERT(merge(new, MV("#{a => 5, b => 1}", "#{{x, #{a => 4, b => 1}} => true}"), NULL));
    replies(new, "{set, [z]}", "[ok]");
    is(new, crdt_state, MV("#{a => 6, b => 1}", "#{{z, #{a => 6, b => 1}} => true}"));
    crdt_free(new);

    new = empty(type(), "a");
    CU_ASSERT(merge(new, MV("#{}", "#{{x, #{a => 4}} => true}"), NULL));
    CU_ASSERT(!merge(new, MV("#{a => 2}", "#{{w, #{a => 2}} => true}"), NULL));
    replies(new, "{set, [z]}", "[ok]");
    is(new, crdt_state, MV("#{a => 5}", "#{{z, #{a => 5}} => true}"));
    crdt_free(new);
    crdt_free(old);
}

static void limits_the_clock(void)
{
    struct crdt *c = empty(type(), "a");
    size_t bad;
    CU_ASSERT(merge(c, MV("#{a => 9223372036854775805}", "#{}"), NULL));
    CU_ASSERT(mutate(c, "[{set, [x]}, {set, [y]}, {set, [z]}]", &bad) == ERR_LIMIT && bad == 2);
    is(c, crdt_state, MV("#{a => 9223372036854775805}", "#{}"));
    replies(c, "[{set, [x]}, {set, [y]}]", "[ok, ok]");
    CU_ASSERT(mutate(c, "{set, [z]}", &bad) == ERR_LIMIT && bad == 0);
    is(c, crdt_value, "[y]");
    refuses(c, term_of(MV("#{b => 9223372036854775808}", "#{}")), ERR_RANGE);
    crdt_free(c);
}

static void join_fills_the_delta(void)
{
    struct crdt *c = make(type(), "a", "{set, [x]}"), *delta = empty(type(), "a");
    size_t bad;
    CU_ASSERT(merge(c, MV("#{b => 3}", "#{{y, #{b => 3}} => true}"), NULL));
    CU_ASSERT(!merge(c, MV("#{a => 1}", "#{{x, #{a => 1}} => true}"), delta));
    CU_ASSERT(crdt_empty(delta));
    CU_ASSERT(merge(c, MV("#{a => 1, c => 1}", "#{{x, #{a => 1}} => true, {z, #{c => 1}} => true}"),
                    delta));
    is(delta, crdt_state, MV("#{c => 1}", "#{{z, #{c => 1}} => true}"));
    CU_ASSERT(mutate_all(c, "{set, [w]}", delta, NULL, &bad) == OK);
    is(delta, crdt_state,
       MV("#{a => 2, b => 3, c => 1}", "#{{w, #{a => 2, b => 3, c => 1}} => true}"));
    /* A clock alone is a change too: its value was superseded since. */
    crdt_free(delta);
    delta = empty(type(), "a");
    CU_ASSERT(merge(c, MV("#{b => 9}", "#{}"), delta));
    CU_ASSERT(!crdt_empty(delta));
    is(delta, crdt_state, MV("#{b => 9}", "#{}"));
    crdt_free(delta);
    crdt_free(c);
}

static void orders_values(void)
{
    static const char *const some[] = {
        MV("#{}", "#{{b, #{p => 1}} => true}"),         MV("#{}", "#{{1.0, #{q => 1}} => true}"),
        MV("#{}", "#{{<<\"a\">>, #{r => 1}} => true}"), MV("#{}", "#{{a, #{s => 1}} => true}"),
        MV("#{}", "#{{[], #{t => 1}} => true}"),        MV("#{}", "#{{1, #{u => 1}} => true}"),
    };
    size_t n = sizeof(some) / sizeof(some[0]);
    for (size_t first = 0; first < n; first++) {
        struct crdt *c = empty(type(), "a");
        struct buf out = {0};
        for (size_t i = 0; i < n; i++)
            CU_ASSERT(merge(c, some[(first + i * 5) % n], NULL));
        crdt_value(c, &out);
        ASSERT_TERM(buf_bytes(&out), term_of("[1, 1.0, a, b, [], <<\"a\">>]"));
        buf_free(&out);
        crdt_free(c);
    }
}

static void obeys_laws(void)
{
    static const struct sample states[] = {
        {"a", "[]"},
        {"a", "{set, [x]}"},
        {"a", "[{set, [x]}, {set, [y]}]"},
        {"b", "{set, [x]}"},
        {"<<\"b\">>", "[{set, [1]}, {set, [1.0]}]"},
        {"1", "{set, [[]]}"},
        {"1.0", "{set, [#{a => 1}]}"},
    };
    check_laws_on_samples(type(), states, sizeof(states) / sizeof(states[0]));
    check_mutation_delta(type(), "[]", "{set, [x]}");
    check_mutation_delta(type(), "{set, [x]}", "{set, [x]}");
    check_mutation_delta(type(), "{set, [x]}", "[{set, [y]}, {resolve, [z]}]");
}

static uint32_t chance(uint32_t *seed, uint32_t n)
{
    *seed = *seed * 1664525 + 1013904223;
    return (*seed >> 16) % n;
}

#define WRITERS 5

/* Random sets, resolves and joins. */
static void run_history(struct crdt *const *s, uint32_t *seed)
{
    for (int step = 0; step < 30; step++) {
        struct crdt *c = s[chance(seed, WRITERS)];
        char op[32];
        size_t bad;
        if (chance(seed, 2) == 0) {
            join(c, s[chance(seed, WRITERS)]);
            continue;
        }
        snprintf(op, sizeof(op), "{%s, [%u]}", chance(seed, 2) == 0 ? "set" : "resolve",
                 chance(seed, 3));
        CU_ASSERT(mutate(c, op, &bad) == OK);
    }
}

static void random_states_obey_laws(void)
{
    static const char *const actors[WRITERS] = {"a", "b", "1", "1.0", "<<\"b\">>"};
    uint32_t seed = 1;
    for (int round = 0; round < 25; round++) {
        struct crdt *s[WRITERS];
        for (size_t i = 0; i < WRITERS; i++)
            s[i] = empty(type(), actors[i]);
        run_history(s, &seed);
        check_laws(s, WRITERS);
        for (size_t i = 0; i < WRITERS; i++)
            crdt_free(s[i]);
    }
}

/* --- clocks of many actors --------------------------------------------------------------- */

#define VERSIONS 400
#define WIDTH    100 /* actors */

/* Values, each with a clock by actor number. */
struct version {
    unsigned clock[WIDTH];
    bool merged;
};

static bool dominates(const struct version *a, const struct version *b)
{
    bool more = false;
    for (size_t i = 0; i < WIDTH; i++) {
        if (a->clock[i] < b->clock[i])
            return false;
        more |= a->clock[i] > b->clock[i];
    }
    return more;
}

/* A struct of these values; actors with 0 are named if they are even. */
static struct bytes struct_of(const struct version *all, const size_t *which, size_t count)
{
    struct buf text = {0};
    buf_printf(&text, "#{" MODULE ", clock => #{}, values => #{");
    for (size_t i = 0; i < count; i++) {
        buf_printf(&text, "%s{%zu, #{z => 0", i > 0 ? ", " : "", which[i]);
        for (size_t a = 0; a < WIDTH; a++)
            if (all[which[i]].clock[a] > 0 || a % 2 == 0)
                buf_printf(&text, ", %zu => %u", a, all[which[i]].clock[a]);
        buf_printf(&text, "}} => true");
    }
    buf_printf(&text, "}}");
    buf_put_u8(&text, 0);
    struct bytes term = term_of((const char *)text.at);
    buf_free(&text);
    return term;
}

static void draw_versions(struct version *all, uint32_t *seed)
{
    memset(all, 0, VERSIONS * sizeof(*all));
    for (size_t i = 0; i < VERSIONS; i++) {
        if (i > 0)
            memcpy(all[i].clock, all[chance(seed, (uint32_t)i)].clock, sizeof(all[i].clock));
        for (size_t a = 0; a < WIDTH && i == 0; a++)
            all[i].clock[a] = chance(seed, 3);
        for (uint32_t changes = 1 + chance(seed, 4); changes > 0; changes--) {
            size_t a = chance(seed, 2) == 0 ? WIDTH - 1 - chance(seed, 2) : chance(seed, WIDTH);
            all[i].clock[a] = chance(seed, 8);
        }
    }
}

/* The value of a register with those that no other of the merged ones dominates. */
static void holds_the_maximal(const struct crdt *c, const struct version *all)
{
    struct buf text = {0};
    const char *comma = "";
    buf_printf(&text, "[");
    for (size_t i = 0; i < VERSIONS; i++) {
        bool stays = all[i].merged;
        for (size_t k = 0; k < VERSIONS && stays; k++)
            stays = !all[k].merged || !dominates(&all[k], &all[i]);
        if (!stays)
            continue;
        buf_printf(&text, "%s%zu", comma, i);
        comma = ", ";
    }
    buf_printf(&text, "]");
    buf_put_u8(&text, 0);
    is(c, crdt_value, (const char *)text.at);
    buf_free(&text);
}

/* In any order, few at a time or many: those before are dominated by new ones, and new ones by
 * those before. */
static void keeps_the_maximal_of_many(void)
{
    static struct version all[VERSIONS];
    uint32_t seed = 1;
    for (int round = 0; round < 20; round++) {
        struct crdt *c = empty(type(), "a"), *delta = empty(type(), "a"), *other;
        bool changed;
        draw_versions(all, &seed);
        for (int step = 0; step < 12; step++) {
            size_t which[30], count = 1 + chance(&seed, round % 2 == 0 ? 3 : 30);
            for (size_t i = 0; i < count; i++) {
                which[i] = (i > 0 ? which[i - 1] + 1 : 0) + chance(&seed, 12);
                all[which[i]].merged = true;
            }
            CU_ASSERT(crdt_merge(c, wall(struct_of(all, which, count)), delta, &changed) == OK);
            crdt_check(c);
            crdt_check(delta);
            holds_the_maximal(c, all);
        }
        other = empty(type(), "b");
        join(other, delta);
        holds_the_maximal(other, all);
        crdt_free(other);
        crdt_free(delta);
        crdt_free(c);
    }
}

/* {x, Clock} with n of each of so many actors. */
static struct bytes large_value(const char *value, unsigned width, unsigned n)
{
    struct buf text = {0};
    buf_printf(&text, "#{" MODULE ", clock => #{}, values => #{{%s, #{z => 0", value);
    for (unsigned i = 0; i < width; i++)
        buf_printf(&text, ", %u => %u", i, n);
    buf_printf(&text, "}} => true}}");
    buf_put_u8(&text, 0);
    struct bytes term = term_of((const char *)text.at);
    buf_free(&text);
    return term;
}

/* Its numbers stay when what it was compared with is gone, and end with the next write. */
static void compares_a_large_clock_again(void)
{
    struct crdt *c = empty(type(), "a");
    bool changed;
    CU_ASSERT(crdt_merge(c, wall(large_value("x", 2000, 2)), NULL, &changed) == OK && changed);
    for (unsigned i = 0; i < 3; i++) {
        CU_ASSERT(crdt_merge(c, wall(large_value("y", 1 + i, 1)), NULL, &changed) == OK);
        CU_ASSERT(!changed);
        crdt_check(c);
        is(c, crdt_value, "[x]");
    }
    CU_ASSERT(merge(c, MV("#{}", "#{{w, #{b => 1}} => true}"), NULL));
    is(c, crdt_value, "[w, x]");
    CU_ASSERT(merge(c, MV("#{}", "#{{v, #{b => 2}} => true}"), NULL));
    is(c, crdt_value, "[v, x]");
    CU_ASSERT(crdt_merge(c, wall(large_value("u", 2001, 3)), NULL, &changed) == OK && changed);
    is(c, crdt_value, "[u, v]");
    replies(c, "{set, [t]}", "[ok]");
    CU_ASSERT(!merge(c, MV("#{}", "#{{v, #{b => 2}} => true}"), NULL));
    is(c, crdt_value, "[t]");
    CU_ASSERT(merge(c, MV("#{}", "#{{s, #{b => 3}} => true}"), NULL));
    is(c, crdt_value, "[s, t]");
    crdt_free(c);
}

/* --- recorded ---------------------------------------------------------------------------- */

#define RECORDED 4

static struct crdt *of_actor(struct crdt *const *all, struct bytes actor)
{
    for (size_t i = 0; i < RECORDED; i++) {
        if (bytes_equal(all[i]->options->actor, actor))
            return all[i];
    }
    CU_FAIL_FATAL("an actor that is not known");
    return NULL;
}

/* {Actor, {set, Value} | {merge, Struct}, State} */
static void check_recorded_step(struct crdt *const *all, struct bytes entry)
{
    struct buf terms = {0};
    bool changed;
    CU_ASSERT_FATAL(canon_put(&terms, entry) == OK);
    struct etf_in in = etf_open(buf_bytes(&terms));
    etf_tuple_of(&in, 3);
    struct crdt *c = of_actor(all, etf_any(&in));
    etf_tuple_of(&in, 2);
    if (etf_accept(&in, "set")) {
        struct op op = {BYTES("set"), 1, {etf_any(&in)}};
        struct mutation_turn t = {.wall_ms = 1};
        CU_ASSERT(crdt_mutate(c, &op, 1, &t) == OK);
    } else {
        etf_expect(&in, "merge");
        CU_ASSERT(crdt_merge(c, wall(etf_any(&in)), NULL, &changed) == OK);
    }
    crdt_check(c);
    struct buf got = put(c, crdt_state);
    ASSERT_TERM(buf_bytes(&got), etf_any(&in));
    CU_ASSERT(etf_finish(&in) == OK);
    buf_free(&got);
    buf_free(&terms);
}

/* Every step of the recorded history gives the recorded state. */
static void matches_grove_history(void)
{
    struct crdt *all[RECORDED] = {empty(type(), "a"), empty(type(), "<<\"b\">>"),
                                  empty(type(), "1"), empty(type(), "1.0")};
    struct bytes file = vector("crdt/registers.etf"), entry;
    struct etf_in in = etf_open((struct bytes){file.at + 1, file.len - 1});
    size_t steps = 0;
    etf_tuple_of(&in, 2);
    etf_any(&in);
    for (struct etf_list list = etf_list(&in); etf_next(&list, &entry); steps++)
        check_recorded_step(all, entry);
    CU_ASSERT(etf_finish(&in) == OK && steps == 120);
    for (size_t i = 0; i < RECORDED; i++)
        crdt_free(all[i]);
}

/* A struct of count values by as many actors, numbered from first on. */
static struct bytes crowd(unsigned first, unsigned count)
{
    struct buf text = {0};
    buf_printf(&text, "#{" MODULE ", clock => #{}, values => #{");
    for (unsigned i = first; i < first + count; i++)
        buf_printf(&text, "%s{x, #{%u => 1}} => true", i > first ? ", " : "", i);
    buf_printf(&text, "}}");
    buf_put_u8(&text, 0);
    struct bytes term = term_of((const char *)text.at);
    buf_free(&text);
    return term;
}

static size_t values_of(const struct crdt *c)
{
    struct buf out = put(c, crdt_value);
    struct etf_in in = etf_open(buf_bytes(&out));
    struct bytes value;
    size_t count = 0;
    for (struct etf_list list = etf_list(&in); etf_next(&list, &value);)
        count++;
    CU_ASSERT(etf_finish(&in) == OK);
    buf_free(&out);
    return count;
}

#define MOST LIMIT_CONCURRENT_VALUES

/* Several structs may bring more values than one may have: the register keeps as many as it may
 * send, and the next set still supersedes all. */
static void limits_concurrent_values(void)
{
    struct crdt *c = empty(type(), "a"), *copy = empty(type(), "b");
    bool changed;
    refuses(c, crowd(0, MOST + 1), ERR_LIMIT);
    CU_ASSERT(crdt_merge(c, wall(crowd(0, MOST)), NULL, &changed) == OK && changed);
    CU_ASSERT(values_of(c) == MOST);
    CU_ASSERT(crdt_merge(c, wall(crowd(MOST, MOST)), NULL, &changed) == OK && changed);
    crdt_check(c);
    CU_ASSERT(values_of(c) == MOST);
    CU_ASSERT(join(copy, c) && equivalent(copy, c));
    replies(c, "{set, [y]}", "[ok]");
    is(c, crdt_value, "[y]");
    CU_ASSERT(crdt_merge(c, wall(crowd(MOST, MOST)), NULL, &changed) == OK && !changed);
    is(c, crdt_value, "[y]");
    crdt_free(copy);
    crdt_free(c);
}

static void round_trips(void)
{
    struct crdt *c = make(type(), "a", "{set, [x]}"), *b = make(type(), "b", "{set, [#{1 => 2}]}"),
                *copy = empty(type(), "a");
    CU_ASSERT(join(c, b));
    CU_ASSERT(merge(c, MV("#{d => 4, e => 0}", "#{}"), NULL));
    CU_ASSERT(join(copy, c));
    CU_ASSERT(equal_and_free(put(copy, crdt_state), put(c, crdt_state)));
    CU_ASSERT(equal_and_free(put(copy, crdt_value), put(c, crdt_value)));
    crdt_free(copy);
    crdt_free(b);
    crdt_free(c);
}

static void refuses_malformed_structs(void)
{
    struct crdt *c = make(type(), "a", "{set, [x]}");
    refuses(c, term_of("nil"), ERR_TYPE);
    refuses(c, term_of("#{clock => #{}, values => #{}}"), ERR_TYPE);
    refuses(c, term_of("#{" MODULE "}"), ERR_SHAPE);
    refuses(c, term_of("#{" MODULE ", clock => #{b => 1}}"), ERR_SHAPE);
    refuses(c, term_of("#{" MODULE ", values => #{}}"), ERR_SHAPE);
    refuses(c, term_of(MV("nil", "#{}")), ERR_SHAPE);
    refuses(c, term_of(MV("#{b => 1.0}", "#{}")), ERR_SHAPE);
    refuses(c, term_of(MV("#{b => -1}", "#{}")), ERR_RANGE);
    refuses(c, term_of(MV("#{b => 1}", "[]")), ERR_SHAPE);
    refuses(c, term_of(MV("#{b => 1}", "#{y => true}")), ERR_SHAPE);
    refuses(c, term_of(MV("#{b => 1}", "#{{y, #{b => 1}} => false}")), ERR_SHAPE);
    refuses(c, term_of(MV("#{b => 1}", "#{{y, #{b => 1}, z} => true}")), ERR_SHAPE);
    refuses(c, term_of(MV("#{b => 1}", "#{{y, b} => true}")), ERR_SHAPE);
    refuses(c, term_of(MV("#{b => 1}", "#{{y, #{b => x}} => true}")), ERR_SHAPE);
    refuses(c, term_of(MV("#{b => 1}", "#{{y, #{b => 1}} => true, {z, #{c => -1}} => true}")),
            ERR_RANGE);
    refuses(c, term_of(MV("#{b => 1}", "#{{y, #{b => 9223372036854775808}} => true}")), ERR_RANGE);
    /* the same actor twice in the clock */
    refuses(c,
            hex("74 00000003 770a 5f5f7374727563745f5f"
                "7720 456c697869722e47726f76652e52656769737465722e4d565265676973746572"
                "7705 636c6f636b 74 00000002 7701 62 6101 7701 62 6102"
                "7706 76616c756573 74 00000000"),
            ERR_DUPLICATE);
    crdt_free(c);
}

/* The delta_buffer is private to the sender, whatever it holds; it may be missing. */
static void ignores_other_fields(void)
{
    struct crdt *c = empty(type(), "a");
    CU_ASSERT(
        merge(c, "#{" MODULE ", clock => #{b => 1}, values => #{{y, #{b => 1}} => true}}", NULL));
    CU_ASSERT(!merge(c,
                     "#{" MODULE
                     ", actor => 1, clock => #{b => 1}, values => #{}, delta_buffer => " MV(
                         "#{b => 2}", "#{{z, #{b => 2}} => true}") "}",
                     NULL));
    CU_ASSERT(!merge(c, MV("#{}", "#{}"), NULL));
    is(c, crdt_state, MV("#{b => 1}", "#{{y, #{b => 1}} => true}"));
    crdt_free(c);
}

#define WIDER(clock, values, more)                                                                 \
    "#{" MODULE ", actor => a, clock => " clock ", delta_buffer => nil, values => " values         \
    ", " more "}"

static void keeps_unknown_fields(void)
{
    struct crdt *c = make(type(), "a", "{set, [x]}"), *delta = empty(type(), "a");
    CU_ASSERT(merge(c, WIDER("#{}", "#{}", "hlc => 3"), delta));
    is(c, crdt_state, WIDER("#{a => 1}", "#{{x, #{a => 1}} => true}", "hlc => 3"));
    is(delta, crdt_state, WIDER("#{}", "#{}", "hlc => 3"));
    crdt_free(delta);
    crdt_free(c);
}

static void survives_corruption(void)
{
    struct crdt *c = make(type(), "a", "{set, [x]}");
    check_corruption(c, term_of(MV("#{a => 1, <<\"b\">> => 700, 5 => 70000}",
                                   "#{{y, #{a => 1, 5 => 70000}} => true,"
                                   " {[1.5], #{<<\"b\">> => 700}} => true}")));
    crdt_free(c);
}

SUITE("mv_register", TEST(is_found_by_both_names), TEST(sets), TEST(refuses_the_whole_batch),
      TEST(keeps_concurrent_values), TEST(keeps_equal_values_of_two_writers),
      TEST(distinguishes_1_and_1_0), TEST(missing_actor_counts_as_zero),
      TEST(drops_dominated_incoming_values), TEST(set_supersedes_what_was_seen),
      TEST(never_reuses_a_clock_value), TEST(limits_the_clock), TEST(join_fills_the_delta),
      TEST(orders_values), TEST(obeys_laws), TEST(random_states_obey_laws),
      TEST(keeps_the_maximal_of_many), TEST(compares_a_large_clock_again),
      TEST(matches_grove_history), TEST(limits_concurrent_values), TEST(round_trips),
      TEST(refuses_malformed_structs), TEST(ignores_other_fields), TEST(keeps_unknown_fields),
      TEST(survives_corruption))
