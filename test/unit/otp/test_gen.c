#include "unit/otp/spy.h"

#include "otp/kernel.h"

#define REQUESTS "otp/requests.etf"

static struct bytes recorded_request(const char *name)
{
    return recorded(REQUESTS, name);
}

static void assert_same(struct bytes got, const char *wanted, unsigned line)
{
    struct buf canonical = {0};
    must(canon_put(&canonical, got) == OK);
    assert_term(buf_bytes(&canonical), term_of(wanted), __FILE__, (int)line);
    buf_free(&canonical);
}

#define ASSERT_SAME(got, wanted) assert_same((got), (wanted), __LINE__)

static void reads_recorded_messages(void)
{
    static const struct {
        const char *name;
        enum gen_kind kind;
        const char *request;
    } table[] = {
        {"call_name", GEN_CALL, "{mutate,{increment,[5]}}"},
        {"call_pid", GEN_CALL, "value"},
        {"plain", GEN_CALL, "value"},
        {"multi_call", GEN_CALL, "value"},
        {"send_request", GEN_CALL, "value"},
        {"labelled", GEN_CALL, "value"},
        {"statem", GEN_CALL, "value"},
        {"ping", GEN_CALL, "{is_auth,caller@vm}"},
        {"cast", GEN_CAST, "{mutate,{add,[<<\"x\">>]}}"},
        {"get_state", GEN_SYSTEM, "get_state"},
        {"stop", GEN_SYSTEM, "{terminate,normal}"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct gen_message m = gen_read(wall(recorded_request(table[i].name)));
        CU_ASSERT_EQUAL(m.kind, table[i].kind);
        ASSERT_SAME(m.request, table[i].request);
        CU_ASSERT_EQUAL(m.from.len > 0, m.kind == GEN_CALL || m.kind == GEN_SYSTEM);
    }
    struct bytes info = recorded_request("info");
    struct gen_message m = gen_read(info);
    CU_ASSERT(m.kind == GEN_INFO && m.request.at == info.at && m.request.len == info.len);
}

static void anything_else_is_an_info(void)
{
    static const char *const messages[] = {
        "hello",
        "{}",
        "[]",
        "{'$gen_call',1,2}",
        "{'$gen_call',{1,2},3}",
        "{'$gen_call',{" THEM(1) "},3}",
        "{'$gen_call',{" THEM(1) ",1,2},3}",
        "{'$gen_call',{" THEM(1) ",1}}",
        "{'$gen_call',{" THEM(1) ",1},2,3}",
        "{'$gen_cast'}",
        "{'$gen_cast',1,2}",
        "{system,{" REF(1) ",1},get_state}",
        "{system,get_state}",
    };
    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        struct bytes message = wall(term_of(messages[i]));
        struct gen_message m = gen_read(message);
        CU_ASSERT_EQUAL(m.kind, GEN_INFO);
        CU_ASSERT(bytes_equal(m.request, message) && m.from.len == 0);
    }
}

/* The last signal sent. */
static struct buf last_to, last_node, last_payload;
static enum signal_kind last_kind;

static void keep_signal(struct post *post, const struct signal *s)
{
    (void)post;
    last_kind = s->kind;
    buf_clear(&last_to);
    buf_clear(&last_node);
    buf_clear(&last_payload);
    buf_put(&last_to, s->to);
    buf_put(&last_node, s->node);
    buf_put(&last_payload, s->payload);
    buf_put(&last_payload, s->rest.part);
}

static bool callers_are_connected(struct post *post, struct bytes node)
{
    (void)post;
    (void)node;
    return true;
}

static uint64_t flags_of_callers(struct post *post, struct bytes node)
{
    (void)node;
    return ((struct world *)post)->flags;
}

/* Replies to the recorded call: the tag's bytes come back unchanged. */
static void assert_echoes_tag(struct bytes message, enum signal_kind kind, bool to_pid)
{
    struct process *p = processes_next(world.table, NULL);
    struct gen_message m = gen_read(message);
    gen_reply(p, wall(m.from), term_of("yes"), &world.turn);
    CU_ASSERT_EQUAL(last_kind, kind);
    struct etf_in in = etf_open(m.from);
    etf_tuple_of(&in, 2);
    struct bytes pid = etf_any(&in), tag = etf_any(&in);
    struct buf wanted = {0}, canonical = {0};
    put_tuple(&wanted, 2);
    put_term(&wanted, tag);
    put_atom(&wanted, "yes");
    CU_ASSERT(bytes_equal(buf_bytes(&last_payload), buf_bytes(&wanted)));
    must(canon_put(&canonical, pid) == OK);
    CU_ASSERT_EQUAL(bytes_equal(buf_bytes(&canonical), buf_bytes(&last_to)), to_pid);
    CU_ASSERT(bytes_equal(node_of(buf_bytes(&canonical)), buf_bytes(&last_node)));
    buf_free(&wanted);
    buf_free(&canonical);
}

