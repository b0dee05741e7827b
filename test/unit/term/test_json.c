#include "unit/suite.h"

#include <stdio.h>

#include "limits.h"
#include "term/json.h"
#include "term/write.h"

static bool is_json(struct bytes term, const char *wanted)
{
    struct buf text = {0};
    json_put(&text, wall(term));
    bool same = bytes_equal(buf_bytes(&text), bytes_of(wanted));
    if (!same)
        fprintf(stderr, "\n     got: %.*s\n  wanted: %s\n", TEXT(text), wanted);
    buf_free(&text);
    return same;
}

static bool prints(const char *term, const char *wanted)
{
    return is_json(term_of(term), wanted);
}

static void numbers(void)
{
    CU_ASSERT(prints("0", "0"));
    CU_ASSERT(prints("-300", "-300"));
    CU_ASSERT(prints("9007199254740991", "9007199254740991"));
    CU_ASSERT(prints("-9007199254740991", "-9007199254740991"));
    CU_ASSERT(prints("9007199254740992", "{\"$integer\":\"9007199254740992\"}"));
    CU_ASSERT(prints("-9223372036854775809", "{\"$integer\":\"-9223372036854775809\"}"));
    CU_ASSERT(prints("1.5", "1.5"));
    CU_ASSERT(prints("1.0", "1.0"));
    CU_ASSERT(prints("-0.0", "-0.0"));
    CU_ASSERT(prints("-1.0e-300", "-1.0e-300"));
}

static void texts(void)
{
    CU_ASSERT(prints("[ok, true, false, nil, undefined, 'a b']",
                     "[\"ok\",true,false,null,\"undefined\",\"a b\"]"));
    CU_ASSERT(prints("<<\"gr\\x{fc}n\"/utf8>>", "\"gr\xc3\xbcn\""));
    CU_ASSERT(prints("<<>>", "\"\""));
    CU_ASSERT(prints("<<34, 92, 10, 9, 0, 127>>", "\"\\\"\\\\\\n\\u0009\\u0000\\u007f\""));
    CU_ASSERT(prints("<<255, 254>>", "{\"$binary\":\"//4=\"}"));
    CU_ASSERT(prints("<<1, 1:3>>", "{\"$term\":\"<<1,1:3>>\"}"));
}

static void containers(void)
{
    CU_ASSERT(prints("[]", "[]"));
    CU_ASSERT(prints("[97, 98]", "[97,98]"));
    CU_ASSERT(prints("[a, [], [[b]]]", "[\"a\",[],[[\"b\"]]]"));
    CU_ASSERT(prints("[1, 2 | x]", "{\"$improper\":[[1,2],\"x\"]}"));
    CU_ASSERT(prints("{}", "{\"$tuple\":[]}"));
    CU_ASSERT(prints("{a, {1}}", "{\"$tuple\":[\"a\",{\"$tuple\":[1]}]}"));
    struct buf list = {0};
    put_list(&list, 2);
    put_uint(&list, 97);
    put_uint(&list, 98);
    put_nil(&list);
    CU_ASSERT(is_json(buf_bytes(&list), "[97,98]"));
    buf_free(&list);
}

static void maps(void)
{
    CU_ASSERT(prints("#{}", "{}"));
    CU_ASSERT(prints("#{a => 1, b => #{<<\"x\">> => []}}", "{\"a\":1,\"b\":{\"x\":[]}}"));
    CU_ASSERT(prints("#{a => 1, <<\"a\">> => 2}", "{\"$map\":[[\"a\",1],[\"a\",2]]}"));
    CU_ASSERT(prints("#{1 => 2, 3 => 4}", "{\"$map\":[[1,2],[3,4]]}"));
    CU_ASSERT(prints("#{'$tuple' => []}", "{\"$map\":[[\"$tuple\",[]]]}"));
    CU_ASSERT(prints("#{<<255>> => 1}", "{\"$map\":[[{\"$binary\":\"/w==\"},1]]}"));
}

static void identifiers(void)
{
    CU_ASSERT(prints("#Pid<'c1@host'.12.0.17>", "{\"$term\":\"#Pid<'c1@host'.12.0.17>\"}"));
    CU_ASSERT(prints("fun lists:map/2", "{\"$term\":\"fun lists:map/2\"}"));
}

static void the_deepest_term(void)
{
    struct buf term = {0}, json = {0};
    for (unsigned i = 0; i + 1 < LIMIT_TERM_DEPTH; i++)
        put_tuple(&term, 1);
    put_nil(&term);
    json_put(&json, buf_bytes(&term));
    CU_ASSERT(json.len > LIMIT_TERM_DEPTH * 10);
    buf_free(&term);
    buf_free(&json);
}

SUITE("term/json", TEST(numbers), TEST(texts), TEST(containers), TEST(maps), TEST(identifiers),
      TEST(the_deepest_term))
