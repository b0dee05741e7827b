/* Events and actions: all that passes between the core and the world.
 *
 * Everything that can happen to a node is an event; everything that a node can do is an action.
 * net/ connects them to real sockets and disks, test/sim to simulated ones. */
#ifndef COPPICE_NODE_EVENT_H
#define COPPICE_NODE_EVENT_H

#include "../cluster/certificate.h"
#include "../err.h"
#include "../otp/turn.h"
#include "../store/storage.h"

struct config;

enum event_kind {
    EVENT_START,    /* first of all; port: that the node listens on, 0 for none; connections */
    EVENT_ACCEPTED, /* conn, certificate: a connection was accepted */
    EVENT_OPENED,   /* conn, certificate: a dialled connection is established */
    EVENT_REFUSED,  /* bytes: from whom a connection with TLS was not accepted, and why */
    EVENT_BYTES,    /* conn, bytes: read */
    EVENT_WRITTEN,  /* conn, written: so many bytes of ACTION_SEND were written */
    EVENT_CLOSED,   /* conn, err: closed by the peer, or never established; bytes: why, or empty */
    EVENT_WAKE,     /* the time given by node_due() has come */
    EVENT_REQUEST,  /* request: of a client node, once the one before is answered */
    EVENT_CALL,     /* call, request: a REQUEST_CALL of the program that the node is in, once it is
                       ready (ACTION_READY); one ACTION_REPLY follows */
    EVENT_LOADED,   /* store, found or failure: of ACTION_LOAD */
    EVENT_BEGUN,    /* store, failure: of ACTION_BEGIN */
    EVENT_APPENDED, /* store, failure, journal_bytes: of ACTION_APPEND */
    EVENT_SAVED,    /* store, failure: of ACTION_SAVE */
    EVENT_RESOLVED, /* query, err, bytes: of ACTION_RESOLVE, the addresses with a space between two;
                       none when the name has none.  ERR_HOST: why that is not known now */
    EVENT_EPMD,     /* of ACTION_START_EPMD; bytes: why it could not be started, or empty */
    EVENT_CONFIG,   /* config: it was read again, and checked; reload.h says what comes of it */
    EVENT_STOP      /* shut down in good order */
};

/* A request to a process of another node; one ACTION_ANSWER follows, of REQUEST_SUBSCRIBE one for
 * each change (`more`), until the subscription ends.  It was not sent, but may be
 * under another name, when the answer is ERR_TAKEN (that node is connected to another one of this
 * node's name) or ERR_STATUS (that node has closed the connection in the handshake). */
enum request_kind {
    REQUEST_CALL,
    REQUEST_CAST,
    REQUEST_SUBSCRIBE /* to a replica's changes (docs/requests.md); term: the options */
};

struct request {
    enum request_kind kind;
    struct bytes node, name; /* text */
    uint16_t port;           /* of the node; 0: its epmd is asked */
    struct bytes term;       /* the request, any term */
    uint64_t timeout_ms;     /* from sending it to the answer */
};

struct event {
    enum event_kind kind;
    uint64_t now_ms;  /* monotonic; all timers use it */
    uint64_t wall_ms; /* time of day, since 1970; only for clocks in the data */
    uint64_t random;  /* from the operating system, fresh for each event */
    /* By how much work takes longer on this machine than its price (otp/turn.h), in 256ths of it: a
     * step is cut accordingly. */
    uint64_t slowness;
    uint32_t conn; /* accepted connections have even numbers, given by the shell */
    uint16_t port;
    uint32_t query;
    size_t connections; /* of EVENT_START: as of cluster_start() */
    enum err err;
    /* Of a peer with TLS whose certificate was verified, as its options say; else NULL. */
    const struct certificate *certificate;
    size_t written;
    struct bytes bytes; /* borrowed until node_step returns */
    const struct request *request;
    uint64_t call; /* any number */
    uint32_t store;
    const struct storage_failure *failure; /* NULL: success */
    struct storage_found *found;           /* of EVENT_LOADED; its memory may be taken over */
    const char *note; /* of EVENT_SAVED: a line for the log; NULL or empty: none */
    uint64_t journal_bytes;
    /* Of EVENT_BEGUN and EVENT_APPENDED: another one of the two, for another store, which has
     * happened at the same time and is handled in the same step; its times are not read. */
    const struct event *also;
    struct config *config; /* of EVENT_CONFIG; has what was in the place of it afterwards */
};

enum action_kind {
    ACTION_DIAL,       /* conn (odd), bytes (host), port: EVENT_OPENED or EVENT_CLOSED follows; tls:
                          with TLS, and a certificate for that host */
    ACTION_SEND,       /* conn, bytes: EVENT_WRITTEN follows */
    ACTION_CLOSE,      /* conn: write what is queued, then close; no event follows */
    ACTION_REST,       /* conn: read nothing more from it ... */
    ACTION_READ,       /* ... until this */
    ACTION_TRUST,      /* conn: its handshake is over; until then others come first */
    ACTION_RESOLVE,    /* query, bytes (host): EVENT_RESOLVED follows */
    ACTION_START_EPMD, /* run `epmd -daemon`: EVENT_EPMD follows */
    ACTION_READY,      /* bytes (name), port: the node is registered */
    ACTION_ANSWER, /* err, bytes: the reply, or the reason (a term); more: another one follows */
    ACTION_REPLY,  /* call, err, bytes: the reply to EVENT_CALL, or the reason (a term) */
    ACTION_LOG,    /* level, bytes: one line */
    /* These run off the loop, for one store in the order in which they were requested, except
     * that appending goes on while a snapshot is written. */
    ACTION_OPEN_STORE,  /* store, storage: assigns the number to these files */
    ACTION_LOAD,        /* store: storage_load() */
    ACTION_BEGIN,       /* store: storage_begin() */
    ACTION_APPEND,      /* store, bytes: storage_append() */
    ACTION_SAVE,        /* store: storage_rotate(), and storage_save() of bytes; or, where they are
                           empty, of what node_saved_state() says now */
    ACTION_JOINED,      /* store, percent: so much is joined of what was loaded; 100 at the end */
    ACTION_CLOSE_STORE, /* store: releases the number, once everything before is done */
    ACTION_EXIT         /* code: finish writing to peers and to disk, then exit */
};

struct action {
    enum action_kind kind;
    uint32_t conn;
    uint16_t port;
    bool tls, more;
    int code;
    enum err err;
    enum log_level level;
    uint32_t query;
    uint64_t call;
    uint32_t store;
    unsigned percent;
    struct storage_options storage; /* borrows from bytes */
    struct buf bytes;               /* owned */
};

/* Actions, to be carried out in order. */
struct outbox {
    struct action *list;
    size_t count, cap;
};

/* Appends an action, all zero but for its kind; valid until the next is added. */
struct action *outbox_add(struct outbox *out, enum action_kind kind);
/* Frees what the actions own and removes them. */
void outbox_clear(struct outbox *out);
void outbox_free(struct outbox *out);

#endif
