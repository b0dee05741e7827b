/* Signals to a node's processes as from a process of x@h, which is connected to nobody.
 *
 *     exit2(0, process, "kill");
 *     ASSERT_TERM(call(0, "{connect, 'b@h'}"), term_of("ok")); */
#ifndef COPPICE_TEST_NODE_OUTSIDE_H
#define COPPICE_TEST_NODE_OUTSIDE_H

#include "unit/node/nodes.h"

#define OUTSIDER "#Pid<'x@h'.1.0.1>"

static struct {
    struct post post; /* first: the post is the world outside */
    unsigned node;    /* that logs */
    struct buf reply; /* the last message from the node */
} outside;

static inline void outside_send(struct post *post, const struct signal *signal)
{
    (void)post;
    buf_clear(&outside.reply);
    buf_put(&outside.reply, signal->payload);
    buf_put(&outside.reply, signal->rest.part);
}

static inline bool outside_no(struct post *post, struct bytes node)
{
    (void)post;
    (void)node;
    return false;
}

static inline uint64_t outside_flags(struct post *post, struct bytes node)
{
    (void)post;
    (void)node;
    return 0;
}

static inline void outside_log(struct post *post, enum log_level level, struct bytes line)
{
    (void)post;
    buf_printf(&nodes[outside.node].log, "%d %.*s\n", (int)level, TEXT(line));
}

/* Handles the signal (its kind, target and contents) in a step of its own. */
static inline void signal_to(unsigned i, struct signal signal)
{
    outside.post = (struct post){outside_send, outside_no, outside_flags, outside_no, outside_log,
                                 NULL,         NULL,       NULL,          outside_no};
    outside.node = i;
    struct turn t = {.now_ms = net.now_ms, .random = net.now_ms, .post = &outside.post};
    struct buf from = {0};
    buf_put(&from, term_of(OUTSIDER));
    signal.from = buf_bytes(&from);
    processes_signal(node_processes(nodes[i].node), BYTES("x@h"), &signal, &t);
    buf_free(&from);
    step(i, (struct event){.kind = EVENT_WAKE});
    settle();
}

/* exit(Pid, Reason) */
static inline void exit2(unsigned i, const struct process *p, const char *reason)
{
    struct buf pid = {0}, why = {0};
    buf_put(&pid, process_pid(p));
    buf_put(&why, term_of(reason));
    signal_to(
        i, (struct signal){.kind = SIGNAL_EXIT2, .to = buf_bytes(&pid), .reason = buf_bytes(&why)});
    buf_free(&pid);
    buf_free(&why);
}

/* What the node has answered to the last call; good until the next. */
static inline struct bytes answer(void)
{
    struct etf_in in = etf_open(buf_bytes(&outside.reply));
    etf_tuple_of(&in, 2);
    etf_expect(&in, "t");
    struct bytes reply = etf_any(&in);
    CU_ASSERT_FATAL(etf_finish(&in) == OK);
    return reply;
}

/* A message to the process with this name. */
static inline void message_to(unsigned i, const char *name, struct bytes message)
{
    struct buf to = {0};
    put_atom(&to, name);
    buf_clear(&outside.reply);
    signal_to(i,
              (struct signal){.kind = SIGNAL_REG_SEND, .to = buf_bytes(&to), .payload = message});
    buf_free(&to);
}

/* A call of the process `coppice` with this request, any term; the reply is good until the next. */
static inline struct bytes call_with(unsigned i, struct bytes request)
{
    struct buf message = {0};
    put_tuple(&message, 3);
    put_atom(&message, "$gen_call");
    put_term(&message, term_of("{" OUTSIDER ", t}"));
    put_term(&message, request);
    message_to(i, "coppice", buf_bytes(&message));
    buf_free(&message);
    return answer();
}

static inline struct bytes call(unsigned i, const char *request)
{
    return call_with(i, term_of(request));
}

/* A call of a process without a name. */
static inline struct bytes call_pid(unsigned i, const struct process *p, const char *request)
{
    struct buf pid = {0}, message = {0};
    buf_put(&pid, process_pid(p));
    put_tuple(&message, 3);
    put_atom(&message, "$gen_call");
    put_term(&message, term_of("{" OUTSIDER ", t}"));
    put_term(&message, term_of(request));
    buf_clear(&outside.reply);
    signal_to(i, (struct signal){
                     .kind = SIGNAL_SEND, .to = buf_bytes(&pid), .payload = buf_bytes(&message)});
    buf_free(&pid);
    buf_free(&message);
    return answer();
}

static inline void outside_close(void)
{
    buf_free(&outside.reply);
}
#endif
