/* The descriptors that the process starts with, and how many it may open. */
#ifndef COPPICE_NET_DESCRIPTORS_H
#define COPPICE_NET_DESCRIPTORS_H

#include <stddef.h>
#include <stdint.h>

#include "../limits.h"
#include "../term/bytes.h"

/* Descriptors of the loop, the log and epmd ... */
#define DESCRIPTORS_OWN 32
/* ... of a stored replica: its lock, its journal, and what a snapshot needs while it is written ...
 */
#define DESCRIPTORS_STORE 3
/* ... and of a node with so many of them, or a few thousand that are started later.  More are not
 * asked for: epmd inherits the limit, and closes that many at its start. */
#define DESCRIPTORS_STORES 4096
#define DESCRIPTORS_MAX(stores)                                                                    \
    (2 * DESCRIPTORS_OWN + LIMIT_CONNECTIONS +                                                     \
     DESCRIPTORS_STORE * ((stores) > DESCRIPTORS_STORES ? (stores) : DESCRIPTORS_STORES))
#define DESCRIPTORS_MOST DESCRIPTORS_MAX(LIMIT_PROCESSES)

/* Opens /dev/null as each of standard input, output and error that is closed; a socket or a pipe
 * would get its number otherwise, and with it what is printed.  To be called before anything is
 * opened. */
void descriptors_fill(void);

/* How many files the process may have open: the soft limit. */
uint64_t descriptors_limit(void);

/* Raises the soft limit of open files to the hard one, but not above DESCRIPTORS_MAX of so many
 * stored replicas; returns what the limit is then. */
uint64_t descriptors_raise(size_t stores);

/* Whether so many connected nodes and stored replicas can do with this limit; if not, appends a
 * line for the log. */
bool descriptors_suffice(uint64_t limit, size_t nodes, size_t stores, struct buf *line);

#endif
