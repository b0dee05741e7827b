/* Control messages: what each number means, what is refused, what is written.  Tuples are in
 * Erlang syntax, to be compared with the protocol's documentation; test_replay.c reads those
 * of a BEAM. */
#include <stdio.h>
#include <string.h>

#include "dist/control.h"
#include "dist/flags.h"
#include "term/etf.h"
#include "term/write.h"
#include "unit/suite.h"

#define F   "#Pid<'b@h'.1.2.3>"
#define T   "#Pid<'c@h'.4.5.6>"
#define R   "#Ref<'b@h'.7.8.9.10>"
#define G   "#Pid<'b@h'.9.9.9>"
#define MFA "{m,f,1}"

struct meaning {
    const char *control, *payload; /* NULL: no payload */
    enum signal_kind kind;
    const char *from, *to, *ref, *reason; /* NULL: empty */
    uint64_t id;
};

static const struct meaning meanings[] = {
    {"{1," F "," T "}", NULL, SIGNAL_LINK, F, T, NULL, NULL, 0},
    {"{2,''," T "}", "hello", SIGNAL_SEND, NULL, T, NULL, NULL, 0},
    {"{2,anything," T "}", "[]", SIGNAL_SEND, NULL, T, NULL, NULL, 0},
    {"{3," F "," T ",{bad,1.5}}", NULL, SIGNAL_EXIT, F, T, NULL, "{bad,1.5}", 0},
    {"{4," F "," T "}", NULL, SIGNAL_UNLINK, F, T, NULL, NULL, 0},
    {"{6," F ",'',srv}", "{a,1}", SIGNAL_REG_SEND, F, "srv", NULL, NULL, 0},
    {"{7," F "," T "}", NULL, SIGNAL_GROUP_LEADER, F, T, NULL, NULL, 0},
    {"{8," F "," T ",kill}", NULL, SIGNAL_EXIT2, F, T, NULL, "kill", 0},
    {"{12,''," T ",{label,1}}", "m", SIGNAL_SEND, NULL, T, NULL, NULL, 0},
    {"{13," F "," T ",{label,1},r}", NULL, SIGNAL_EXIT, F, T, NULL, "r", 0},
    {"{16," F ",'',srv,{label,1}}", "m", SIGNAL_REG_SEND, F, "srv", NULL, NULL, 0},
    {"{18," F "," T ",{label,1},r}", NULL, SIGNAL_EXIT2, F, T, NULL, "r", 0},
    {"{19," F ",srv," R "}", NULL, SIGNAL_MONITOR, F, "srv", R, NULL, 0},
    {"{19," F "," T "," R "}", NULL, SIGNAL_MONITOR, F, T, R, NULL, 0},
    {"{20," F ",srv," R "}", NULL, SIGNAL_DEMONITOR, F, "srv", R, NULL, 0},
    {"{20," F "," T "," R "}", NULL, SIGNAL_DEMONITOR, F, T, R, NULL, 0},
    {"{21," F "," T "," R ",noproc}", NULL, SIGNAL_MONITOR_EXIT, F, T, R, "noproc", 0},
    {"{21,srv," T "," R ",[1]}", NULL, SIGNAL_MONITOR_EXIT, "srv", T, R, "[1]", 0},
    {"{22," F "," T "}", "m", SIGNAL_SEND, F, T, NULL, NULL, 0},
    {"{23," F "," T ",[]}", "m", SIGNAL_SEND, F, T, NULL, NULL, 0},
    {"{24," F "," T "}", "{r,\"x\"}", SIGNAL_EXIT, F, T, NULL, "{r,\"x\"}", 0},
    {"{25," F "," T ",t}", "r", SIGNAL_EXIT, F, T, NULL, "r", 0},
    {"{26," F "," T "}", "r", SIGNAL_EXIT2, F, T, NULL, "r", 0},
    {"{27," F "," T ",t}", "r", SIGNAL_EXIT2, F, T, NULL, "r", 0},
    {"{28,srv," T "," R "}", "r", SIGNAL_MONITOR_EXIT, "srv", T, R, "r", 0},
    {"{28," F "," T "," R "}", "r", SIGNAL_MONITOR_EXIT, F, T, R, "r", 0},
    {"{29," R "," F "," G "," MFA ",[]}", "[1]", SIGNAL_SPAWN_REQUEST, F, NULL, R, NULL, 0},
    {"{30," R "," F "," G "," MFA ",[],t}", "[1]", SIGNAL_SPAWN_REQUEST, F, NULL, R, NULL, 0},
    {"{31," R "," T ",3," F "}", NULL, SIGNAL_SPAWN_REPLY, F, T, R, NULL, 3},
    {"{31," R "," T ",0,badopt}", NULL, SIGNAL_SPAWN_REPLY, "badopt", T, R, NULL, 0},
    {"{32," R "," T ",0,badopt,t}", NULL, SIGNAL_SPAWN_REPLY, "badopt", T, R, NULL, 0},
    {"{33," F "," R "}", "m", SIGNAL_ALIAS_SEND, F, R, NULL, NULL, 0},
    {"{34," F "," R ",t}", "m", SIGNAL_ALIAS_SEND, F, R, NULL, NULL, 0},
    {"{35,1," F "," T "}", NULL, SIGNAL_UNLINK_ID, F, T, NULL, NULL, 1},
    {"{36,18446744073709551615," F "," T "}", NULL, SIGNAL_UNLINK_ID_ACK, F, T, NULL, NULL,
     UINT64_MAX},
    {"{37,0," F "," T "}", "m", SIGNAL_SEND, F, T, NULL, NULL, 0},
    {"{37,1," F "," T "}", "m", SIGNAL_SEND, F, T, NULL, NULL, 0},
    {"{37,2," F "," T ",token}", "m", SIGNAL_SEND, F, T, NULL, NULL, 0},
    {"{37,4," F "," R "}", "m", SIGNAL_ALIAS_SEND, F, R, NULL, NULL, 0},
    {"{37,7," F "," R ",token}", "m", SIGNAL_ALIAS_SEND, F, R, NULL, NULL, 0},
    {"{37,8," F ",srv}", "m", SIGNAL_REG_SEND, F, "srv", NULL, NULL, 0},
    {"{37,11," F ",srv,token}", "m", SIGNAL_REG_SEND, F, "srv", NULL, NULL, 0},
    {"{37,16," F "," T "}", "r", SIGNAL_EXIT2, F, T, NULL, "r", 0},
    {"{37,17," F "," T "}", "r", SIGNAL_EXIT2, F, T, NULL, "r", 0},
    {"{37,21," F "," R "}", "r", SIGNAL_EXIT2, F, R, NULL, "r", 0},
    {"{37,24," F ",srv}", "r", SIGNAL_EXIT2, F, "srv", NULL, "r", 0},
    /* bits and elements of future releases */
    {"{37,18446744073709551584," F "," T ",x,y}", "m", SIGNAL_SEND, F, T, NULL, NULL, 0},
};

