/* The adapter processes of a node; the scope Phoenix.PubSub is told of others' by hand. */
#include "limits.h"
#include "pg/pg.h"
#include "unit/node/outside.h"

#define OPTIONS "crdt => gcounter, pubsub => 'Elixir.App.PubSub', group => "

static void drop(struct post *p, const struct signal *signal)
{
    (void)p;
    (void)signal;
}

static bool is_connected(struct post *p, struct bytes node)
{
    (void)p;
    (void)node;
    return true;
}

static uint64_t no_flags(struct post *p, struct bytes node)
{
    (void)p;
    (void)node;
    return 0;
}

static bool never_slow(struct post *p, struct bytes node)
{
    (void)p;
    (void)node;
    return false;
}

static void no_log(struct post *p, enum log_level level, struct bytes line)
{
    (void)p;
    (void)level;
    (void)line;
}

static struct post post = {drop, is_connected, no_flags, never_slow, no_log,
                           NULL, NULL,         NULL,     NULL};

static struct process *named(const char *name)
{
    return process_named(node_processes(nodes[0].node), bytes_of(name));
}

/* b@h's scope says that a process there is in these groups. */
static void sync(const char *groups)
{
    struct turn t = {.now_ms = net.now_ms, .random = 1, .post = &post};
    struct buf message = {0};
    buf_printf(&message, "{'$gen_cast', {sync, #Pid<'b@h'.1.0.7>, [%s]}}%c", groups, 0);
    process_deliver(named("Elixir.Phoenix.PubSub"), term_of((const char *)message.at), &t);
    buf_free(&message);
    run_for(1);
}

static uint64_t merges(const char *replica)
{
    struct buf status = {0};
    replica_status(named(replica), &status);
    struct etf_in in = etf_open(buf_bytes(&status));
    uint64_t found = UINT64_MAX;
    for (uint32_t left = etf_map(&in); left > 0; left--) {
        bool it = etf_accept(&in, "merges");
        struct etf_in value = etf_open(it ? etf_any(&in) : (etf_any(&in), etf_any(&in)));
        found = it ? etf_uint64(&value) : found;
    }
    buf_free(&status);
    return found;
}

static void forward(const char *adapter, const char *topic)
{
    struct turn t = {.now_ms = net.now_ms, .random = 1, .post = &post};
    struct buf message = {0};
    buf_printf(&message,
               "{forward_to_local, <<\"%s\">>, {grove_delta, #{'__struct__' => "
               "'Elixir.Grove.Counter.GCounter', actor => b, counts => #{b => 1}, delta_buffer => "
               "#{}}, #Pid<'b@h'.2.0.7>}, x}%c",
               topic, 0);
    process_deliver(named(adapter), term_of((const char *)message.at), &t);
    buf_free(&message);
}

static void open_node(const char *config)
{
    start(0, "a@h", config);
    run_for(1);
}

static void hands_deltas_to_the_replicas_of_a_topic(void)
{
    open_node("{replica, r, #{" OPTIONS "{c, <<\"v\">>}}}. {replica, s, #{" OPTIONS "x}}. "
              "{replica, t, #{" OPTIONS "y, pubsub_topic => \"grove:x\"}}.");
    forward("Elixir.App.PubSub.Adapter", "grove:c:v");
    CU_ASSERT(merges("r") == 1 && merges("s") == 0 && merges("t") == 0);
    forward("Elixir.App.PubSub.Adapter", "grove:x");
    CU_ASSERT(merges("r") == 1 && merges("s") == 1 && merges("t") == 1);
    forward("Elixir.App.PubSub.Adapter", "grove:c");
    CU_ASSERT(merges("r") == 1 && merges("s") == 1 && merges("t") == 1);
    stop_all();
}

static void has_the_largest_pool_of_its_peers(void)
{
    open_node("{replica, r, #{" OPTIONS "x}}.");
    CU_ASSERT(named("Elixir.App.PubSub.Adapter") != NULL);
    CU_ASSERT(named("Elixir.App.PubSub.Adapter_2") == NULL);
    sync("{'Elixir.App.PubSub.Adapter_3', [#Pid<'b@h'.2.0.7>]}");
    CU_ASSERT(named("Elixir.App.PubSub.Adapter_2") != NULL);
    CU_ASSERT(named("Elixir.App.PubSub.Adapter_3") != NULL);
    CU_ASSERT(named("Elixir.App.PubSub.Adapter_4") == NULL);
    forward("Elixir.App.PubSub.Adapter_3", "grove:x");
    CU_ASSERT(merges("r") == 1);
    stop_all();
}

