/* The keys of a configuration: one row each, for the file, the flags and the
 * help text alike. */
#ifndef COPPICE_NODE_CONFIG_KEYS_H
#define COPPICE_NODE_CONFIG_KEYS_H

#include "config.h"

/* How a flag's value may be written without Erlang's quotes. */
enum bare { BARE_NOT, BARE_ATOM, BARE_STRING, BARE_TLS, BARE_REPLICA };

struct config_row {
    const char *key;
    /* Takes the key's value, a canonical term; ERR_SHAPE with error->what set. */
    enum err (*read)(struct config *c, struct bytes value, struct config_error *error);
    enum bare bare;
    const char *help; /* one line */
};

/* NULL for a key that does not exist. */
const struct config_row *config_row(struct bytes key);
const struct config_row *config_row_at(size_t i);

/* Takes `Name, Map`: the replica key has two values where the others have one.  Keeps the line and
 * column in *error, which are those of the entry. */
must_use enum err config_add_replica(struct config *c, struct bytes name, struct bytes map,
                                     struct config_error *error);

/* The name and map of a replica, inside it. */
void config_replica_read(const struct config_replica *replica, struct bytes *name,
                         struct bytes *map);

/* Bytes of a name in a message, at most. */
#define NAME_SHOWN 80

/* The key `connect` (config_connect.c).  Reading it replaces what was there; config_add_connects()
 * moves all of *more behind what is there; config_check_ports() demands a port for each, if there
 * is no epmd. */
must_use enum err config_read_connect(struct config *c, struct bytes value,
                                      struct config_error *error);
must_use enum err config_add_connects(struct config *c, struct config *more,
                                      struct config_error *error);
must_use enum err config_check_ports(const struct config *c, struct config_error *error);
void config_clear_connects(struct config *c);

/* The key `metrics` (config_metrics.c). */
must_use enum err config_read_metrics(struct config *c, struct bytes value,
                                      struct config_error *error);
void config_clear_metrics(struct config *c);

/* Whether a term is an IP address as a string, which *address is set to. */
bool config_as_address(struct bytes term, struct buf *address);

/* Sets error->what to "KEY: expected EXPECTED, found TERM" and gives ERR_SHAPE. */
enum err config_expected(struct config_error *error, const char *key, const char *expected,
                         struct bytes found);

/* Sets error->what to "replica NAME: WRONG" and gives ERR_SHAPE. */
enum err config_wrong_replica(struct config_error *error, struct bytes name,
                              const struct options_error *wrong);

#endif
