/* The node: the switchboard between peers, processes and disks.
 *
 * One event in, actions out.  node_step() never blocks, never reads a clock, never touches a
 * descriptor and never draws a random number, so a whole cluster of nodes runs inside one test,
 * deterministically.
 *
 * It never fails for what a peer sent, either: a peer's mistake costs that peer its connection,
 * with one log line, and nobody else anything.
 *
 * Where an event goes:
 *
 *     a connection's   cluster/     handshakes, ticks; gives signals, and peers that are up or down
 *     a signal         otp/         to the process: a replica, a pg scope, the server `coppice` ...
 *     a store's        stores       to the replica
 *     a wake-up        the heap     to whatever set it
 *     a request        command      to another node
 *
 * and when a peer is up, learning asks what it runs, follow whom it is connected to, and membership
 * has the pg scopes greet it. */
#ifndef COPPICE_NODE_NODE_H
#define COPPICE_NODE_NODE_H

#include "config.h"
#include "event.h"

struct node;
struct processes;

/* A node that registers with epmd, listens and runs replicas.  The config is borrowed for as long
 * as the node lives, and changed by EVENT_CONFIG. */
struct node *node_new(struct config *config);

/* For tests: such a node with other flags, by which others tell what it is (dist/flags.h), and
 * without `rex`, so that the test can register its own. */
struct node *node_new_bare(struct config *config, uint64_t flags);

/* A node for one command, which is one or more requests (EVENT_REQUEST): not registered, not
 * listening, logging nothing. */
struct node *node_new_client(const struct config *config);

void node_free(struct node *node);

/* Handles one event; fills out, which is empty, with the actions that follow from it. */
void node_step(struct node *node, const struct event *event, struct outbox *out);

/* The price of what the last step has done, as of turn_worked() on a machine without slowness. */
uint64_t node_work(const struct node *node);

/* When EVENT_WAKE is due; UINT64_MAX for never. */
uint64_t node_due(const struct node *node);

/* The process table, NULL before the node is registered: for tests and the
 * simulator's checkers. */
struct processes *node_processes(const struct node *node);

/* A number that is another one after each change of the replica of that name (text), and after it
 * was started again; 0 while there is none. */
uint64_t node_version(const struct node *node, struct bytes replica);

/* Appends the state for the snapshot of a store. */
void node_saved_state(const struct node *node, uint32_t store, struct buf *out);

/* Whether it has its creation, runs its replicas, and is not stopping. */
bool node_is_ready(const struct node *node);
/* Append what its web server answers, at this time of the wall clock: metrics in Prometheus's text
 * format, and the status page, UTF-8 HTML.  Of a node that is ready. */
void node_put_metrics(const struct node *node, uint64_t wall_ms, struct buf *out);
void node_put_page(const struct node *node, uint64_t wall_ms, struct buf *out);

/* Invariants, for tests and the simulator, which checks them after each step. */
void node_check(const struct node *node);

#endif
