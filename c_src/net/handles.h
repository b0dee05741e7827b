/* The handles of a loop. */
#ifndef COPPICE_NET_HANDLES_H
#define COPPICE_NET_HANDLES_H

#include <uv.h>

/* Closes all handles.  Look-ups may still be open: a thread of libuv's waits for a name server, for
 * as long as the system's resolver does, and cannot be told otherwise. */
void handles_close(uv_loop_t *loop);

#endif
