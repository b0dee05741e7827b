#include <stdlib.h>
#include <string.h>

#include "term/etf.h"
#include "term/write.h"
#include "unit/suite.h"
#include "unit/term/recorded.h"

/* etf_measure() differs only for this node's own limits. */
static enum err check(struct bytes b)
{
    size_t len = SIZE_MAX, measured = SIZE_MAX;
    struct bytes input = wall(b);
    enum err e = etf_check(input, &len);
    CU_ASSERT(e != OK || len == b.len);
    CU_ASSERT(e == ERR_LIMIT || (etf_measure(input, &measured) == OK) == (e == OK));
    CU_ASSERT(e == OK ? measured == len : e == ERR_LIMIT || measured <= input.len);
    return e;
}

static void accepts_what_a_beam_sends(void)
{
    struct bytes file = vector("term/recorded.bin");
    unsigned count = 0;
    for (struct recorded r; recorded_next(&file, &r); count++) {
        struct bytes b = {r.external.at + 1, r.external.len - 1};
        CU_ASSERT(check(r.canonical) == OK);
        if (*b.at != TAG_COMPRESSED)
            CU_ASSERT(check(b) == OK);
    }
    CU_ASSERT(count > 500);
}

static void refuses_every_prefix(void)
{
    struct bytes file = vector("term/recorded.bin");
    for (struct recorded r; recorded_next(&file, &r);) {
        if (r.external.len > 400 || r.external.at[1] == TAG_COMPRESSED)
            continue;
        for (size_t cut = 0; cut < r.external.len - 1; cut++)
            CU_ASSERT(check((struct bytes){r.external.at + 1, cut}) == ERR_SHORT);
    }
}

static void ignores_what_follows(void)
{
    size_t len;
    CU_ASSERT(etf_check(hex("6802 6101 6a ff ff"), &len) == OK);
    CU_ASSERT(len == 5);
}

/* Input that crashes ei's decoders, or makes them return nonsense. */
static void refuses_hostile_terms(void)
{
    CU_ASSERT(check(hex("69")) == ERR_SHORT);
    CU_ASSERT(check(hex("6d ffffffff")) == ERR_SHORT);
    CU_ASSERT(check(hex("6d 7fffffff")) == ERR_SHORT);
    CU_ASSERT(check(hex("6802")) == ERR_SHORT);
    CU_ASSERT(check(hex("6c ffffffff")) == ERR_SHORT);
    CU_ASSERT(check(hex("77 05 61")) == ERR_SHORT);
    CU_ASSERT(check(hex("6d")) == ERR_SHORT);
    struct buf deep = {0};
    for (int i = 0; i < 3000000; i++)
        buf_put_u16(&deep, 0x6801);
    CU_ASSERT(check(buf_bytes(&deep)) == ERR_LIMIT);
    buf_free(&deep);
}

static void limits_the_depth(void)
{
    static const uint8_t heads[][6] = {{2, 0x68, 1}, {5, 0x6c, 0, 0, 0, 0}, {5, 0x6c, 0, 0, 0, 1}};
    for (size_t h = 0; h < sizeof(heads) / sizeof(heads[0]); h++) {
        struct buf b = {0};
        for (unsigned i = 0; i < LIMIT_TERM_DEPTH; i++)
            buf_put(&b, (struct bytes){&heads[h][1], heads[h][0]});
        for (unsigned i = 0; i <= LIMIT_TERM_DEPTH; i++)
            buf_put_u8(&b, TAG_NIL);
        size_t len;
        CU_ASSERT(etf_check(buf_bytes(&b), &len) == OK);
        struct buf deeper = {0};
        buf_put(&deeper, (struct bytes){&heads[h][1], heads[h][0]});
        buf_put(&deeper, buf_bytes(&b));
        CU_ASSERT(etf_check(buf_bytes(&deeper), &len) == ERR_LIMIT);
        buf_free(&deeper);
        buf_free(&b);
    }
}