#define MEANINGS (sizeof(meanings) / sizeof(meanings[0]))

/* The terms of a frame. */
static struct bytes terms_of(struct buf *out, struct bytes control, const char *payload,
                             bool versioned)
{
    buf_clear(out);
    if (versioned)
        put_version(out);
    buf_put(out, control);
    if (payload != NULL && versioned)
        put_version(out);
    if (payload != NULL)
        buf_put(out, term_of(payload));
    return buf_bytes(out);
}

static void same(struct bytes got, const char *wanted)
{
    if (wanted == NULL) {
        CU_ASSERT_EQUAL(got.len, 0);
    } else {
        ASSERT_TERM(got, term_of(wanted));
    }
}

static void compare(const struct signal *got, const struct meaning *m)
{
    bool message = m->payload != NULL && m->reason == NULL;
    CU_ASSERT_EQUAL(got->kind, m->kind);
    same(got->from, m->from);
    same(got->to, m->to);
    same(got->ref, m->ref);
    same(got->reason, m->reason);
    same(got->payload, message ? m->payload : NULL);
    CU_ASSERT_EQUAL(got->id, m->id);
    same(got->mfa, got->kind == SIGNAL_SPAWN_REQUEST ? MFA : NULL);
    same(got->options, got->kind == SIGNAL_SPAWN_REQUEST ? "[]" : NULL);
    CU_ASSERT_EQUAL(got->node.len, 0);
}

