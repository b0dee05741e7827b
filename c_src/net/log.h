/* Log lines on standard error: one line, one fact, with the time in UTC. */
#ifndef COPPICE_NET_LOG_H
#define COPPICE_NET_LOG_H

#include "../node/event.h"
#include "writer.h"

/* The log's writer; it reports how many lines were lost.  Freed with writer_free().  From now on
 * die() does not wait for standard error to be read, either. */
struct writer *log_open(void);

/* Never blocks.  Control characters are written as '?': the line may quote a peer. */
void log_line(struct writer *log, enum log_level level, struct bytes line);

#endif
