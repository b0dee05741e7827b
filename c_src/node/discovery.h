/* Finding peers by DNS: connecting to name@ADDRESS for each address of a host name, as Phoenix
 * applications find each other (DNSCluster, libcluster's DNSPoll), and pods behind a headless
 * service of Kubernetes.
 *
 * Each name of the configuration is looked up at the start, and again so many milliseconds after
 * each answer.  An address that is new is dialled, like a configured node; one that is missing in
 * an answer is forgotten as soon as its node is not connected.  A look-up that fails, as when no
 * name server answers, changes nothing.  An address is written as inet:ntoa/1 writes it, which is
 * what such nodes call themselves: app@10.0.0.3, app@fdaa:0:1::3.
 *
 * A node that is wanted for another reason (`connect`, `follow`, {connect, Node}) is left alone,
 * and found again when that reason is gone. */
#ifndef COPPICE_NODE_DISCOVERY_H
#define COPPICE_NODE_DISCOVERY_H

#include "../cluster/cluster.h"
#include "config.h"
#include "event.h"

struct discovery;

/* All are borrowed. */
struct discovery_options {
    const struct config *config; /* its queries */
    struct wakeups *wakeups;
    struct cluster *cluster;
    struct outbox *out; /* for ACTION_RESOLVE */
    /* An answer has come: other nodes may be dialled now. */
    void (*answered)(void *who);
    void *who;
};

struct discovery *discovery_new(const struct discovery_options *options);
void discovery_free(struct discovery *d);

/* Begins to look up all names. */
void discovery_start(struct discovery *d);
/* The names in the configuration are others now: those that are new are looked up, and those that
 * are gone no more; the nodes that were found by these stay connected, and are not dialled again.
 * Logs each change, and returns how many there were. */
size_t discovery_changed(struct discovery *d, struct turn *t);
/* EVENT_RESOLVED. */
void discovery_resolved(struct discovery *d, const struct event *event, struct turn *t);

/* The node is wanted for another reason now, and is never forgotten. */
void discovery_keep(struct discovery *d, struct bytes node);

/* Whether some name has had no answer yet, not even a failure. */
bool discovery_is_asking(const struct discovery *d);

#endif
