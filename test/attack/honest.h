/* A peer that behaves, in a process of its own: it calls a replica about every millisecond, and
 * each call is to be answered rightly, whatever others do meanwhile. */
#ifndef ATTACK_HONEST_H
#define ATTACK_HONEST_H

#include "target.h"

enum phase { BEFORE, DURING, AFTER, PHASES };

struct honest;

/* Connects as honest@127.0.0.1 and begins to call. */
struct honest *honest_start(const struct target *t);
/* Times are counted for this phase from now on. */
void honest_enter(struct honest *h, enum phase phase);
/* Ends it after its last answer.  NULL if all was as it should be, else what was wrong: static
 * text.  Frees it; the times stay. */
const char *honest_stop(struct honest *h);

/* Milliseconds that so many percent of the calls in a phase took at most; 100: the longest. */
double honest_percentile(const struct honest *h, enum phase phase, double percent);
unsigned honest_calls(const struct honest *h, enum phase phase);
void honest_free(struct honest *h);

#endif
