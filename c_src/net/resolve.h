/* The addresses of a host name, as the system resolves it: /etc/hosts, name servers, and whatever
 * else /etc/nsswitch.conf has.  libuv runs this in its pool of threads, on half of them at most, so
 * that name servers that do not answer do not hold up the disk. */
#ifndef COPPICE_NET_RESOLVE_H
#define COPPICE_NET_RESOLVE_H

#include <uv.h>

#include "../err.h"
#include "../term/bytes.h"

/* The result, from the loop.  OK: text is the addresses, with a space between two, at most
 * LIMIT_FOUND of them; none when the name exists without one, or does not exist.  ERR_HOST: text is
 * why it cannot be known at the moment. */
typedef void resolve_done(void *who, uint32_t number, enum err err, struct bytes text);

/* done is called once, later, with the number. */
void resolve_host(uv_loop_t *loop, const char *host, uint32_t number, resolve_done *done,
                  void *who);

#endif
