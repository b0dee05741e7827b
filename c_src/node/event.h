/* What happens to a node, and what a node wants done.
 *
 * Everything that the world can do to the core is an event, everything that the
 * core can do to the world an action.  net/ turns the one into the other with
 * real sockets; test/sim does it with a virtual clock and a network of its own. */
#ifndef COPPICE_NODE_EVENT_H
#define COPPICE_NODE_EVENT_H

#include "../err.h"
#include "../otp/turn.h"
#include "../store/storage.h"

enum event_kind {
    EVENT_START,    /* first of all: the listener is open on port (0: there is none) */
    EVENT_ACCEPTED, /* conn: somebody connected to the listener */
    EVENT_OPENED,   /* conn: what was dialled is connected */
    EVENT_BYTES,    /* conn, bytes: read */
    EVENT_WRITTEN,  /* conn, written: so many bytes of what was sent have left */
    EVENT_CLOSED,   /* conn, err: ended by the other side, or never connected */
    EVENT_WAKE,     /* the time that node_due() named has come */
    EVENT_REQUEST,  /* request: a command wants something of another node */
    EVENT_LOADED,   /* store, found or failure: of ACTION_LOAD */
    EVENT_BEGUN,    /* store, failure: of ACTION_BEGIN */
    EVENT_APPENDED, /* store, failure, journal_bytes: of ACTION_APPEND */
    EVENT_SAVED,    /* store, failure: of ACTION_SAVE */
    EVENT_STOP      /* end in good order */
};

/* A command's wish: one ACTION_ANSWER follows. */
enum request_kind { REQUEST_CALL, REQUEST_CAST };

struct request {
    enum request_kind kind;
    struct bytes node, name; /* text: whom */
    struct bytes term;       /* what is said */
    uint64_t timeout_ms;     /* for the answer, from when it is said */
};

struct event {
    enum event_kind kind;
    uint64_t now_ms;  /* monotonic: whatever the node waits for goes by it */
    uint64_t wall_ms; /* the time of day, since 1970: for clocks in the data alone */
    uint64_t random;  /* from the operating system, for this event alone */
    uint32_t conn;    /* accepted ones get even numbers from the shell */
    uint16_t port;
    enum err err;
    size_t written;
    struct bytes bytes; /* borrowed until node_step returns */
    const struct request *request;
    uint32_t store;
    const struct storage_failure *failure; /* NULL: all went well */
    const struct storage_found *found;
    uint64_t journal_bytes;
};

enum action_kind {
    ACTION_DIAL,       /* conn (odd), host, port: connect; OPENED or CLOSED follows */
    ACTION_SEND,       /* conn, bytes: write after what was sent before */
    ACTION_CLOSE,      /* conn: write what is left, then close; no event follows */
    ACTION_START_EPMD, /* run `epmd -daemon`, if it can be found */
    ACTION_READY,      /* say so: name and port */
    ACTION_ANSWER,     /* err, bytes: the reply to the request, or the reason (a term) */
    ACTION_LOG,        /* level, bytes: one line */
    /* What follows is done off the loop, for one store in the order in which it was asked
     * for, but that appending goes on beside a snapshot. */
    ACTION_OPEN_STORE,  /* store, storage: from now on that number means these files */
    ACTION_LOAD,        /* store: storage_load() */
    ACTION_BEGIN,       /* store: storage_begin() */
    ACTION_APPEND,      /* store, bytes: storage_append() */
    ACTION_SAVE,        /* store: storage_rotate(), and storage_save() of bytes; or, where they are
                           empty, of what node_saved_state() says now */
    ACTION_CLOSE_STORE, /* store: the number means nothing any more, once all is done */
    ACTION_EXIT         /* write what is left, to peers and to disk, then end with code */
};

struct action {
    enum action_kind kind;
    uint32_t conn;
    uint16_t port;
    int code;
    enum err err;
    enum log_level level;
    uint32_t store;
    struct storage_options storage; /* borrows from bytes */
    struct buf bytes; /* owned: SEND's frames, DIAL's host, LOG's line, ANSWER's term */
};

/* Actions in the order in which they are to be carried out. */
struct outbox {
    struct action *list;
    size_t count, cap;
};

/* A new action at the end, all zero but for its kind; good until the next. */
struct action *outbox_add(struct outbox *out, enum action_kind kind);
/* Frees what the actions own and forgets them. */
void outbox_clear(struct outbox *out);
void outbox_free(struct outbox *out);

#endif