/* Any node may join groups of any name. */
static void passes_over_other_groups(void)
{
    open_node("{replica, r, #{" OPTIONS "x}}.");
    sync("{'Elixir.App.PubSub.Adapter_65', [#Pid<'b@h'.2.0.7>]},"
         "{'Elixir.App.PubSub.Adapter_99999999999999999999', [#Pid<'b@h'.2.0.7>]},"
         "{'Elixir.App.PubSub.Adapter_', [#Pid<'b@h'.2.0.7>]},"
         "{'Elixir.App.PubSub.Adapter_1', [#Pid<'b@h'.2.0.7>]},"
         "{'Elixir.App.PubSub.Adapter2', [#Pid<'b@h'.2.0.7>]},"
         "{'Elixir.Other.Adapter_2', [#Pid<'b@h'.2.0.7>]}, {'_2', [#Pid<'b@h'.2.0.7>]},"
         "{'2', [#Pid<'b@h'.2.0.7>]}, {'', [#Pid<'b@h'.2.0.7>]}, {{a}, [#Pid<'b@h'.2.0.7>]}");
    CU_ASSERT(named("Elixir.App.PubSub.Adapter_2") == NULL);
    sync("{'Elixir.App.PubSub.Adapter_64', [#Pid<'b@h'.2.0.7>]}");
    CU_ASSERT(named("Elixir.App.PubSub.Adapter_64") != NULL);
    stop_all();
}

static void kill(const char *name)
{
    struct turn t = {.now_ms = net.now_ms, .random = 1, .post = &post};
    process_exit(named(name), term_of("killed"), &t);
    processes_tidy(node_processes(nodes[0].node));
}

static void restarts_what_ends(void)
{
    open_node("{replica, r, #{" OPTIONS "x}}.");
    sync("{'Elixir.App.PubSub.Adapter_2', [#Pid<'b@h'.2.0.7>]}");
    static const char *const names[] = {"Elixir.Phoenix.PubSub", "Elixir.App.PubSub.Adapter",
                                        "Elixir.App.PubSub.Adapter_2", "r"};
    for (int i = 0; i < 3; i++)
        for (size_t k = 0; k < sizeof(names) / sizeof(names[0]) - (i > 1); k++) {
            kill(names[k]);
            for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++)
                CU_ASSERT_FATAL(named(names[n]) != NULL);
        }
    forward("Elixir.App.PubSub.Adapter_2", "grove:x");
    CU_ASSERT(merges("r") == 1);
    stop_all();
}

/* Module.concat(:app, "Adapter") */
static void names_are_as_in_elixir(void)
{
    open_node("{replica, r, #{crdt => gcounter, pubsub => app, group => x}}.");
    CU_ASSERT(named("Elixir.app.Adapter") != NULL);
    forward("Elixir.app.Adapter", "grove:x");
    CU_ASSERT_EQUAL(merges("r"), 1);
    stop_all();
}

static void an_adapter_passes_over_other_messages(void)
{
    static const char *const others[] = {
        "what", "{forward_to_local, <<\"grove:x\">>, {grove_delta, x, y}}",
        "{forward_to_remote, <<\"grove:x\">>, {grove_delta, x, y}, z}",
        "{forward_to_local, <<\"grove:x\">>, {grove_delta, x, y}, z}",
        "{forward_to_local, grove, {grove_delta, x, y}, z}"};
    open_node("{replica, r, #{" OPTIONS "x}}.");
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        message_to(0, "Elixir.App.PubSub.Adapter", term_of(others[i]));
    CU_ASSERT_EQUAL(outside.reply.len, 0);
    message_to(0, "Elixir.App.PubSub.Adapter", term_of("{'$gen_call', {" OUTSIDER ", t}, what}"));
    ASSERT_TERM(answer(), term_of("{error, {unknown_request, what}}"));
    forward("Elixir.App.PubSub.Adapter", "grove:x");
    CU_ASSERT_EQUAL(merges("r"), 1);
    outside_close();
    stop_all();
}

