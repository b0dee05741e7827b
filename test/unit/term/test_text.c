#include "unit/suite.h"

#include <stdio.h>
#include <string.h>

#include "err.h"
#include "limits.h"
#include "term/canon.h"
#include "term/etf.h"
#include "term/text.h"
#include "term/write.h"

static bool same_text(struct bytes got, struct bytes wanted)
{
    if (bytes_equal(got, wanted))
        return true;
    fprintf(stderr, "\n     got: %.*s\n  wanted: %.*s\n", (int)got.len, (const char *)got.at,
            (int)wanted.len, (const char *)wanted.at);
    return false;
}

/* Whether the text parses as the wanted term. */
static bool parses_as(struct bytes text, struct bytes wanted)
{
    struct buf term = {0}, again = {0};
    struct text_error error;
    if (text_single(wall(text), &term, &error) != OK) {
        fprintf(stderr, "\n%.*s\n%u:%u: %s\n", (int)text.len, (const char *)text.at, error.line,
                error.column, error.what);
        return false;
    }
    bool same = bytes_equal(buf_bytes(&term), wanted);
    if (!same) {
        text_print(&again, buf_bytes(&term));
        fprintf(stderr, "\n%.*s\nis read as %.*s\n", (int)text.len, (const char *)text.at,
                (int)again.len, (const char *)again.at);
    }
    buf_free(&term);
    buf_free(&again);
    return same;
}

/* --- against a BEAM ------------------------------------------------------ */

/* text.escript: what a BEAM prints, and how it parses it. */
static void prints_and_parses_as_a_beam(void)
{
    struct buf file = {0}, text = {0};
    must(canon_external(&file, vector("term/text.etf")) == OK);
    struct etf_in in = etf_open(buf_bytes(&file));
    struct bytes element;
    unsigned prints = 0, reads = 0;
    for (struct etf_list list = etf_list(&in); etf_next(&list, &element);) {
        struct etf_in row = etf_open(element);
        etf_tuple_of(&row, 3);
        bool print = etf_accept(&row, "print");
        if (!print)
            etf_expect(&row, "read");
        struct bytes wanted = etf_binary(&row), term = etf_any(&row);
        must(etf_finish(&row) == OK);
        CU_ASSERT(parses_as(wanted, term));
        reads++;
        if (!print)
            continue;
        buf_clear(&text);
        text_print(&text, wall(term));
        CU_ASSERT(same_text(buf_bytes(&text), wanted));
        prints++;
    }
    must(etf_finish(&in) == OK);
    CU_ASSERT(prints > 700 && reads > 800);
    buf_free(&text);
    buf_free(&file);
}

/* Including terms that have no literal in Erlang. */
static void round_trips_every_kind_of_term(void)
{
    struct buf file = {0}, text = {0};
    must(canon_external(&file, vector("term/order.etf")) == OK);
    struct etf_in in = etf_open(buf_bytes(&file));
    struct bytes element;
    for (struct etf_list list = etf_list(&in); etf_next(&list, &element);) {
        struct etf_in row = etf_open(element);
        etf_tuple_of(&row, 3);
        etf_int64(&row);
        etf_int64(&row);
        struct bytes term = etf_any(&row);
        buf_clear(&text);
        text_print(&text, wall(term));
        CU_ASSERT(parses_as(buf_bytes(&text), term));
        CU_ASSERT_PTR_NULL(memchr(text.at, '\n', text.len));
    }
    must(etf_finish(&in) == OK);
    buf_free(&text);
    buf_free(&file);
}

/* --- our own forms ------------------------------------------------------- */