static void measures_terms_beyond_the_limits(void)
{
    struct buf b = {0};
    size_t len;
    for (unsigned i = 0; i < 100000; i++)
        put_tuple(&b, 1);
    CU_ASSERT(etf_measure(wall(buf_bytes(&b)), &len) == ERR_SHORT);
    buf_put_u8(&b, TAG_LARGE_BIG);
    buf_put_u32(&b, LIMIT_INTEGER_BYTES + 1);
    buf_put_u8(&b, 0);
    for (unsigned i = 0; i <= LIMIT_INTEGER_BYTES; i++)
        buf_put_u8(&b, 7);
    CU_ASSERT(etf_measure(wall(buf_bytes(&b)), &len) == OK && len == b.len);
    buf_free(&b);
}

static void refuses_unknown_tags(void)
{
    CU_ASSERT(check(hex("00")) == ERR_TAG);
    CU_ASSERT(check(hex("52 00")) == ERR_TAG);                  /* ATOM_CACHE_REF */
    CU_ASSERT(check(hex("50 00000001 789c")) == ERR_TAG);       /* compressed */
    CU_ASSERT(check(hex("75 00000000")) == ERR_TAG);            /* FUN_EXT, gone since OTP 23 */
    CU_ASSERT(check(hex("79 0000000000000000 6a")) == ERR_TAG); /* LOCAL_EXT */
    CU_ASSERT(check(hex("83 6a")) == ERR_TAG);
}

static void checks_atoms(void)
{
    CU_ASSERT(check(hex("77 02 c3a9")) == OK);
    CU_ASSERT(check(hex("77 01 c3")) == ERR_UTF8);
    CU_ASSERT(check(hex("77 02 c080")) == ERR_UTF8);
    CU_ASSERT(check(hex("77 03 eda080")) == ERR_UTF8);
    CU_ASSERT(check(hex("77 04 f4908080")) == ERR_UTF8);
    CU_ASSERT(check(hex("76 0001 ff")) == ERR_UTF8);
    CU_ASSERT(check(hex("73 01 ff")) == OK);
    struct buf b = {0};
    buf_put(&b, hex("76 0100"));
    for (int i = 0; i < 256; i++)
        buf_put_u8(&b, 'a');
    CU_ASSERT(check(buf_bytes(&b)) == ERR_LIMIT);
    b.at[0] = TAG_ATOM;
    CU_ASSERT(check(buf_bytes(&b)) == ERR_LIMIT);
    buf_clear(&b);
    buf_put(&b, hex("76 03fd"));
    for (int i = 0; i < 1021; i++)
        buf_put_u8(&b, 'a');
    CU_ASSERT(check(buf_bytes(&b)) == ERR_LIMIT);
    buf_free(&b);
}

static void checks_numbers(void)
{
    CU_ASSERT(check(hex("6e 01 02 05")) == ERR_RANGE);
    CU_ASSERT(check(hex("46 7ff0000000000000")) == ERR_RANGE);
    CU_ASSERT(check(hex("46 fff8000000000001")) == ERR_RANGE);
    CU_ASSERT(check(hex("46 7fefffffffffffff")) == OK);
    struct buf b = {0};
    buf_put(&b, hex("6f 00010000 00"));
    memset(buf_room(&b, LIMIT_INTEGER_BYTES + 1), 1, LIMIT_INTEGER_BYTES + 1);
    b.len += LIMIT_INTEGER_BYTES;
    CU_ASSERT(check(buf_bytes(&b)) == OK);
    b.len++;
    b.at[4] = 1;
    CU_ASSERT(check(buf_bytes(&b)) == ERR_LIMIT);
    buf_free(&b);
}

static enum err check_float_text(const char *text)
{
    uint8_t b[32] = {TAG_FLOAT};
    memcpy(b + 1, text, strlen(text) < 31 ? strlen(text) : 31);
    return check((struct bytes){b, sizeof(b)});
}

