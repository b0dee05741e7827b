/* What a roster is made of.  Private to the files pg_roster*.c. */
#ifndef COPPICE_PG_PG_ROSTER_INTERNAL_H
#define COPPICE_PG_PG_ROSTER_INTERNAL_H

#include "../otp/hash_table.h"
#include "pg_roster.h"

struct member {
    struct hash_link link;   /* first, so that a link can be cast to its member */
    struct hash_link by_pid; /* of our own source's members */
    struct subgroup *subgroup;
    struct member *prev, *next; /* in the subgroup, by arrival */
    struct term pid;
    uint64_t joined; /* how many times; at least 1 */
    bool round;      /* that of its source when it joined or was last named */
    bool counted;    /* of the members with its group and pid, the one that is visited */
};

/* The members of one source in one group; never empty. */
struct subgroup {
    struct group *group;
    struct roster_source *source;
    struct subgroup *prev, *next; /* in the source, by arrival */
    struct member *first, *last;
    size_t count;
};

struct group {
    struct hash_link link; /* first, so that a link can be cast to its group */
    struct term name;
    struct subgroup **subgroups; /* sorted by source_order() */
    size_t count, cap;
    size_t members; /* in all subgroups; at least as many as processes */
    size_t processes;
};

struct roster_source {
    struct roster_source *next; /* of those that leave */
    struct term scope;
    struct bytes node; /* its node's name, inside it */
    struct subgroup *first, *last;
    size_t groups, members;
    struct member *at; /* of roster_replace_end(): the next one */
    bool ours, replacing, leaving;
    bool round; /* changes with each replacement: who still has the other one is replaced */
};

struct roster {
    struct hash_table groups;
    struct hash_table members;
    struct hash_table ours;                       /* our own source's members by pid */
    struct roster_source *leaving, *leaving_last; /* in the order in which they have ended */
    uint64_t seed;
};

/* --- pg_roster.c ------------------------------------------------------- */

struct group *roster_group(const struct roster *r, struct bytes name);
/* The members of the source in the group; NULL for none. */
struct subgroup *roster_subgroup(const struct group *g, const struct roster_source *source);
struct member *roster_member(const struct roster *r, const struct roster_source *source,
                             struct bytes group, struct bytes pid);

/* The subgroups of the source's node are next to each other: the index of the first. */
size_t roster_node_place(const struct group *g, const struct roster_source *source);
/* Whether the subgroup at the index is one of them. */
bool roster_is_of_node(const struct group *g, size_t place, const struct roster_source *source);

/* Unlinks everything before it calls the visitor, which then reads a roster without the
 * member.  Returns false, without calling it, when the process is still in the group. */
bool roster_remove_member(struct roster *r, struct member *m, const struct roster_visitor *removed);

/* --- pg_roster_leave.c ------------------------------------------------- */

/* Removes up to so many of the source's members; returns how many. */
size_t roster_clear(struct roster *r, struct roster_source *source, size_t most,
                    const struct roster_visitor *removed);

#endif