static void reads_each_number(void)
{
    struct buf terms = {0}, scratch = {0};
    struct signal signal;
    for (size_t i = 0; i < 2 * MEANINGS; i++) {
        const struct meaning *m = &meanings[i / 2];
        struct bytes b = terms_of(&terms, term_of(m->control), m->payload, i % 2);
        enum err e = control_read(wall(b), i % 2, &scratch, &signal);
        CU_ASSERT_EQUAL(e, OK);
        if (e == OK)
            compare(&signal, m);
        else
            fprintf(stderr, "\n%s: %s\n", m->control, err_text(e));
    }
    buf_free(&terms);
    buf_free(&scratch);
}

static enum err read_error(struct bytes terms, bool versioned)
{
    struct buf scratch = {0};
    struct signal signal;
    enum err e = control_read(wall(terms), versioned, &scratch, &signal);
    buf_free(&scratch);
    return e;
}

static void refuses_every_prefix(void)
{
    struct buf terms = {0};
    for (size_t i = 0; i < 2 * MEANINGS; i++) {
        const struct meaning *m = &meanings[i / 2];
        struct bytes b = terms_of(&terms, term_of(m->control), m->payload, i % 2);
        size_t control = term_of(m->control).len + i % 2;
        for (size_t cut = 0; cut < b.len; cut++)
            CU_ASSERT_EQUAL(read_error((struct bytes){b.at, cut}, i % 2),
                            cut == control ? ERR_CONTROL : ERR_SHORT);
    }
    buf_free(&terms);
}

/* An unexpected payload, a missing one, and trailing bytes. */
static void refuses_wrong_payloads(void)
{
    struct buf terms = {0};
    for (size_t i = 0; i < 2 * MEANINGS; i++) {
        const struct meaning *m = &meanings[i / 2];
        const char *other = m->payload == NULL ? "m" : NULL;
        CU_ASSERT_EQUAL(read_error(terms_of(&terms, term_of(m->control), other, i % 2), i % 2),
                        ERR_CONTROL);
        terms_of(&terms, term_of(m->control), m->payload, i % 2);
        buf_put_u8(&terms, 106);
        CU_ASSERT_EQUAL(read_error(buf_bytes(&terms), i % 2),
                        m->payload == NULL ? ERR_CONTROL : ERR_TRAILING);
    }
    buf_free(&terms);
}

/* The elements of a control tuple, each a term. */
static size_t elements_of(struct bytes control, struct bytes elements[8])
{
    struct etf_in in = etf_open(control);
    uint32_t arity = etf_tuple(&in);
    CU_ASSERT_FATAL(arity <= 7);
    for (uint32_t i = 0; i < arity; i++)
        elements[i] = etf_any(&in);
    CU_ASSERT_EQUAL(etf_finish(&in), OK);
    return arity;
}

static struct bytes tuple_of(struct buf *out, const struct bytes *elements, size_t arity)
{
    buf_clear(out);
    put_tuple(out, (uint32_t)arity);
    for (size_t i = 0; i < arity; i++)
        put_term(out, elements[i]);
    return buf_bytes(out);
}

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static void refuses_wrong_arities(void)
{
    struct buf terms = {0}, tuple = {0};
    struct bytes elements[8];
    for (size_t i = 0; i < MEANINGS; i++) {
        const struct meaning *m = &meanings[i];
        size_t arity = elements_of(term_of(m->control), elements);
        elements[arity] = term_of("extra");
        for (size_t n = 0; n <= arity + 1; n++) {
            bool open_ended = starts_with(m->control, "{37,");
            if (n == arity || (open_ended && n >= arity) ||
                (open_ended && n >= 4 && strstr(m->control, ",token}") == NULL))
                continue;
            struct bytes control = tuple_of(&tuple, elements, n);
            CU_ASSERT_EQUAL(read_error(terms_of(&terms, control, m->payload, false), false),
                            ERR_CONTROL);
        }
    }
    buf_free(&terms);
    buf_free(&tuple);
}

