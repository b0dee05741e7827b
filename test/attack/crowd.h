/* Many connections of nobody in particular. */
#ifndef ATTACK_CROWD_H
#define ATTACK_CROWD_H

#include "attack.h"

struct crowd {
    uint16_t port;
    unsigned count;
    int *fds;        /* -1: not connected */
    size_t *written; /* bytes, in each */
    unsigned long opened, closed;
};

/* So many connections to that port, each opened again when the other side has closed it. */
void crowd_open(struct crowd *c, uint16_t port, unsigned count);
void crowd_close(struct crowd *c);
/* Opens those that are missing, and writes the next so many bytes of this text, again and again, to
 * each. */
void crowd_turn(struct crowd *c, struct bytes text, size_t at_once);

/* Connects as fast as it can until the time is over, each time with what `say` puts into the
 * buffer, and closes some connections later, without waiting for what the other side does. */
void storm(struct scene *s, uint16_t port, void (*say)(struct buf *out, unsigned long number));

/* A random number, the same ones in each run. */
uint64_t draw(void);

#endif
