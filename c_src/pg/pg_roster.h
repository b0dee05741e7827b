/* The groups of a scope and their members.  Private to pg/.
 *
 * Members are indexed twice, so that removing a node or reading a group does not visit all
 * others: a group has a list of nodes, a node a list of groups, and an entry of both is a
 * subgroup, the members of that node in that group, in the order in which they joined.  A
 * hash table of group and pid finds a single member.
 *
 * A process may join a group several times, and is a member until it has left as many times,
 * as in pg. */
#ifndef COPPICE_PG_PG_ROSTER_H
#define COPPICE_PG_PG_ROSTER_H

#include "../term/bytes.h"

struct roster;
struct roster_node; /* a node and its members */

/* Called for single members.  group and pid are valid during the call, which may read the
 * roster but not change it. */
struct roster_visitor {
    void (*visit)(void *who, struct bytes group, struct bytes pid);
    void *who;
};

/* The seed, a random number, keeps peers from choosing group names with colliding hashes. */
struct roster *roster_new(uint64_t seed);
/* Frees the members too, but not the nodes; NULL is allowed. */
void roster_free(struct roster *r);

/* The node with this name, without members; ours for this node, which is walked first. */
struct roster_node *roster_node_new(struct bytes name, bool ours);
/* Its members must have been removed, or the roster freed; NULL is allowed. */
void roster_node_free(struct roster_node *node);
struct bytes roster_node_name(const struct roster_node *node);

enum roster_change {
    ROSTER_SAME, /* was a member already; now has to leave once more */
    ROSTER_NEW,
    ROSTER_FULL /* LIMIT_MEMBERS or LIMIT_GROUPS is reached; nothing changed */
};

/* group and pid are copied.  They are canonical here and below. */
enum roster_change roster_add(struct roster *r, struct roster_node *node, struct bytes group,
                              struct bytes pid);
/* True when the process is no longer a member; false when it was none, or has joined more than
 * once. */
bool roster_remove(struct roster *r, struct roster_node *node, struct bytes group,
                   struct bytes pid);
bool roster_has(const struct roster *r, const struct roster_node *node, struct bytes group,
                struct bytes pid);

/* Removes all of the node's members and calls the visitor for each. */
void roster_clear(struct roster *r, struct roster_node *node, const struct roster_visitor *removed);

/* Replaces the node's members: those not added with roster_add() between the two calls are
 * removed by the second, which calls the visitor for each.  The others keep their order. */
void roster_replace_begin(struct roster_node *node);
void roster_replace_end(struct roster *r, struct roster_node *node,
                        const struct roster_visitor *removed);

/* The rest reads the members of one node, or of all where node is NULL. */

/* The names of the groups in key order (term/order.h), *count of them.  The names are valid
 * until the roster changes; the caller frees the array with mem_free(). */
struct bytes *roster_groups(const struct roster *r, const struct roster_node *node, size_t *count);
/* The number of members of a group; one that joined several times counts once. */
size_t roster_count(const struct roster *r, const struct roster_node *node, struct bytes group);
/* Visits the members of a group: our own node's first, then by name of node; those of a node
 * in the order in which they joined. */
void roster_walk(const struct roster *r, const struct roster_node *node, struct bytes group,
                 const struct roster_visitor *each);

#endif
