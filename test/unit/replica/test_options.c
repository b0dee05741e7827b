#include "replica/options.h"

#include <stdio.h>
#include <string.h>

#include "unit/suite.h"

static enum err read(struct replica_options *o, const char *name, const char *map,
                     struct options_error *error)
{
    return replica_options_read(o, term_of(name), wall(term_of(map)), BYTES("c1@h"), error);
}

static void reads_all_options(void)
{
    struct replica_options o;
    struct options_error error;
    CU_ASSERT_FATAL(read(&o, "page_views",
                         "#{crdt => gcounter, actor => {a, 1}, group => {counter, <<\"v\">>},"
                         "  mapset => versioned, sync_interval => 250,"
                         "  anti_entropy_interval => 100, anti_entropy_jitter => 0}",
                         &error) == OK);
    CU_ASSERT(o.type == crdt_type_named(BYTES("gcounter")));
    ASSERT_TERM(term_bytes(&o.name), term_of("page_views"));
    ASSERT_TERM(term_bytes(&o.actor), term_of("{a, 1}"));
    ASSERT_TERM(term_bytes(&o.group), term_of("{counter, <<\"v\">>}"));
    CU_ASSERT(o.sync_ms == 250 && o.mapset == MAPSET_VERSIONED);
    CU_ASSERT(o.repair_ms == 100 && o.repair_jitter == 0);
    replica_options_free(&o);
    replica_options_free(&o);
}

static void has_defaults(void)
{
    struct replica_options o;
    struct options_error error;
    CU_ASSERT_FATAL(read(&o, "n", "#{crdt => 'Elixir.Grove.Counter.PNCounter'}", &error) == OK);
    CU_ASSERT(o.type == crdt_type_named(BYTES("pncounter")));
    ASSERT_TERM(term_bytes(&o.actor), term_of("<<\"n@c1@h\">>"));
    ASSERT_TERM(term_bytes(&o.group), term_of("n"));
    CU_ASSERT(o.sync_ms == 5000 && o.mapset == MAPSET_PLAIN);
    CU_ASSERT(o.repair_ms == 30000 && o.repair_jitter == 25);
    replica_options_free(&o);
    CU_ASSERT_FATAL(read(&o, "n", "#{crdt => gcounter, mapset => plain}", &error) == OK);
    CU_ASSERT(o.mapset == MAPSET_PLAIN);
    replica_options_free(&o);
}

static void accepts_the_ends_of_ranges(void)
{
    struct replica_options o;
    struct options_error error;
    CU_ASSERT(read(&o, "n", "#{crdt => gcounter, sync_interval => 10}", &error) == OK);
    replica_options_free(&o);
    CU_ASSERT(read(&o, "n", "#{crdt => gcounter, sync_interval => 86400000}", &error) == OK);
    replica_options_free(&o);
}

static void reads_storage(void)
{
    struct replica_options o;
    struct options_error error;
    CU_ASSERT_FATAL(read(&o, "n", "#{crdt => gset, storage => #{file => \"a/b.dets\"}}", &error) ==
                    OK);
    CU_ASSERT(bytes_equal(buf_bytes(&o.storage.file), BYTES("a/b.dets")));
    CU_ASSERT(o.storage.durability == DURABILITY_SYNC && o.storage.record == RECORD_AUTO);
    CU_ASSERT(o.snapshot_ms == 60000);
    replica_options_free(&o);
    CU_ASSERT_FATAL(read(&o, "n",
                         "#{crdt => gset, snapshot_interval => 100, storage => "
                         "#{file => <<\"x\">>, durability => interval, record => encoded}}",
                         &error) == OK);
    CU_ASSERT(bytes_equal(buf_bytes(&o.storage.file), BYTES("x")));
    CU_ASSERT(o.storage.durability == DURABILITY_INTERVAL && o.storage.record == RECORD_ENCODED);
    CU_ASSERT(o.snapshot_ms == 100);
    replica_options_free(&o);
    CU_ASSERT_FATAL(read(&o, "n",
                         "#{crdt => gset, storage => #{file => \"x\", durability => sync, "
                         "record => raw}}",
                         &error) == OK);
    CU_ASSERT(o.storage.durability == DURABILITY_SYNC && o.storage.record == RECORD_RAW);
    replica_options_free(&o);
}

/* Two replicas of one node, a and b: NULL if they can run beside each other. */
static const char *beside(const char *a, const char *b)
{
    static struct options_error error;
    struct replica_options first, second;
    CU_ASSERT_FATAL(read(&first, "a", a, &error) == OK && read(&second, "b", b, &error) == OK);
    enum err e = replica_options_compare(&second, &first, NULL, &error);
    replica_options_free(&first);
    replica_options_free(&second);
    return e == OK ? NULL : error.what;
}

static bool clash(const char *a, const char *b, const char *wanted)
{
    const char *what = beside(a, b);
    if (what != NULL && strcmp(what, wanted) == 0)
        return true;
    fprintf(stderr, "\n  got:    %s\n  wanted: %s\n", what != NULL ? what : "OK", wanted);
    return false;
}

