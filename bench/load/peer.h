/* One connection of a load: a hidden node with one process, or a bare echo.
 *
 * A node calls as GenServer.call/2 does: the call's tag is an alias.  If it monitors, it also
 * monitors the server before each call and ends that with the reply, as a BEAM does. */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include "term/bytes.h"
#include "work.h"

struct peer_options {
    struct bytes node;   /* that is called; empty: an echo */
    struct bytes cookie; /* text */
    uint16_t port;       /* on 127.0.0.1 */
    uint32_t depth;      /* calls in flight */
    size_t echo_bytes;   /* of each message to an echo */
    bool monitors;
    struct work *work;
    /* Reports a reply, after so many nanoseconds. */
    void (*replied)(uint64_t took_ns);
};

struct peer;

/* Connects and does the handshake, as the node load_PID_NUMBER@127.0.0.1; ends the program if that
 * fails.  The options are borrowed for the peer's life.  One that does not call is only connected.
 */
struct peer *peer_connect(const struct peer_options *options, unsigned number, bool calls);
void peer_free(struct peer *p);

/* Joins a pg group, a binary, in this scope: the peer's process is sent the deltas of its replicas.
 */
void peer_join(struct peer *p, const char *scope, const char *group);

/* Whether the scope has answered. */
bool peer_has_joined(const struct peer *p);

/* How many deltas it was sent since it was last asked. */
uint64_t peer_deltas(struct peer *p);

/* Non-blocking, for epoll. */
int peer_fd(const struct peer *p);

/* If it calls: makes calls until depth of them are in flight or there are no more, and writes them.
 */
void peer_send(struct peer *p);

/* Reads what there is, and checks the replies in it. */
void peer_receive(struct peer *p);

uint32_t peer_in_flight(const struct peer *p);

/* Whether the socket did not take everything: peer_flush() is due when it can be written to. */
bool peer_is_blocked(const struct peer *p);
void peer_flush(struct peer *p);

uint64_t now_ns(void);

#endif
