/* Commands that send a request to another node and print the reply. */
#include <string.h>

#include "../limits.h"
#include "../net/file.h"
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

/* Appends the term in text, which stands in an operand or, if it is named, in a file; false after
 * printing where it is wrong. */
static bool parse_text(struct buf *out, struct bytes text, const char *operand, const char *name)
{
    struct text_error error;
    if (text_single(text, out, &error) == OK)
        return true;
    if (name != NULL) {
        print_error("%s:%u:%u: %s", name, error.line, error.column, error.what);
        return false;
    }
    if (is_plain(operand)) {
        /* The caret stands below the column, behind "coppice: ". */
        print_error("%s\n%*s^ %s", operand, (int)error.column + 8, "", error.what);
        return false;
    }
    struct buf shown = {0};
    put_word(&shown, operand);
    print_error("%.*s\nline %u, column %u: %s", TEXT(shown), error.line, error.column, error.what);
    buf_free(&shown);
    return false;
}

static bool parse_input(struct buf *out)
{
    struct buf text = {0};
    enum err e = file_read_input(&text, LIMIT_FRAME_BYTES);
    bool good = e == OK && parse_text(out, buf_bytes(&text), NULL, STANDARD_INPUT);
    if (e != OK)
        fail_to_read(EX_USAGE, STANDARD_INPUT, e);
    buf_free(&text);
    return good;
}

/* Appends the term that an operand stands for, that in standard input for `-`; false after printing
 * what is wrong. */
static bool parse_term(struct buf *out, const struct args *args, int operand)
{
    const char *text = args->operands[operand];
    if (strcmp(text, "-") != 0)
        return parse_text(out, bytes_of(text), text, NULL);
    for (int i = 2; i < operand; i++)
        if (strcmp(args->operands[i], "-") == 0) {
            print_error(STANDARD_INPUT " (-) stands for one term only");
            return false;
        }
    return parse_input(out);
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
    if (parse_term(&term, args, 2))
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

/* --- replicas ------------------------------------------------------------------------ */

int command_mutate(struct args *args)
{
    struct buf term = {0};
    put_tuple(&term, 2);
    put_atom(&term, "mutate");
    put_tuple(&term, 2);
    bool good = parse_term(&term, args, 2);
    if (args->count > 3)
        put_list(&term, (uint32_t)args->count - 3);
    for (int i = 3; i < args->count && good; i++)
        good = parse_term(&term, args, i);
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