static void compares_replicas_of_one_node(void)
{
#define IN_G "#{crdt => gset, group => g"
    CU_ASSERT_PTR_NULL(beside("#{crdt => gset}", "#{crdt => gset}"));
    CU_ASSERT_PTR_NULL(beside(IN_G "}", IN_G "}"));
    CU_ASSERT_PTR_NULL(beside(IN_G ", actor => 1}", IN_G ", actor => 1.0}"));
    CU_ASSERT_PTR_NULL(beside(IN_G ", actor => 1}", "#{crdt => gset, actor => 1}"));
#define FILE_F ", storage => #{file => \"f\"}}"
    CU_ASSERT_PTR_NULL(beside(IN_G FILE_F, IN_G ", storage => #{file => \"f2\"}}"));
    CU_ASSERT_PTR_NULL(beside(IN_G FILE_F, "#{crdt => gset" FILE_F));
#define TAKEN "which has the same group; each replica of a group needs its own"
    CU_ASSERT(clash(IN_G ", actor => {x, 1}}", IN_G ", actor => {x, 1}}",
                    "actor: {x,1} is the actor of replica a, " TAKEN));
    CU_ASSERT(clash(IN_G "}", "#{crdt => rga, group => g, actor => <<\"a@c1@h\">>}",
                    "actor: <<\"a@c1@h\">> is the actor of replica a, " TAKEN));
    CU_ASSERT(clash(IN_G FILE_F, IN_G ", storage => #{file => <<\"f\">>, record => raw}}",
                    "storage: replica a has the same file and group; choose another file"));
}

static void refused(const char *name, const char *map, const char *wanted)
{
    struct replica_options o;
    struct options_error error = {""};
    CU_ASSERT(read(&o, name, map, &error) == ERR_SHAPE);
    bool same = strcmp(error.what, wanted) == 0;
    CU_ASSERT(same);
    if (!same)
        fprintf(stderr, "\n  got:    %s\n  wanted: %s\n", error.what, wanted);
    CU_ASSERT(o.name.at == NULL && o.actor.at == NULL && o.group.at == NULL);
}

static void reports_errors(void)
{
#define SYNC_WANTED "sync_interval: expected milliseconds from 10 to 86400000, found "
    refused("n", "#{crdt => gcounter, sync_interval => abc}", SYNC_WANTED "abc");
    refused("n", "#{crdt => gcounter, sync_interval => 9}", SYNC_WANTED "9");
    refused("n", "#{crdt => gcounter, sync_interval => 86400001}", SYNC_WANTED "86400001");
    refused("n", "#{crdt => gcounter, sync_interval => 0.5}", SYNC_WANTED "0.5");
    refused("n", "#{crdt => gcounter, sync_interval => -5}", SYNC_WANTED "-5");
    refused("n", "#{crdt => gcounter, anti_entropy_interval => 99}",
            "anti_entropy_interval: expected milliseconds from 100 to 86400000, found 99");
    refused("n", "#{crdt => gcounter, anti_entropy_jitter => 101}",
            "anti_entropy_jitter: expected percent from 0 to 100, found 101");
    refused("n", "#{crdt => gcounter, anti_entropy_jitter => -1}",
            "anti_entropy_jitter: expected percent from 0 to 100, found -1");
    refused("n", "#{crdt => gcounter, mapset => 2}",
            "mapset: expected plain or versioned, found 2");
#define CRDT_WANTED                                                                                \
    "crdt: expected one of gcounter, pncounter, lww_register, mv_register, gset, two_p_set, "      \
    "or_set, dvv_set, or_map, rga, found "
    refused("n", "#{crdt => tree}", CRDT_WANTED "tree");
    refused("n", "#{crdt => <<\"gcounter\">>}", CRDT_WANTED "<<\"gcounter\">>");
#define KEYS                                                                                       \
    "actor, anti_entropy_interval, anti_entropy_jitter, crdt, global, group, mapset, pubsub, "     \
    "pubsub_topic, snapshot_interval, storage, sync_interval"
    refused("n", "#{actor => a}", "options: expected a crdt, found #{actor => a}");
    refused("n", "#{crdt => gcounter, actor => a, colour => red}",
            "options: expected the keys " KEYS ", found colour");
    refused("n", "#{crdt => gcounter, <<\"group\">> => g}",
            "options: expected the keys " KEYS ", found <<\"group\">>");
    refused("n", "[{crdt, gcounter}]", "options: expected a map, found [{crdt,gcounter}]");
#define NAME_WANTED                                                                                \
    "name: expected an atom other than '', undefined, coppice, net_kernel, global_name_server "    \
    "and rex, found "
    refused("rex", "#{crdt => gcounter}", NAME_WANTED "rex");
    refused("<<\"n\">>", "#{crdt => gcounter}", NAME_WANTED "<<\"n\">>");
    refused("''", "#{crdt => gcounter}", NAME_WANTED "''");
    refused("undefined", "#{crdt => gcounter}", NAME_WANTED "undefined");
}

