/* The registered process global_name_server: what a BEAM's `global` needs of every visible node.
 *
 * When two nodes meet, their `global` synchronise their tables of names; on a BEAM, global:sync/0
 * waits for that.  This node has no table.  It says that it is in sync, which ends the
 * synchronisation without making it a node that takes part: nobody asks it before a name is
 * registered, and nobody disconnects it to prevent overlapping partitions.
 *
 * Locks are kept as on any node, since global:set_lock/1 asks all of nodes(): a resource is locked
 * by one requester, with any number of processes, until each has released it or has ended.
 *
 *     {set_lock, {Resource, Requester}}     true | false
 *     {del_lock, {Resource, Requester}}     true
 *     {register, ...}, {register_ext, ...}  yes, and {unregister, Name}: ok; nothing is kept
 *     get_known, get_synced, get_names_ext  []
 *     get_protocol_version                  8
 *
 * Source: kernel's global.erl (handle_call, handle_cast: init_connect, in_sync). */
#ifndef COPPICE_OTP_GLOBAL_H
#define COPPICE_OTP_GLOBAL_H

#include "process.h"

/* Starts it in the table; global_ended() restarts it if it is the one that ended. */
void global_start(struct processes *table);
void global_ended(struct processes *table, const struct process *p);

#endif
