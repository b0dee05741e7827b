/* A replica's options, from the configuration or from {start_replica, Name, Map}. */
#ifndef COPPICE_REPLICA_OPTIONS_H
#define COPPICE_REPLICA_OPTIONS_H

#include <stdint.h>

#include "../crdt/crdt.h"
#include "../store/record.h"

#define INTERVAL_MS_MAX          86400000 /* a day */
#define SYNC_INTERVAL_MS         5000     /* Grove's default */
#define SYNC_INTERVAL_MIN_MS     10
#define REPAIR_INTERVAL_MS       30000
#define REPAIR_INTERVAL_MIN_MS   100
#define REPAIR_JITTER            25    /* percent */
#define SNAPSHOT_INTERVAL_MS     60000 /* Grove's default */
#define SNAPSHOT_INTERVAL_MIN_MS 100

/* When a mutation is answered. */
enum durability {
    DURABILITY_SYNC,    /* when it is on disk */
    DURABILITY_INTERVAL /* at once: it is on disk after the next snapshot, as with Grove */
};

struct replica_storage {
    struct buf file; /* the path of a DETS table, as text; empty: no storage */
    enum durability durability;
    enum record_form record;
};

struct replica_options {
    struct term name; /* the atom that it is registered as */
    const struct crdt_type *type;
    struct term actor;      /* any term; default: <<"Name@Node">> */
    struct term group;      /* any term; default: the replica's name */
    struct term global;     /* its name in `global` of the BEAMs, any term; empty: none */
    uint64_t sync_ms;       /* sync_interval */
    uint64_t repair_ms;     /* anti_entropy_interval */
    uint64_t repair_jitter; /* anti_entropy_jitter: percent */
    enum mapset_form mapset;
    struct replica_storage storage;
    uint64_t snapshot_ms; /* snapshot_interval */
    struct term pubsub;   /* the atom that names a Phoenix.PubSub; empty: none */
    struct buf topic;     /* pubsub_topic, as text; empty without pubsub */
    struct buf by;        /* the node that has asked for it, as text; empty: the configuration */
};

/* A message for the user. */
struct options_error {
    char what[240]; /* "sync_interval: expected milliseconds from 10 to 86400000, found abc" */
};

/* Whether a replica or a pg scope can be registered under this name (an atom's text): it is valid,
 * and not that of another process of every node. */
bool replica_name_is_free(struct bytes name);

/* Whether a term is a key of a replica's map. */
bool options_has_key(struct bytes key);

/* Reads the canonical terms name and
 *
 *     #{crdt => Type, actor => A, group => G, global => N, mapset => plain | versioned,
 *       sync_interval => Ms, anti_entropy_interval => Ms, anti_entropy_jitter => Percent,
 *       snapshot_interval => Ms, pubsub => Name, pubsub_topic => Topic,
 *       storage => #{file => Path, durability => sync | interval,
 *                    record => auto | raw | encoded}}
 *
 * of which crdt is required, and file in storage.  With pubsub, a topic is made of the group as
 * Grove does: {counter, <<"views">>} has grove:counter:views, views has grove:views; other groups
 * need a pubsub_topic.  ERR_SHAPE, with *error set and nothing to
 * free, for unknown keys, wrong types and values out of range.  node is this node's name. */
must_use enum err replica_options_read(struct replica_options *o, struct bytes name,
                                       struct bytes map, struct bytes node,
                                       struct options_error *error);

/* Whether two paths, without NUL, are of one file. */
typedef bool same_file(struct bytes a, struct bytes b);

/* ERR_SHAPE, with *error set, if o cannot run beside another replica of this node: both have the
 * same global name; or the same group, and also the same actor, with which changes of both would be
 * taken for one, or the same file.  is_same is asked about files of one group, or NULL: then paths
 * are compared as text, and one by another path is refused when the replica takes its lock. */
must_use enum err replica_options_compare(const struct replica_options *o,
                                          const struct replica_options *other, same_file *is_same,
                                          struct options_error *error);

/* Copies options that were read. */
void replica_options_copy(struct replica_options *to, const struct replica_options *from);

void replica_options_free(struct replica_options *o);

#endif