/* Scopes ignore members of groups with longer names. */
static void limits_the_bytes_of_a_group(void)
{
    for (size_t more = 0; more < 2; more++) {
        struct replica_options o;
        struct options_error error;
        struct buf text = {0};
        buf_put(&text, BYTES("#{crdt => gset, actor => a, group => <<\""));
        for (size_t i = 5; i < LIMIT_GROUP_BYTES + more; i++)
            buf_put_u8(&text, 'n');
        buf_put(&text, BYTES("\">>}"));
        buf_put_u8(&text, 0);
        enum err e = replica_options_read(&o, term_of("r"), term_of((const char *)text.at),
                                          BYTES("c@h"), &error);
        CU_ASSERT_EQUAL(e == OK, more == 0);
        if (e == OK)
            replica_options_free(&o);
        else
            CU_ASSERT(strstr(error.what, "group: expected a term of at most 8192 bytes") != NULL);
        buf_free(&text);
    }
}

static void reports_storage_errors(void)
{
    refused("n", "#{crdt => gset, storage => \"f\"}", "storage: expected a map, found \"f\"");
    refused("n", "#{crdt => gset, storage => #{}}", "storage: expected a file, found #{}");
    refused("n", "#{crdt => gset, storage => #{file => \"\"}}",
            "file: expected a path as a string, found []");
    refused("n", "#{crdt => gset, storage => #{file => <<0>>}}",
            "file: expected a path as a string, found <<0>>");
    refused("n", "#{crdt => gset, storage => #{file => \"f\", durability => never}}",
            "durability: expected sync or interval, found never");
    refused("n", "#{crdt => gset, storage => #{file => \"f\", record => xml}}",
            "record: expected auto, raw or encoded, found xml");
    refused("n", "#{crdt => gset, storage => #{path => \"f\"}}",
            "storage: expected the keys durability, file, record, found path");
    refused("n", "#{crdt => gset, snapshot_interval => 99}",
            "snapshot_interval: expected milliseconds from 100 to 86400000, found 99");
}

static void has_topic(const char *map, const char *topic)
{
    struct replica_options o, copy;
    struct options_error error;
    CU_ASSERT_FATAL(read(&o, "n", map, &error) == OK);
    ASSERT_TERM(term_bytes(&o.pubsub), term_of("'Elixir.App.PubSub'"));
    CU_ASSERT(bytes_equal(buf_bytes(&o.topic), bytes_of(topic)));
    replica_options_copy(&copy, &o);
    replica_options_free(&o);
    ASSERT_TERM(term_bytes(&copy.pubsub), term_of("'Elixir.App.PubSub'"));
    CU_ASSERT(bytes_equal(buf_bytes(&copy.topic), bytes_of(topic)));
    replica_options_free(&copy);
}

#define PUBSUB "#{crdt => gset, pubsub => 'Elixir.App.PubSub'"

static void makes_topics_as_grove_does(void)
{
    has_topic(PUBSUB "}", "grove:n");
    has_topic(PUBSUB ", group => <<\"my_topic\">>}", "grove:my_topic");
    has_topic(PUBSUB ", group => {counter, <<\"views\">>}}", "grove:counter:views");
    has_topic(PUBSUB ", group => {counter, views}}", "grove:counter:views");
    has_topic(PUBSUB ", pubsub_topic => <<\"t\">>}", "t");
    has_topic(PUBSUB ", pubsub_topic => \"t\", group => {a, b, c}}", "t");
}

static void reports_errors_of_topics(void)
{
    refused("n", "#{crdt => gset, pubsub => <<\"App\">>}",
            "pubsub: expected an atom such as 'Elixir.MyApp.PubSub', found <<\"App\">>");
    refused("n", PUBSUB ", group => {1, 2}}",
            "pubsub_topic: expected a topic, since none can be made of the group, found {1,2}");
    refused("n", PUBSUB ", group => {a, 2}}",
            "pubsub_topic: expected a topic, since none can be made of the group, found {a,2}");
    refused("n", PUBSUB ", pubsub_topic => \"\"}",
            "pubsub_topic: expected a topic as a string, found []");
    refused("n", "#{crdt => gset, pubsub_topic => \"t\"}",
            "pubsub_topic: needs the key pubsub, too");
}

/* The message fits its buffer, however large the term is. */
static void truncates_long_terms(void)
{
    struct buf text = {0};
    buf_printf(&text, "#{crdt => <<\"");
    for (int i = 0; i < 5000; i++)
        buf_printf(&text, "x");
    buf_printf(&text, "\">>}%c", 0);
    struct replica_options o;
    struct options_error error;
    CU_ASSERT(read(&o, "n", (const char *)text.at, &error) == ERR_SHAPE);
    CU_ASSERT(strlen(error.what) < sizeof(error.what));
    CU_ASSERT(strncmp(error.what, "crdt: expected one of", 21) == 0);
    buf_free(&text);
}

SUITE("options", TEST(reads_all_options), TEST(has_defaults), TEST(compares_replicas_of_one_node),
      TEST(accepts_the_ends_of_ranges), TEST(reads_storage), TEST(reports_errors),
      TEST(limits_the_bytes_of_a_group), TEST(reports_storage_errors), TEST(truncates_long_terms),
      TEST(makes_topics_as_grove_does), TEST(reports_errors_of_topics))
