/* What storms do to a node, as chance has it. */
#ifndef COPPICE_SIM_DEEDS_H
#define COPPICE_SIM_DEEDS_H

#include "sim.h"

/* Its caller asks for something. */
void deed_ask(struct sim *s, unsigned node);
/* Its disk is to fail. */
void deed_disk_fails(struct sim *s, unsigned node);
/* The same, or its disk is its end, or is well again. */
void deed_disk(struct sim *s, unsigned node);
void deed_heal_disks(struct sim *s);

#endif
