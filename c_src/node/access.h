/* Which nodes may only read: the patterns of `read_only`, and what was refused to them. */
#ifndef COPPICE_NODE_ACCESS_H
#define COPPICE_NODE_ACCESS_H

#include "../dist/name_pattern.h"
#include "../otp/names.h"
#include "../otp/turn.h"

struct access {
    struct rights rights;                  /* first: the rights of the node's turns */
    struct bytes self;                     /* this node, which may write; borrowed */
    const struct name_patterns *read_only; /* borrowed */
    struct names told;                     /* the nodes whose attempts were logged */
    uint64_t refused;
};

/* Both are borrowed.  Of what is refused to a node the first attempt is logged, of LIMIT_READERS
 * nodes at most. */
void access_init(struct access *a, struct bytes self, const struct name_patterns *read_only);
void access_free(struct access *a);

bool access_may_write(const struct access *a, struct bytes node);

#endif
