/* A command's conversation with another node: it connects under one of the names for commands
 * (dist/command_name.h), sends its request, and prints the answer. */
#ifndef COPPICE_CLI_CLIENT_H
#define COPPICE_CLI_CLIENT_H

#include "../node/event.h"
#include "args.h"

/* How the answer is printed.  A Reason goes to standard error as a sentence, except with
 * FORMAT_REPLY. */
enum format {
    FORMAT_REPLY,  /* as it is */
    FORMAT_RESULT, /* Value, of {ok, Value}; any other but {error, Reason}, as it is */
    FORMAT_PONG    /* pong or pang */
};

struct client_request {
    enum request_kind kind;
    const char *node, *server; /* a place (place.h) and the text of an atom */
    struct bytes term;         /* checked */
    enum format format;
    bool plain; /* print Value as print_plain() does */
    /* Of REQUEST_SUBSCRIBE: takes a Change.  0 to go on, or an exit code after printing an error.
     */
    int (*changed)(const struct client_request *r, struct bytes change);
    /* NULL, or what takes Value, a checked term, in place of printing it: with FORMAT_RESULT. */
    void (*show)(struct bytes value, void *who);
    void *who;
    /* The server has to be a replica of a coppice: the node is asked for its replicas first, and
     * the request is not sent where the server is none.  Another process may take the message for
     * something else, or crash on it: Grove's server does. */
    bool to_replica;
};

/* Sends the request and prints the answer or the error.  Reads the cookie and
 * sets the node's name in args.  Returns the exit code. */
int client_run(struct args *args, const struct client_request *request);

#endif
