/* A turn: what a process may use while it handles one thing.
 *
 * The core has no clock, no randomness and no sockets; a turn brings the time
 * and a random number in, and takes signals and log lines out.  It is made by the
 * node for one event and is gone after it. */
#ifndef COPPICE_OTP_TURN_H
#define COPPICE_OTP_TURN_H

#include "../dist/signal.h"

enum log_level { LOG_INFO, LOG_WARNING, LOG_ERROR };

/* The way out, filled in by the node. */
struct post {
    /* Takes the signal to the node that it names (our own: back to
     * processes_signal(), later in the same event); all slices may be reused when
     * it returns.  Like a BEAM's send it never fails: a signal to a
     * node that is not connected is dropped, but for SIGNAL_MONITOR, which is
     * answered (later in the same event) by SIGNAL_MONITOR_EXIT noconnection. */
    void (*send)(struct post *post, const struct signal *signal);
    /* True when a connection to that node is up. */
    bool (*connected)(struct post *post, struct bytes node);
    /* The capabilities of that connection; 0 when there is none. */
    uint64_t (*flags)(struct post *post, struct bytes node);
    /* True when so much waits for that node that bulk should wait too. */
    bool (*slow)(struct post *post, struct bytes node);
    /* One line, one fact. */
    void (*log)(struct post *post, enum log_level level, struct bytes line);
};

struct turn {
    uint64_t now_ms;  /* monotonic */
    uint64_t wall_ms; /* the time of day, since 1970; may be set back */
    uint64_t random;  /* seed of turn_random() */
    struct post *post;
};

/* The next random number of this turn. */
uint64_t turn_random(struct turn *t);

/* Sends a message (any term) from the pid to the pid. */
void turn_send(struct turn *t, struct bytes from, struct bytes to, struct bytes message);

/* Sends a message from the pid to the name (an atom's text) on the node. */
void turn_send_named(struct turn *t, struct bytes from, struct bytes node, struct bytes name,
                     struct bytes message);

void turn_log(struct turn *t, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The name of the node that a pid, port or reference (canonical) is of, as
 * text; borrows from it. */
struct bytes node_of(struct bytes identifier);

/* The text of a canonical atom; borrows from it. */
struct bytes atom_text(struct bytes atom);

#endif