/* Whether an element of a control tuple is checked: the number, the bits of 37, and whatever
 * is in the signal. */
static bool is_checked(const struct meaning *m, size_t place, struct bytes element)
{
    const char *shown[] = {m->from, m->to, m->ref};
    if (place == 0 || (place == 1 && starts_with(m->control, "{37,")))
        return true;
    for (size_t i = 0; i < 3; i++)
        if (shown[i] != NULL && bytes_equal(element, term_of(shown[i])))
            return true;
    return false;
}

static void refuses_wrong_types(void)
{
    static const char *const wrong[] = {"1.5", "[]", "<<\"b\">>", "{1}", "-1"};
    struct buf terms = {0}, tuple = {0};
    struct bytes elements[8];
    for (size_t i = 0; i < MEANINGS; i++) {
        const struct meaning *m = &meanings[i];
        size_t arity = elements_of(term_of(m->control), elements);
        for (size_t place = 0; place < arity; place++) {
            struct bytes kept = elements[place];
            if (!is_checked(m, place, kept))
                continue;
            for (size_t w = 0; w < sizeof(wrong) / sizeof(wrong[0]); w++) {
                elements[place] = term_of(wrong[w]);
                struct bytes control = tuple_of(&tuple, elements, arity);
                CU_ASSERT_EQUAL(read_error(terms_of(&terms, control, m->payload, false), false),
                                ERR_CONTROL);
            }
            elements[place] = kept;
        }
    }
    buf_free(&terms);
    buf_free(&tuple);
}

static void refuses_malformed_tuples(void)
{
    static const struct {
        const char *control, *payload;
    } wrong[] = {
        {"{37,12," F "," R "}", "m"}, /* alias and name */
        {"{37,12," F ",srv}", "m"},   /* the same */
        {"{37,4," F "," T "}", "m"},  /* an alias that is a pid */
        {"{37,0," F "," R "}", "m"},  /* a pid that is an alias */
        {"{37,0," F ",srv}", "m"},    /* a name without its bit */
        {"{37,2," F "," T "}", "m"},  /* a missing token */
        {"{37,36893488147419103232," F "," T "}", "m"},
        {"{33," F "," T "}", "m"},   /* an alias that is a pid */
        {"{22," F "," R "}", "m"},   /* a pid that is an alias */
        {"{6," F ",''," T "}", "m"}, /* a name that is a pid */
        {"{2,'',srv}", "m"},         /* a pid that is a name */
        {"{1,srv," T "}", NULL},
        {"{19,srv," T "," R "}", NULL}, /* only pids monitor */
        {"{21," F ",srv," R ",r}", NULL},
        {"{35,0," F "," T "}", NULL}, /* refused by dist.c as well */
        {"{35,a," F "," T "}", NULL},
        {"{36,18446744073709551616," F "," T "}", NULL},
        {"{31," R "," T ",a," F "}", NULL},
        {"{}", NULL},
        {"{-1," F "," T "}", NULL},
        {"{257," F "," T "}", NULL},
        {"{link," F "," T "}", NULL},
        {"[1," F "," T "]", NULL},
        {"1", NULL},
    };
    struct buf terms = {0};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        CU_ASSERT_EQUAL(
            read_error(terms_of(&terms, term_of(wrong[i].control), wrong[i].payload, false), false),
            ERR_CONTROL);
    buf_free(&terms);
}

static void refuses_unknown_numbers(void)
{
    struct buf tuple = {0}, terms = {0};
    struct bytes elements[8];
    for (unsigned number = 0; number < 300; number++) {
        char start[16];
        bool known = false;
        snprintf(start, sizeof(start), "{%u,", number);
        for (size_t i = 0; i < MEANINGS; i++)
            known = known || starts_with(meanings[i].control, start);
        if (known)
            continue;
        struct buf n = {0};
        put_uint(&n, number);
        for (size_t arity = 1; arity < 7; arity++) {
            elements[0] = buf_bytes(&n);
            elements[arity] = term_of(arity == 3 ? R : F);
            struct bytes control = tuple_of(&tuple, elements, arity);
            CU_ASSERT_EQUAL(read_error(terms_of(&terms, control, NULL, false), false), ERR_CONTROL);
            CU_ASSERT_EQUAL(read_error(terms_of(&terms, control, "m", false), false), ERR_CONTROL);
        }
        buf_free(&n);
    }
    buf_free(&tuple);
    buf_free(&terms);
}

