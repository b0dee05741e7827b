#include "sorted.h"

#include "mem.h"
#include "unit/suite.h"

struct numbers {
    unsigned *list;
    size_t count, cap;
};

static int compare_number(const void *element, const void *key)
{
    const unsigned *a = element, *b = key;
    return (*a > *b) - (*a < *b);
}

static size_t place_of(const struct numbers *n, unsigned number)
{
    return sorted_place(n->list, n->count, sizeof(*n->list), &number, compare_number);
}

static void put(struct numbers *n, unsigned number)
{
    size_t place = place_of(n, number);
    n->list = sorted_insert(n->list, &n->count, &n->cap, sizeof(*n->list), place);
    n->list[place] = number;
}

static bool has(const struct numbers *n, unsigned number)
{
    const unsigned *found =
        sorted_find(n->list, n->count, sizeof(*n->list), &number, compare_number);
    CU_ASSERT(found == NULL || *found == number);
    return found != NULL;
}

static bool is_sorted(const struct numbers *n)
{
    for (size_t i = 1; i < n->count; i++)
        if (n->list[i - 1] >= n->list[i])
            return false;
    return true;
}

static void finds_nothing_in_an_empty_array(void)
{
    struct numbers n = {0};
    CU_ASSERT_EQUAL(place_of(&n, 7), 0);
    CU_ASSERT(!has(&n, 7));
}

/* All even numbers from 2 to 200, in scattered order. */
static void finds_inserted_elements(void)
{
    struct numbers n = {0};
    for (unsigned i = 1; i <= 100; i++) {
        put(&n, i * 7 % 101 * 2);
        CU_ASSERT(is_sorted(&n));
    }
    for (unsigned i = 1; i <= 100; i++) {
        CU_ASSERT(has(&n, i * 2) && !has(&n, i * 2 + 1));
        CU_ASSERT_EQUAL(place_of(&n, i * 2), i - 1);
        CU_ASSERT_EQUAL(place_of(&n, i * 2 + 1), i);
    }
    mem_free(n.list);
}

static void removes_elements(void)
{
    struct numbers n = {0};
    for (unsigned i = 0; i < 50; i++)
        put(&n, i);
    for (unsigned left = 50; left > 0; left--) {
        unsigned gone = n.list[left * 31 % n.count];
        sorted_remove(n.list, &n.count, sizeof(*n.list), place_of(&n, gone));
        CU_ASSERT(is_sorted(&n) && !has(&n, gone) && n.count == left - 1);
    }
    mem_free(n.list);
}

SUITE("sorted", TEST(finds_nothing_in_an_empty_array), TEST(finds_inserted_elements),
      TEST(removes_elements))
