/* A command: connects to a node, sends one request, waits for the answer. */
#ifndef COPPICE_NODE_COMMAND_H
#define COPPICE_NODE_COMMAND_H

#include "../cluster/cluster.h"
#include "../otp/process.h"
#include "event.h"

struct command;

/* Copies the request, starts the calling process and dials.  One ACTION_ANSWER is appended to out
 * (borrowed) in the end. */
struct command *command_new(const struct request *request, struct processes *table,
                            struct cluster *cluster, struct outbox *out, struct turn *t);
/* NULL is allowed. */
void command_free(struct command *c);

/* A node is connected, or could not be reached. */
void command_up(struct command *c, struct bytes node, struct turn *t);
void command_unreachable(struct command *c, struct bytes node, const char *why);

#endif
