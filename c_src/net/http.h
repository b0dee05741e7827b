/* The web server of a node with `metrics`: a status page, Prometheus's metrics, and whether
 * the node is ready.
 *
 *     /          the status page (node/page.h)
 *     /metrics   the metrics, in Prometheus's text format
 *     /health    200 while the node is ready, else 503
 *
 * It answers GET and HEAD only, to requests for an address, localhost, the host in the node's name
 * or one of the configured hosts: any other name may be one that a web page elsewhere has pointed
 * here (DNS rebinding).  There is no password: whoever reaches the port reads. */
#ifndef COPPICE_NET_HTTP_H
#define COPPICE_NET_HTTP_H

#include <uv.h>

#include "../node/node.h"

struct http;

/* Listens at the address and port of config->metrics, and answers in the loop.  Appends what is to
 * be logged to *line, which is empty: where it answers, or, if NULL is returned, why it cannot.
 * All are borrowed. */
struct http *http_open(uv_loop_t *loop, const struct node *node, const struct config *config,
                       struct buf *line);

/* Closes its connections; NULL is allowed.  Its handles are left for the loop's owner to close. */
void http_close(struct http *h);
/* Once its handles are closed; NULL is allowed. */
void http_free(struct http *h);

#endif
