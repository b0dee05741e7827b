/* global_name_server: locks, and what the global of other nodes asks. */
#include "otp/global.h"

#include "limits.h"
#include "unit/otp/world.h"

static void on_end(void *who, struct process *p, struct bytes reason, struct turn *t)
{
    (void)who;
    (void)reason;
    (void)t;
    global_ended(world.table, p);
}

static void open_global(void)
{
    world_open();
    processes_on_end(world.table, on_end, NULL);
    global_start(world.table);
}

/* A call with this request, a term, from a process of b@h, or of another node. */
static void call_from(const char *node, unsigned process, struct bytes request)
{
    struct buf pid = {0}, to = {0}, message = {0};
    put_pid(&pid, bytes_of(node), process, 0, 3);
    put_atom(&to, "global_name_server");
    put_tuple(&message, 3);
    put_atom(&message, "$gen_call");
    put_tuple(&message, 2);
    put_term(&message, buf_bytes(&pid));
    put_atom(&message, "t");
    put_term(&message, request);
    const struct signal signal = {.kind = SIGNAL_REG_SEND,
                                  .from = buf_bytes(&pid),
                                  .to = buf_bytes(&to),
                                  .payload = buf_bytes(&message)};
    buf_clear(&world.sent);
    processes_signal(world.table, bytes_of(node), &signal, &world.turn);
    buf_free(&pid);
    buf_free(&to);
    buf_free(&message);
}

/* What the last call was answered: `{t,REPLY}`. */
static bool is_answered(const char *reply)
{
    char wanted[200];
    int len = snprintf(wanted, sizeof(wanted), ": {t,%s}\n", reply);
    struct bytes sent = buf_bytes(&world.sent);
    return sent.len > (size_t)len &&
           bytes_equal((struct bytes){sent.at + sent.len - len, (size_t)len}, bytes_of(wanted));
}

static bool answers(unsigned process, const char *request, const char *reply)
{
    call_from("b@h", process, term_of(request));
    return is_answered(reply);
}

/* {set_lock, {Resource, me}} with a number as the resource, for a process of that node. */
static bool locks(const char *node, unsigned process, unsigned resource)
{
    char request[60];
    snprintf(request, sizeof(request), "{set_lock,{%u,me}}", resource);
    call_from(node, process, term_of(request));
    CU_ASSERT(is_answered("true") || is_answered("false"));
    return is_answered("true");
}

static bool releases(const char *node, unsigned process, unsigned resource)
{
    char request[60];
    snprintf(request, sizeof(request), "{del_lock,{%u,me}}", resource);
    call_from(node, process, term_of(request));
    return is_answered("true");
}

static void a_resource_has_one_requester(void)
{
    open_global();
    CU_ASSERT(answers(1, "{set_lock,{r,me}}", "true"));
    CU_ASSERT(answers(1, "{set_lock,{r,me}}", "true"));
    CU_ASSERT(answers(2, "{set_lock,{r,you}}", "false"));
    CU_ASSERT(answers(2, "{set_lock,{s,you}}", "true"));
    CU_ASSERT(answers(3, "{set_lock,{r,me}}", "true"));
    CU_ASSERT(answers(1, "{del_lock,{r,you}}", "true"));
    CU_ASSERT(answers(4, "{del_lock,{r,me}}", "true"));
    CU_ASSERT(answers(1, "{del_lock,{r,me}}", "true"));
    CU_ASSERT(answers(2, "{set_lock,{r,you}}", "false")); /* 3 has it still */
    CU_ASSERT(answers(3, "{del_lock,{r,me}}", "true"));
    CU_ASSERT(answers(2, "{set_lock,{r,you}}", "true"));
    world_close();
}

static void one_ends_with_its_process_or_node(void)
{
    open_global();
    CU_ASSERT(answers(1, "{set_lock,{r,me}}", "true"));
    processes_node_down(world.table, BYTES("b@h"), &world.turn);
    CU_ASSERT(answers(2, "{set_lock,{r,you}}", "true"));
    world_close();
}

static void what_is_no_lock_is_refused(void)
{
    open_global();
    struct buf request = {0};
    CU_ASSERT(answers(1, "{set_lock,r}", "false"));
    CU_ASSERT(answers(1, "{set_lock,{r,me,too}}", "false"));
    CU_ASSERT(answers(1, "{del_lock,r}", "true"));
    put_tuple(&request, 2);
    put_atom(&request, "set_lock");
    put_tuple(&request, 2);
    put_map(&request, 2); /* with a key twice */
    for (unsigned i = 0; i < 4; i++)
        put_uint(&request, 1);
    put_atom(&request, "me");
    call_from("b@h", 1, buf_bytes(&request));
    CU_ASSERT(is_answered("false"));
    buf_clear(&request);
    put_tuple(&request, 2);
    put_atom(&request, "set_lock");
    put_tuple(&request, 2);
    struct buf zeros = {0};
    memset(buf_room(&zeros, LIMIT_LOCK_BYTES), 0, LIMIT_LOCK_BYTES);
    put_binary(&request, (struct bytes){zeros.at, LIMIT_LOCK_BYTES});
    put_atom(&request, "me");
    call_from("b@h", 1, buf_bytes(&request));
    CU_ASSERT(is_answered("false"));
    buf_free(&zeros);
    buf_free(&request);
    world_close();
}

