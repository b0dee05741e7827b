/* Shared by all unit suites, each of which is a program:
 *
 *     static void merges(void) { ... CU_ASSERT(...); }
 *     SUITE("counts", TEST(merges), TEST(refuses))
 *
 * defines main(), which runs the tests, prints CUnit's summary, and exits with 0 if all
 * passed. */
#ifndef COPPICE_TEST_SUITE_H
#define COPPICE_TEST_SUITE_H

#include <CUnit/CUnit.h>
#include <stddef.h>
#include <stdint.h>

#include "term/bytes.h"

struct suite_test {
    const char *name;
    void (*run)(void);
};

int suite_main(const char *name, const struct suite_test *tests, size_t count);

#define TEST(function)                                                                             \
    {                                                                                              \
#function, function                                                                        \
    }
#define SUITE(name, ...)                                                                           \
    int main(void)                                                                                 \
    {                                                                                              \
        static const struct suite_test tests[] = {__VA_ARGS__};                                    \
        return suite_main(name, tests, sizeof(tests) / sizeof(tests[0]));                          \
    }

/* A copy of b that ends right before an unreadable page, so that reading past its end crashes.
 * Valid for the next 256 calls. */
struct bytes wall(struct bytes b);

/* Bytes from hexadecimal text (spaces allowed); valid until exit. */
struct bytes hex(const char *text);

/* The canonical encoding of a term in Erlang syntax; valid until exit.  On a syntax error the
 * test fails, and the result is `error`. */
struct bytes term_of(const char *text);

/* Asserts that two canonical terms are equal; otherwise prints both. */
void assert_term(struct bytes got, struct bytes wanted, const char *file, int line);
#define ASSERT_TERM(got, wanted) assert_term((got), (wanted), __FILE__, __LINE__)

/* The contents of a file in test/vectors/, which must exist; valid until exit. */
struct bytes vector(const char *name);

#endif
