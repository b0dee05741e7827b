#include "client.h"
#include "cookie.h"

#include <openssl/rand.h>
#include <string.h>
#include <time.h>

#include "../dist/command_name.h"
#include "../dist/handshake.h"
#include "../dist/place.h"
#include "../net/random.h"
#include "../net/shell.h"
#include "../node/node.h"
#include "../term/canon.h"
#include "../term/etf.h"
#include "../term/similar.h"
#include "../term/text.h"
#include "../term/write.h"
#include "operands.h"
#include "output.h"

/* Bytes of a list of replicas in an error message. */
#define LISTED_BYTES 200
/* Milliseconds until names that are taken are tried again: about as long as a command takes. */
#define NAMES_PAUSE_MS 50

struct client {
    const struct client_request *wanted;
    struct request request; /* it, as the node takes it */
    bool asking;            /* the open request asks for the node's replicas */
    bool taken;             /* nothing was sent: try another name */
    int failed;             /* the exit code of a change that was not printed */
    bool waits;             /* for an answer */
    unsigned closed;        /* how often that was only inferred */
    struct tls_contexts tls;
};

/* --- the reply -------------------------------------------------------------------- */

/* Appends an operation that no type has, or not now, and the one that may have been meant. */
static void put_bad_op(struct buf *text, struct bytes op)
{
    struct atom name = {0};
    char suggestion[80] = "";
    struct etf_in in = etf_open(op);
    if (etf_peek(&in) == ETF_TUPLE)
        etf_tuple(&in);
    etf_atom(&in, &name);
    struct similar similar = similar_open((struct bytes){name.text, name.len});
    for (size_t i = 0; operands_operation(i) != NULL; i++)
        similar_try(&similar, bytes_of(operands_operation(i)));
    buf_put(text, BYTES("not an operation of this type, or not possible now: "));
    put_term_text(text, op);
    if (similar.distance > 0)
        similar_suggest(&similar, "", suggestion, sizeof(suggestion));
    buf_put(text, bytes_of(suggestion));
    if (suggestion[0] == '\0')
        buf_put(text, BYTES("; `coppice help mutate` lists those of each type"));
}

/* Appends the text of why a process, or the way to it, has failed. */
static void put_reason(struct buf *text, struct bytes reason)
{
    struct etf_in in = etf_open(reason);
    bool pair = etf_peek(&in) == ETF_TUPLE && etf_tuple(&in) == 2;
    if (pair && etf_accept(&in, "bad_op")) {
        put_bad_op(text, etf_any(&in));
    } else if (!pair && etf_accept(&in, "noproc")) {
        buf_put(text, BYTES("no such process (noproc)"));
    } else if (!pair && etf_accept(&in, "noconnection")) {
        buf_put(text, BYTES("the connection was lost (noconnection)"));
    } else if (!pair && etf_peek(&in) == ETF_BINARY) {
        buf_put(text, etf_binary(&in));
    } else {
        put_term_text(text, reason);
    }
}

/* Prints the reason and returns code. */
static int fail_with_reason(const struct client_request *r, int code, struct bytes reason)
{
    struct buf text = {0};
    put_reason(&text, reason);
    print_error("%s at %s: %.*s", r->server, r->node, TEXT(text));
    buf_free(&text);
    return code;
}

static int fail_late(const struct client_request *r)
{
    return fail(EX_TEMPFAIL, "%s at %s: %s; --timeout MS waits longer", r->server, r->node,
                err_text(ERR_TIMEOUT));
}

/* Why it was not answered: a sentence, or the reason for which the process has ended. */
static int fail_unanswered(const struct client_request *r, struct bytes reason)
{
    struct etf_in in = etf_open(reason);
    if (etf_peek(&in) == ETF_BINARY || etf_accept(&in, "noproc") || etf_accept(&in, "noconnection"))
        return fail_with_reason(r, EX_UNAVAILABLE, reason);
    struct buf text = {0};
    put_term_text(&text, reason);
    print_error("%s at %s: it has ended (%.*s)", r->server, r->node, TEXT(text));
    buf_free(&text);
    return EX_UNAVAILABLE;
}

