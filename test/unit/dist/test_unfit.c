/* Terms that this node does not accept, in each place of each message: a breach of the protocol
 * only where something else is required. */
#include <string.h>

#include "dist/control.h"
#include "term/etf.h"
#include "unit/suite.h"
#include "unit/term/unfit.h"

#define F "#Pid<'b@h'.1.2.3>"
#define T "#Pid<'c@h'.4.5.6>"
#define R "#Ref<'b@h'.7.8.9.10>"

enum place {
    MESSAGE,  /* the payload, which is left as it is */
    REASON,   /* a reason, which is replaced */
    SKIPPED,  /* what is not kept */
    REQUIRED, /* a pid, an atom, a reference or a number */
};

/* The term in question stands for '$' or, if there is none, is the payload. */
static const struct {
    const char *control;
    bool payload;
    enum place place;
} messages[] = {
    {"{2,''," T "}", true, MESSAGE},
    {"{22," F "," T "}", true, MESSAGE},
    {"{6," F ",'',srv}", true, MESSAGE},
    {"{33," F "," R "}", true, MESSAGE},
    {"{37,8," F ",srv}", true, MESSAGE},
    {"{29," R "," F "," F ",{m,f,1},[]}", true, MESSAGE},
    {"{24," F "," T "}", true, REASON},
    {"{26," F "," T "}", true, REASON},
    {"{28,srv," T "," R "}", true, REASON},
    {"{37,16," F "," T "}", true, REASON},
    {"{3," F "," T ",'$'}", false, REASON},
    {"{8," F "," T ",'$'}", false, REASON},
    {"{13," F "," T ",token,'$'}", false, REASON},
    {"{21," F "," T "," R ",'$'}", false, REASON},
    {"{2,'$'," T "}", true, SKIPPED},
    {"{12,''," T ",'$'}", true, SKIPPED},
    {"{13," F "," T ",'$',r}", false, SKIPPED},
    {"{29," R "," F "," F ",{m,f,1},'$'}", true, SKIPPED},
    {"{6,'$','',srv}", true, REQUIRED},
    {"{6," F ",'','$'}", true, REQUIRED},
    {"{22," F ",'$'}", true, REQUIRED},
    {"{33," F ",'$'}", true, REQUIRED},
    {"{19," F ",srv,'$'}", false, REQUIRED},
    {"{35,'$'," F "," T "}", false, REQUIRED},
    {"{'$'," F "," T "}", false, REQUIRED},
    {"'$'", false, REQUIRED},
};

#define MESSAGES (sizeof(messages) / sizeof(messages[0]))

static bool is_mark(struct bytes element)
{
    return bytes_equal(element, term_of("'$'"));
}

/* The control tuple with the term in its place, and the payload. */
static void build(struct buf *out, size_t i, struct bytes term, bool versioned)
{
    struct bytes control = term_of(messages[i].control);
    struct etf_in in = etf_open(control);
    buf_clear(out);
    if (versioned)
        put_version(out);
    if (etf_peek(&in) != ETF_TUPLE) {
        put_term(out, term);
    } else {
        uint32_t arity = etf_tuple(&in);
        put_tuple(out, arity);
        for (; arity > 0; arity--) {
            struct bytes element = etf_any(&in);
            put_term(out, is_mark(element) ? term : element);
        }
    }
    if (!messages[i].payload)
        return;
    if (versioned)
        put_version(out);
    bool is_payload = messages[i].place == MESSAGE || messages[i].place == REASON;
    put_term(out, is_payload ? term : term_of("hello"));
}

static void compare(size_t i, const struct signal *s, struct bytes term, enum err why)
{
    struct buf replaced = {0};
    if (why != OK)
        put_bad_term(&replaced, why);
    switch (messages[i].place) {
    case MESSAGE:
        CU_ASSERT(bytes_equal(s->payload, term));
        CU_ASSERT_EQUAL(s->unfit, why);
        break;
    case REASON:
        CU_ASSERT_EQUAL(s->unfit, OK);
        CU_ASSERT(s->payload.len == 0 && s->reason.len > 0);
        CU_ASSERT(why == OK || bytes_equal(s->reason, buf_bytes(&replaced)));
        break;
    case SKIPPED:
        CU_ASSERT_EQUAL(s->unfit, OK);
        CU_ASSERT(!messages[i].payload || bytes_equal(s->payload, term_of("hello")));
        break;
    case REQUIRED:
        break;
    }
    buf_free(&replaced);
}

static void reads_what_is_unfit(void)
{
    struct buf term = {0}, terms = {0}, scratch = {0};
    struct signal s;
    enum err why;
    for (size_t i = 0; i < 2 * MESSAGES; i++)
        for (size_t n = 0; put_unfit(&term, n, 0, &why); n++) {
            build(&terms, i / 2, buf_bytes(&term), i % 2);
            enum err e = control_read(wall(buf_bytes(&terms)), i % 2, &scratch, &s);
            CU_ASSERT_EQUAL(e, messages[i / 2].place == REQUIRED ? ERR_CONTROL : OK);
            if (e == OK)
                compare(i / 2, &s, buf_bytes(&term), why);
        }
    buf_free(&term);
    buf_free(&terms);
    buf_free(&scratch);
}

/* Also without its end, or with something after it. */
static void refuses_what_cannot_be_measured(void)
{
    struct buf term = {0}, terms = {0}, scratch = {0};
    struct signal s;
    enum err why;
    for (size_t i = 0; i < 2 * MESSAGES; i++) {
        build(&terms, i / 2, hex("42 00"), i % 2);
        CU_ASSERT_EQUAL(control_read(wall(buf_bytes(&terms)), i % 2, &scratch, &s), ERR_TAG);
        for (size_t n = 0; put_unfit(&term, n, 0, &why); n++) {
            build(&terms, i / 2, buf_bytes(&term), i % 2);
            struct bytes cut = {terms.at, terms.len - 1};
            CU_ASSERT(control_read(wall(cut), i % 2, &scratch, &s) != OK);
            buf_put_u8(&terms, TAG_NIL);
            CU_ASSERT(control_read(wall(buf_bytes(&terms)), i % 2, &scratch, &s) != OK);
        }
    }
    buf_free(&term);
    buf_free(&terms);
    buf_free(&scratch);
}

/* Sorting its maps may be costly, and nobody may be there to receive it: not even the order of its
 * keys is changed, or a duplicate one noticed. */
static void leaves_a_reason_as_it_is(void)
{
    struct bytes any[] = {hex("74 00000002 6102 6a 6101 6a"), hex("74 00000002 6101 6a 6101 6a")};
    struct buf terms = {0}, scratch = {0};
    struct signal s;
    for (size_t i = 0; i < 4 * MESSAGES; i++) {
        if (messages[i / 4].place != REASON)
            continue;
        build(&terms, i / 4, any[i / 2 % 2], i % 2);
        CU_ASSERT_EQUAL(control_read(wall(buf_bytes(&terms)), i % 2, &scratch, &s), OK);
        CU_ASSERT(bytes_equal(s.reason, any[i / 2 % 2]));
    }
    buf_free(&terms);
    buf_free(&scratch);
}

SUITE("unfit terms in signals", TEST(reads_what_is_unfit), TEST(refuses_what_cannot_be_measured),
      TEST(leaves_a_reason_as_it_is))
