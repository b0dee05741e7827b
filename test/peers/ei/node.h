/* A node written with `ei`: its connections, what arrives on them, and calls of servers elsewhere.
 *
 * It serves the process `echo`, which answers a call of GenServer with {echo, Request}, and
 * answers pings, which `ei` leaves to the program. */
#ifndef TEST_PEERS_EI_NODE_H
#define TEST_PEERS_EI_NODE_H

#include <ei.h>
#include <stdbool.h>

enum {
    PEERS_MAX = 8,
    LOST_MAX = 100,
    ANSWER_MS = 10000, /* far longer than any answer takes */
};

struct peer {
    int fd;
    char node[MAXNODELEN + 1];
};

struct node {
    ei_cnode self;
    int listener;
    struct peer peers[PEERS_MAX];
    int peer_count;
    char lost[LOST_MAX][MAXNODELEN + 1]; /* nodes whose connections ended */
    int lost_count;
    int strays;                        /* messages that nobody here waits for */
    char stray_name[MAXATOMLEN_UTF8];  /* whom the last of them was for */
    char exit_reason[MAXATOMLEN_UTF8]; /* of the last exit signal */
    erlang_pid linked;                 /* the process that we linked to last */
    erlang_pid linking;                /* our end of that link */
};

extern struct node node;

/* Ends the program. */
void die(const char *what);

/* Listens, and registers NAME@HOST with epmd. */
void node_start(const char *name, const char *cookie);

/* Waits until something arrives on a connection or on standard input, and handles the former.
 * True if there is input. */
bool node_wait(void);

/* The connection to a node, made now if there is none; NULL if it cannot be made. */
struct peer *peer_to(char *name);

/* Calls a server with the request in `body`, which it frees.  The reply begins at *reply in
 * `in`.  NULL, or what went wrong. */
const char *call(char *name, char *server, ei_x_buff *body, ei_x_buff *in, int *reply);

/* Sends the signal {Operation, linking, linked}, or {Operation, linking, linked, Reason}. */
bool control(struct peer *peer, long operation, const char *reason);

#endif
