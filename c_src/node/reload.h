/* Reading the configuration again: what another one changes in a node that runs.
 *
 *     connect                        nodes and names that are new are dialled and looked up, others
 *                                    are not dialled again; open connections stay
 *     allow                          applies at once: connections of others end
 *     allow_certificates, read_only  apply from now on
 *     tls                            the files were read by the owner of the sockets
 *     log, log_level                 were applied by the owner of the log
 *     replica                        new ones start; others stop as by {stop_replica, Name}, and
 *                                    their files stay; those with other options are restarted if
 *                                    they have all in their files, and else go on with the old
 *
 * The rest cannot change while the node runs.  Each change has a line of the log, and so has what
 * cannot change or does not succeed: with the file and line where it stands. */
#ifndef COPPICE_NODE_RELOAD_H
#define COPPICE_NODE_RELOAD_H

#include "server.h"

struct reload {
    /* What the node runs with, and the other one, which was checked (config_check()).  What can
     * change is exchanged between them. */
    struct config *config, *fresh;
    struct cluster *cluster;
    /* NULL until the node has its creation: then it starts with what is configured by then. */
    struct server *server;
    const struct server_options *parts; /* of the server */
};

void reload_apply(const struct reload *r, struct turn *t);

#endif