static void checks_float_texts(void)
{
    CU_ASSERT(check_float_text("1.50000000000000000000e+00") == OK);
    CU_ASSERT(check_float_text("-1.5") == OK);
    CU_ASSERT(check_float_text("1.234567890123456789012345678901") == OK);
    CU_ASSERT(check_float_text("1.0e400") == ERR_RANGE);
    static const char *const wrong[] = {"",     "1",   "1.",  ".5",      "1.5e", "1.5e+", " 1.5",
                                        "1.5 ", "inf", "nan", "0x1.8p0", "1,5",  "1.5x"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        CU_ASSERT(check_float_text(wrong[i]) == ERR_SHAPE);
}

static void checks_bit_strings(void)
{
    CU_ASSERT(check(hex("4d 00000001 01 80")) == OK);
    CU_ASSERT(check(hex("4d 00000001 08 ff")) == OK);
    CU_ASSERT(check(hex("4d 00000000 00")) == OK);
    CU_ASSERT(check(hex("4d 00000001 09 80")) == ERR_RANGE);
    CU_ASSERT(check(hex("4d 00000001 00 80")) == ERR_RANGE);
    CU_ASSERT(check(hex("4d 00000000 01")) == ERR_RANGE);
}

static void checks_identifiers(void)
{
    CU_ASSERT(check(hex("58 6a 00000001 00000002 00000003")) == ERR_SHAPE);
    CU_ASSERT(check(hex("58 7701ff 00000001 00000002 00000003")) == ERR_UTF8);
    CU_ASSERT(check(hex("59 7701ff 00000001 00000002")) == ERR_UTF8);
    CU_ASSERT(check(hex("5a 0000 770161 00000001")) == ERR_RANGE);
    CU_ASSERT(check(hex("5a 0006 770161 00000001 00000001 00000002 00000003"
                        "00000004 00000005 00000006")) == ERR_LIMIT);
    CU_ASSERT(check(hex("5a 0001 7701ff 00000001 00000001")) == ERR_UTF8);
}

#define FUN_HEAD "70 00000000 01 00112233445566778899aabbccddeeff 00000000 "
#define FUN_PID  "58 770161 00000001 00000002 00000003 "

static void checks_the_parts_of_funs(void)
{
    CU_ASSERT(check(hex(FUN_HEAD "00000000 770161 6101 6102 " FUN_PID)) == OK);
    CU_ASSERT(check(hex(FUN_HEAD "00000002 770161 6101 6102 " FUN_PID "6a 6801 6a")) == OK);
    CU_ASSERT(check(hex(FUN_HEAD "00000001 770161 6101 6102 " FUN_PID)) == ERR_SHORT);
    CU_ASSERT(check(hex(FUN_HEAD "ffffffff 770161 6101 6102 " FUN_PID "6a")) == ERR_SHORT);
    CU_ASSERT(check(hex(FUN_HEAD "00000000 6101 6101 6102 " FUN_PID)) == ERR_SHAPE);
    CU_ASSERT(check(hex(FUN_HEAD "00000000 770161 6a 6102 " FUN_PID)) == ERR_SHAPE);
    CU_ASSERT(check(hex(FUN_HEAD "00000000 770161 6101 6102 6a")) == ERR_SHAPE);
    CU_ASSERT(check(hex("71 770161 770162 6103")) == OK);
    CU_ASSERT(check(hex("71 770161 770162 6200000003")) == ERR_SHAPE);
    CU_ASSERT(check(hex("71 770161 6102 6103")) == ERR_SHAPE);
    CU_ASSERT(check(hex("71 770161 7701ff 6103")) == ERR_UTF8);
}

/* --- the cursor -------------------------------------------------------------- */

static void returns_kinds(void)
{
    static const struct {
        const char *term;
        enum etf_kind kind;
    } rows[] = {
        {"6101", ETF_INTEGER},
        {"6e 01 00 01", ETF_INTEGER},
        {"46 0000000000000000", ETF_FLOAT},
        {"64 0001 61", ETF_ATOM},
        {"73 01 61", ETF_ATOM},
        {"65 770161 00000001 01", ETF_REFERENCE},
        {"72 0001 770161 01 00000001", ETF_REFERENCE},
        {FUN_HEAD "00000000 770161 6101 6102 " FUN_PID, ETF_FUN},
        {"71 770161 770162 6103", ETF_EXPORT},
        {"66 770161 00000001 01", ETF_PORT},
        {"59 770161 00000001 00000001", ETF_PORT},
        {"78 770161 0000000000000001 00000001", ETF_PORT},
        {"67 770161 00000001 00000001 01", ETF_PID},
        {FUN_PID, ETF_PID},
        {"6800", ETF_TUPLE},
        {"69 00000000", ETF_TUPLE},
        {"74 00000000", ETF_MAP},
        {"6a", ETF_LIST},
        {"6b 0001 61", ETF_LIST},
        {"6c 00000000 6a", ETF_LIST},
        {"6c 00000000 6101", ETF_INTEGER}, /* as OTP reads it */
        {"6d 00000000", ETF_BINARY},
        {"4d 00000000 00", ETF_BINARY},
        {"4d 00000001 08 ff", ETF_BINARY},
        {"4d 00000001 07 fe", ETF_BITSTRING},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bytes b = wall(hex(rows[i].term));
        struct etf_in in = etf_open(b);
        CU_ASSERT(check(b) == OK);
        CU_ASSERT(etf_peek(&in) == rows[i].kind);
        CU_ASSERT(bytes_equal(etf_any(&in), b));
        CU_ASSERT(etf_peek(&in) == ETF_NOTHING);
        CU_ASSERT(etf_finish(&in) == OK);
    }
}

static void skips_whole_terms(void)
{
    struct bytes file = vector("term/recorded.bin");
    for (struct recorded r; recorded_next(&file, &r);) {
        struct etf_in in = etf_open(wall(r.canonical));
        CU_ASSERT(bytes_equal(etf_any(&in), r.canonical));
        CU_ASSERT(etf_finish(&in) == OK);
    }
}

static void reads_a_message(void)
{
    struct bytes message = wall(hex("6803 770161 740000000161016102 6d00000002abcd"));
    struct etf_in in = etf_open(message);
    etf_tuple_of(&in, 3);
    CU_ASSERT(!etf_accept(&in, "b"));
    CU_ASSERT(!etf_accept(&in, "ab"));
    CU_ASSERT(etf_accept(&in, "a"));
    CU_ASSERT(etf_map(&in) == 1);
    CU_ASSERT(etf_uint32(&in) == 1);
    CU_ASSERT(etf_int64(&in) == 2);
    CU_ASSERT(bytes_equal(etf_binary(&in), hex("abcd")));
    CU_ASSERT(etf_finish(&in) == OK);
}

/* In any encoding; other terms are not accepted, and not consumed. */
static void accepts_nil(void)
{
    static const char *const nils[] = {"6a", "6b0000", "6c00000000 6a", "6c00000000 6c00000000 6a"};
    for (size_t i = 0; i < sizeof(nils) / sizeof(nils[0]); i++) {
        struct etf_in in = etf_open(wall(hex(nils[i])));
        CU_ASSERT(etf_accept_nil(&in) && etf_finish(&in) == OK);
        CU_ASSERT(!etf_accept_nil(&in));
    }
    static const char *const others[] = {"6b000101", "6c00000001 6101 6a", "6c00000000 6101",
                                         "770161",   "6d00000000",         "6800"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct etf_in in = etf_open(wall(hex(others[i])));
        CU_ASSERT(!etf_accept_nil(&in));
        CU_ASSERT(bytes_equal(etf_any(&in), hex(others[i])));
        CU_ASSERT(etf_finish(&in) == OK);
    }
}

static void keeps_its_first_error(void)
{
    struct etf_in in = etf_open(wall(hex("6802 6101 770161")));
    struct bytes element, head, tail;
    struct atom atom = {.len = 7};
    etf_tuple_of(&in, 3);
    CU_ASSERT(in.err == ERR_SHAPE);
    etf_fail(&in, ERR_RANGE);
    CU_ASSERT(in.err == ERR_SHAPE && in.at == in.end);
    CU_ASSERT(etf_peek(&in) == ETF_NOTHING);
    CU_ASSERT(etf_any(&in).len == 0);
    CU_ASSERT(etf_tuple(&in) == 0 && etf_map(&in) == 0);
    etf_atom(&in, &atom);
    CU_ASSERT(atom.len == 0);
    CU_ASSERT(!etf_accept(&in, "a") && !etf_accept_nil(&in) && !etf_bool(&in));
    CU_ASSERT(etf_int64(&in) == 0 && etf_uint64(&in) == 0 && etf_uint32(&in) == 0);
    CU_ASSERT(etf_float(&in) == 0 && etf_binary(&in).len == 0);
    CU_ASSERT(etf_pid(&in).node.len == 0 && etf_port(&in).node.len == 0);
    CU_ASSERT(etf_reference(&in).count == 0 && etf_export(&in).module.len == 0);
    struct etf_list list = etf_list(&in);
    CU_ASSERT(list.left == 0 && !etf_next(&list, &element));
    CU_ASSERT(!etf_cons(&in, &head, &tail));
    CU_ASSERT(etf_finish(&in) == ERR_SHAPE);
}

static void finishes_only_at_the_end(void)
{
    struct etf_in in = etf_open(hex("6101 6102"));
    CU_ASSERT(etf_uint32(&in) == 1);
    CU_ASSERT(etf_finish(&in) == ERR_TRAILING);
    in = etf_open((struct bytes){0});
    CU_ASSERT(etf_finish(&in) == OK);
    CU_ASSERT(etf_uint32(&in) == 0);
    CU_ASSERT(etf_finish(&in) == ERR_SHAPE);
}

static void reads_atoms_in_every_encoding(void)
{
    static const char *const same[] = {"64 0002 61e9", "73 02 61e9", "76 0003 61c3a9",
                                       "77 03 61c3a9", "6c 00000000 77 03 61c3a9"};
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        struct atom atom;
        struct etf_in in = etf_open(wall(hex(same[i])));
        etf_atom(&in, &atom);
        CU_ASSERT(etf_finish(&in) == OK);
        CU_ASSERT(bytes_equal((struct bytes){atom.text, atom.len}, BYTES("a\xc3\xa9")));
    }
    static const char *const yes[] = {"64 0004 74727565", "73 04 74727565", "76 0004 74727565",
                                      "77 04 74727565"};
    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        struct etf_in in = etf_open(wall(hex(yes[i])));
        CU_ASSERT(etf_bool(&in));
        CU_ASSERT(etf_finish(&in) == OK);
    }
    struct etf_in in = etf_open(hex("77 05 66616c7365"));
    CU_ASSERT(!etf_bool(&in) && etf_finish(&in) == OK);
    in = etf_open(hex("77 03 6e696c"));
    CU_ASSERT(!etf_bool(&in) && etf_finish(&in) == ERR_SHAPE);
    in = etf_open(hex("77 03 6e696c"));
    etf_expect(&in, "nil");
    CU_ASSERT(etf_finish(&in) == OK);
}