static void prints_terms_without_a_literal(void)
{
    static const char *const forms[] = {
        "#Pid<'c1@host'.12.0.1700000000>",
        "#Ref<'c1@host'.1700000000.1.2.3>",
        "#Ref<'c1@host'.1.4294967295>",
        "#Port<'c1@host'.18446744073709551615.4294967295>",
        "#Pid<'it\\'s'.0.0.0>",
        "fun 'Elixir.Enum':map/2",
        "{#Pid<'日本@h'.1.2.3>,[#Port<''.1.2>|fun a:b/0]}",
        "#Fun<\"cAAAADcAAAAAAAAAAAAAAAAAAAAAAAAAAAEAAAAAdwJtYWEBYQVYdwNhQGgAAAABAAAAAQAAAAE=\">",
        "'\\x{FFFE}'",
        "'maybe'",
        "<<5:3>>",
        "'ä'",
    };
    struct buf text = {0};
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        buf_clear(&text);
        text_print(&text, term_of(forms[i]));
        CU_ASSERT(same_text(buf_bytes(&text), bytes_of(forms[i])));
        CU_ASSERT(text_is_literal(term_of(forms[i])) == (strchr(forms[i], '#') == NULL));
    }
    buf_free(&text);
    ASSERT_TERM(term_of("#Pid<c1@host.1.2.3>"), term_of("#Pid<'c1@host'.1.2.3>"));
}

/* The time for decimal digits would grow with the square of their number. */
static void prints_large_integers_in_base_16(void)
{
    struct buf digits = {0}, text = {0};
    buf_put(&digits, BYTES("-16#F"));
    for (unsigned i = 0; i < 2 * LIMIT_INTEGER_BYTES - 1; i++)
        buf_put_u8(&digits, (uint8_t) "0123456789ABCDEF"[i % 16]);
    buf_put_u8(&digits, '\0');
    text_print(&text, term_of((const char *)digits.at));
    CU_ASSERT(bytes_equal(buf_bytes(&text), (struct bytes){digits.at, digits.len - 1}));
    buf_free(&digits);
    buf_free(&text);
}

/* --- files --------------------------------------------------------------- */

static void parses_a_file_term_by_term(void)
{
    static const char file[] = "%% -*- mode: erlang -*-\n"
                               "{node, 'c1@host'}.\n\n"
                               "{listen, #{port => 0}} % any\n"
                               "   .%%\n"
                               "[a,\n b]. \n"
                               "% the end";
    static const struct {
        const char *term;
        unsigned line, column; /* after the term */
    } wanted[] = {{"{node,'c1@host'}", 2, 18}, {"{listen,#{port => 0}}", 4, 23}, {"[a,b]", 7, 4}};
    struct text_in in = text_open(wall(BYTES(file)));
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        struct buf out = {0};
        struct text_error error;
        CU_ASSERT_FALSE(text_at_end(&in));
        CU_ASSERT_EQUAL_FATAL(text_term(&in, &out, &error), OK);
        CU_ASSERT_EQUAL(in.line, wanted[i].line);
        CU_ASSERT_EQUAL(in.column, wanted[i].column);
        ASSERT_TERM(buf_bytes(&out), term_of(wanted[i].term));
        CU_ASSERT_EQUAL_FATAL(text_dot(&in, &error), OK);
        buf_free(&out);
    }
    CU_ASSERT(text_at_end(&in));
}

/* --- syntax errors ------------------------------------------------------------ */

struct syntax_error {
    const char *text;
    enum err err;
    unsigned line, column;
    const char *what;
};

