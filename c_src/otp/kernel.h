/* The registered process that BEAMs expect on every node: net_kernel, which answers
 * {is_auth, Node} with yes (net_adm:ping), and every other call with an error.
 *
 * Source: kernel's net_kernel.erl (handle_call, is_auth). */
#ifndef COPPICE_OTP_KERNEL_H
#define COPPICE_OTP_KERNEL_H

#include "process.h"

/* Starts net_kernel in the table; kernel_ended() restarts it if it is the one that ended. */
void kernel_start(struct processes *table);
void kernel_ended(struct processes *table, const struct process *p);

#endif