/* Encodings of older releases and other programs: Latin-1 atoms, LARGE tuples, wide integers,
 * pids and references without a wide creation. */
static void makes_canonical(void)
{
    struct buf scratch = {0};
    struct signal signal;
    struct bytes terms = wall(hex("69 00000004 62 00000013"
                                  "67 73 03 624068 00000001 00000002 03"
                                  "64 0003 737276"
                                  "72 0003 64 0003 624068 01 00000007 00000008 00000009"));
    CU_ASSERT_EQUAL(control_read(terms, false, &scratch, &signal), OK);
    ASSERT_TERM(signal.from, term_of(F));
    ASSERT_TERM(signal.to, term_of("srv"));
    ASSERT_TERM(signal.ref, term_of("#Ref<'b@h'.1.7.8.9>"));
    /* A reason and a message are left as they are. */
    struct buf plain = {0};
    buf_put(&plain, term_of("{24," F "," T "}"));
    buf_put(&plain, hex("62 00000005"));
    CU_ASSERT_EQUAL(control_read(wall(buf_bytes(&plain)), false, &scratch, &signal), OK);
    CU_ASSERT(bytes_equal(signal.reason, hex("62 00000005")));
    buf_clear(&plain);
    buf_put(&plain, term_of("{22," F "," T "}"));
    buf_put(&plain, hex("62 00000005"));
    CU_ASSERT_EQUAL(control_read(wall(buf_bytes(&plain)), false, &scratch, &signal), OK);
    CU_ASSERT(bytes_equal(signal.payload, hex("62 00000005")));
    buf_free(&plain);
    buf_free(&scratch);
}

/* {1, From, To} whose pids are encoded as long as no BEAM does: behind empty heads of lists, as
 * many as the limit of depth allows. */
static void takes_pids_of_any_length(void)
{
    struct buf terms = {0}, scratch = {0};
    struct signal signal;
    buf_put(&terms, hex("68 03 61 01"));
    for (unsigned pid = 0; pid < 2; pid++) {
        for (unsigned i = 0; i < LIMIT_TERM_DEPTH; i++)
            buf_put(&terms, hex("6c 00000000"));
        buf_put(&terms, hex("67 64 0003 624068 00000001 00000002 03"));
    }
    CU_ASSERT_EQUAL(control_read(wall(buf_bytes(&terms)), false, &scratch, &signal), OK);
    ASSERT_TERM(signal.from, term_of(F));
    ASSERT_TERM(signal.to, term_of(F));
    buf_free(&terms);
    buf_free(&scratch);
}

static void refuses_bad_terms(void)
{
    CU_ASSERT_EQUAL(read_error(hex(""), false), ERR_SHORT);
    CU_ASSERT_EQUAL(read_error(hex("ff"), false), ERR_TAG);
    CU_ASSERT_EQUAL(read_error(hex("83"), true), ERR_SHORT);
    CU_ASSERT_EQUAL(read_error(hex("82 6a"), true), ERR_TAG);
    CU_ASSERT_EQUAL(read_error(hex("52 00"), false), ERR_TAG); /* an atom cache reference */
    struct buf terms = {0};
    buf_put(&terms, term_of("{2,''," T "}"));
    buf_put(&terms, hex("69 ffffffff"));
    CU_ASSERT_EQUAL(read_error(buf_bytes(&terms), false), ERR_SHORT);
    buf_clear(&terms);
    /* the second term without its version byte */
    put_version(&terms);
    buf_put(&terms, term_of("{2,''," T "}"));
    buf_put(&terms, term_of("hello"));
    CU_ASSERT_EQUAL(read_error(buf_bytes(&terms), true), ERR_TAG);
    buf_free(&terms);
}