static const struct syntax_error syntax_errors[] = {
    {"", ERR_SHAPE, 1, 1, "expected a term but the text ends"},
    {" % only a comment", ERR_SHAPE, 1, 18, "expected a term but the text ends"},
    {"{a,\n b", ERR_SHAPE, 1, 1, "this '{' is not closed: expected ',' or '}' but the text ends"},
    {"{a,\n [b,", ERR_SHAPE, 2, 2, "this '[' is not closed: expected a term but the text ends"},
    {"#{a => 1", ERR_SHAPE, 1, 1, "this '#{' is not closed: expected ',' or '}' but the text ends"},
    {"#{a", ERR_SHAPE, 1, 1,
     "this '#{' is not closed: expected '=>' after a key but the text ends"},
    {"{a]", ERR_SHAPE, 1, 3, "expected ',' or '}' but found ']'"},
    {"[a}", ERR_SHAPE, 1, 3, "expected ',' or ']' but found '}'"},
    {"[a b]", ERR_SHAPE, 1, 4, "expected ',' or ']' but found 'b'"},
    {"[a,]", ERR_SHAPE, 1, 4, "expected a term but found ']'"},
    {"[|a]", ERR_SHAPE, 1, 2, "expected a term but found '|'"},
    {"[a|b,c]", ERR_SHAPE, 1, 5, "expected ']' after the tail of a list but found ','"},
    {"{a|b}", ERR_SHAPE, 1, 3, "expected ',' or '}' but found '|'"},
    {"#{a, b}", ERR_SHAPE, 1, 4, "expected '=>' after a key but found ','"},
    {"#{a := b}", ERR_SHAPE, 1, 5, "expected '=>' after a key but found ':'"},
    {"#{a => }", ERR_SHAPE, 1, 8, "expected a term but found '}'"},
    {"#{a => 1,\n  b => 2,\n  a => 3}", ERR_DUPLICATE, 3, 3,
     "duplicate key, first used at line 1 column 3"},
    {"#{\"a\" => 1, [97] => 3}", ERR_DUPLICATE, 1, 13,
     "duplicate key, first used at line 1 column 3"},
    {"[#{x => #{{1, #{a => 1, b => 2}} => 1, {1, #{b => 2, a => 1}} => 2}}]", ERR_DUPLICATE, 1, 40,
     "duplicate key, first used at line 1 column 11"},
    {"#a{}", ERR_SHAPE, 1, 2, "expected '{', Pid<, Ref<, Port< or Fun< after '#' but found 'a'"},
    {"Elixir.Foo", ERR_SHAPE, 1, 1,
     "expected a term but found the variable Elixir (quote it to make it an atom: 'Elixir')"},
    {"_", ERR_SHAPE, 1, 1,
     "expected a term but found the variable _ (quote it to make it an atom: '_')"},
    {"{end, 1}", ERR_SHAPE, 1, 2, "end is a reserved word; quote it to make it an atom: 'end'"},
    {"a b", ERR_SHAPE, 1, 3, "expected nothing more after the term but found 'b'"},
    {"a. b", ERR_SHAPE, 1, 4, "expected nothing more after the term but found 'b'"},
    {"a.b", ERR_SHAPE, 1, 3, "expected white space after the '.' but found 'b'"},
    {"{a}}", ERR_SHAPE, 1, 4, "expected nothing more after the term but found '}'"},
    {"1.", OK, 0, 0, ""},
    {"1.5.", OK, 0, 0, ""},
    /* strings, atoms and characters */
    {"{a,\n \"abc\n}.", ERR_SHAPE, 2, 2, "this string has no closing \""},
    {"'abc", ERR_SHAPE, 1, 1, "this atom has no closing '"},
    {"\"a\\", ERR_SHAPE, 1, 4, "expected a character after '\\' but the text ends"},
    {"\"\\xg0\"", ERR_SHAPE, 1, 4, "expected two hexadecimal digits but found 'g0'"},
    {"\"\\x{}\"", ERR_SHAPE, 1, 5, "expected a hexadecimal digit but found '}'"},
    {"\"\\x{12\"", ERR_SHAPE, 1, 7, "expected a hexadecimal digit or '}' but found a string"},
    {"\"\\x{110000}\"", ERR_SHAPE, 1, 3, "this escape is not a Unicode character"},
    {"\"\\x{fffffffff}\"", ERR_SHAPE, 1, 3, "this escape is not a Unicode character"},
    {"\"\\x{D800}\"", ERR_SHAPE, 1, 3, "this escape is not a Unicode character"},
    {"\"\\^\"", ERR_SHAPE, 1, 4, "expected a letter after '\\^' but found a string"},
    {"$", ERR_SHAPE, 1, 2, "expected a character after '$' but the text ends"},
    {"\"ok \xe4\"", ERR_UTF8, 1, 5, "the byte 0xE4 is not UTF-8 here"},
    {"日本 \xff", ERR_SHAPE, 1, 1, "expected a term but found '日'"},
    {"'日本' \xff", ERR_UTF8, 1, 6, "the byte 0xFF is not UTF-8 here"},
    {"a % \xc3(\n", ERR_UTF8, 1, 5, "the byte 0xC3 is not UTF-8 here"},
    {"\x01\x7f", ERR_SHAPE, 1, 2, "expected a term but found the character U+007F"},
    /* numbers */
    {"1e5", ERR_SHAPE, 1, 2,
     "expected the end of the number (a float is written 1.0e5) but found 'e5'"},
    {"1.0e", ERR_SHAPE, 1, 5, "expected a digit of the float's exponent but the text ends"},
    {"1.0e999", ERR_SHAPE, 1, 1, "this float is too large"},
    {".5", ERR_SHAPE, 1, 1, "expected a term but found '.'"},
    {"1__0", ERR_SHAPE, 1, 2,
     "expected the end of the number (a float is written 1.0e5) but found '__0'"},
    {"16#xyz", ERR_SHAPE, 1, 4, "expected a digit of this base but found 'xyz'"},
    {"16#_1", ERR_SHAPE, 1, 4, "expected a digit of this base but found '_1'"},
    {"1.0e_1", ERR_SHAPE, 1, 5, "expected a digit of the float's exponent but found '_1'"},
    {"2#102", ERR_SHAPE, 1, 5,
     "expected the end of the number (a float is written 1.0e5) but found '2'"},
    {"37#1", ERR_SHAPE, 1, 1, "the base of an integer is 2 to 36"},
    {"1#1", ERR_SHAPE, 1, 1, "the base of an integer is 2 to 36"},
    {"-a", ERR_SHAPE, 1, 2, "expected a number after the sign but found 'a'"},
    {"- -1", ERR_SHAPE, 1, 3, "expected a number after the sign but found '-'"},
    /* binaries */
    {"<<1", ERR_SHAPE, 1, 4, "expected ',' or '>>' but the text ends"},
    {"<<a>>", ERR_SHAPE, 1, 3, "expected an integer, a character or a string but found 'a'"},
    {"<<1.5>>", ERR_SHAPE, 1, 3, "expected an integer but found a float"},
    {"<<1:a>>", ERR_SHAPE, 1, 5, "expected the size in bits but found 'a'"},
    {"<<1:524289>>", ERR_LIMIT, 1, 5, "the size in bits is at most 524288"},
    {"<<18446744073709551616:65>>", ERR_LIMIT, 1, 3, "an integer in <<>> has at most 64 bits"},
    {"<<\"日\">>", ERR_SHAPE, 1, 3, "this string has characters above 255: write <<\"...\"/utf8>>"},
    {"<<\"a\"/little>>", ERR_SHAPE, 1, 7,
     "expected utf8, the only type of a string segment but found 'little'"},
    {"<<1,>>", ERR_SHAPE, 1, 5, "expected an integer, a character or a string but found '>'"},
    /* our own forms */
    {"fun", ERR_SHAPE, 1, 4, "expected an atom but the text ends"},
    {"fun a/1", ERR_SHAPE, 1, 6,
     "expected ':' (a function is written fun Module:Name/Arity) but found '/'"},
    {"fun a:b/256", ERR_LIMIT, 1, 9, "the arity is at most 255"},
    {"#Pid<0.1.0>", ERR_SHAPE, 1, 6, "expected an atom but found '0'"},
    {"#Pid<'a@h'.1.2>", ERR_SHAPE, 1, 15, "expected #Pid<'Node'.Id.Serial.Creation> but found '>'"},
    {"#Pid<'a@h'.1.2.4294967296>", ERR_LIMIT, 1, 16, "this number is at most 4294967295"},
    {"#Pid<'a@h'.1.2.3", ERR_SHAPE, 1, 17, "expected '>' but the text ends"},
    {"#Ref<'a@h'.1>", ERR_SHAPE, 1, 13, "expected #Ref<'Node'.Creation.Word...> but found '>'"},
    {"#Ref<'a@h'.1.2.3.4.5.6.7>", ERR_SHAPE, 1, 23, "expected '>' but found '.'"},
    {"#Port<'a@h'.1.99999999999>", ERR_LIMIT, 1, 7, "a creation has at most 32 bits"},
    {"#Fun<abc>", ERR_SHAPE, 1, 6, "expected #Fun<\"base64 of the encoded fun\"> but found 'abc'"},
    {"#Fun<\"\">", ERR_SHAPE, 1, 6, "this is not the base64 of an encoded fun"},
    {"#Fun<\"YQE=\">", ERR_SHAPE, 1, 6, "this is not the base64 of an encoded fun"},
    {"#Fun<\"cAAAAE\">", ERR_SHAPE, 1, 6, "this is not the base64 of an encoded fun"},
    {"#Fun<\"====\">", ERR_SHAPE, 1, 6, "this is not the base64 of an encoded fun"},
};

