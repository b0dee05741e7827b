/* Every bound of the program: its value, its unit, and why it is what it is.
 * A value from outside is compared with one of these before memory is taken
 * or time is spent for it. */
#ifndef COPPICE_LIMITS_H
#define COPPICE_LIMITS_H

#include <stdint.h>

/* --- terms ------------------------------------------------------------- */

/* Nested containers.  Far deeper than any state or message of Grove's; a
 * check, a canonical copy and a comparison each keep one small frame a level. */
#define LIMIT_TERM_DEPTH 512
/* Bytes of an atom's text: 255 characters of at most 4 bytes (OTP's own). */
#define LIMIT_ATOM_BYTES 1020
#define LIMIT_ATOM_CHARS 255
/* Bytes that sorting the maps of one term may move, each map once in every
 * unsorted map around it: the largest frame in maps 16 levels deep; a second
 * or two. */
#define LIMIT_SORT_BYTES (16ull * LIMIT_FRAME_BYTES)
/* Bytes that a compressed term may unpack to.  A state is at most as large
 * as a frame, so that a term from a file can also be sent. */
#define LIMIT_UNPACKED_BYTES LIMIT_FRAME_BYTES
/* Bytes of an integer's magnitude: 2^(2^19), a count nobody reaches; bounds
 * the time that printing one in decimal takes. */
#define LIMIT_INTEGER_BYTES 65536
/* Words of a reference: 5 since OTP 24 (erl_ext_dist). */
#define LIMIT_REF_WORDS 5

/* --- distribution ------------------------------------------------------ */

/* Bytes of one frame, and of one message put together from fragments.  A full
 * state travels as one message.  Below 2^31 because ei counts in an int. */
#define LIMIT_FRAME_BYTES (256u * 1024 * 1024)
/* Messages that a peer may have open as fragments at once: a BEAM interleaves
 * the large sends of its processes; it starts a few, not thousands. */
#define LIMIT_FRAGMENT_SEQUENCES 1024
/* Bytes of one handshake message: names have at most 255 characters. */
#define LIMIT_HANDSHAKE_BYTES 2048
/* Bytes that a channel's empty buffers may keep for the next frame: a full
 * state now and then must not hold its size for as long as the peer lives. */
#define LIMIT_SPARE_BYTES (256u * 1024)
/* Milliseconds from connecting to the end of the handshake (net_setuptime). */
#define LIMIT_HANDSHAKE_MS 7000
/* Bytes queued for a peer above which it gets no more deltas (it is told the
 * state when it has drained) ... */
#define LIMIT_QUEUE_SLOW_BYTES (8u * 1024 * 1024)
/* ... and above which it is disconnected: one full state on top of that.  Not less, for a
 * thousand callers may be told a value of 200 kB in one step, before anything can be
 * written; against who reads nothing time is the better bound (node/links.c). */
#define LIMIT_QUEUE_BYTES (LIMIT_FRAME_BYTES + LIMIT_QUEUE_SLOW_BYTES)
/* Connections at once, shaking hands ones included: several hundred nodes,
 * each for a moment twice. */
#define LIMIT_CONNECTIONS 2048
/* Milliseconds to wait before dialling again: doubles from the first to the
 * second, with jitter. */
#define LIMIT_DIAL_BACKOFF_MIN_MS 250
#define LIMIT_DIAL_BACKOFF_MAX_MS 30000
/* Nodes that are dialled because peers have named them: several hundred, with room for more,
 * each for a moment twice a connection.  Whoever knows the cookie may name any. */
#define LIMIT_FOLLOWED 1024
/* Milliseconds between two questions whom a peer is connected to: as long as a node may be
 * there before it is found; with 500 peers that have as many, 200 kB a second. */
#define LIMIT_FOLLOW_ASK_MS 30000
/* Net_ticktimes (5 minutes) after which a followed node that is away and that nobody names is
 * forgotten: everybody has noticed then that it has gone, and one that was only started
 * again is back. */
#define LIMIT_FOLLOW_TICKTIMES 5
/* Bytes of a look-up's answer from epmd: fixed part, name and extra. */
#define LIMIT_EPMD_BYTES 4096
/* Milliseconds that epmd may take to answer. */
#define LIMIT_EPMD_MS 5000
/* Bytes of a node's name, with the '@'. */
#define LIMIT_NODE_NAME_BYTES LIMIT_ATOM_BYTES

/* --- processes --------------------------------------------------------- */

/* Local processes: replicas, scopes, servers. */
#define LIMIT_PROCESSES 4096
/* Monitors and links that others hold on one process of ours: a cluster's
 * worth of callers in the middle of a call. */
#define LIMIT_WATCHERS 65536
/* Calls of ours that await their answer, over all processes. */
#define LIMIT_CALLS 65536
/* Messages held for a suspended process. */
#define LIMIT_BACKLOG 65536
/* Bytes of those messages. */
#define LIMIT_BACKLOG_BYTES (64u * 1024 * 1024)
/* Scopes of pg that this node takes part in. */
#define LIMIT_SCOPES 64
/* Members of one group on all nodes. */
#define LIMIT_MEMBERS 65536
/* Groups that a peer's scope may name. */
#define LIMIT_GROUPS 1000000
/* Pairs of a group and a process in one message that tells of leaving: one
 * process in all the groups there may be. */
