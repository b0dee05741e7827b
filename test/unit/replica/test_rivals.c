#include "replica/rivals.h"

#include <stdio.h>
#include <string.h>

#include "unit/suite.h"

/* Enough that comparing each with each would take minutes. */
#define MANY 50000

static void open_options(struct replica_options *o, const char *name, const char *map)
{
    struct options_error error;
    CU_ASSERT_FATAL(replica_options_read(o, term_of(name), term_of(map), BYTES("c1@h"), &error) ==
                    OK);
}

/* Whether a replica b can run beside a replica a. */
static bool may_be_beside(const char *a, const char *b)
{
    struct rivals r = {.seed = 7};
    struct options_error error;
    struct replica_options first, second;
    open_options(&first, "a", a);
    open_options(&second, "b", b);
    rivals_add(&r, &first);
    bool may = rivals_check(&r, &second, NULL, &error) == OK;
    rivals_remove(&r, &first);
    CU_ASSERT(rivals_check(&r, &second, NULL, &error) == OK);
    CU_ASSERT_EQUAL(r.claims.count, 0);
    rivals_free(&r);
    replica_options_free(&first);
    replica_options_free(&second);
    return may;
}

static void finds_each_kind_of_clash(void)
{
#define IN_G   "#{crdt => gset, group => g"
#define FILE_F ", storage => #{file => \"f\"}}"
    CU_ASSERT(may_be_beside("#{crdt => gset}", "#{crdt => gset}"));
    CU_ASSERT(may_be_beside(IN_G "}", IN_G "}"));
    CU_ASSERT(!may_be_beside(IN_G ", actor => 1}", IN_G ", actor => 1}"));
    CU_ASSERT(may_be_beside(IN_G ", actor => 1}", "#{crdt => gset, actor => 1}"));
    CU_ASSERT(!may_be_beside(IN_G FILE_F, IN_G FILE_F));
    CU_ASSERT(may_be_beside(IN_G FILE_F, "#{crdt => gset" FILE_F));
    CU_ASSERT(!may_be_beside(IN_G ", global => x}", "#{crdt => gset, global => x}"));
    CU_ASSERT(may_be_beside(IN_G ", global => x}", IN_G ", global => y}"));
}

static bool is_same(struct bytes a, struct bytes b)
{
    return a.len > 0 && b.len > 0;
}

static void asks_whether_two_paths_are_of_one_file(void)
{
    struct rivals r = {0};
    struct options_error error;
    struct replica_options first, second;
    open_options(&first, "a", IN_G ", storage => #{file => \"f\"}}");
    open_options(&second, "b", IN_G ", storage => #{file => \"./f\"}}");
    rivals_add(&r, &first);
    CU_ASSERT(rivals_check(&r, &second, NULL, &error) == OK);
    CU_ASSERT(rivals_check(&r, &second, is_same, &error) == ERR_SHAPE);
    rivals_free(&r);
    replica_options_free(&first);
    replica_options_free(&second);
}

/* A replica is not compared with the one in whose place it is started. */
static void passes_over_its_own_name(void)
{
    struct rivals r = {0};
    struct options_error error;
    struct replica_options old, new;
    open_options(&old, "a", IN_G ", actor => 1, global => x}");
    open_options(&new, "a", IN_G ", actor => 1, global => x}");
    rivals_add(&r, &old);
    CU_ASSERT(rivals_check(&r, &new, NULL, &error) == OK);
    rivals_free(&r);
    replica_options_free(&old);
    replica_options_free(&new);
}

static void compares_a_few_of_many(void)
{
    static struct replica_options all[MANY];
    struct rivals r = {0};
    struct options_error error;
    for (unsigned i = 0; i < MANY; i++) {
        char name[16];
        snprintf(name, sizeof(name), "r%u", i);
        open_options(&all[i], name, IN_G "}");
        CU_ASSERT(rivals_check(&r, &all[i], NULL, &error) == OK);
        rivals_add(&r, &all[i]);
    }
    CU_ASSERT_EQUAL(r.claims.count, MANY);
    rivals_free(&r);
    for (unsigned i = 0; i < MANY; i++)
        replica_options_free(&all[i]);
}

SUITE("rivals", TEST(finds_each_kind_of_clash), TEST(asks_whether_two_paths_are_of_one_file),
      TEST(passes_over_its_own_name), TEST(compares_a_few_of_many))
