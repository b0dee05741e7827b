/* A turn: what a process may use while it handles one event.
 *
 * The core has no clock, no source of randomness and no sockets.  A turn brings in the time
 * and a random number, and carries out signals and log lines.  The node makes one for each
 * event. */
#ifndef COPPICE_OTP_TURN_H
#define COPPICE_OTP_TURN_H

#include "../dist/signal.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };
/* "debug", "info", "warning" or "error". */
const char *log_level_name(enum log_level level);

/* Outgoing signals and log lines; the node implements it. */
struct post {
    /* Sends the signal to its node; one to our own node reaches processes_signal() later in
     * the same event.  The signal is not kept: its slices may be reused on return.  Never
     * fails, like a BEAM's send.  For a message or a monitor, a node that is not connected is
     * dialled once; if that comes to nothing, a message is dropped, and SIGNAL_MONITOR answered by
     * SIGNAL_MONITOR_EXIT with noconnection.  Other signals to such a node are dropped. */
    void (*send)(struct post *post, const struct signal *signal);
    /* True when the node is connected. */
    bool (*connected)(struct post *post, struct bytes node);
    /* The capability flags of that connection; 0 when there is none. */
    uint64_t (*flags)(struct post *post, struct bytes node);
    /* True when so much is queued for that node that bulk data should wait. */
    bool (*slow)(struct post *post, struct bytes node);
    /* One line, one fact. */
    void (*log)(struct post *post, enum log_level level, struct bytes line);
    /* Holds back everything else that the node has sent, until release: a process works off a large
     * message of it in several steps.  0 if it is not connected (or hold is NULL).  A hold ends
     * with the connection, too. */
    uint64_t (*hold)(struct post *post, struct bytes node);
    void (*release)(struct post *post, uint64_t hold);
    bool (*is_held)(struct post *post, uint64_t hold);
    /* True when even a little is queued for that node (LIMIT_CHANGE_QUEUE_BYTES): news that can be
     * joined should wait.  replica_idle() tells when that has changed. */
    bool (*busy)(struct post *post, struct bytes node);
};

struct turn;

/* Which nodes may change anything here; the node implements it. */
struct rights {
    bool (*may_write)(const struct rights *rights, struct bytes node);
    /* Counts and logs a change that was refused to that node. */
    void (*refused)(struct rights *rights, struct bytes node, struct turn *t);
};

struct turn {
    uint64_t now_ms;   /* monotonic */
    uint64_t wall_ms;  /* wall clock, since 1970; may go back */
    uint64_t random;   /* seed of turn_random() */
    uint64_t work;     /* of turn_worked() */
    uint64_t slowness; /* how much longer than its price work takes, in 256ths of it */
    struct post *post;
    struct bytes node;     /* whose signal is being handled, now or late, as text; else empty */
    struct rights *rights; /* NULL: every node may change everything */
    /* The node whose signal is being handled, where it may only read; else empty.  Whatever changes
     * something for others asks turn_may_change() first. */
    struct bytes reader;
};

/* Whether that node may change anything. */
bool turn_may_write(const struct turn *t, struct bytes node);
/* Whether the sender of the current signal may change anything; if not, its attempt to is counted
 * and logged. */
bool turn_may_change(struct turn *t);

/* What follows is done for that node, whose signal has waited; returns the one before, to be put
 * back. */
struct bytes turn_for(struct turn *t, struct bytes node);

/* Counts work that is out of proportion to the bytes of the message that asks for it, such as a
 * walk over a large state: about one for each nanosecond, and more where the machine is slower
 * (slowness).  Once a step has done LIMIT_STEP_WORK, each peer's further messages wait for the next
 * one, and so does what else is due. */
void turn_worked(struct turn *t, uint64_t work);

/* The next random number of this turn. */
uint64_t turn_random(struct turn *t);

/* Sends a message (any term) from the pid to the pid. */
void turn_send(struct turn *t, struct bytes from, struct bytes to, struct bytes message);

/* The same for a message in two parts. */
void turn_send_shared(struct turn *t, struct bytes from, struct bytes to, struct bytes first,
                      struct share rest);

/* Sends a message from the pid to the name (an atom's text) on the node. */
void turn_send_named(struct turn *t, struct bytes from, struct bytes node, struct bytes name,
                     struct bytes message);

void turn_log(struct turn *t, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Counts one more of what a faulty peer may cause any number of times, and is true for the 1st,
 * 2nd, 4th, 8th, ...: only those are logged, with the count, or the lines would fill the disk. */
bool log_is_due(uint64_t *count);

/* The node's name in a canonical pid, port or reference, as text; borrows from it. */
struct bytes node_of(struct bytes identifier);

/* The text of a canonical atom; borrows from it. */
struct bytes atom_text(struct bytes atom);

#endif