static int print_reply(const struct client_request *r, enum err err, struct bytes reply)
{
    if (r->format == FORMAT_PONG)
        print_word(err == OK ? "pong" : "pang");
    if (err == ERR_TIMEOUT)
        return fail_late(r);
    if (err != OK)
        return fail_unanswered(r, reply);
    if (r->format == FORMAT_PONG)
        return 0;
    struct etf_in in = etf_open(reply);
    bool pair = etf_peek(&in) == ETF_TUPLE && etf_tuple(&in) == 2;
    bool error = pair && etf_accept(&in, "error");
    if (error && r->format == FORMAT_RESULT)
        return fail_with_reason(r, EXIT_FAILURE, etf_any(&in));
    if (pair && r->format == FORMAT_RESULT && etf_accept(&in, "ok"))
        reply = etf_any(&in);
    if (r->show != NULL)
        r->show(reply, r->who);
    else if (r->plain)
        print_plain(reply);
    else
        print_term(reply);
    return error ? EXIT_FAILURE : 0;
}

/* --- whether the server is a replica ------------------------------------------------- */

/* The list in {ok, List}; false for any other term. */
static bool read_replicas(struct bytes reply, struct bytes *list)
{
    struct bytes element;
    struct etf_in in = etf_open(reply);
    etf_tuple_of(&in, 2);
    etf_expect(&in, "ok");
    *list = etf_any(&in);
    bool good = etf_finish(&in) == OK;
    struct etf_in elements = etf_open(*list);
    for (struct etf_list l = etf_list(&elements); good && etf_next(&l, &element);)
        continue;
    return good && etf_finish(&elements) == OK;
}

static bool has_replica(struct bytes list, struct bytes name)
{
    struct bytes element;
    struct atom atom;
    struct etf_in in = etf_open(list);
    for (struct etf_list l = etf_list(&in); etf_next(&l, &element);) {
        struct etf_in one = etf_open(element);
        etf_atom(&one, &atom);
        if (etf_finish(&one) == OK && bytes_equal((struct bytes){atom.text, atom.len}, name))
            return true;
    }
    return false;
}

static int fail_without_replica(const struct client_request *r, struct bytes list)
{
    struct buf canonical = {0}, text = {0};
    if (canon_put(&canonical, list) == OK)
        text_print_short(&text, buf_bytes(&canonical), LISTED_BYTES);
    print_error("%s has no replica %s, only %.*s", r->node, r->server, TEXT(text));
    buf_free(&canonical);
    buf_free(&text);
    return EX_UNAVAILABLE;
}

/* Takes the answer to `replicas`.  0, or an exit code after printing the error. */
static int check_replica(const struct client_request *r, enum err err, struct bytes answer)
{
    struct bytes list;
    struct etf_in in = etf_open(answer);
    bool unreachable = err != OK && etf_peek(&in) == ETF_BINARY;
    if (err == ERR_TIMEOUT)
        return fail_late(r);
    if (unreachable || etf_accept(&in, "noconnection"))
        return fail_with_reason(r, EX_UNAVAILABLE, answer);
    if (err != OK || !read_replicas(answer, &list))
        return fail(EX_UNAVAILABLE,
                    "%s runs no coppice, and other servers may crash on this request: it was not "
                    "sent; `coppice call` sends any term",
                    r->node);
    return has_replica(list, bytes_of(r->server)) ? 0 : fail_without_replica(r, list);
}

/* --- the requests --------------------------------------------------------------------- */

/* After a failure, the rest of those that have come is dropped. */
static int take_change(struct client *c, struct bytes change)
{
    if (c->failed == 0)
        c->failed = c->wanted->changed(c->wanted, change);
    return c->failed;
}

