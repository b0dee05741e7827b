#include "sys.h"

#include "../term/canon.h"
#include "../term/etf.h"
#include "../term/utf8.h"
#include "../term/write.h"
#include "gen.h"
#include "sys_state.h"

struct system_message {
    struct process *p;
    struct bytes from, request;
    struct etf_in arguments; /* the elements after the command's name */
    struct turn *turn;
};

/* Frees the reply. */
static void answer(const struct system_message *m, struct buf *reply)
{
    gen_reply(m->p, m->from, buf_bytes(reply), m->turn);
    buf_free(reply);
}

static void answer_error(const struct system_message *m, const char *reason)
{
    struct buf atom = {0};
    put_atom(&atom, reason);
    gen_reply_error(m->p, m->from, buf_bytes(&atom), m->turn);
    buf_free(&atom);
}

static void get_state(const struct system_message *m)
{
    sys_state_answer(m->p, m->from, m->turn);
}

static void put_chars(struct buf *out, struct bytes text)
{
    uint32_t character, count = 0;
    struct bytes rest = text;
    for (size_t n; (n = utf8_next(rest, &character)) > 0; rest = bytes_after(rest, n))
        count++;
    put_list(out, count);
    for (size_t n; (n = utf8_next(text, &character)) > 0; text = bytes_after(text, n))
        put_uint(out, character);
    put_nil(out);
}

/* The head of {"Label", Value}. */
static void put_label(struct buf *out, const char *label)
{
    put_tuple(out, 2);
    put_chars(out, bytes_of(label));
}

static void put_sys_state(const struct process *p, struct buf *out)
{
    put_atom(out, process_suspended(p) ? "suspended" : "running");
}

/* [{header, "Status for Name"},
 *  {data, [{"Status", running}, {"Parent", Pid}, {"Logged events", []}]},
 *  {data, [{"State", State}]}]: what gen_server:format_status makes, which
 * observer and logger can display.  A process without a parent is its own parent. */
static void put_misc(const struct process *p, struct buf *out)
{
    struct bytes name = process_name(p);
    struct buf header = {0};
    buf_printf(&header, "Status for %s", process_kind(p)->module);
    if (name.len > 0)
        buf_printf(&header, " %.*s", TEXT(name));
    put_list(out, 3);
    put_tuple(out, 2);
    put_atom(out, "header");
    put_chars(out, buf_bytes(&header));
    buf_free(&header);
    put_tuple(out, 2);
    put_atom(out, "data");
    put_list(out, 3);
    put_label(out, "Status");
    put_sys_state(p, out);
    put_label(out, "Parent");
    put_term(out, process_pid(p));
    put_label(out, "Logged events");
    put_nil(out);
    put_nil(out);
    put_tuple(out, 2);
    put_atom(out, "data");
    put_list(out, 1);
    put_label(out, "State");
    process_kind(p)->state(p, out);
    put_nil(out);
    put_nil(out);
}

/* {status, Pid, {module, Module}, [Dictionary, SysState, Parent, Debug, Misc]} */
static void get_status(const struct system_message *m)
{
    struct buf status = {0};
    put_tuple(&status, 4);
    put_atom(&status, "status");
    put_term(&status, process_pid(m->p));
    put_tuple(&status, 2);
    put_atom(&status, "module");
    put_atom(&status, process_kind(m->p)->module);
    put_list(&status, 5);
    put_nil(&status);
    put_sys_state(m->p, &status);
    put_term(&status, process_pid(m->p));
    put_nil(&status);
    put_misc(m->p, &status);
    put_nil(&status);
    answer(m, &status);
}

static void suspend(const struct system_message *m)
{
    process_suspend(m->p, m->turn);
    gen_reply_ok(m->p, m->from, m->turn);
}

static void resume(const struct system_message *m)
{
    gen_reply_ok(m->p, m->from, m->turn);
    process_resume(m->p, m->turn);
}

/* The reason is made canonical because it is forwarded to processes that monitor this one. */
static void terminate(const struct system_message *m)
{
    struct etf_in in = m->arguments;
    struct term reason;
    if (canon_copy(&reason, etf_any(&in)) != OK) {
        answer_error(m, "badarg");
        return;
    }
    gen_reply_ok(m->p, m->from, m->turn);
    process_exit(m->p, term_bytes(&reason), m->turn);
    term_free(&reason);
}

