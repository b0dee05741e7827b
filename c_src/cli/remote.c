/* Commands that send a request to another node and print the reply. */
#include <string.h>

#include "../term/text.h"
#include "../term/write.h"
#include "client.h"
#include "commands.h"
#include "output.h"

/* Calls with an atom. */
static int call_with_atom(struct args *args, const char *server, const char *atom, bool to_replica)
{
    struct buf term = {0};
    put_atom(&term, atom);
    int code = client_run(args, &(struct client_request){.kind = REQUEST_CALL,
                                                         .node = args->operands[0],
                                                         .server = server,
                                                         .term = buf_bytes(&term),
                                                         .format = FORMAT_RESULT,
                                                         .plain = args->plain,
                                                         .to_replica = to_replica});
    buf_free(&term);
    return code;
}

/* Appends the term that text stands for; false after printing where it is wrong. */
static bool parse_term(struct buf *out, const char *text)
{
    struct text_error error;
    if (text_single(bytes_of(text), out, &error) == OK)
        return true;
    if (is_plain(text)) {
        /* The caret stands below the column, behind "coppice: ". */
        print_error("%s\n%*s^ %s", text, (int)error.column + 8, "", error.what);
        return false;
    }
    struct buf shown = {0};
    put_word(&shown, text);
    print_error("%.*s\nline %u, column %u: %s", TEXT(shown), error.line, error.column, error.what);
    buf_free(&shown);
    return false;
}

/* --- any process --------------------------------------------------------------------- */

int command_ping(struct args *args)
{
    struct buf term = {0};
    put_tuple(&term, 2);
    put_atom(&term, "is_auth");
    put_atom(&term, args->operands[0]);
    int code = client_run(args, &(struct client_request){.kind = REQUEST_CALL,
                                                         .node = args->operands[0],
                                                         .server = "net_kernel",
                                                         .term = buf_bytes(&term),
                                                         .format = FORMAT_PONG});
    buf_free(&term);
    return code;
}

static int send_operand(struct args *args, enum request_kind kind)
{
    struct buf term = {0};
    int code = EX_USAGE;
    if (parse_term(&term, args->operands[2]))
        code = client_run(args, &(struct client_request){.kind = kind,
                                                         .node = args->operands[0],
                                                         .server = args->operands[1],
                                                         .term = buf_bytes(&term),
                                                         .format = FORMAT_REPLY});
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

int command_status(struct args *args)
{
    return call_with_atom(args, "coppice", "status", false);
}

/* --- replicas ------------------------------------------------------------------------ */

int command_mutate(struct args *args)
{
    struct buf term = {0};
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
        code = client_run(args, &(struct client_request){.kind = REQUEST_CALL,
                                                         .node = args->operands[0],
                                                         .server = args->operands[1],
                                                         .term = buf_bytes(&term),
                                                         .format = FORMAT_RESULT,
                                                         .to_replica = true});
    buf_free(&term);
    return code;
}

static int call_replica(struct args *args, const char *atom)
{
    return call_with_atom(args, args->operands[1], atom, true);
}

int command_value(struct args *args)
{
    return call_replica(args, "value");
}

int command_state(struct args *args)
{
    return call_replica(args, "state");
}

int command_sync(struct args *args)
{
    return call_replica(args, "sync_now");
}
