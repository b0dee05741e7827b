/* The configuration: Erlang terms, as file:consult/1 reads them, or the same keys as options of
 * the command line.
 *
 *     {node, 'c1@127.0.0.1'}.                     required
 *     {cookie_file, "/etc/coppice/cookie"}.       default: ~/.erlang.cookie
 *     {connect, ['web1@127.0.0.1', {dns, "app.internal", #{name => app}}]}.   default: []
 *     {follow, false}.
 *     {allow, ['*@10.0.0.7']}.                    default: every node
 *     {read_only, ['web1@10.0.0.8']}.             default: []
 *     {visible, false}.
 *     {listen, #{port => 0, address => "::"}}.    a port, or {First, Last}
 *     {scope, auto}.                              or an atom, or a list of atoms
 *     {net_ticktime, 60}.                         seconds
 *     {start_epmd, true}.
 *     {log_level, info}.                          debug, info, warning or error
 *     {log, text}.                                or json
 *     {epmd, true}.
 *     {tls, #{certfile => "node.pem", ...}}.      or a path; see tls_options.h
 *     {metrics, #{port => 9568}}.                 default: none
 *     {replica, page_views, #{crdt => gcounter, ...}}.   any number of them
 *
 * docs/configuration.md is the user's manual. */
#ifndef COPPICE_NODE_CONFIG_H
#define COPPICE_NODE_CONFIG_H

#include <stdint.h>

#include "../dist/name_pattern.h"
#include "../dist/place.h"
#include "../otp/hash_table.h"
#include "../otp/turn.h"
#include "../replica/options.h"
#include "tls_options.h"

/* The pg scope in which coppices meet without a BEAM among them that could name Grove's: joined
 * where the scope is `auto`. */
#define COPPICE_SCOPE "coppice_scope"

/* Keys that there can be. */
#define CONFIG_KEYS 20

/* Where a key stands. */
struct config_line {
    const char *file; /* borrowed; NULL: in no file */
    unsigned line, column;
};

/* A replica as written: {Name, Map}; checked. */
struct config_replica {
    struct hash_link by_name; /* in config.replica_names */
    struct term term;
    const char *file;      /* borrowed; NULL: not from a file */
    unsigned line, column; /* 0: not from a file */
};

/* A host name whose addresses are those of peers (discovery.h). */
struct config_query {
    struct buf host;
    struct buf name; /* theirs, before the @; empty: this node's */
    uint64_t interval_ms;
    uint16_t port; /* 0: as of other nodes */
};

void config_query_free(struct config_query *q);
/* *to is to be freed. */
void config_query_copy(struct config_query *to, const struct config_query *from);
bool config_query_equal(const struct config_query *a, const struct config_query *b);

/* The key `metrics`: where a web server answers (net/http.h). */
struct metrics_options {
    bool on;
    struct buf address;
    uint16_t port;     /* 0: any that is free */
    struct buf *hosts; /* names by which it may be asked, besides addresses and localhost */
    size_t host_count;
    enum { VALUES_LOCAL, VALUES_HIDDEN, VALUES_SHOWN } values; /* on the page; LOCAL: on loopback */
};

/* Whether the values of replicas are shown. */
bool metrics_shows_values(const struct metrics_options *o);
/* Whether its address is one of this machine alone. */
bool metrics_is_local(const struct metrics_options *o);

struct config {
    struct buf node;        /* name@host */
    struct buf cookie;      /* set by the caller, from cookie_file or the environment */
    struct buf cookie_file; /* path; empty: the default */
    struct place *connect;
    size_t connects;
    struct config_query *queries; /* of connect, too */
    size_t query_count;
    bool follow; /* also connect to the nodes that peers are connected to */
    bool allows_all;
    struct name_patterns allow; /* who may connect, and be connected to, unless all may */
    bool certified;             /* allow_certificates is given: */
    struct name_patterns allow_certificates; /* names in those of who may be connected */
    struct name_patterns read_only;          /* who may change nothing */
    bool visible;
    enum log_level log_level; /* lines below are not written */
    bool log_json;            /* each line of the log is an object of JSON */
    uint16_t port, port_last; /* to listen on: the first free one of these; 0: any that is free */
    struct buf address;       /* to listen on; default: all, of both families */
    bool scope_auto;          /* use the scopes that peers use */
    struct buf *scopes;       /* otherwise these */
    size_t scope_count;
    uint64_t ticktime_ms;
    uint16_t epmd_port;
    bool start_epmd;    /* when there is none at the start */
    bool epmd;          /* false: it is neither registered with nor asked */
    uint16_t peer_port; /* of peers without one of their own; 0: config_peer_port() says */
    struct tls_options tls;
    struct metrics_options metrics;
    struct config_replica **replicas;
    struct hash_table replica_names;
    size_t replica_count, replica_cap;
    size_t stored_count; /* of these, with storage */
    const char *file;    /* that is being read, for lines[] and replicas; borrowed */
    struct config_line lines[CONFIG_KEYS]; /* in the order of config_key() */
};

/* Where and why a configuration is wrong. */
struct config_error {
    const char *file;      /* config.file then; NULL: not from a file */
    unsigned line, column; /* 0: not from a file */
    char what[640];        /* "net_ticktime: expected seconds from 4 to 86400, found abc" */
};

/* Sets the defaults. */
void config_init(struct config *c);
void config_free(struct config *c);

/* Reads the text of a file.  A key replaces its value from an earlier file, and stands once in one
 * file; replicas add up.  ERR_SHAPE, or an
 * error of the text parser, with *error set. */
must_use enum err config_read(struct config *c, struct bytes text, struct config_error *error);

/* Reads one key from an option: `--net_ticktime 8` is config_flag("net_ticktime", "8").  Names and
 * paths need no quotes; --connect adds up; --replica takes `NAME, MAP`. */
must_use enum err config_flag(struct config *c, const char *key, struct bytes value,
                              struct config_error *error);

/* Checks the whole, once everything is read: a node name is required, nodes to connect to must be
 * allowed, certificates are compared with tls only, and replicas must be able to run beside the
 * scopes and each other (rivals_check()); without epmd, nodes of `connect` need a port.
 */
must_use enum err config_check(const struct config *c, same_file *is_same,
                               struct config_error *error);

/* The port at which peers are dialled that have none of their own, if there is no epmd: peer_port,
 * or else the one that this node itself is configured to listen on, as with a BEAM's
 * -erl_epmd_port.  0: none. */
uint16_t config_peer_port(const struct config *c);

/* Where the key of that name stands, of those of config_key(). */
const struct config_line *config_line_of(const struct config *c, const char *key);

/* The replica of that name (a term), or NULL. */
struct config_replica *config_find_replica(const struct config *c, struct bytes name);
/* Forgets it. */
void config_drop_replica(struct config *c, struct config_replica *replica);

/* The i-th key of config_flag() and its help text; NULL at the end. */
const char *config_key(size_t i, const char **help);

/* The replica's name (text) and its map, from config->replicas[i]. */
void config_replica(const struct config *c, size_t i, struct bytes *name, struct bytes *map);

#endif
