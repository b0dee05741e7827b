/* The process `coppice`, and others that have no name: what is asked of them in vain. */
#include "limits.h"
#include "unit/node/killer.h"
#include "unit/node/outside.h"

#define STORED "crdt => gcounter, storage => #{file => \"f\"}"

static void end(void)
{
    outside_close();
    stop_all();
}

static struct process *named(const char *name)
{
    return process_named(node_processes(nodes[0].node), bytes_of(name));
}

static void what_it_does_not_know_is_answered(void)
{
    static const char *const requests[] = {
        "what", "7", "{}", "{what,1}", "{start_replica,r}", "{connect,'b@h',1}"};
    char wanted[100];
    start(0, "a@h", "");
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        snprintf(wanted, sizeof(wanted), "{error,{unknown_request,%s}}", requests[i]);
        ASSERT_TERM(call(0, requests[i]), term_of(wanted));
    }
    end();
}

static void options_have_each_key_once(void)
{
    struct buf request = {0};
    start(0, "a@h", "");
    put_tuple(&request, 3);
    put_atom(&request, "start_replica");
    put_atom(&request, "r");
    put_map(&request, 2);
    for (unsigned i = 0; i < 2; i++) {
        put_atom(&request, "crdt");
        put_atom(&request, i == 0 ? "gcounter" : "gset");
    }
    ASSERT_TERM(call_with(0, buf_bytes(&request)),
                term_of("{error,{bad_options,<<\"a map with a duplicate key\">>}}"));
    CU_ASSERT(named("r") == NULL);
    buf_free(&request);
    end();
}

/* Its files are not touched: they may be those of the next one. */
static void a_name_that_is_taken_is_refused(void)
{
    start(0, "a@h", "{scope, s}. {replica, r, #{crdt => gcounter}}.");
    for (unsigned i = 0; i < 3; i++) {
        ASSERT_TERM(call(0, "{start_replica, s, #{" STORED "}}"), term_of("{error,name_taken}"));
        ASSERT_TERM(call(0, "{start_replica, r, #{" STORED "}}"), term_of("{error,name_taken}"));
    }
    CU_ASSERT_EQUAL(nodes[0].opens, 0);
    struct etf_in in = etf_open(call(0, "{start_replica, t, #{" STORED "}}"));
    CU_ASSERT(etf_tuple(&in) == 2 && etf_accept(&in, "ok"));
    CU_ASSERT_EQUAL(nodes[0].opens, 1);
    ASSERT_TERM(call(0, "{stop_replica, t}"), term_of("ok"));
    end();
}

/* sys:get_status(P) has its module. */
static bool has_status(struct process *p)
{
    struct buf pid = {0}, text = {0};
    const char *module = process_kind(p)->module;
    buf_put(&pid, process_pid(p));
    signal_to(0, (struct signal){.kind = SIGNAL_SEND,
                                 .to = buf_bytes(&pid),
                                 .payload = term_of("{system, {" OUTSIDER ", t}, get_status}")});
    text_print(&text, buf_bytes(&outside.reply));
    bool found = memmem(text.at, text.len, module, strlen(module)) != NULL;
    buf_free(&pid);
    buf_free(&text);
    return found;
}

/* Each of the node's own processes is one that anybody may call, and look into. */
static void processes_without_names_answer(void)
{
    static const char *const modules[] = {"coppice_learning", "coppice_follow", "coppice_registrar",
                                          "coppice_local"};
    const struct request own = {
        .kind = REQUEST_CALL, .name = BYTES("coppice"), .term = term_of("peers"), .timeout_ms = 1};
    start(0, "a@h", "{follow, true}.");
    step(0, (struct event){.kind = EVENT_CALL, .call = 1, .request = &own});
    for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++) {
        struct process *p = process_of(0, modules[i]);
        CU_ASSERT_FATAL(p != NULL);
        ASSERT_TERM(call_pid(0, p, "what"), term_of("{error,{unknown_request,what}}"));
        CU_ASSERT(has_status(p));
    }
    end();
}

/* The forms of ei_rpc(), rpc:sbcast/3 and of what BEAMs ask of each other; others have no answer.
 */
static void rex_passes_over_what_it_does_not_know(void)
{
    static const char *const others[] = {"what",
                                         "{7, {call, erlang, node, [], user}}",
                                         "{" OUTSIDER ", what}",
                                         "{" OUTSIDER ", {}}",
                                         "{" OUTSIDER ", {what, coppice, hello}}",
                                         "{" OUTSIDER ", {sbcast, 7, hello}}",
                                         "{" OUTSIDER ", {sbcast, coppice}}",
                                         "{" OUTSIDER ", {call, erlang, node, []}}"};
    start(0, "a@h", "");
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        message_to(0, "rex", term_of(others[i]));
        CU_ASSERT_EQUAL(outside.reply.len, 0);
    }
    message_to(0, "rex", term_of("{" OUTSIDER ", {call, erlang, node, [], user}}"));
    ASSERT_TERM(buf_bytes(&outside.reply), term_of("{rex, 'a@h'}"));
    message_to(0, "rex", term_of("{" OUTSIDER ", {sbcast, coppice, hello}}"));
    ASSERT_TERM(buf_bytes(&outside.reply), term_of("{rex, 'a@h', 'a@h'}"));
    end();
}

SUITE("server", TEST(what_it_does_not_know_is_answered), TEST(options_have_each_key_once),
      TEST(a_name_that_is_taken_is_refused), TEST(processes_without_names_answer),
      TEST(rex_passes_over_what_it_does_not_know))
