#include "crdt/rga/rga_tree.h"

#include <stdlib.h>
#include <string.h>

#include "crdt/rga/rga_nodes.h"
#include "err.h"
#include "unit/suite.h"

#define ELEMENTS_MAX 200000

/* The same sequence in plain arrays, searched linearly, RGA_LIMBO and what is in limbo included.
 * Siblings are ordered by their ranks, which are distinct. */
struct model {
    uint32_t count;
    uint32_t element[ELEMENTS_MAX], depth[ELEMENTS_MAX];
    bool shown[ELEMENTS_MAX];
};

static struct model model;
static uint32_t ranks[ELEMENTS_MAX];
static size_t comparisons;

static void model_clear(void)
{
    model.count = 1;
    model.element[0] = RGA_LIMBO;
    model.depth[0] = 0;
    model.shown[0] = false;
}

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

/* The index and depth for a new child of a parent. */
static uint32_t model_place(uint32_t parent, uint32_t rank, uint32_t *depth)
{
    uint32_t i = 0;
    *depth = 1;
    if (parent != RGA_HEAD) {
        i = model_find(parent);
        *depth = model.depth[i++] + 1;
    }
    while (i < model.count && model.depth[i] >= *depth &&
           !(model.depth[i] == *depth && ranks[model.element[i]] > rank))
        i++;
    return i;
}

static void model_insert(uint32_t parent, uint32_t element, bool shown)
{
    uint32_t depth, i = model_place(parent, ranks[element], &depth);
    size_t rest = model.count++ - i;
    memmove(model.element + i + 1, model.element + i, rest * sizeof(model.element[0]));
    memmove(model.depth + i + 1, model.depth + i, rest * sizeof(model.depth[0]));
    memmove(model.shown + i + 1, model.shown + i, rest);
    model.element[i] = element;
    model.depth[i] = depth;
    model.shown[i] = shown;
}

static void model_remove_run(uint32_t i, uint32_t count)
{
    model.count -= count;
    size_t rest = model.count - i;
    memmove(model.element + i, model.element + i + count, rest * sizeof(model.element[0]));
    memmove(model.depth + i, model.depth + i + count, rest * sizeof(model.depth[0]));
    memmove(model.shown + i, model.shown + i + count, rest);
}

static void model_remove(uint32_t element)
{
    model_remove_run(model_find(element), 1);
}

static uint32_t model_end(uint32_t i)
{
    uint32_t end = i + 1;
    while (end < model.count && model.depth[end] > model.depth[i])
        end++;
    return end;
}

static void model_move(uint32_t element, uint32_t parent)
{
    static struct model run;
    uint32_t from = model_find(element), depth;
    run.count = model_end(from) - from;
    memcpy(run.element, model.element + from, run.count * sizeof(run.element[0]));
    memcpy(run.depth, model.depth + from, run.count * sizeof(run.depth[0]));
    memcpy(run.shown, model.shown + from, run.count);
    model_remove_run(from, run.count);
    uint32_t i = model_place(parent, ranks[element], &depth);
    size_t rest = model.count - i;
    memmove(model.element + i + run.count, model.element + i, rest * sizeof(model.element[0]));
    memmove(model.depth + i + run.count, model.depth + i, rest * sizeof(model.depth[0]));
    memmove(model.shown + i + run.count, model.shown + i, rest);
    model.count += run.count;
    for (uint32_t j = 0; j < run.count; j++) {
        model.element[i + j] = run.element[j];
        model.depth[i + j] = run.depth[j] - run.depth[0] + depth;
        model.shown[i + j] = run.shown[j];
    }
}

static void insert(struct rga_tree *t, uint32_t parent, uint32_t element, bool shown)
{
    struct rga_place place = rga_tree_place(t, parent, before, &ranks[element]);
    rga_tree_insert(t, place, element, shown);
}

static void check_entry(const struct rga_tree *t, uint32_t i)
{
    uint32_t element = model.element[i];
    CU_ASSERT_FATAL(rga_tree_has(t, element));
    bool has_child = i + 1 < model.count && model.depth[i + 1] > model.depth[i];
    uint32_t first = has_child ? model.element[i + 1] : RGA_NONE;
    CU_ASSERT_FATAL(rga_tree_first_child(t, element) == first);
    uint32_t root = model_find(RGA_LIMBO) < i ? i : 0;
    while (root > 0 && model.depth[root] > 1)
        root--;
    if (element != RGA_LIMBO)
        CU_ASSERT_FATAL(rga_tree_limbo_root(t, element) ==
                        (root > 0 ? model.element[root] : RGA_NONE));
    uint32_t other = random_below(model.count);
    if (model.element[other] != RGA_LIMBO && element != RGA_LIMBO)
        CU_ASSERT_FATAL(rga_tree_is_within(t, element, model.element[other]) ==
                        (i >= other && i < model_end(other)));
}

/* The two ways to the place for a first child of a shown element. */
static void check_front(const struct rga_tree *t, uint32_t index)
{
    uint32_t parent = RGA_NONE, element = rga_tree_at(t, index);
    struct rga_place front = rga_tree_front_at(t, index + 1, &parent);
    struct rga_place same = rga_tree_front(t, element);
    CU_ASSERT_FATAL(parent == element && memcmp(&front, &same, sizeof(front)) == 0);
    CU_ASSERT_FATAL(rga_tree_child_at(t, front) == rga_tree_first_child(t, element));
}

