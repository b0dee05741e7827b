/* The socket on which a node accepts connections. */
#ifndef COPPICE_NET_LISTENER_H
#define COPPICE_NET_LISTENER_H

#include <uv.h>

#include "../node/config.h"

/* Listens on the configured address and the first free port of the configured range, for callback.
 * "::" is all addresses of both families, or those of IPv4 where the system has no IPv6.  *tcp is
 * initialised already, and *port what was bound, or the last one that was tried.  Appends the
 * address that was bound to *address.  0, or an error of libuv: UV_EADDRINUSE when no port of the
 * range is free. */
int listener_open(uv_tcp_t *tcp, const struct config *config, uv_connection_cb callback,
                  struct buf *address, uint16_t *port);

/* A socket that is bound to that address and port, 0 for any that is free, and listens; *port is
 * what was bound.  Or an error of libuv. */
int listener_socket(struct bytes host, uint16_t *port);

/* Appends a line for the log about such an error, at a port of that range: what is wrong, and what
 * to change in that key of the configuration. */
void listener_put_failure(struct buf *line, const char *key, struct bytes address, uint16_t first,
                          uint16_t last, int error);

#endif
