#include "unit/suite.h"

#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "err.h"
#include "term/text.h"

#define WALLS 256

int suite_main(const char *name, const struct suite_test *tests, size_t count)
{
    if (CU_initialize_registry() != CUE_SUCCESS)
        return EXIT_FAILURE;
    CU_pSuite suite = CU_add_suite(name, NULL, NULL);
    for (size_t i = 0; i < count; i++)
        CU_add_test(suite, tests[i].name, tests[i].run);
    CU_basic_set_mode(CU_BRM_NORMAL);
    CU_basic_run_tests();
    unsigned failures = CU_get_number_of_failures();
    CU_cleanup_registry();
    return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

struct bytes wall(struct bytes b)
{
    static struct {
        uint8_t *at;
        size_t len;
    } walls[WALLS];
    static size_t next;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t pages = (b.len + page - 1) / page + 1;
    if (walls[next].at != NULL)
        munmap(walls[next].at, walls[next].len);
    uint8_t *at =
        mmap(NULL, pages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(at != MAP_FAILED);
    must(mprotect(at + (pages - 1) * page, page, PROT_NONE) == 0);
    walls[next].at = at;
    walls[next].len = pages * page;
    next = (next + 1) % WALLS;
    uint8_t *copy = at + (pages - 1) * page - b.len;
    if (b.len > 0)
        memcpy(copy, b.at, b.len);
    return (struct bytes){copy, b.len};
}

/* Results of the helpers live until exit.  The list keeps them reachable, so that a leak checker
 * reports only real leaks. */
static struct bytes kept(struct buf *b)
{
    static struct held {
        struct held *next;
        uint8_t *at;
    } * all;
    struct held *h = malloc(sizeof(*h));
    must(h != NULL);
    *h = (struct held){all, b->at};
    all = h;
    return buf_bytes(b);
}

struct bytes hex(const char *text)
{
    struct buf out = {0};
    for (const char *p = text; *p != '\0';) {
        unsigned v;
        if (*p == ' ' || *p == '\n') {
            p++;
            continue;
        }
        must(sscanf(p, "%2x", &v) == 1);
        buf_put_u8(&out, (uint8_t)v);
        p += 2;
    }
    return kept(&out);
}

struct bytes term_of(const char *text)
{
    struct buf out = {0};
    struct text_error error;
    if (text_single(bytes_of(text), &out, &error) != OK) {
        fprintf(stderr, "\n%s\n%u:%u: %s\n", text, error.line, error.column, error.what);
        CU_FAIL("syntax error in a term of the test");
        buf_put(&out, hex("7705 6572726f72"));
    }
    return kept(&out);
}

void assert_term(struct bytes got, struct bytes wanted, const char *file, int line)
{
    bool same = bytes_equal(got, wanted);
    CU_assertImplementation(same, (unsigned)line, "same term", file, "", CU_FALSE);
    if (same)
        return;
    struct buf text = {0};
    buf_put(&text, BYTES("\n     got: "));
    text_print(&text, got);
    buf_put(&text, BYTES("\n  wanted: "));
    text_print(&text, wanted);
    fprintf(stderr, "%.*s\n", (int)text.len, (const char *)text.at);
    buf_free(&text);
}

struct bytes vector(const char *name)
{
    char path[512];
    snprintf(path, sizeof(path), "test/vectors/%s", name);
    FILE *file = fopen(path, "rb");
    must(file != NULL);
    struct buf out = {0};
    for (size_t n = 1; n > 0; out.len += n)
        n = fread(buf_room(&out, 65536), 1, 65536, file);
    fclose(file);
    return kept(&out);
}
