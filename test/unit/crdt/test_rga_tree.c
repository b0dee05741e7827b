#include "crdt/rga/rga_tree.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "unit/suite.h"

#define ELEMENTS_MAX 200000

/* The same sequence in plain arrays, searched linearly.  Siblings are ordered by their ranks,
 * which are distinct. */
struct model {
    uint32_t count;
    uint32_t element[ELEMENTS_MAX], depth[ELEMENTS_MAX];
    bool shown[ELEMENTS_MAX];
};

static struct model model;
static uint32_t ranks[ELEMENTS_MAX];
static size_t comparisons;

static uint64_t random_state;

static uint32_t random_below(uint32_t below)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33) % below;
}

static bool before(const void *arg, uint32_t other)
{
    const uint32_t *rank = arg;
    comparisons++;
    return ranks[other] < *rank;
}

static uint32_t model_find(uint32_t element)
{
    uint32_t i = 0;
    while (model.element[i] != element)
        i++;
    return i;
}

static void model_insert(uint32_t parent, uint32_t element, bool shown)
{
    uint32_t i = 0, depth = 1;
    if (parent != RGA_HEAD) {
        i = model_find(parent);
        depth = model.depth[i++] + 1;
    }
    while (i < model.count && model.depth[i] >= depth &&
           !(model.depth[i] == depth && ranks[model.element[i]] > ranks[element]))
        i++;
    size_t rest = model.count++ - i;
    memmove(model.element + i + 1, model.element + i, rest * sizeof(model.element[0]));
    memmove(model.depth + i + 1, model.depth + i, rest * sizeof(model.depth[0]));
    memmove(model.shown + i + 1, model.shown + i, rest);
    model.element[i] = element;
    model.depth[i] = depth;
    model.shown[i] = shown;
}

static void model_remove(uint32_t element)
{
    uint32_t i = model_find(element);
    size_t rest = --model.count - i;
    memmove(model.element + i, model.element + i + 1, rest * sizeof(model.element[0]));
    memmove(model.depth + i, model.depth + i + 1, rest * sizeof(model.depth[0]));
    memmove(model.shown + i, model.shown + i + 1, rest);
}

static void insert(struct rga_tree *t, uint32_t parent, uint32_t element, bool shown)
{
    struct rga_place place = rga_tree_place(t, parent, before, &ranks[element]);
    rga_tree_insert(t, place, element, shown);
}

static void check_against_model(const struct rga_tree *t)
{
    struct rga_place at = {0}, at_shown = {0};
    uint32_t shown = 0;
    rga_tree_check(t);
    for (uint32_t i = 0; i < model.count; i++) {
        CU_ASSERT_FATAL(rga_tree_next(t, &at) == model.element[i]);
        CU_ASSERT_FATAL(at.depth == model.depth[i]);
        CU_ASSERT_FATAL(rga_tree_has(t, model.element[i]));
        bool has_child = i + 1 < model.count && model.depth[i + 1] > model.depth[i];
        uint32_t first = has_child ? model.element[i + 1] : RGA_NONE;
        CU_ASSERT_FATAL(rga_tree_first_child(t, model.element[i]) == first);
        if (!model.shown[i])
            continue;
        CU_ASSERT_FATAL(rga_tree_next_shown(t, &at_shown) == model.element[i]);
        CU_ASSERT_FATAL(rga_tree_at(t, shown) == model.element[i]);
        shown++;
    }
    CU_ASSERT(rga_tree_next(t, &at) == RGA_NONE && rga_tree_next_shown(t, &at_shown) == RGA_NONE);
    CU_ASSERT(rga_tree_shown(t) == shown);
}

static void starts_empty(void)
{
    struct rga_tree t = {0};
    model.count = 0;
    check_against_model(&t);
    CU_ASSERT(!rga_tree_has(&t, 0) && rga_tree_first_child(&t, RGA_HEAD) == RGA_NONE);
    insert(&t, RGA_HEAD, 5, true);
    CU_ASSERT(rga_tree_at(&t, 0) == 5 && rga_tree_first_child(&t, RGA_HEAD) == 5);
    CU_ASSERT(!rga_tree_has(&t, 4) && !rga_tree_has(&t, 6) && !rga_tree_has(&t, 1000));
    rga_tree_remove(&t, 5);
    check_against_model(&t);
    insert(&t, RGA_HEAD, 5, false);
    CU_ASSERT(rga_tree_shown(&t) == 0);
    rga_tree_free(&t);
    check_against_model(&t);
}