static enum err int64_of(const char *term, int64_t *v)
{
    struct etf_in in = etf_open(wall(hex(term)));
    *v = etf_int64(&in);
    return etf_finish(&in);
}

static enum err uint64_of(const char *term, uint64_t *v)
{
    struct etf_in in = etf_open(wall(hex(term)));
    *v = etf_uint64(&in);
    return etf_finish(&in);
}

static void reads_integers(void)
{
    int64_t i;
    uint64_t u;
    CU_ASSERT(int64_of("62 ffffffff", &i) == OK && i == -1);
    CU_ASSERT(int64_of("6e 08 01 0000000000000080", &i) == OK && i == INT64_MIN);
    CU_ASSERT(int64_of("6e 08 00 ffffffffffffff7f", &i) == OK && i == INT64_MAX);
    CU_ASSERT(int64_of("6e 09 00 ffffffffffffff7f00", &i) == OK && i == INT64_MAX);
    CU_ASSERT(int64_of("6e 08 00 0000000000000080", &i) == ERR_RANGE && i == 0);
    CU_ASSERT(int64_of("6e 08 01 0100000000000080", &i) == ERR_RANGE);
    CU_ASSERT(int64_of("6e 09 00 000000000000000001", &i) == ERR_RANGE);
    CU_ASSERT(int64_of("6f 00000002 01 0001", &i) == OK && i == -256);
    CU_ASSERT(int64_of("6d 00000000", &i) == ERR_SHAPE);
    CU_ASSERT(uint64_of("6e 08 00 ffffffffffffffff", &u) == OK && u == UINT64_MAX);
    CU_ASSERT(uint64_of("6e 09 00 000000000000000001", &u) == ERR_RANGE);
    CU_ASSERT(uint64_of("62 ffffffff", &u) == ERR_RANGE && u == 0);
    CU_ASSERT(uint64_of("46 0000000000000000", &u) == ERR_SHAPE);
    struct etf_in in = etf_open(hex("6e 05 00 0000000001"));
    CU_ASSERT(etf_uint32(&in) == 0 && etf_finish(&in) == ERR_RANGE);
}

