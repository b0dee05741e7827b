/* What the program does where the machine refuses something that it cannot do without: memory, a
 * thread, a descriptor for its loop.  It says so in one line and ends with EX_OSERR, without a core
 * dump, which would only say where it was. */
#ifndef COPPICE_NET_MACHINE_H
#define COPPICE_NET_MACHINE_H

#include "../err.h"

/* For the program only, before it uses any library: has quit() end it so, and OpenSSL and libuv
 * as well where they get no memory.  Where a library aborts, a line says that it was one. */
void machine_expect_refusal(void);

/* Gives up, "coppice: cannot WHAT: ...", unless error is 0; else it is one of libuv's. */
void machine_needs(int error, const char *what);

#endif
