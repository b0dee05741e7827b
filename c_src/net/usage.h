/* What the process uses, under the names that Prometheus gives that in every program. */
#ifndef COPPICE_NET_USAGE_H
#define COPPICE_NET_USAGE_H

#include <stdint.h>

#include "../term/bytes.h"

/* Appends metrics in Prometheus's text format.  started_ms: wall clock. */
void usage_put(uint64_t started_ms, struct buf *out);

#endif
