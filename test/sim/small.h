/* Limits for storm_small: so low that a state of a few hundred bytes is sent in pieces and a few
 * messages make a slow queue.  With the real limits only megabytes of state would do that. */
#ifndef COPPICE_SIM_SMALL_H
#define COPPICE_SIM_SMALL_H

#include "limits.h"

#undef LIMIT_PIECE_BYTES
#define LIMIT_PIECE_BYTES 200
#undef LIMIT_FRAGMENT_BYTES
#define LIMIT_FRAGMENT_BYTES 100
#undef LIMIT_STREAMS
#define LIMIT_STREAMS 2
#undef LIMIT_FILL_BYTES
#define LIMIT_FILL_BYTES 250
#undef LIMIT_COMPARED_ENTRIES
#define LIMIT_COMPARED_ENTRIES 4
#undef LIMIT_EMPTY_RANGES
#define LIMIT_EMPTY_RANGES 5
#undef LIMIT_SLICE_BYTES
#define LIMIT_SLICE_BYTES 100
#undef LIMIT_ENCODE_BYTES
#define LIMIT_ENCODE_BYTES 50
#undef LIMIT_STEP_WORK
#define LIMIT_STEP_WORK 100
#undef LIMIT_QUEUE_SLOW_BYTES
#define LIMIT_QUEUE_SLOW_BYTES 500
#undef LIMIT_QUEUE_BYTES
#define LIMIT_QUEUE_BYTES 100000
#undef LIMIT_QUEUES_BYTES
#define LIMIT_QUEUES_BYTES 60000
#undef LIMIT_CHANGE_QUEUE_BYTES
#define LIMIT_CHANGE_QUEUE_BYTES 150
#undef LIMIT_PULLS
#define LIMIT_PULLS 2
#undef LIMIT_JOURNAL_BYTES
#define LIMIT_JOURNAL_BYTES 3000
#undef LIMIT_FOLLOW_ASK_MS
#define LIMIT_FOLLOW_ASK_MS 2000

#endif
