/* The time of day. */
#ifndef COPPICE_NET_CLOCK_H
#define COPPICE_NET_CLOCK_H

#include <stdint.h>

/* Milliseconds since 1970; may go back. */
uint64_t clock_wall_ms(void);

#endif