static void one_lock_has_so_many_processes(void)
{
    open_global();
    for (unsigned i = 0; i < LIMIT_LOCK_HOLDERS; i++)
        CU_ASSERT(locks("b@h", i, 1));
    CU_ASSERT(!locks("b@h", LIMIT_LOCK_HOLDERS, 1));
    CU_ASSERT(locks("b@h", 0, 1));
    CU_ASSERT(releases("b@h", 0, 1) && locks("b@h", LIMIT_LOCK_HOLDERS, 1));
    processes_check(world.table);
    world_close();
}

static void one_node_leaves_room_for_others(void)
{
    enum { ITS_PART = LIMIT_LOCKS / LIMIT_NODE_PART };
    open_global();
    for (unsigned i = 0; i < ITS_PART; i++)
        CU_ASSERT_FATAL(locks("b@h", 1, i));
    CU_ASSERT(!locks("b@h", 1, ITS_PART) && !locks("b@h", 2, ITS_PART));
    for (unsigned i = ITS_PART; i < LIMIT_LOCKS; i++)
        CU_ASSERT_FATAL(locks(i % 2 ? "c@h" : "d@h", 1, i));
    CU_ASSERT(!locks("e@h", 1, LIMIT_LOCKS));
    CU_ASSERT(releases("b@h", 1, 0) && locks("e@h", 1, 0) && !locks("b@h", 1, LIMIT_LOCKS));
    processes_check(world.table);
    world_close();
}

static void one_that_is_ended_is_started_again_without_locks(void)
{
    open_global();
    CU_ASSERT(locks("b@h", 1, 1) && locks("b@h", 2, 1) && locks("b@h", 1, 2));
    process_exit(process_named(world.table, BYTES("global_name_server")), term_of("killed"),
                 &world.turn);
    processes_check(world.table);
    processes_tidy(world.table);
    CU_ASSERT(answers(3, "{set_lock,{1,you}}", "true"));
    world_close();
}

static void answers_what_a_global_asks(void)
{
    open_global();
    CU_ASSERT(answers(1, "get_known", "[]"));
    CU_ASSERT(answers(1, "get_synced", "[]"));
    CU_ASSERT(answers(1, "get_names_ext", "[]"));
    CU_ASSERT(answers(1, "get_protocol_version", "8"));
    CU_ASSERT(answers(1, "{register,name,pid,method}", "yes"));
    CU_ASSERT(answers(1, "{register_ext,name,pid,method,node}", "yes"));
    CU_ASSERT(answers(1, "{unregister,name}", "ok"));
    CU_ASSERT(answers(1, "{register,name}", "{error,{unknown_request,{register,name}}}"));
    CU_ASSERT(answers(1, "what", "{error,{unknown_request,what}}"));
    world_close();
}

/* Whoever says that it begins is told that it is done; anything else is passed over. */
static void says_that_it_is_in_sync(void)
{
    open_global();
    RECEIVE(SIGNAL_REG_SEND, THEM(4), "global_name_server",
            .payload = "{'$gen_cast',{init_connect,{8,1},'b@h',{locker,x}}}");
    SENT("REG_SEND b@h " US(1) " -> global_name_server: {'$gen_cast',{in_sync,a@h,true}}");
    RECEIVE(SIGNAL_REG_SEND, THEM(4), "global_name_server",
            .payload = "{'$gen_cast',{init_connect,{8,1},7,{locker,x}}}");
    RECEIVE(SIGNAL_REG_SEND, THEM(4), "global_name_server",
            .payload = "{'$gen_cast',{exchange,'b@h',[],[],1}}");
    RECEIVE(SIGNAL_REG_SEND, THEM(4), "global_name_server", .payload = "{'$gen_cast',what}");
    RECEIVE(SIGNAL_REG_SEND, THEM(4), "global_name_server", .payload = "what");
    SENT_NO_MORE();
    world_close();
}

SUITE("global", TEST(a_resource_has_one_requester), TEST(one_ends_with_its_process_or_node),
      TEST(what_is_no_lock_is_refused), TEST(one_lock_has_so_many_processes),
      TEST(one_node_leaves_room_for_others), TEST(one_that_is_ended_is_started_again_without_locks),
      TEST(answers_what_a_global_asks), TEST(says_that_it_is_in_sync))
