/* Commands that send one request to another node and print the reply. */
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "../dist/handshake.h"
#include "../limits.h"
#include "../net/shell.h"
#include "../node/node.h"
#include "../term/etf.h"
#include "../term/text.h"
#include "../term/write.h"
#include "commands.h"
#include "output.h"

enum format {
    FORMAT_REPLY, /* the reply as it is */
    FORMAT_VALUE, /* Value, of {ok, Value} */
    FORMAT_PONG   /* pong or pang */
};

/* A request whose reply is awaited. */
struct pending {
    const char *node, *server;
    enum format format;
};

/* --- the reply -------------------------------------------------------------------- */

static int fail_with_reason(const struct pending *p, struct bytes reason)
{
    struct buf text = {0};
    struct etf_in in = etf_open(reason);
    if (etf_accept(&in, "noproc"))
        buf_put(&text, BYTES("no such process (noproc)"));
    else if (etf_peek(&in) == ETF_BINARY)
        buf_put(&text, etf_binary(&in));
    else
        put_term_text(&text, reason);
    print_error("%s at %s: %.*s", p->server, p->node, TEXT(text));
    buf_free(&text);
    return EX_UNAVAILABLE;
}

static int print_reply(void *who, enum err err, struct bytes reply)
{
    const struct pending *p = who;
    if (p->format == FORMAT_PONG)
        printf("%s\n", err == OK ? "pong" : "pang");
    if (err == ERR_TIMEOUT)
        return fail(EX_TEMPFAIL, "%s at %s: %s", p->server, p->node, err_text(err));
    if (err != OK)
        return fail_with_reason(p, reply);
    if (p->format == FORMAT_PONG)
        return 0;
    struct etf_in in = etf_open(reply);
    bool pair = etf_peek(&in) == ETF_TUPLE && etf_tuple(&in) == 2;
    bool error = pair && etf_accept(&in, "error");
    if (pair && p->format == FORMAT_VALUE && etf_accept(&in, "ok"))
        reply = etf_any(&in);
    print_term(reply);
    return error ? EXIT_FAILURE : 0;
}

/* --- the request ------------------------------------------------------------------ */

/* A random name on the target's host, so that it is short or long as the target's is. */
static void choose_own_name(struct config *c, struct bytes target)
{
    uint64_t random;
    size_t at = 0;
    must(RAND_bytes((unsigned char *)&random, sizeof(random)) == 1);
    while (target.at[at] != '@')
        at++;
    buf_clear(&c->node);
    buf_printf(&c->node, "coppice_%016llx%.*s", (unsigned long long)random, (int)(target.len - at),
               (const char *)target.at + at);
}

/* Sends term to the server of that name on the node of the first operand. */
static int send_request(struct args *args, enum request_kind kind, const char *server,
                        struct bytes term, enum format format)
{
    const char *target = args->operands[0];
    if (!node_name_valid(bytes_of(target)))
        return fail(EX_USAGE, "%s: a node name has the form name@host", target);
    if (strlen(server) > LIMIT_ATOM_CHARS)
        return fail(EX_USAGE, "a server name has at most 255 characters");
    int code = args_read_cookie(&args->config);
    if (code != 0)
        return code;
    choose_own_name(&args->config, bytes_of(target));
    struct pending pending = {target, server, format};
    struct request request = {kind, bytes_of(target), bytes_of(server), term, args->timeout_ms};
    struct shell_options options = {.request = &request, .answered = print_reply, .who = &pending};
    struct node *node = node_new_client(&args->config);
    code = shell_run(node, &args->config, &options);
    node_free(node);
    return code;
}

static int call_with_atom(struct args *args, const char *server, const char *request,
                          enum format format)
{
    struct buf term = {0};
    put_atom(&term, request);
    int code = send_request(args, REQUEST_CALL, server, buf_bytes(&term), format);
    buf_free(&term);
    return code;
}

/* Appends the term that text stands for; false after printing where it is wrong. */
static bool parse_term(struct buf *out, const char *text)
{
    struct text_error error;
    if (text_single(bytes_of(text), out, &error) == OK)
        return true;
    /* The caret stands below the column, behind "coppice: ". */
    print_error("%s\n%*s^ %s", text, (int)error.column + 8, "", error.what);
    return false;
}

/* --- the commands ----------------------------------------------------------------- */

int command_ping(struct args *args)
{
    struct buf term = {0};
    if (args->count != 1)
        return fail_usage();
    put_tuple(&term, 2);
    put_atom(&term, "is_auth");
    put_atom(&term, args->operands[0]);
    int code = send_request(args, REQUEST_CALL, "net_kernel", buf_bytes(&term), FORMAT_PONG);
    buf_free(&term);
    return code;
}

static int send_operand(struct args *args, enum request_kind kind)
{
    struct buf term = {0};
    if (args->count != 3)
        return fail_usage();
    int code = EX_USAGE;
    if (parse_term(&term, args->operands[2]))
        code = send_request(args, kind, args->operands[1], buf_bytes(&term), FORMAT_REPLY);
    buf_free(&term);
    return code;
}

int command_call(struct args *args)
{
    return send_operand(args, REQUEST_CALL);
}

int command_cast(struct args *args)
{
    return send_operand(args, REQUEST_CAST);
}

int command_mutate(struct args *args)
{
    struct buf term = {0};
    if (args->count < 3)
        return fail_usage();
    put_tuple(&term, 2);
    put_atom(&term, "mutate");
    put_tuple(&term, 2);
    bool good = parse_term(&term, args->operands[2]);
    if (args->count > 3)
        put_list(&term, (uint32_t)args->count - 3);
    for (int i = 3; i < args->count && good; i++)
        good = parse_term(&term, args->operands[i]);
    put_nil(&term);
    int code = EX_USAGE;
    if (good)
        code = send_request(args, REQUEST_CALL, args->operands[1], buf_bytes(&term), FORMAT_REPLY);
    buf_free(&term);
    return code;
}

int command_value(struct args *args)
{
    if (args->count != 2)
        return fail_usage();
    return call_with_atom(args, args->operands[1], "value", FORMAT_VALUE);
}

int command_state(struct args *args)
{
    if (args->count != 2)
        return fail_usage();
    return call_with_atom(args, args->operands[1], "state", FORMAT_VALUE);
}

int command_sync(struct args *args)
{
    if (args->count != 2)
        return fail_usage();
    return call_with_atom(args, args->operands[1], "sync_now", FORMAT_REPLY);
}

int command_status(struct args *args)
{
    if (args->count != 1)
        return fail_usage();
    return call_with_atom(args, "coppice", "status", FORMAT_VALUE);
}
