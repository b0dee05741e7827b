/* Lines for a descriptor that may block: a terminal, or a pipe that nobody reads.
 *
 * A thread writes them, with blocking calls.  O_NONBLOCK is not used: it is a flag of the open
 * file, which a terminal's other users share.  Where one of them has set it, the thread waits. */
#ifndef COPPICE_NET_WRITER_H
#define COPPICE_NET_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "../term/bytes.h"

struct writer;

/* Starts no thread before the first line.  The descriptor stays the caller's, and open.  put_lost
 * appends the line, with its newline, that reports how many lines were lost; it is called in the
 * thread.  NULL: this is not reported. */
struct writer *writer_new(int descriptor, void (*put_lost)(struct buf *out, size_t count));

/* Queues a line, which ends with a newline; copies it, and never blocks.  A line is lost, and
 * counted, if it does not fit into LIMIT_LOG_BYTES, or the descriptor refuses it. */
void writer_put(struct writer *w, struct bytes line);

/* For a terminal, a line below the others that changes with time.  put appends its text, or
 * nothing. It is asked every second, first in a second from now, in the thread, and must not call
 * the writer.  The line is wiped before others are written, and at the end.  With put NULL it is
 * not asked any more, once this returns. */
void writer_stand(struct writer *w, void (*put)(void *who, struct buf *out), void *who);

/* Waits at most so many milliseconds until the queue is written, then frees w.  A thread that is
 * blocked even then keeps it until the process ends. */
void writer_free(struct writer *w, uint64_t wait_ms);

#endif
