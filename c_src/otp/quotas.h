/* What each node has of something that all nodes share and that has one bound: messages that wait,
 * for instance.  One node may have a part of it (LIMIT_NODE_PART), so that there is room for
 * others. */
#ifndef COPPICE_OTP_QUOTAS_H
#define COPPICE_OTP_QUOTAS_H

#include <stdbool.h>

#include "names.h"

/* Things, and bytes of them where these are bounded, too. */
struct amount {
    size_t count, bytes;
};

/* What one node has; there is none for a node that has nothing. */
struct quota {
    struct buf node; /* its name; empty for what no signal has caused */
    struct amount has;
};

/* All zero but for the secret is valid: nobody has anything. */
struct quotas {
    struct amount all;
    struct names *nodes; /* of struct quota; NULL: none */
    uint64_t secret;     /* as in names.h */
};

/* Whether the node may have more: all have `most` then, or less, and it has no more than its part
 * of that, unless this is what no signal has caused. */
bool quotas_allow(const struct quotas *q, struct bytes node, struct amount more,
                  struct amount most);

/* What the node has; NULL: nothing. */
struct quota *quotas_find(const struct quotas *q, struct bytes node);

/* The node has more, allowed or not.  The result lives as long as it has anything, until a
 * quotas_refund() of all that it was charged. */
struct quota *quotas_charge(struct quotas *q, struct bytes node, struct amount more);
void quotas_refund(struct quotas *q, struct quota *of, struct amount less);

/* For an owner that does not refund everything: nobody has anything any more. */
void quotas_free(struct quotas *q);

#endif
