/* The rows that types.c lists; everybody else asks crdt.h. */
#ifndef COPPICE_CRDT_TYPES_H
#define COPPICE_CRDT_TYPES_H

#include "crdt.h"

extern const struct crdt_type gcounter_type;
extern const struct crdt_type pncounter_type;

#endif