static void check_syntax_error(const struct syntax_error *m, struct bytes text)
{
    struct buf out = {0};
    struct text_error error = {0};
    buf_put(&out, BYTES("before"));
    enum err e = text_single(wall(text), &out, &error);
    CU_ASSERT_EQUAL(e, m->err);
    if (e != OK)
        CU_ASSERT(same_text(buf_bytes(&out), BYTES("before")));
    bool right = error.line == m->line && error.column == m->column &&
                 same_text(bytes_of(error.what), bytes_of(m->what));
    CU_ASSERT(right);
    if (!right)
        fprintf(stderr, "%.60s\nis wrong at %u:%u (and not %u:%u): %s\n", (const char *)text.at,
                error.line, error.column, m->line, m->column, error.what);
    buf_free(&out);
}

static void reports_errors_with_positions(void)
{
    for (size_t i = 0; i < sizeof(syntax_errors) / sizeof(syntax_errors[0]); i++)
        check_syntax_error(&syntax_errors[i], bytes_of(syntax_errors[i].text));
}

static void reports_a_missing_dot(void)
{
    struct buf out = {0};
    struct text_error error;
    struct text_in in = text_open(wall(BYTES("{a, 1}\n\n{b, 2}.\n")));
    must(text_term(&in, &out, &error) == OK);
    CU_ASSERT_EQUAL(text_dot(&in, &error), ERR_SHAPE);
    CU_ASSERT_EQUAL(error.line, 3);
    CU_ASSERT_EQUAL(error.column, 1);
    CU_ASSERT_STRING_EQUAL(error.what, "expected '.' at the end of the term but found '{'");
    buf_free(&out);
}