static void reads_floats(void)
{
    struct etf_in in = etf_open(hex("46 3ff8000000000000 6101"));
    CU_ASSERT(etf_float(&in) == 1.5);
    CU_ASSERT(etf_float(&in) == 0 && etf_finish(&in) == ERR_SHAPE);
    uint8_t text[32] = {TAG_FLOAT};
    memcpy(text + 1, "-1.25e+02", 9);
    in = etf_open((struct bytes){text, sizeof(text)});
    CU_ASSERT(etf_float(&in) == -125.0);
}

static void reads_binaries(void)
{
    struct etf_in in = etf_open(wall(hex("4d 00000002 08 abcd  4d 00000001 07 fe")));
    CU_ASSERT(bytes_equal(etf_binary(&in), hex("abcd")));
    CU_ASSERT(etf_binary(&in).len == 0);
    CU_ASSERT(etf_finish(&in) == ERR_SHAPE);
}

static void reads_identifiers(void)
{
    struct etf_in in = etf_open(wall(hex("58 7703614062 00000059 00000001 65432100"
                                         "67 640003614062 00000059 00000001 02")));
    struct etf_pid new = etf_pid(&in), old = etf_pid(&in);
    CU_ASSERT(etf_finish(&in) == OK);
    CU_ASSERT(bytes_equal(new.node, hex("7703614062")));
    CU_ASSERT(new.id == 0x59 && new.serial == 1 && new.creation == 0x65432100);
    CU_ASSERT(bytes_equal(old.node, hex("640003614062")));
    CU_ASSERT(old.id == 0x59 && old.serial == 1 && old.creation == 2);

    in = etf_open(wall(hex("5a 0002 7703614062 65432100 00000001 ffffffff"
                           "72 0001 7703614062 03 00000009"
                           "65 7703614062 00000008 02")));
    struct etf_reference r = etf_reference(&in);
    CU_ASSERT(r.creation == 0x65432100 && r.count == 2);
    CU_ASSERT(r.words[0] == 1 && r.words[1] == 0xffffffff);
    r = etf_reference(&in);
    CU_ASSERT(r.creation == 3 && r.count == 1 && r.words[0] == 9);
    r = etf_reference(&in);
    CU_ASSERT(r.creation == 2 && r.count == 1 && r.words[0] == 8);

    struct etf_port p;
    CU_ASSERT(etf_finish(&in) == OK);
    in = etf_open(wall(hex("78 7703614062 0000000100000002 65432100"
                           "59 7703614062 00000002 65432100"
                           "66 7703614062 00000002 03")));
    p = etf_port(&in);
    CU_ASSERT(p.id == 0x100000002 && p.creation == 0x65432100 && p.node.len == 5);
    p = etf_port(&in);
    CU_ASSERT(p.id == 2 && p.creation == 0x65432100);
    p = etf_port(&in);
    CU_ASSERT(p.id == 2 && p.creation == 3);
    CU_ASSERT(etf_finish(&in) == OK);
}

