/* Connects to a host, by the first of its addresses that answers.
 *
 * The addresses are tried in the order of getaddrinfo(), with IPv6 and IPv4 in turn.  One that does
 * not answer in 250 ms does not hold up the next, and neither is given up before one of them is
 * connected: a host with a dead address is reached through another.
 *
 * "localhost" is both loopback addresses, whatever the system's files and name servers say of it.
 *
 * Source: RFC 8305, "Happy Eyeballs Version 2"; RFC 6761, 6.3. */
#ifndef COPPICE_NET_DIAL_H
#define COPPICE_NET_DIAL_H

#include <uv.h>

#include "../err.h"

struct dial;

/* The result, from the loop: a connected handle, which the callee closes and frees by mem_free();
 * or NULL, with ERR_HOST (the name cannot be resolved) or ERR_REFUSED (no address has answered) and
 * a static text of libuv, of the last address that failed.  The dial is no more. */
typedef void dial_done(void *who, uv_tcp_t *tcp, enum err err, const char *why);

struct dial *dial_host(uv_loop_t *loop, const char *host, uint16_t port, dial_done *done,
                       void *who);

/* The same for addresses that are known (copied; their ports are ignored). */
struct dial *dial_addresses(uv_loop_t *loop, const struct addrinfo *addresses, uint16_t port,
                            dial_done *done, void *who);

/* Gives up: done is not called, and the dial is no more. */
void dial_stop(struct dial *d);

#endif