/* --- limits -------------------------------------------------------------- */

static void repeat(struct buf *text, const char *part, size_t times)
{
    for (size_t i = 0; i < times; i++)
        buf_put(text, bytes_of(part));
}

static void refuses_terms_above_the_limits(void)
{
    static const struct {
        const char *before, *part, *after;
        size_t times;
        struct syntax_error syntax_error;
    } cases[] = {
        {"", "[", "", 100000, {NULL, ERR_LIMIT, 1, 513, "nested deeper than 512 levels"}},
        {"", "{", "", 513, {NULL, ERR_LIMIT, 1, 513, "nested deeper than 512 levels"}},
        {"", "[a|", "", 513, {NULL, ERR_LIMIT, 1, 1537, "nested deeper than 512 levels"}},
        {"", "#{a=>", "", 513, {NULL, ERR_LIMIT, 1, 2561, "nested deeper than 512 levels"}},
        {"", "x", "", 256, {NULL, ERR_LIMIT, 1, 1, "this atom has more than 255 characters"}},
        {" '", "日", "'", 256, {NULL, ERR_LIMIT, 1, 2, "this atom has more than 255 characters"}},
        {"16#1",
         "0",
         "",
         131072,
         {NULL, ERR_LIMIT, 1, 1, "this integer has more than 524288 bits"}},
        {"", "9", "", 1000000, {NULL, ERR_LIMIT, 1, 1, "this integer has more than 524288 bits"}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf text = {0};
        buf_put(&text, bytes_of(cases[i].before));
        repeat(&text, cases[i].part, cases[i].times);
        buf_put(&text, bytes_of(cases[i].after));
        check_syntax_error(&cases[i].syntax_error, buf_bytes(&text));
        buf_free(&text);
    }
}

static void parses_and_prints_at_the_limits(void)
{
    static const struct {
        const char *open, *middle, *close;
        size_t times;
    } cases[] = {
        {"[", "", "]", LIMIT_TERM_DEPTH},
        {"{", "x", "}", LIMIT_TERM_DEPTH},
        {"#{a => ", "1", "}", LIMIT_TERM_DEPTH},
        {"x", "", "", LIMIT_ATOM_CHARS},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf text = {0}, printed = {0};
        repeat(&text, cases[i].open, cases[i].times);
        buf_put(&text, bytes_of(cases[i].middle));
        repeat(&text, cases[i].close, LIMIT_TERM_DEPTH);
        buf_put_u8(&text, '\0');
        text_print(&printed, term_of((const char *)text.at));
        buf_put_u8(&printed, '\0');
        CU_ASSERT(same_text(buf_bytes(&printed), buf_bytes(&text)));
        buf_free(&text);
        buf_free(&printed);
    }
}

/* No prefix is read past its end, and each gives an error with a position. */
static void parses_every_prefix_within_bounds(void)
{
    static const char text[] = "{'a\\x{e9}', \"s\\^A\" \"t\", [1.5e-3, 16#fF | x], <<1, 2:4, "
                               "\"\xc3\xa9\"/utf8>>, #{k => $\\n, #Pid<'n'.1.2.3> => -1}, "
                               "fun m:f/2, #Ref<'n'.1.2>, #Port<'n'.1.2>, #Fun<\"cA==\">} % end";
    for (size_t len = 0; len < sizeof(text); len++) {
        struct buf out = {0};
        struct text_error error = {0};
        CU_ASSERT_NOT_EQUAL(
            text_single(wall((struct bytes){(const uint8_t *)text, len}), &out, &error), OK);
        CU_ASSERT(error.line == 1 && error.column >= 1 && error.what[0] != '\0');
        CU_ASSERT_EQUAL(out.len, 0);
        buf_free(&out);
    }
}

/* --- log lines ----------------------------------------------------------- */

static void truncates_long_terms(void)
{
    static const struct {
        const char *term;
        size_t limit;
        const char *wanted;
    } cases[] = {
        {"{abc,[1,2,3]}", 13, "{abc,[1,2,3]}"},
        {"{abc,[1,2,3]}", 12, "{abc,[1,2,3]..."},
        {"{abc,[z,2,3]}", 7, "{abc,[z..."},
        {"{abc,[z,2,3]}", 0, "..."},
        {"<<\"ääää\"/utf8>>", 6, "<<\"ä..."},
        {"<<\"ääää\"/utf8>>", 7, "<<\"ää..."},
        {"<<\"ääää\"/utf8>>", 100, "<<\"ääää\"/utf8>>"},
        {"'日本'", 3, "'..."},
        {"<<255,254,253,252>>", 9, "<<255,254..."},
    };
    struct buf text = {0};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        buf_clear(&text);
        buf_put(&text, BYTES("> "));
        text_print_short(&text, wall(term_of(cases[i].term)), cases[i].limit);
        CU_ASSERT(same_text((struct bytes){text.at + 2, text.len - 2}, bytes_of(cases[i].wanted)));
    }
    buf_free(&text);
}

