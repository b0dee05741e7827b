/* A peer that knows the cookie and sends without end. */
#ifndef ATTACK_FLOOD_H
#define ATTACK_FLOOD_H

#include "attack.h"

/* Queues the signals of a round, some hundred. */
typedef void flood_round(struct link *l, uint32_t round);

enum reading { READS, READS_NOTHING };

/* Connects as attacker@127.0.0.1 and sends until the time is over, or until it is cut off; then
 * closes the connection.  True if it was cut off. */
bool flood(struct scene *s, flood_round *round, enum reading reading);

/* The same with a link, which the caller has opened and closes. */
bool flood_by(struct scene *s, struct link *l, flood_round *round, enum reading reading);

/* A link with that name; ends the program if it is not let in. */
struct link *let_in(struct scene *s, const char *name);

#endif
