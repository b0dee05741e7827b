/* The replicas of a node, and whether one more can run beside them (replica_options_compare()).
 *
 * It is compared with those alone that have its global name, its group and actor, or its group and
 * files: a node may have a hundred thousand replicas. */
#ifndef COPPICE_REPLICA_RIVALS_H
#define COPPICE_REPLICA_RIVALS_H

#include "../otp/hash_table.h"
#include "options.h"

/* All zero is empty; the seed is that of hashes, since peers choose what is hashed. */
struct rivals {
    struct hash_table claims;
    uint64_t seed;
};

/* Frees what it has made, not the options. */
void rivals_free(struct rivals *r);

/* The options are borrowed until they are removed. */
void rivals_add(struct rivals *r, const struct replica_options *o);
void rivals_remove(struct rivals *r, const struct replica_options *o);

/* ERR_SHAPE, with *error set, if o cannot run beside one of those that were added.  One with its
 * own name is passed over: it is what o is started in place of, or keeps it from starting. */
must_use enum err rivals_check(const struct rivals *r, const struct replica_options *o,
                               same_file *is_same, struct options_error *error);

#endif
