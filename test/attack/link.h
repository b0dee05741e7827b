/* A connection to the target, by somebody who knows the cookie, or does not. */
#ifndef ATTACK_LINK_H
#define ATTACK_LINK_H

#include "dist/channel.h"
#include "target.h"

/* A socket to that port, which does not block; -1 if there is none to be had. */
int connect_to(uint16_t port);

/* A connected hidden node. */
struct link {
    int fd;
    char name[128];
    struct buf pid; /* of its only process */
    struct channel_self self;
    struct channel *channel;
    bool cut; /* closed by the target */
};

/* Connects and does the handshake; NULL if that fails. */
struct link *link_open(const struct target *t, const char *name, const char *cookie);
/* Frees it, and closes the connection. */
void link_close(struct link *l);

/* Queues a message to a process of the target by its name, or to a pid. */
void link_send(struct link *l, const char *name, struct bytes message);
/* Queues {'$gen_call', {Pid, Reference}, Request} with a reference of that number. */
void link_call(struct link *l, const char *name, uint32_t number, struct bytes request);
/* Queues any signal; the destination's node is filled in. */
void link_signal(struct link *l, const struct signal *signal);
/* Queues bytes that are no signal. */
void link_raw(struct link *l, struct bytes bytes);

/* Writes what the socket takes, up to so many milliseconds; true when everything is written. */
bool link_flush(struct link *l, unsigned ms);
/* Reads and drops what there is; false once the target has closed the connection. */
bool link_drop(struct link *l);
/* The same up to so many milliseconds, until it is closed; true if it was. */
bool link_is_cut(struct link *l, unsigned ms);

/* The next reply of a call, within so many milliseconds; its {Reference, Reply} is valid until the
 * next call here.  False if none came or the connection ended. */
bool link_reply(struct link *l, unsigned ms, struct bytes *reply);

/* A term as text, as it is printed: for requests without variable parts. */
struct bytes term_of(struct buf *out, const char *text);

#endif
