/* Attacks on a coppice over real sockets.  Each has a coppice of its own, and an honest peer
 * (honest.h) that calls it meanwhile, or for comparison another one. */
#ifndef ATTACK_H
#define ATTACK_H

#include "link.h"
#include "target.h"

/* While an attack runs. */
struct scene {
    struct target target;
    struct target *called; /* by the honest peer: the target, or one that nobody attacks */
    const struct attack *attack;
    const char *folder;
    unsigned ms;     /* how long an attack lasts that could last for ever */
    uint64_t end_ms; /* when that is over */
    char failures[1024];
    char figures[128]; /* what the attack did, for the report */
};

struct attack {
    const char *name;
    void (*run)(struct scene *s);
    /* The most megabytes of resident memory, and lines of the log, that it may cost. */
    unsigned mb, lines;
    /* A text that exactly one of these lines has: the offender is cut off with it.  NULL: none. */
    const char *says;
    /* As in target_options. */
    const char *more;
    unsigned files;
};

/* Lists that end with one without a name. */
extern const struct attack stranger_attacks[], member_attacks[], frame_attacks[], web_attacks[];

bool time_is_left(const struct scene *s);

/* Notes what was not as it should be. */
void expect(struct scene *s, bool good, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void figure(struct scene *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
