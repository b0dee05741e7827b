/* Log lines on standard error: one line, one fact, with the time in UTC. */
#ifndef COPPICE_NET_LOG_H
#define COPPICE_NET_LOG_H

#include "../node/event.h"

/* Control characters are written as '?': the line may quote a peer. */
void log_line(enum log_level level, struct bytes line);

#endif