static bool is_map(struct bytes term)
{
    struct etf_in in = etf_open(term);
    return etf_peek(&in) == ETF_MAP;
}

static int answered(void *who, enum err err, struct bytes answer, const struct request **next)
{
    struct client *c = who;
    c->waits = false;
    c->taken = err == ERR_TAKEN || (err == ERR_STATUS && ++c->closed < COMMAND_NAMES);
    if (c->taken)
        return EX_TEMPFAIL;
    if (!c->asking && c->wanted->changed != NULL && err == OK && is_map(answer))
        return take_change(c, answer);
    if (!c->asking)
        return print_reply(c->wanted, err, answer);
    c->asking = false;
    int code = check_replica(c->wanted, err, answer);
    c->waits = code == 0;
    if (c->waits)
        *next = &c->request;
    return code;
}

/* A node of its own sends the requests. */
static int converse(const struct config *config, struct client *c)
{
    struct buf replicas = {0};
    put_atom(&replicas, "replicas");
    struct request ask = {.kind = REQUEST_CALL,
                          .node = c->request.node,
                          .port = c->request.port,
                          .name = BYTES("coppice"),
                          .term = buf_bytes(&replicas),
                          .timeout_ms = c->request.timeout_ms};
    struct shell_options options = {
        .request = c->asking ? &ask : &c->request, .tls = c->tls, .answered = answered, .who = c};
    struct node *node = node_new_client(config);
    c->waits = true;
    int code = shell_run(node, config, &options);
    if (code == 0 && c->waits)
        code = EXIT_INTERRUPTED;
    node_free(node);
    buf_free(&replicas);
    return code;
}

static void pause_ms(unsigned ms)
{
    struct timespec pause = {.tv_nsec = ms * 1000000L};
    nanosleep(&pause, NULL);
}

/* Chooses one of the names for commands on the target's host, so that it is short or long as the
 * target's is: at random, then each of the others, until one is free. */
static int converse_by_any_name(struct config *config, struct client *c)
{
    struct bytes host = c->request.node;
    unsigned of_kind = c->request.kind == REQUEST_SUBSCRIBE ? COMMAND_NAMES : 0;
    uint8_t first = 0;
    int code = 0;
    while (host.at[0] != '@')
        host = bytes_after(host, 1);
    host = bytes_after(host, 1);
    random_fill(&first, sizeof(first));
    for (uint64_t waited = 0; waited < c->request.timeout_ms; waited += NAMES_PAUSE_MS) {
        for (unsigned i = 0; i < COMMAND_NAMES; i++) {
            buf_clear(&config->node);
            command_name_put(&config->node, of_kind + (first + i) % COMMAND_NAMES, host);
            if (!node_name_valid(buf_bytes(&config->node)))
                return fail(EX_USAGE, "NODE: the name of its host is too long for a node beside "
                                      "it, which a command is");
            code = converse(config, c);
            if (!c->taken)
                return code;
        }
        pause_ms(NAMES_PAUSE_MS);
    }
    if (c->wanted->format == FORMAT_PONG)
        print_word("pang");
    return fail(EX_TEMPFAIL, "%d %s are connected to %s: try again later", COMMAND_NAMES,
                of_kind > 0 ? "`coppice watch`" : "commands", c->wanted->node);
}

int client_run(struct args *args, const struct client_request *request)
{
    struct place place;
    int code = cookie_read(&args->config);
    if (code != 0)
        return code;
    must(place_read(bytes_of(request->node), &place));
    struct client client = {
        .wanted = request,
        .request = {.kind = request->kind,
                    .node = buf_bytes(&place.name),
                    .port = place.port,
                    .name = bytes_of(request->server),
                    .term = request->term,
                    .timeout_ms = args->timeout_ms},
        .asking = request->to_replica,
    };
    code = args_read_tls(&client.tls, &args->config, false);
    if (code == 0)
        code = converse_by_any_name(&args->config, &client);
    tls_contexts_free(&client.tls);
    place_free(&place);
    return code;
}
