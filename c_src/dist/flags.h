/* Capability flags exchanged in the handshake: a connection has those that both nodes
 * announced.
 *
 * Source: OTP, lib/kernel/include/dist.hrl and erts/doc "Distribution Protocol"
 * (erl_dist_protocol). */
#ifndef COPPICE_DIST_FLAGS_H
#define COPPICE_DIST_FLAGS_H

#include <stdint.h>

// clang-format off
#define DFLAG_PUBLISHED             (UINT64_C(1) << 0) /* visible: in nodes() */
#define DFLAG_EXTENDED_REFERENCES   (UINT64_C(1) << 2)
#define DFLAG_DIST_MONITOR          (UINT64_C(1) << 3)
#define DFLAG_FUN_TAGS              (UINT64_C(1) << 4)
#define DFLAG_DIST_MONITOR_NAME     (UINT64_C(1) << 5)
#define DFLAG_NEW_FUN_TAGS          (UINT64_C(1) << 7)
#define DFLAG_EXTENDED_PIDS_PORTS   (UINT64_C(1) << 8)
#define DFLAG_EXPORT_PTR_TAG        (UINT64_C(1) << 9)
#define DFLAG_BIT_BINARIES          (UINT64_C(1) << 10)
#define DFLAG_NEW_FLOATS            (UINT64_C(1) << 11)
#define DFLAG_UNICODE_IO            (UINT64_C(1) << 12)
#define DFLAG_DIST_HDR_ATOM_CACHE   (UINT64_C(1) << 13)
#define DFLAG_SMALL_ATOM_TAGS       (UINT64_C(1) << 14)
#define DFLAG_UTF8_ATOMS            (UINT64_C(1) << 16)
#define DFLAG_MAP_TAG               (UINT64_C(1) << 17)
#define DFLAG_BIG_CREATION          (UINT64_C(1) << 18)
#define DFLAG_SEND_SENDER           (UINT64_C(1) << 19)
#define DFLAG_BIG_SEQTRACE_LABELS   (UINT64_C(1) << 20)
#define DFLAG_EXIT_PAYLOAD          (UINT64_C(1) << 22)
#define DFLAG_FRAGMENTS             (UINT64_C(1) << 23)
#define DFLAG_HANDSHAKE_23          (UINT64_C(1) << 24)
#define DFLAG_UNLINK_ID             (UINT64_C(1) << 25)
#define DFLAG_MANDATORY_25_DIGEST   (UINT64_C(1) << 26)
#define DFLAG_SPAWN                 (UINT64_C(1) << 32)
#define DFLAG_NAME_ME               (UINT64_C(1) << 33)
#define DFLAG_V4_NC                 (UINT64_C(1) << 34)
#define DFLAG_ALIAS                 (UINT64_C(1) << 35)
#define DFLAG_ALTACT_SIG            (UINT64_C(1) << 37)
#define DFLAG_NATIVE_RECORDS        (UINT64_C(1) << 38)

/* What OTP 25 requires of every peer; DFLAG_MANDATORY_25_DIGEST stands for all of them.  We
 * announce both: a later OTP may reuse these bits. */
#define DFLAGS_MANDATORY_25                                                            \
    (DFLAG_EXTENDED_REFERENCES | DFLAG_FUN_TAGS | DFLAG_NEW_FUN_TAGS |                 \
     DFLAG_EXTENDED_PIDS_PORTS | DFLAG_EXPORT_PTR_TAG | DFLAG_BIT_BINARIES |           \
     DFLAG_NEW_FLOATS | DFLAG_UTF8_ATOMS | DFLAG_MAP_TAG | DFLAG_BIG_CREATION |        \
     DFLAG_HANDSHAKE_23)

/* What a coppice announces.  UNICODE_IO and BIG_SEQTRACE_LABELS ask nothing of it: it does no I/O
 * for others, and passes over trace tokens; but AtomVM refuses a node without them.  Left out on
 * purpose: the atom cache (its state costs more than atoms in full). */
#define DFLAGS_OURS                                                                    \
    (DFLAGS_MANDATORY_25 | DFLAG_MANDATORY_25_DIGEST | DFLAG_V4_NC | DFLAG_UNLINK_ID | \
     DFLAG_DIST_MONITOR | DFLAG_DIST_MONITOR_NAME | DFLAG_SMALL_ATOM_TAGS |            \
     DFLAG_SEND_SENDER | DFLAG_EXIT_PAYLOAD | DFLAG_FRAGMENTS | DFLAG_ALIAS |          \
     DFLAG_ALTACT_SIG | DFLAG_UNICODE_IO | DFLAG_BIG_SEQTRACE_LABELS | DFLAG_SPAWN |\
     DFLAG_NATIVE_RECORDS)

/* Who runs which services can only be told from the flags, before anything is sent that a node
 * without them might choke on: a reader of ei takes any message for the answer to its own, and
 * AtomVM breaks the connection on a monitor of a name that it does not know.
 *
 * BEAMs and coppices announce all of DFLAGS_OF_OTP, and may be greeted by pg.  ei, JInterface,
 * erl_dist and Pyrlang do not announce SPAWN, AtomVM not FRAGMENTS. */
#define DFLAGS_OF_OTP (DFLAG_SPAWN | DFLAG_FRAGMENTS)
/* BEAMs announce these, and have a `rex`; a coppice does not.  Should coppices announce the atom
 * cache one day, they have to be told from BEAMs by something else. */
#define DFLAGS_OF_BEAM (DFLAGS_OF_OTP | DFLAG_DIST_HDR_ATOM_CACHE)

#endif