/* The part that is cut off is never printed. */
static void truncates_before_printing(void)
{
    struct buf term = {0}, text = {0};
    put_tuple(&term, 2);
    size_t large = 64u * 1024 * 1024;
    uint8_t *room = buf_room(&term, large + 16);
    must(room != NULL);
    buf_put_u8(&term, 109);
    buf_put_u32(&term, (uint32_t)large);
    memset(buf_room(&term, large), 'x', large);
    term.len += large;
    put_nil(&term);
    text_print_short(&text, buf_bytes(&term), 10);
    CU_ASSERT(same_text(buf_bytes(&text), BYTES("{<<\"xxxxxx...")));
    CU_ASSERT(text.cap < 4096);
    buf_free(&term);
    buf_free(&text);
}

SUITE("term/text", TEST(prints_and_parses_as_a_beam), TEST(round_trips_every_kind_of_term),
      TEST(prints_terms_without_a_literal), TEST(prints_large_integers_in_base_16),
      TEST(parses_a_file_term_by_term), TEST(reports_errors_with_positions),
      TEST(reports_a_missing_dot), TEST(refuses_terms_above_the_limits),
      TEST(parses_and_prints_at_the_limits), TEST(parses_every_prefix_within_bounds),
      TEST(truncates_long_terms), TEST(truncates_before_printing))