struct writing {
    uint64_t flags;
    const char *control, *payload;
    enum signal_kind kind;
    const char *from, *to, *ref, *reason;
    uint64_t id;
};

#define PLAIN                                                                                      \
    (DFLAGS_OURS & ~(DFLAG_SEND_SENDER | DFLAG_EXIT_PAYLOAD | DFLAG_ALIAS | DFLAG_ALTACT_SIG))

static const struct writing writings[] = {
    {PLAIN, "{1," F "," T "}", NULL, SIGNAL_LINK, F, T, NULL, NULL, 0},
    {PLAIN, "{2,''," T "}", "m", SIGNAL_SEND, F, T, NULL, NULL, 0},
    {PLAIN, "{2,''," T "}", "m", SIGNAL_SEND, NULL, T, NULL, NULL, 0},
    {DFLAGS_OURS, "{22," F "," T "}", "m", SIGNAL_SEND, F, T, NULL, NULL, 0},
    {UINT64_MAX, "{22," F "," T "}", "m", SIGNAL_SEND, F, T, NULL, NULL, 0},
    {DFLAGS_OURS, "{6," F ",'',srv}", "m", SIGNAL_REG_SEND, F, "srv", NULL, NULL, 0},
    {PLAIN, "{6," F ",'',srv}", "m", SIGNAL_REG_SEND, F, "srv", NULL, NULL, 0},
    {PLAIN, "{3," F "," T ",r}", NULL, SIGNAL_EXIT, F, T, NULL, "r", 0},
    {DFLAGS_OURS, "{24," F "," T "}", "r", SIGNAL_EXIT, F, T, NULL, "r", 0},
    {PLAIN, "{8," F "," T ",r}", NULL, SIGNAL_EXIT2, F, T, NULL, "r", 0},
    {DFLAGS_OURS, "{26," F "," T "}", "r", SIGNAL_EXIT2, F, T, NULL, "r", 0},
    {PLAIN, "{21,srv," T "," R ",r}", NULL, SIGNAL_MONITOR_EXIT, "srv", T, R, "r", 0},
    {DFLAGS_OURS, "{28," F "," T "," R "}", "r", SIGNAL_MONITOR_EXIT, F, T, R, "r", 0},
    {DFLAGS_OURS, "{4," F "," T "}", NULL, SIGNAL_UNLINK, F, T, NULL, NULL, 0},
    {DFLAGS_OURS, "{7," F "," T "}", NULL, SIGNAL_GROUP_LEADER, F, T, NULL, NULL, 0},
    {DFLAGS_OURS, "{19," F ",srv," R "}", NULL, SIGNAL_MONITOR, F, "srv", R, NULL, 0},
    {DFLAGS_OURS, "{20," F "," T "," R "}", NULL, SIGNAL_DEMONITOR, F, T, R, NULL, 0},
    {DFLAGS_OURS, "{31," R "," T ",0,notsup}", NULL, SIGNAL_SPAWN_REPLY, "notsup", T, R, NULL, 0},
    {DFLAGS_OURS, "{31," R "," T ",2," F "}", NULL, SIGNAL_SPAWN_REPLY, F, T, R, NULL, 2},
    {DFLAGS_OURS, "{35,9," F "," T "}", NULL, SIGNAL_UNLINK_ID, F, T, NULL, NULL, 9},
    {DFLAGS_OURS, "{36,9," F "," T "}", NULL, SIGNAL_UNLINK_ID_ACK, F, T, NULL, NULL, 9},
    {DFLAGS_OURS, "{37,4," F "," R "}", "m", SIGNAL_ALIAS_SEND, F, R, NULL, NULL, 0},
    {DFLAGS_OURS & ~DFLAG_ALTACT_SIG, "{33," F "," R "}", "m", SIGNAL_ALIAS_SEND, F, R, NULL, NULL,
     0},
    {UINT64_MAX & ~DFLAG_ALIAS, "{37,4," F "," R "}", "m", SIGNAL_ALIAS_SEND, F, R, NULL, NULL, 0},
};