static void check_against_model(const struct rga_tree *t)
{
    struct rga_place at = {0}, at_shown = {0};
    uint32_t shown = 0;
    bool limbo = false;
    rga_tree_check(t);
    for (uint32_t i = 0; i < model.count && t->leaf_count > 0; i++) {
        CU_ASSERT_FATAL(rga_tree_next(t, &at) == model.element[i]);
        CU_ASSERT_FATAL(at.depth == model.depth[i]);
        check_entry(t, i);
        limbo |= model.element[i] == RGA_LIMBO;
        if (!model.shown[i] || limbo)
            continue;
        CU_ASSERT_FATAL(rga_tree_next_shown(t, &at_shown) == model.element[i]);
        CU_ASSERT_FATAL(rga_tree_at(t, shown) == model.element[i]);
        check_front(t, shown);
        shown++;
    }
    CU_ASSERT(rga_tree_next(t, &at) == RGA_NONE && rga_tree_next_shown(t, &at_shown) == RGA_NONE);
    CU_ASSERT(rga_tree_shown(t) == shown);
}

static void starts_empty(void)
{
    struct rga_tree t = {0};
    model_clear();
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

/* Moves any subtree to any place outside it. */
static void move_any(struct rga_tree *t, uint32_t count)
{
    uint32_t from, to, new_rank = (random_below(count * 2)) * count + random_below(count);
    do {
        from = random_below(model.count);
        to = random_below(model.count + 1);
    } while (model.element[from] == RGA_LIMBO ||
             (to < model.count && to >= from && to < model_end(from)));
    uint32_t element = model.element[from];
    uint32_t parent = to == model.count ? RGA_HEAD : model.element[to];
    for (uint32_t i = 0; i < count; i++)
        new_rank += ranks[i] == new_rank;
    struct rga_place place = rga_tree_place(t, parent, before, &new_rank);
    rga_tree_move(t, element, place);
    ranks[element] = new_rank;
    model_move(element, parent);
}

static void grow_and_shrink(struct rga_tree *t, uint32_t count, unsigned style, bool moves)
{
    model_clear();
    for (uint32_t i = 0; i < count; i++) {
        ranks[i] = (random_below(2) ? i + count : random_below(count * 2)) * count + i;
        uint32_t parent = parent_for(i, style);
        bool shown = random_below(3) > 0;
        insert(t, parent, i, shown);
        model_insert(parent, i, shown);
        if (random_below(4) == 0) {
            uint32_t at = model_find(random_below(i + 1));
            model.shown[at] = !model.shown[at];
            rga_tree_show(t, model.element[at], model.shown[at]);
        }
        if (moves && random_below(3) == 0)
            move_any(t, i + 1);
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
        grow_and_shrink(&t, round < 20 ? 40 + 20 * round : 3000, round % 4, round % 3 > 0);
        rga_tree_free(&t);
    }
}

/* Removing everything leaves empty leaves; then it grows again. */
static void grows_again(void)
{
    struct rga_tree t = {0};
    model_clear();
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
    CU_ASSERT(t.leaf_count == 101); /* with RGA_LIMBO */
    /* Repeated inserts at one place, each a new first child. */
    for (uint32_t i = 6400; i < 12800; i++)
        rga_tree_insert(&t, rga_tree_front(&t, 63), i, true);
    CU_ASSERT(t.leaf_count <= 301);
    rga_tree_check(&t);
    rga_tree_free(&t);
}

/* However often subtrees are moved, and wherever they are cut, the nodes stay well filled. */
static void moves_leave_no_small_nodes(void)
{
    enum { MANY = 3000 };
    struct rga_tree t = {0};
    random_state = 9;
    for (uint32_t i = 0; i < MANY; i++) {
        ranks[i] = i;
        insert(&t, i == 0 || random_below(20) == 0 ? RGA_HEAD : i - 1 - random_below(i) % 3, i,
               true);
    }
    size_t leaves = 0;
    for (uint32_t i = 0; i < 100000; i++) {
        uint32_t element = random_below(MANY), parent = random_below(MANY + 1);
        parent = parent == MANY ? RGA_HEAD : parent;
        if (i % 3 > 0) /* right behind another element, so that runs are cut anywhere */
            parent = element == 0 ? RGA_HEAD : element - 1;
        if (parent != RGA_HEAD && rga_tree_is_within(&t, parent, element))
            parent = RGA_HEAD;
        rga_tree_move(&t, element, rga_tree_front(&t, parent));
    }
    rga_tree_check(&t);
    for (size_t i = 0; i < t.leaf_count; i++)
        leaves += t.leaves[i].parent != NO_NODE;
    CU_ASSERT(leaves <= MANY / 24 && t.leaf_count <= MANY / 20);
    rga_tree_free(&t);
}

SUITE("rga_tree", TEST(starts_empty), TEST(matches_a_model), TEST(grows_again),
      TEST(compares_few_of_many_siblings), TEST(finds_subtree_ends_at_any_depth),
      TEST(typed_text_fills_leaves), TEST(moves_leave_no_small_nodes))