static void reads_exports(void)
{
    struct etf_in in = etf_open(wall(hex("71 770161 64000162 6103")));
    struct etf_export x = etf_export(&in);
    CU_ASSERT(etf_finish(&in) == OK);
    CU_ASSERT(bytes_equal(x.module, hex("770161")));
    CU_ASSERT(bytes_equal(x.function, hex("64000162")));
    CU_ASSERT(x.arity == 3);
}

/* The elements as the digits of a decimal number. */
static enum err digits_of(const char *term, uint64_t *digits)
{
    struct etf_in in = etf_open(wall(hex(term)));
    struct bytes element;
    *digits = 0;
    for (struct etf_list l = etf_list(&in); etf_next(&l, &element);) {
        struct etf_in one = etf_open(element);
        *digits = *digits * 10 + etf_uint32(&one);
        CU_ASSERT(etf_finish(&one) == OK);
    }
    return etf_finish(&in);
}

static void walks_lists(void)
{
    uint64_t d;
    CU_ASSERT(digits_of("6a", &d) == OK && d == 0);
    CU_ASSERT(digits_of("6b 0003 010203", &d) == OK && d == 123);
    CU_ASSERT(digits_of("6b 0000", &d) == OK && d == 0);
    CU_ASSERT(digits_of("6c 00000002 6101 6102 6a", &d) == OK && d == 12);
    CU_ASSERT(digits_of("6c 00000000 6c 00000001 6101 6a", &d) == OK && d == 1);
    CU_ASSERT(digits_of("6c 00000001 6101 6c 00000001 6102 6b 0002 0304", &d) == OK && d == 1234);
    CU_ASSERT(digits_of("6c 00000001 6101 6102", &d) == ERR_SHAPE && d == 1);
    CU_ASSERT(digits_of("6802 6101 6102", &d) == ERR_SHAPE && d == 0);
}

