/* What every unit suite shares: a program a suite, a wall behind the input,
 * bytes written as text.
 *
 *     static void joins(void) { ... CU_ASSERT(...); }
 *     SUITE("counts", TEST(joins), TEST(refuses))
 *
 * gives main(), which runs the tests and ends with CUnit's summary and an
 * exit code that is 0 only when all passed. */
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

/* A copy of b that ends right before an unreadable page, so that reading one
 * byte too far ends the program.  Good for the next few hundred calls. */
struct bytes wall(struct bytes b);

/* Bytes from hexadecimal text (spaces allowed), owned by the suite until exit. */
struct bytes hex(const char *text);

/* The canonical term that Erlang syntax says, owned by the suite until exit;
 * fails the test and gives `error` when the text is wrong. */
struct bytes term_of(const char *text);

/* Asserts that two canonical terms are the same, and prints both when not. */
void assert_term(struct bytes got, struct bytes wanted, const char *file, int line);
#define ASSERT_TERM(got, wanted) assert_term((got), (wanted), __FILE__, __LINE__)

/* A whole file below test/vectors/, owned by the suite until exit; must exist. */
struct bytes vector(const char *name);

#endif
