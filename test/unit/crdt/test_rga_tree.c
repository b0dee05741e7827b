#include "crdt/rga/rga_tree.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "unit/suite.h"

#define ELEMENTS_MAX 200000

/* The same sequence as plain arrays, found by walking; ranks, no two the same,
 * order siblings. */
struct plain {
    uint32_t count;
    uint32_t element[ELEMENTS_MAX], depth[ELEMENTS_MAX];
    bool shown[ELEMENTS_MAX];
};

static struct plain plain;
static uint32_t ranks[ELEMENTS_MAX];
static size_t asked;

static uint64_t random_state;

static uint32_t drawn(uint32_t below)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33) % below;
}

static bool before(const void *arg, uint32_t other)
{
    const uint32_t *rank = arg;
    asked++;
    return ranks[other] < *rank;
}

static uint32_t plain_find(uint32_t element)
{
    uint32_t i = 0;
    while (plain.element[i] != element)
        i++;
    return i;
}

static void plain_insert(uint32_t parent, uint32_t element, bool shown)
{
    uint32_t i = 0, depth = 1;
    if (parent != RGA_HEAD) {
        i = plain_find(parent);
        depth = plain.depth[i++] + 1;
    }
    while (i < plain.count && plain.depth[i] >= depth &&
           !(plain.depth[i] == depth && ranks[plain.element[i]] > ranks[element]))
        i++;
    size_t rest = plain.count++ - i;
    memmove(plain.element + i + 1, plain.element + i, rest * sizeof(plain.element[0]));
    memmove(plain.depth + i + 1, plain.depth + i, rest * sizeof(plain.depth[0]));
    memmove(plain.shown + i + 1, plain.shown + i, rest);
    plain.element[i] = element;
    plain.depth[i] = depth;
    plain.shown[i] = shown;
}

static void plain_remove(uint32_t element)
{
    uint32_t i = plain_find(element);
    size_t rest = --plain.count - i;
    memmove(plain.element + i, plain.element + i + 1, rest * sizeof(plain.element[0]));
    memmove(plain.depth + i, plain.depth + i + 1, rest * sizeof(plain.depth[0]));
    memmove(plain.shown + i, plain.shown + i + 1, rest);
}

static void insert(struct rga_tree *t, uint32_t parent, uint32_t element, bool shown)
{
    struct rga_place place = rga_tree_place(t, parent, before, &ranks[element]);
    rga_tree_insert(t, place, element, shown);
}

static void same(const struct rga_tree *t)
{
    struct rga_place at = {0}, at_shown = {0};
    uint32_t shown = 0;
    rga_tree_check(t);
    for (uint32_t i = 0; i < plain.count; i++) {
        CU_ASSERT_FATAL(rga_tree_next(t, &at) == plain.element[i]);
        CU_ASSERT_FATAL(at.depth == plain.depth[i]);
        CU_ASSERT_FATAL(rga_tree_has(t, plain.element[i]));
        bool has_child = i + 1 < plain.count && plain.depth[i + 1] > plain.depth[i];
        uint32_t first = has_child ? plain.element[i + 1] : RGA_NONE;
        CU_ASSERT_FATAL(rga_tree_first_child(t, plain.element[i]) == first);
        if (!plain.shown[i])
            continue;
        CU_ASSERT_FATAL(rga_tree_next_shown(t, &at_shown) == plain.element[i]);
        CU_ASSERT_FATAL(rga_tree_at(t, shown) == plain.element[i]);
        shown++;
    }
    CU_ASSERT(rga_tree_next(t, &at) == RGA_NONE && rga_tree_next_shown(t, &at_shown) == RGA_NONE);
    CU_ASSERT(rga_tree_shown(t) == shown);
}

static void is_empty_at_first(void)
{
    struct rga_tree t = {0};
    plain.count = 0;
    same(&t);
    CU_ASSERT(!rga_tree_has(&t, 0) && rga_tree_first_child(&t, RGA_HEAD) == RGA_NONE);
    insert(&t, RGA_HEAD, 5, true);
    CU_ASSERT(rga_tree_at(&t, 0) == 5 && rga_tree_first_child(&t, RGA_HEAD) == 5);
    CU_ASSERT(!rga_tree_has(&t, 4) && !rga_tree_has(&t, 6) && !rga_tree_has(&t, 1000));
    rga_tree_remove(&t, 5);
    same(&t);
    insert(&t, RGA_HEAD, 5, false);
    CU_ASSERT(rga_tree_shown(&t) == 0);
    rga_tree_free(&t);
    same(&t);
}

/* Most new ones go behind the last, or one nearby, some anywhere. */
static uint32_t parent_for(uint32_t i, unsigned style)
{
    if (i == 0 || drawn(16) == 0)
        return RGA_HEAD;
    switch (style) {
    case 0:
        return plain.element[drawn(plain.count)];
    case 1:
        return i - 1;
    case 2:
        return i - 1 - drawn(i < 4 ? i : 4);
    default:
        return drawn(8) > 0 ? i - 1 : drawn(i);
    }
}

