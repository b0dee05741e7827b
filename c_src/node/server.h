/* The process registered as `coppice`: what the node itself is asked.
 *
 *     replicas                      {ok, [Name]}
 *     status                        {ok, Map}
 *     peers                         {ok, [Node]}
 *     {start_replica, Name, Map}    {ok, Pid} | {error, Reason}
 *     {stop_replica, Name}          ok | {error, not_found}
 *     {connect, Node}               ok | {error, bad_node | not_allowed | limit}
 *
 * A node that may only read is answered {error, read_only} to the last three. */
#ifndef COPPICE_NODE_SERVER_H
#define COPPICE_NODE_SERVER_H

#include "access.h"
#include "discovery.h"
#include "follow.h"
#include "membership.h"

struct server;

/* What it reports on and changes; all are borrowed. */
struct server_options {
    const struct config *config;
    uint16_t port; /* that the node listens on */
    struct processes *table;
    struct cluster *cluster;
    const struct access *access;
    const struct learning *learning;
    struct membership *membership;
    struct follow *follow;
    struct discovery *discovery;
};

struct server *server_new(const struct server_options *options);
void server_free(struct server *s);

/* Whether {connect, Node} has asked for a node that was not configured then. */
bool server_wants(const struct server *s, struct bytes node);
/* What it was made with. */
const struct server_options *server_parts(const struct server *s);

/* A slow node has read what was sent to it. */
void server_drained(struct server *s);

/* Starts the process; server_ended() restarts it if it is the one that ended. */
void server_start(struct server *s);
void server_ended(struct server *s, const struct process *p);

#endif
