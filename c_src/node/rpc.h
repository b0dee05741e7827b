/* Remote calls into this node, each of which gets a proper answer at once: the process `rex`, which
 * C nodes (erl_call), old BEAMs and coppices call, and the processes that erpc and rpc of OTP 23
 * and later spawn.  Only the functions of functions.h can be called; any other call fails as on a
 * BEAM that does not have the module, and so does every fun.
 *
 * Source: kernel's rpc.erl and erpc.erl. */
#ifndef COPPICE_NODE_RPC_H
#define COPPICE_NODE_RPC_H

#include "functions.h"

struct rpc;

/* What the functions report on is copied.  Lets other nodes spawn processes in the table. */
struct rpc *rpc_new(const struct functions *functions);
void rpc_free(struct rpc *r);

/* Starts rex; rpc_ended() restarts it if it is the one that ended. */
void rpc_start(struct rpc *r);
void rpc_ended(struct rpc *r, const struct process *p);

#endif
