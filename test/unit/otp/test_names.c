#include "unit/otp/spy.h"

#include <stdio.h>

#include "otp/names.h"

#define COUNT 2000

struct record {
    struct buf name;
    unsigned number;
};

static struct bytes name_of(unsigned i)
{
    static char text[16];
    int len = snprintf(text, sizeof(text), "n%u", i);
    return (struct bytes){(const uint8_t *)text, (size_t)len};
}

/* In an order that is not that of the names. */
static void add_all(struct names *n)
{
    for (unsigned i = 0; i < COUNT; i++) {
        unsigned number = i * 7 % COUNT;
        struct record *r = names_add(n, name_of(number), sizeof(*r));
        CU_ASSERT_EQUAL(r->number, 0);
        r->number = number;
    }
}

static void each_is_found_by_its_name(void)
{
    struct names n = {0};
    CU_ASSERT_PTR_NULL(names_find(&n, name_of(1)));
    add_all(&n);
    CU_ASSERT_EQUAL(n.count, COUNT);
    for (unsigned i = 0; i < COUNT; i++) {
        const struct record *r = names_find(&n, name_of(i));
        CU_ASSERT_PTR_NOT_NULL_FATAL(r);
        CU_ASSERT_EQUAL(r->number, i);
    }
    CU_ASSERT_PTR_NULL(names_find(&n, name_of(COUNT)));
    names_free(&n);
    CU_ASSERT_PTR_NULL(names_find(&n, name_of(1)));
}

static void they_are_in_the_order_of_names(void)
{
    struct names n = {0};
    add_all(&n);
    for (size_t i = 1; i < n.count; i++) {
        const struct record *a = n.list[i - 1], *b = n.list[i];
        CU_ASSERT_TRUE(bytes_compare(buf_bytes(&a->name), buf_bytes(&b->name)) < 0);
        CU_ASSERT_EQUAL(names_after(&n, buf_bytes(&a->name)), i);
    }
    CU_ASSERT_EQUAL(names_after(&n, BYTES("a")), 0);
    names_free(&n);
}

static void one_that_was_removed_is_not_found(void)
{
    struct names n = {0};
    add_all(&n);
    for (unsigned i = 0; i < COUNT; i += 2)
        names_remove(&n, names_find(&n, name_of(i)));
    CU_ASSERT_EQUAL(n.count, COUNT / 2);
    for (unsigned i = 0; i < COUNT; i++)
        CU_ASSERT_EQUAL(names_find(&n, name_of(i)) != NULL, i % 2 == 1);
    names_free(&n);
}

SUITE("names", TEST(each_is_found_by_its_name), TEST(they_are_in_the_order_of_names),
      TEST(one_that_was_removed_is_not_found))