static void echoes_recorded_tags(void)
{
    world_open();
    world.post.send = keep_signal;
    world.post.connected = callers_are_connected;
    world.post.flags = flags_of_callers;
    spy_start(NULL);
    static const char *const by_alias[] = {"call_name", "call_pid",  "send_request",
                                           "labelled",  "get_state", "statem"};
    static const char *const by_pid[] = {"multi_call", "plain"};
    for (size_t i = 0; i < sizeof(by_alias) / sizeof(by_alias[0]); i++) {
        world.flags = DFLAG_ALIAS;
        assert_echoes_tag(recorded_request(by_alias[i]), SIGNAL_ALIAS_SEND, false);
        world.flags = DFLAG_ALTACT_SIG;
        assert_echoes_tag(recorded_request(by_alias[i]), SIGNAL_ALIAS_SEND, false);
        world.flags = DFLAGS_OURS & ~(DFLAG_ALIAS | DFLAG_ALTACT_SIG);
        assert_echoes_tag(recorded_request(by_alias[i]), SIGNAL_SEND, true);
    }
    world.flags = DFLAGS_OURS;
    for (size_t i = 0; i < sizeof(by_pid) / sizeof(by_pid[0]); i++)
        assert_echoes_tag(recorded_request(by_pid[i]), SIGNAL_SEND, true);
    buf_free(&last_to);
    buf_free(&last_node);
    buf_free(&last_payload);
    world_close();
}

static void replies_with_shared_bytes(void)
{
    world_open();
    spy_start(NULL);
    struct buf value = {0};
    buf_put(&value, term_of("[1,2,3]"));
    struct shared *shared = shared_new(&value);
    gen_reply_shared(processes_next(world.table, NULL), term_of("{" THEM(4) ",tag}"),
                     (struct share){shared, shared_bytes(shared)}, &world.turn);
    shared_release(shared);
    SENT("SEND b@h " US(1) " -> " THEM(4) ": {tag,{ok,[1,2,3]}}");
    world_close();
}

#define FROM(tag) "{" THEM(4) "," tag "}"
#define ALIAS(n)  "[alias|" REF(n) "]"

static void reply_to(const char *from)
{
    gen_reply(processes_next(world.table, NULL), term_of(from), term_of("yes"), &world.turn);
}

static void finds_the_alias_as_gen_does(void)
{
    world_open();
    spy_start(NULL);
    reply_to(FROM(ALIAS(1)));
    SENT("ALIAS_SEND b@h " US(1) " -> " REF(1) ": {" ALIAS(1) ",yes}");
    reply_to(FROM("[" ALIAS(1) "|label]"));
    SENT("ALIAS_SEND b@h " US(1) " -> " REF(1) ": {[" ALIAS(1) "|label],yes}");
    reply_to(FROM("[" ALIAS(1) ",2,3]"));
    SENT("ALIAS_SEND b@h " US(1) " -> " REF(1) ": {[" ALIAS(1) ",2,3],yes}");
    static const char *const opaque[] = {
        REF(1),          "[]",     "\"text\"",           "[alias]",          "[alias,1|2]",
        "[alias|alias]", "[1|2]",  "[beta|" REF(1) "]",  "{alias,1}",        "#{alias => 1}",
        "[[alias,1]]",   "[[[]]]", "[alias," REF(1) "]", "{" REF(1) ",b@h}",
    };
    for (size_t i = 0; i < sizeof(opaque) / sizeof(opaque[0]); i++) {
        char from[200], wanted[300];
        snprintf(from, sizeof(from), FROM("%s"), opaque[i]);
        snprintf(wanted, sizeof(wanted), "SEND b@h " US(1) " -> " THEM(4) ": {%s,yes}", opaque[i]);
        reply_to(from);
        SENT(wanted);
    }
    /* The alias is of a node that is not connected, but the caller's node is. */
    reply_to(FROM("[alias|#Ref<'c@h'.3.1.2.1>]"));
    SENT("SEND b@h " US(1) " -> " THEM(4) ": {[alias|#Ref<'c@h'.3.1.2.1>],yes}");
    world_close();
}

static void replies_with_ok_value_and_error(void)
{
    world_open();
    struct process *p = spy_start(NULL);
    struct bytes from = term_of(FROM("1"));
    gen_reply_ok(p, from, &world.turn);
    SENT("SEND b@h " US(1) " -> " THEM(4) ": {1,ok}");
    gen_reply_value(p, from, term_of("[5]"), &world.turn);
    SENT("SEND b@h " US(1) " -> " THEM(4) ": {1,{ok,[5]}}");
    gen_reply_error(p, from, term_of("{bad,5}"), &world.turn);
    SENT("SEND b@h " US(1) " -> " THEM(4) ": {1,{error,{bad,5}}}");
    ASSERT_TERM(gen_caller(from), term_of(THEM(4)));
    world_close();
}

static void net_kernel_answers_is_auth(void)
{
    world_open();
    kernel_start(world.table);
    RECEIVE(SIGNAL_REG_SEND, THEM(4), "net_kernel",
            .payload = "{'$gen_call'," FROM("1") ",{is_auth,'b@h'}}");
    SENT("SEND b@h " US(1) " -> " THEM(4) ": {1,yes}");
    RECEIVE(SIGNAL_REG_SEND, THEM(4), "net_kernel", .payload = "{'$gen_call'," FROM("1") ",other}");
    SENT("SEND b@h " US(1) " -> " THEM(4) ": {1,{error,{unknown_request,other}}}");
    RECEIVE(SIGNAL_REG_SEND, THEM(4), "net_kernel", .payload = "{'$gen_cast',other}");
    RECEIVE(SIGNAL_REG_SEND, THEM(4), "net_kernel", .payload = "{is_auth,'b@h'}");
    SENT_NO_MORE();
    world_close();
}

SUITE("gen", TEST(reads_recorded_messages), TEST(anything_else_is_an_info),
      TEST(echoes_recorded_tags), TEST(replies_with_shared_bytes),
      TEST(finds_the_alias_as_gen_does), TEST(replies_with_ok_value_and_error),
      TEST(net_kernel_answers_is_auth))
