/* libmicrohttpd, loaded when it is first needed.
 *
 * It needs GnuTLS and six more libraries, for what is not used here.  Linked, they would cost each
 * command and each node that serves no metrics six milliseconds of its start. */
#ifndef COPPICE_NET_HTTP_LIBRARY_H
#define COPPICE_NET_HTTP_LIBRARY_H

#include <microhttpd.h>

#include "../term/bytes.h"

#define HTTP_LIBRARY_FUNCTIONS(X)                                                                  \
    X(MHD_start_daemon)                                                                            \
    X(MHD_stop_daemon)                                                                             \
    X(MHD_run)                                                                                     \
    X(MHD_get_timeout)                                                                             \
    X(MHD_get_daemon_info)                                                                         \
    X(MHD_lookup_connection_value)                                                                 \
    X(MHD_create_response_from_buffer)                                                             \
    X(MHD_add_response_header)                                                                     \
    X(MHD_queue_response)                                                                          \
    X(MHD_destroy_response)

/* Each under its own name. */
struct http_library {
#define HTTP_LIBRARY_MEMBER(name) __typeof__(name) *name;
    HTTP_LIBRARY_FUNCTIONS(HTTP_LIBRARY_MEMBER)
#undef HTTP_LIBRARY_MEMBER
};

/* NULL, with *why set to text for the log, if it is not installed.  Stays loaded. */
const struct http_library *http_library(struct buf *why);

#endif
