/* The table of a scope: its groups and the processes in them.
 *
 * A member stands in two orders, so that neither a node that goes away nor a
 * group that is read needs a look at everybody: a group leads to its nodes, a
 * node to its groups, and where the two meet are that node's members in that
 * group, in order of arrival.  A hash of group and pid leads straight to one.
 *
 * A process may have joined a group several times and is then a member until
 * it has left as often, as in pg. */
#ifndef COPPICE_PG_PG_ROSTER_H
#define COPPICE_PG_PG_ROSTER_H

#include "../term/bytes.h"

struct roster;
struct roster_node; /* one node's share of the table */

/* Told of single members.  group and pid are good during the call, which may
 * read the roster but not change it. */
struct roster_visitor {
    void (*visit)(void *who, struct bytes group, struct bytes pid);
    void *who;
};

/* The seed keeps strangers' group names from choosing their place in a table. */
struct roster *roster_new(uint64_t seed);
/* Frees the members too, but not the nodes' shares; NULL is allowed. */
void roster_free(struct roster *r);

/* The share, empty at first, of the node with this name; ours for this node,
 * which is walked first. */
struct roster_node *roster_node_new(struct bytes name, bool ours);
/* Its members must be gone already, or their roster be freed; NULL is allowed. */
void roster_node_free(struct roster_node *node);
struct bytes roster_node_name(const struct roster_node *node);

enum roster_change {
    ROSTER_SAME, /* was there already; one more leave is needed now */
    ROSTER_NEW,
    ROSTER_FULL /* LIMIT_MEMBERS or LIMIT_GROUPS is reached; nothing changed */
};

/* Group and pid are canonical here and below, and are copied. */
enum roster_change roster_add(struct roster *r, struct roster_node *node, struct bytes group,
                              struct bytes pid);
/* True when the process is no longer a member, false when it was none or has
 * joined more than once. */
bool roster_remove(struct roster *r, struct roster_node *node, struct bytes group,
                   struct bytes pid);
bool roster_has(const struct roster *r, const struct roster_node *node, struct bytes group,
                struct bytes pid);

/* Removes all of the node's members and tells of each. */
void roster_clear(struct roster *r, struct roster_node *node, const struct roster_visitor *gone);

/* Between these two, roster_add() says from nothing what the node's members
 * are; whoever has not been added again is removed at the end and told of.
 * Those who stay keep their place. */
void roster_begin(struct roster_node *node);
void roster_end(struct roster *r, struct roster_node *node, const struct roster_visitor *gone);

/* The rest reads one node's share, or all of them where node is NULL. */

/* The names of the groups in key order (term/order.h), *count of them; good until
 * the roster changes, the array to be freed with mem_free. */
struct bytes *roster_groups(const struct roster *r, const struct roster_node *node, size_t *count);
/* The members of a group, each once however often it joined. */
size_t roster_count(const struct roster *r, const struct roster_node *node, struct bytes group);
/* Walks them: our own node first, then nodes by name; a node's by arrival. */
void roster_walk(const struct roster *r, const struct roster_node *node, struct bytes group,
                 const struct roster_visitor *each);

#endif