/* The bits that the rows of the table are chosen by. */
#define MONITORS (DFLAG_DIST_MONITOR | DFLAG_DIST_MONITOR_NAME)

static void writes_only_what_the_peer_knows(void)
{
    static const struct {
        enum signal_kind kind;
        uint64_t needs;
    } kinds[] = {
        {SIGNAL_SEND, 0},
        {SIGNAL_REG_SEND, 0},
        {SIGNAL_ALIAS_SEND, DFLAG_ALIAS},
        {SIGNAL_ALIAS_SEND, DFLAG_ALTACT_SIG},
        {SIGNAL_LINK, 0},
        {SIGNAL_UNLINK, 0},
        {SIGNAL_UNLINK_ID, DFLAG_UNLINK_ID},
        {SIGNAL_UNLINK_ID_ACK, DFLAG_UNLINK_ID},
        {SIGNAL_EXIT, 0},
        {SIGNAL_EXIT2, 0},
        {SIGNAL_GROUP_LEADER, 0},
        {SIGNAL_MONITOR, MONITORS},
        {SIGNAL_DEMONITOR, MONITORS},
        {SIGNAL_MONITOR_EXIT, MONITORS},
        {SIGNAL_SPAWN_REPLY, 0},
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        CU_ASSERT(control_can_write(kinds[i].kind, kinds[i].needs));
        for (unsigned bit = 0; bit < 64; bit++)
            if (kinds[i].needs & (UINT64_C(1) << bit))
                CU_ASSERT(
                    !control_can_write(kinds[i].kind, kinds[i].needs & ~(UINT64_C(1) << bit)));
    }
    CU_ASSERT(!control_can_write(SIGNAL_SPAWN_REQUEST, DFLAGS_OURS));
    /* ei and JInterface announce no names of monitored processes. */
    CU_ASSERT(!control_can_write(SIGNAL_MONITOR_EXIT, DFLAGS_OURS & ~DFLAG_DIST_MONITOR_NAME));
}

static struct bytes maybe(const char *text)
{
    return text != NULL ? term_of(text) : (struct bytes){0};
}

static void writes_signals(void)
{
    struct buf out = {0}, wanted = {0};
    for (size_t i = 0; i < 2 * sizeof(writings) / sizeof(writings[0]); i++) {
        const struct writing *w = &writings[i / 2];
        struct signal s = {.kind = w->kind, .node = BYTES("c@h"), .id = w->id};
        s.from = maybe(w->from);
        s.to = maybe(w->to);
        s.ref = maybe(w->ref);
        s.reason = maybe(w->reason);
        s.payload = w->reason == NULL ? maybe(w->payload) : (struct bytes){0};
        buf_clear(&out);
        control_write(&out, &s, w->flags, i % 2);
        CU_ASSERT(bytes_equal(buf_bytes(&out),
                              terms_of(&wanted, term_of(w->control), w->payload, i % 2)));
    }
    buf_free(&out);
    buf_free(&wanted);
}

static void names_signals(void)
{
    static const char *const wanted[SIGNAL_KINDS] = {
        "SEND",      "REG_SEND",      "ALIAS_SEND",   "LINK",          "UNLINK",
        "UNLINK_ID", "UNLINK_ID_ACK", "EXIT",         "EXIT2",         "GROUP_LEADER",
        "MONITOR",   "DEMONITOR",     "MONITOR_EXIT", "SPAWN_REQUEST", "SPAWN_REPLY"};
    for (int kind = 0; kind < SIGNAL_KINDS; kind++)
        CU_ASSERT_STRING_EQUAL(signal_name((enum signal_kind)kind), wanted[kind]);
}

SUITE("control", TEST(reads_each_number), TEST(refuses_every_prefix), TEST(refuses_wrong_payloads),
      TEST(refuses_wrong_arities), TEST(refuses_wrong_types), TEST(refuses_malformed_tuples),
      TEST(refuses_unknown_numbers), TEST(makes_canonical), TEST(takes_pids_of_any_length),
      TEST(refuses_bad_terms), TEST(writes_signals), TEST(writes_only_what_the_peer_knows),
      TEST(names_signals))