static void leaves_the_cursor_after_a_string(void)
{
    struct etf_in in = etf_open(wall(hex("6b 0003 010203 770161")));
    struct bytes element;
    struct etf_list l = etf_list(&in);
    CU_ASSERT(l.left == 3 && etf_next(&l, &element));
    CU_ASSERT(etf_accept(&in, "a"));
}

static void reads_a_cons(void)
{
    struct bytes head, tail;
    struct etf_in in =
        etf_open(wall(hex("6c 00000001 7705616c696173 5a0001770161 00000001 00000002")));
    CU_ASSERT(etf_cons(&in, &head, &tail));
    CU_ASSERT(bytes_equal(head, hex("7705616c696173")) && tail.len == 14);
    CU_ASSERT(etf_finish(&in) == OK);
    in = etf_open(wall(hex("6b 0001 07")));
    CU_ASSERT(etf_cons(&in, &head, &tail));
    CU_ASSERT(bytes_equal(head, hex("6107")) && bytes_equal(tail, hex("6a")));
    CU_ASSERT(etf_finish(&in) == OK);
    static const char *const others[] = {"6a", "6b 0002 0102", "6c 00000002 6101 6101 6a",
                                         "6c 00000001 770161 6b 0001 02", "6801 6101"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        in = etf_open(wall(hex(others[i])));
        struct etf_in before = in;
        CU_ASSERT(!etf_cons(&in, &head, &tail));
        CU_ASSERT(in.at == before.at && in.err == OK);
    }
}

SUITE("etf", TEST(accepts_what_a_beam_sends), TEST(refuses_every_prefix),
      TEST(ignores_what_follows), TEST(refuses_hostile_terms), TEST(limits_the_depth),
      TEST(measures_terms_beyond_the_limits), TEST(refuses_unknown_tags), TEST(checks_atoms),
      TEST(checks_numbers), TEST(checks_float_texts), TEST(checks_bit_strings),
      TEST(checks_identifiers), TEST(checks_the_parts_of_funs), TEST(returns_kinds),
      TEST(skips_whole_terms), TEST(reads_a_message), TEST(accepts_nil),
      TEST(keeps_its_first_error), TEST(finishes_only_at_the_end),
      TEST(reads_atoms_in_every_encoding), TEST(reads_integers), TEST(reads_floats),
      TEST(reads_binaries), TEST(reads_identifiers), TEST(reads_exports), TEST(walks_lists),
      TEST(leaves_the_cursor_after_a_string), TEST(reads_a_cons))
