/* The groups of a scope and their members.  Private to pg/.
 *
 * Members are indexed twice, so that removing a source or reading a group does not visit all
 * others.  A source is a scope process, ours or a remote one, that tells of members on its
 * node.  A group has a list of sources, a source a list of groups, and an entry of both is a
 * subgroup, the members of that source in that group, in the order in which they joined.  A
 * hash table of group and pid finds a single member.
 *
 * A process may join a group several times, and is a member of a source until it has left as
 * many times, as in pg.  Several sources may have the same process: it is in the group as long
 * as one of them has it. */
#ifndef COPPICE_PG_PG_ROSTER_H
#define COPPICE_PG_PG_ROSTER_H

#include "../term/bytes.h"

struct roster;
struct roster_source; /* a scope process and the members that it told of */

/* Called for single members.  group and pid are valid during the call, which may read the
 * roster but not change it. */
struct roster_visitor {
    void (*visit)(void *who, struct bytes group, struct bytes pid);
    void *who;
};

/* The seed, a random number, keeps peers from choosing group names with colliding hashes: nothing
 * that a peer is sent may tell of it. */
struct roster *roster_new(uint64_t seed);
uint64_t roster_seed(const struct roster *r); /* for tests */
/* Frees the members too, but not the sources; NULL is allowed. */
void roster_free(struct roster *r);

/* The source with this canonical pid, without members; ours for this node's, which is walked
 * first. */
struct roster_source *roster_source_new(struct bytes scope, bool ours);
/* Without members, or after roster_free(); NULL is allowed.  Not of one that has left. */
void roster_source_free(struct roster_source *source);
struct bytes roster_source_scope(const struct roster_source *source);
/* The number of groups in which it has members. */
size_t roster_source_groups(const struct roster_source *source);
/* Of members in them; a process counts once in each group. */
size_t roster_source_members(const struct roster_source *source);

enum roster_change {
    ROSTER_SAME, /* was in the group already; now has to leave once more */
    ROSTER_NEW,
    ROSTER_FULL /* LIMIT_MEMBERS, a node's part of them, or LIMIT_GROUPS is reached, or the name is
                   longer than LIMIT_GROUP_BYTES; nothing changed */
};

/* group and pid are copied.  They are canonical here and below. */
enum roster_change roster_add(struct roster *r, struct roster_source *source, struct bytes group,
                              struct bytes pid);
/* True when the process is no longer in the group; false when it was not, has joined more than
 * once, or is a member of another source. */
bool roster_remove(struct roster *r, struct roster_source *source, struct bytes group,
                   struct bytes pid);
/* Whether it is a member of this source. */
bool roster_has(const struct roster *r, const struct roster_source *source, struct bytes group,
                struct bytes pid);

/* The scope has ended: its members are removed, and the visitor called for each that is no longer
 * in its group.  Those in groups of our own source at once, and of the others so many, and by each
 * roster_leave_more(), which returns how many; until then they are members.  The source is the
 * roster's from now on. */
void roster_source_leave(struct roster *r, struct roster_source *source,
                         const struct roster_source *ours, size_t most,
                         const struct roster_visitor *removed);
size_t roster_leave_more(struct roster *r, size_t most, const struct roster_visitor *removed);
bool roster_is_leaving(const struct roster *r);
/* To be called before the source adds a member to the group: those that are about to leave it do it
 * now, so that one that comes back with another scope has left in between, and takes nobody's room;
 * and a group has only one source with a pid.  Those of its node, or of all nodes where it is
 * NULL. */
void roster_make_room(struct roster *r, const struct roster_source *source, struct bytes group,
                      const struct roster_visitor *removed);

/* Replaces the source's members: those not added with roster_add() since the first call are removed
 * by the second, which looks at no more than most and returns at how many: it is repeated until
 * roster_is_replacing() is false.  The others keep their order. */
void roster_replace_begin(struct roster_source *source);
size_t roster_replace_end(struct roster *r, struct roster_source *source, size_t most,
                          const struct roster_visitor *removed);
bool roster_is_replacing(const struct roster_source *source);

/* The rest reads the members of one source, or of all where source is NULL. */

/* The names of the groups in key order (term/order.h), *count of them.  The names are valid
 * until the roster changes; the caller frees the array with mem_free(). */
struct bytes *roster_groups(const struct roster *r, const struct roster_source *source,
                            size_t *count);
/* The same for the groups that a process of this node is in: those of our own source. */
struct bytes *roster_groups_of(const struct roster *r, struct bytes pid, size_t *count);
/* The number of processes in a group; one that joined several times counts once. */
size_t roster_count(const struct roster *r, const struct roster_source *source, struct bytes group);
/* Visits the processes in a group, each once: those of our own source first, then by name of
 * node and pid of source; those of a source in the order in which they joined. */
void roster_walk(const struct roster *r, const struct roster_source *source, struct bytes group,
                 const struct roster_visitor *each);

#endif