static void grow_and_shrink(struct rga_tree *t, uint32_t count, unsigned style)
{
    plain.count = 0;
    for (uint32_t i = 0; i < count; i++) {
        ranks[i] = (drawn(2) ? i + count : drawn(count * 2)) * count + i;
        uint32_t parent = parent_for(i, style);
        bool shown = drawn(3) > 0;
        insert(t, parent, i, shown);
        plain_insert(parent, i, shown);
        if (drawn(4) == 0) {
            uint32_t at = drawn(plain.count);
            plain.shown[at] = !plain.shown[at];
            rga_tree_show(t, plain.element[at], plain.shown[at]);
        }
        if (i % 97 == 0)
            same(t);
    }
    same(t);
    for (uint32_t i = count; i-- > 0;) {
        if (rga_tree_first_child(t, i) != RGA_NONE)
            continue;
        rga_tree_remove(t, i);
        plain_remove(i);
        if (i % 97 == 0)
            same(t);
    }
    same(t);
}

static void is_the_plain_sequence(void)
{
    random_state = 11;
    for (unsigned round = 0; round < 24; round++) {
        struct rga_tree t = {0};
        grow_and_shrink(&t, round < 20 ? 40 + 20 * round : 3000, round % 4);
        rga_tree_free(&t);
    }
}

/* All gone but for some leaves that stay, empty; then it grows again. */
static void grows_again(void)
{
    struct rga_tree t = {0};
    plain.count = 0;
    random_state = 5;
    for (uint32_t turn = 0; turn < 4; turn++) {
        for (uint32_t i = 0; i < 500; i++) {
            ranks[i] = drawn(1000) * 500 + i;
            insert(&t, RGA_HEAD, i, true);
            plain_insert(RGA_HEAD, i, true);
        }
        same(&t);
        for (uint32_t i = 0; i < 500; i++) {
            if (turn % 2 == 0 && i == 77)
                continue;
            rga_tree_remove(&t, i);
            plain_remove(i);
        }
        same(&t);
        if (turn % 2 == 0) {
            insert(&t, 77, 501, true);
            plain_insert(77, 501, true);
            same(&t);
            rga_tree_remove(&t, 501);
            plain_remove(501);
            rga_tree_remove(&t, 77);
            plain_remove(77);
        }
    }
    rga_tree_free(&t);
}

/* So many siblings that a walk along them would be felt: a few questions find the place
 * of each, in whichever order they come. */
static void asks_few_of_many_siblings(void)
{
    enum { MANY = 100000, ORDERS = 3 };
    for (unsigned order = 0; order < ORDERS; order++) {
        struct rga_tree t = {0};
        size_t most = 0;
        random_state = 3;
        for (uint32_t i = 0; i < MANY; i++) {
            ranks[i] = order == 0 ? i : order == 1 ? MANY - i : drawn(UINT32_MAX);
            asked = 0;
            insert(&t, RGA_HEAD, i, true);
            most = asked > most ? asked : most;
        }
        CU_ASSERT(most <= 40);
        rga_tree_check(&t);
        uint32_t last = 0;
        for (uint32_t i = 0; i < MANY; i++) {
            uint32_t rank = ranks[rga_tree_at(&t, i)];
            CU_ASSERT_FATAL(rank >= last);
            last = rank;
        }
        rga_tree_free(&t);
    }
}

/* Typed text is as deep as it is long.  A second child stands behind all of it,
 * wherever along the way its parent is. */
static void ends_families_of_any_depth(void)
{
    enum { DEEP = 100000 };
    struct rga_tree t = {0};
    for (uint32_t i = 0; i < DEEP; i++) {
        ranks[i] = i;
        insert(&t, i == 0 ? RGA_HEAD : i - 1, i, true);
    }
    for (uint32_t i = DEEP; i < 2 * DEEP; i++) {
        ranks[i] = i;
        insert(&t, i - DEEP, i, true);
    }
    rga_tree_check(&t);
    for (uint32_t i = 0; i < DEEP; i++) {
        CU_ASSERT_FATAL(rga_tree_at(&t, i) == i);
        CU_ASSERT_FATAL(rga_tree_at(&t, 2 * DEEP - 1 - i) == DEEP + i);
    }
    rga_tree_free(&t);
}

/* Runs leave full leaves: 8 bytes an element, and not twice as many. */
static void is_dense_where_text_is_typed(void)
{
    struct rga_tree t = {0};
    for (uint32_t i = 0; i < 6400; i++)
        insert(&t, i == 0 ? RGA_HEAD : i - 1, i, true);
    CU_ASSERT(t.leaf_count == 100);
    /* Between the same two again and again, each first child before the one before it. */
    for (uint32_t i = 6400; i < 12800; i++)
        rga_tree_insert(&t, rga_tree_front(&t, 63), i, true);
    CU_ASSERT(t.leaf_count <= 300);
    rga_tree_check(&t);
    rga_tree_free(&t);
}

SUITE("rga_tree", TEST(is_empty_at_first), TEST(is_the_plain_sequence), TEST(grows_again),
      TEST(asks_few_of_many_siblings), TEST(ends_families_of_any_depth),
      TEST(is_dense_where_text_is_typed))