/* {error, {callback_failed, {Module, system_replace_state}, {error, notsup}}}:
 * sys:replace_state raises the inner tuple, as its manual describes. */
static void replace_state(const struct system_message *m)
{
    struct buf reason = {0};
    put_tuple(&reason, 3);
    put_atom(&reason, "callback_failed");
    put_tuple(&reason, 2);
    put_atom(&reason, process_kind(m->p)->module);
    put_atom(&reason, "system_replace_state");
    put_tuple(&reason, 2);
    put_atom(&reason, "error");
    put_atom(&reason, "notsup");
    gen_reply_error(m->p, m->from, buf_bytes(&reason), m->turn);
    buf_free(&reason);
}

static void unknown(const struct system_message *m)
{
    struct buf reason = {0};
    put_tuple(&reason, 2);
    put_atom(&reason, "unknown_system_msg");
    put_term(&reason, m->request);
    gen_reply_error(m->p, m->from, buf_bytes(&reason), m->turn);
    buf_free(&reason);
}

/* sys.erl accepts change_code only while the process is suspended. */
static void change_code(const struct system_message *m)
{
    if (process_suspended(m->p))
        answer_error(m, "notsup");
    else
        unknown(m);
}

static void put_ok(struct buf *reply)
{
    put_atom(reply, "ok");
}

static void put_empty_log(struct buf *reply)
{
    put_tuple(reply, 2);
    put_atom(reply, "ok");
    put_nil(reply);
}

static void put_no_statistics(struct buf *reply)
{
    put_tuple(reply, 2);
    put_atom(reply, "ok");
    put_atom(reply, "no_statistics");
}

/* This node has no debug functions: switching one off or reading it is answered as when none
 * is installed; switching one on is refused. */
static const struct debug_command {
    const char *what, *value; /* NULL: any */
    void (*put_reply)(struct buf *reply);
} debug_commands[] = {
    {"trace", "false", put_ok},
    {"log", "false", put_ok},
    {"log", "print", put_ok},
    {"log", "get", put_empty_log},
    {"log_to_file", "false", put_ok},
    {"statistics", "false", put_ok},
    {"statistics", "get", put_no_statistics},
    {"remove", NULL, put_ok},
};

static const struct debug_command *find_debug_command(struct etf_in in)
{
    for (size_t i = 0; i < sizeof(debug_commands) / sizeof(debug_commands[0]); i++) {
        const struct debug_command *c = &debug_commands[i];
        struct etf_in at = in;
        if (etf_accept(&at, c->what) && (c->value == NULL || etf_accept(&at, c->value)))
            return c;
    }
    return NULL;
}

static void debug(const struct system_message *m)
{
    struct etf_in in = m->arguments;
    bool none = etf_accept(&in, "no_debug");
    const struct debug_command *command = NULL;
    if (etf_peek(&in) == ETF_TUPLE && etf_tuple(&in) == 2)
        command = find_debug_command(in);
    if (!none && command == NULL) {
        answer_error(m, "notsup");
        return;
    }
    struct buf reply = {0};
    (none ? put_ok : command->put_reply)(&reply);
    answer(m, &reply);
}

static const struct command {
    const char *name;
    uint32_t arity; /* of the tuple that starts with it; 0 for a bare atom */
    bool changes;   /* the process: not for a node that may only read */
    void (*run)(const struct system_message *m);
} commands[] = {
    {"get_state", 0, false, get_state},
    {"get_status", 0, false, get_status},
    {"suspend", 0, true, suspend},
    {"resume", 0, true, resume},
    {"terminate", 2, true, terminate},
    {"replace_state", 2, true, replace_state},
    {"debug", 2, false, debug}, /* changes nothing: it is refused, or has no effect */
    {"change_code", 4, true, change_code},
};

void sys_handle(struct process *p, struct bytes from, struct bytes request, struct turn *t)
{
    struct system_message m = {.p = p, .from = from, .request = request, .turn = t};
    struct etf_in in = etf_open(request);
    uint32_t arity = etf_peek(&in) == ETF_TUPLE ? etf_tuple(&in) : 0;
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        m.arguments = in;
        if (commands[i].arity == arity && etf_accept(&m.arguments, commands[i].name)) {
            if (!commands[i].changes || turn_may_change(t))
                commands[i].run(&m);
            else
                answer_error(&m, "read_only");
            return;
        }
    }
    unknown(&m);
}