/* Those of its peers were told before. */
static void a_new_pubsub_has_the_pool_of_its_peers(void)
{
    open_node("{replica, r, #{" OPTIONS "x}}.");
    sync("{'Elixir.Other.Adapter_3', [#Pid<'b@h'.2.0.7>]}");
    CU_ASSERT(named("Elixir.Other.Adapter_3") == NULL);
    call(0, "{start_replica, s, #{crdt => gcounter, group => y, pubsub => 'Elixir.Other'}}");
    CU_ASSERT(named("Elixir.Other.Adapter_3") != NULL);
    CU_ASSERT(named("Elixir.Other.Adapter_4") == NULL);
    CU_ASSERT(named("Elixir.App.PubSub.Adapter_2") == NULL);
    outside_close();
    stop_all();
}

static void an_adapter_needs_its_name(void)
{
    open_node("{replica, 'Elixir.App.PubSub.Adapter', #{crdt => gset}}. {replica, r, #{" OPTIONS
              "x}}.");
    CU_ASSERT(logged(0, "the adapter Elixir.App.PubSub.Adapter cannot start: its name is taken"));
    CU_ASSERT(replica_is(named("Elixir.App.PubSub.Adapter")));
    sync("{'Elixir.App.PubSub.Adapter_2', [#Pid<'b@h'.2.0.7>]}");
    kill("r");
    CU_ASSERT(named("r") != NULL);
    ASSERT_TERM(call(0, "{stop_replica, r}"), term_of("ok"));
    outside_close();
    stop_all();
}

/* Whichever comes first has it. */
static void a_replica_needs_its_name(void)
{
    open_node("{replica, r, #{" OPTIONS "x}}. {replica, 'Elixir.App.PubSub.Adapter', #{crdt => "
              "gset}}. {replica, s, #{crdt => gset}}.");
    CU_ASSERT(logged(0, "the replica Elixir.App.PubSub.Adapter cannot start: its name is taken"));
    CU_ASSERT(!replica_is(named("Elixir.App.PubSub.Adapter")) && named("s") != NULL);
    forward("Elixir.App.PubSub.Adapter", "grove:x");
    CU_ASSERT_EQUAL(merges("r"), 1);
    stop_all();
}

static void note_member(void *who, struct bytes pid)
{
    unsigned *count = who;
    *count += bytes_equal(node_of(pid), BYTES("a@h"));
}

static unsigned members(const char *adapter)
{
    unsigned count = 0;
    struct buf group = {0};
    put_atom(&group, adapter);
    pg_members(named("Elixir.Phoenix.PubSub"), buf_bytes(&group), note_member, &count);
    buf_free(&group);
    return count;
}

/* When its name is free the next replica starts it, and the adapters that there are join it. */
static void the_scope_needs_its_name(void)
{
    open_node("{replica, 'Elixir.Phoenix.PubSub', #{crdt => gset}}. {replica, r, #{" OPTIONS
              "x}}.");
    CU_ASSERT(logged(0, "the pg scope Elixir.Phoenix.PubSub cannot start: its name is taken"));
    CU_ASSERT(named("Elixir.App.PubSub.Adapter") != NULL);
    ASSERT_TERM(call(0, "{stop_replica, 'Elixir.Phoenix.PubSub'}"), term_of("ok"));
    call(0, "{start_replica, s, #{" OPTIONS "y}}");
    CU_ASSERT_FATAL(pg_is_scope(named("Elixir.Phoenix.PubSub")));
    CU_ASSERT_EQUAL(members("Elixir.App.PubSub.Adapter"), 1);
    kill("Elixir.Phoenix.PubSub");
    CU_ASSERT_EQUAL(members("Elixir.App.PubSub.Adapter"), 1);
    kill("Elixir.App.PubSub.Adapter");
    CU_ASSERT_EQUAL(members("Elixir.App.PubSub.Adapter"), 1);
    outside_close();
    stop_all();
}

SUITE("pubsub", TEST(hands_deltas_to_the_replicas_of_a_topic),
      TEST(has_the_largest_pool_of_its_peers), TEST(passes_over_other_groups),
      TEST(restarts_what_ends), TEST(names_are_as_in_elixir),
      TEST(an_adapter_passes_over_other_messages), TEST(a_new_pubsub_has_the_pool_of_its_peers),
      TEST(an_adapter_needs_its_name), TEST(a_replica_needs_its_name),
      TEST(the_scope_needs_its_name))