#define LIMIT_LEAVES LIMIT_GROUPS
/* Milliseconds after which a node whose scope has not answered is greeted
 * again: a scope that restarts is missed for that long at most, and a
 * thousand nodes without the scope cost 200 small messages a second. */
#define LIMIT_DISCOVER_MS 5000

/* --- replicas ---------------------------------------------------------- */

/* Mutations that wait behind one that runs on its caller's node. */
#define LIMIT_MUTATIONS 65536
/* Bytes of those mutations. */
#define LIMIT_MUTATION_BYTES (64u * 1024 * 1024)
/* Milliseconds a fun may take on its caller's node: less than the 5 s after
 * which GenServer.call gives up, so that the caller hears what happened. */
#define LIMIT_APPLY_MS 4000
/* Milliseconds that a replica without a saved state waits for a peer's state
 * before it takes mutations: within the caller's 5 s. */
#define LIMIT_CATCH_UP_MS 3000
/* Operations in one batch. */
#define LIMIT_OPS 1000000
/* Bytes of one encoded count: so much less than an integer may have that the
 * sum of any number of counts is one that may be sent. */
#define LIMIT_COUNT_BYTES (LIMIT_INTEGER_BYTES - 8)
/* Maps around a map: in a join each reads what is inside it again, and is a few
 * frames of the stack. */
#define LIMIT_MAP_NESTING 16
/* Bytes of one encoded timestamp of a register, room for whatever a caller packs
 * into one; a batch of LIMIT_OPS sets adds 1 to it as often. */
#define LIMIT_TIMESTAMP_BYTES 1024
/* Values that a register holds at once, none of whose writers knew of another: one an
 * actor, on more nodes than meet.  Telling which of them are older costs time for
 * each pair.  The actors in their clocks are not bounded but by the frame: a clock
 * never gets smaller, so a bound would turn a register away for good. */
#define LIMIT_CONCURRENT_VALUES 1024
/* Milliseconds that a member may take to answer with its whole state. */
#define LIMIT_PULL_MS 10000
/* States that one replica asks for at once: each may fill a frame. */
#define LIMIT_PULLS 8
/* Times that one member is asked for its state before it is given up; the
 * sync ticks between two tries double. */
#define LIMIT_PULL_TRIES 5

/* --- files of DETS ------------------------------------------------------ */

/* Bytes of such a file: its positions end at 2^31 (dets/layout.h). */
#define LIMIT_DETS_BYTES 0x80000000u
/* Faults of a file that are listed one by one; the others are only counted. */
#define LIMIT_DETS_FAULTS 1000
/* Times that a salvage may look at each byte of a file on average: a sound
 * one needs two, a file made to be slow would need as many as it has bytes. */
#define LIMIT_SALVAGE_LOOKS 64

/* Bytes of a piece of a large state, about: so much is encoded, and read by a peer, in one
 * go.  A state that is no larger travels whole. */
#define LIMIT_PIECE_BYTES (1024u * 1024)
/* Pieces of a state, about, however large it is: each costs a walk over all of it. */
#define LIMIT_PIECES 64
/* Milliseconds between two pieces to the same member: the loop does other things as well. */
#define LIMIT_PIECE_PAUSE_MS 20

/* --- storage ----------------------------------------------------------- */

/* Bytes of a path in the configuration: with what storage appends to it, below PATH_MAX. */
#define LIMIT_PATH_BYTES 3072
/* Bytes of one segment of a journal, for reading it: what one reaches before it makes for a
 * snapshot, and one full state on top of that. */
#define LIMIT_SEGMENT_BYTES (LIMIT_JOURNAL_BYTES + 2ull * LIMIT_FRAME_BYTES)
/* Bytes in a journal that make for a snapshot before its time. */
#define LIMIT_JOURNAL_BYTES (64u * 1024 * 1024)
/* Segments of one journal: each failure of the disk begins one, and each start. */
#define LIMIT_SEGMENTS 100000
/* Damaged tables that are kept beside one that replaced them: an accident each. */
#define LIMIT_DAMAGED 1000
/* Milliseconds after which a disk that has failed is tried again. */
#define LIMIT_DISK_RETRY_MS 1000
/* Snapshots that are being written at once: each is a copy of the process. */
#define LIMIT_SAVES 2

/* --- configuration ----------------------------------------------------- */

/* Bytes of a configuration file. */
#define LIMIT_CONFIG_BYTES (1024u * 1024)
/* Bytes of a cookie: an atom's. */
#define LIMIT_COOKIE_BYTES LIMIT_ATOM_CHARS

_Static_assert(LIMIT_FRAME_BYTES <= INT32_MAX, "ei counts bytes in an int");
_Static_assert(2 * LIMIT_FOLLOWED <= LIMIT_CONNECTIONS, "followed nodes leave room for others");
_Static_assert(LIMIT_QUEUE_SLOW_BYTES < LIMIT_QUEUE_BYTES, "slow comes before gone");

#endif