/* Mostly the last element or one nearby, sometimes any. */
static uint32_t parent_for(uint32_t i, unsigned style)
{
    if (i == 0 || random_below(16) == 0)
        return RGA_HEAD;
    switch (style) {
    case 0:
        return model.element[random_below(model.count)];
    case 1:
        return i - 1;
    case 2:
        return i - 1 - random_below(i < 4 ? i : 4);
    default:
        return random_below(8) > 0 ? i - 1 : random_below(i);
    }
}

static void grow_and_shrink(struct rga_tree *t, uint32_t count, unsigned style)
{
    model.count = 0;
    for (uint32_t i = 0; i < count; i++) {
        ranks[i] = (random_below(2) ? i + count : random_below(count * 2)) * count + i;
        uint32_t parent = parent_for(i, style);
        bool shown = random_below(3) > 0;
        insert(t, parent, i, shown);
        model_insert(parent, i, shown);
        if (random_below(4) == 0) {
            uint32_t at = random_below(model.count);
            model.shown[at] = !model.shown[at];
            rga_tree_show(t, model.element[at], model.shown[at]);
        }
        if (i % 97 == 0)
            check_against_model(t);
    }
    check_against_model(t);
    for (uint32_t i = count; i-- > 0;) {
        if (rga_tree_first_child(t, i) != RGA_NONE)
            continue;
        rga_tree_remove(t, i);
        model_remove(i);
        if (i % 97 == 0)
            check_against_model(t);
    }
    check_against_model(t);
}

static void matches_a_model(void)
{
    random_state = 11;
    for (unsigned round = 0; round < 24; round++) {
        struct rga_tree t = {0};
        grow_and_shrink(&t, round < 20 ? 40 + 20 * round : 3000, round % 4);
        rga_tree_free(&t);
    }
}

/* Removing everything leaves empty leaves; then it grows again. */
static void grows_again(void)
{
    struct rga_tree t = {0};
    model.count = 0;
    random_state = 5;
    for (uint32_t turn = 0; turn < 4; turn++) {
        for (uint32_t i = 0; i < 500; i++) {
            ranks[i] = random_below(1000) * 500 + i;
            insert(&t, RGA_HEAD, i, true);
            model_insert(RGA_HEAD, i, true);
        }
        check_against_model(&t);
        for (uint32_t i = 0; i < 500; i++) {
            if (turn % 2 == 0 && i == 77)
                continue;
            rga_tree_remove(&t, i);
            model_remove(i);
        }
        check_against_model(&t);
        if (turn % 2 == 0) {
            insert(&t, 77, 501, true);
            model_insert(77, 501, true);
            check_against_model(&t);
            rga_tree_remove(&t, 501);
            model_remove(501);
            rga_tree_remove(&t, 77);
            model_remove(77);
        }
    }
    rga_tree_free(&t);
}

/* With very many siblings, a few comparisons find the place of a new one, in any order of
 * insertion. */
static void compares_few_of_many_siblings(void)
{
    enum { MANY = 100000, ORDERS = 3 };
    for (unsigned order = 0; order < ORDERS; order++) {
        struct rga_tree t = {0};
        size_t most = 0;
        random_state = 3;
        for (uint32_t i = 0; i < MANY; i++) {
            ranks[i] = order == 0 ? i : order == 1 ? MANY - i : random_below(UINT32_MAX);
            comparisons = 0;
            insert(&t, RGA_HEAD, i, true);
            most = comparisons > most ? comparisons : most;
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

/* Typed text is as deep as it is long.  A second child comes after the whole subtree of the first,
 * however deep its parent is. */
static void finds_subtree_ends_at_any_depth(void)
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

/* Typed runs fill leaves: 8 bytes per element instead of 16. */
static void typed_text_fills_leaves(void)
{
    struct rga_tree t = {0};
    for (uint32_t i = 0; i < 6400; i++)
        insert(&t, i == 0 ? RGA_HEAD : i - 1, i, true);
    CU_ASSERT(t.leaf_count == 100);
    /* Repeated inserts at one place, each a new first child. */
    for (uint32_t i = 6400; i < 12800; i++)
        rga_tree_insert(&t, rga_tree_front(&t, 63), i, true);
    CU_ASSERT(t.leaf_count <= 300);
    rga_tree_check(&t);
    rga_tree_free(&t);
}

SUITE("rga_tree", TEST(starts_empty), TEST(matches_a_model), TEST(grows_again),
      TEST(compares_few_of_many_siblings), TEST(finds_subtree_ends_at_any_depth),
      TEST(typed_text_fills_leaves))
