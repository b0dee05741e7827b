/* Every limit of the program, with its unit and its reason.  A value from outside is checked
 * against one of these before memory or time is spent on it. */
#ifndef COPPICE_LIMITS_H
#define COPPICE_LIMITS_H

#include <stdint.h>

/* --- terms ------------------------------------------------------------- */

/* Nesting depth of containers.  Far deeper than any state or message of Grove; checking,
 * canonicalising and comparing each keep one small frame a level. */
#define LIMIT_TERM_DEPTH 512
/* That of what callers give a replica to keep, as the argument of an operation: a state's struct
 * adds a few levels, a nested map's as many as the operation for it ... */
#define LIMIT_VALUE_DEPTH 480
/* ... of a struct from a peer or a fun: an answer, a table's record, and sys:get_status(), with
 * eight levels, add the rest ... */
#define LIMIT_STRUCT_DEPTH 496
/* ... and of a replica's actor and group, which stand in its state, and in messages of pg. */
#define LIMIT_NAME_DEPTH 64
/* Bytes of an atom's text: 255 characters of at most 4 bytes (OTP's own limit). */
#define LIMIT_ATOM_BYTES 1020
#define LIMIT_ATOM_CHARS 255
/* Work of sorting the maps of one term, in units of about a nanosecond: four seconds.  Comparing
 * keys counts, and every two bytes moved (again for each unsorted map around them).  Enough for
 * the largest frame inside maps 16 deep, a map of 16 million integers, and most of a million keys
 * that begin alike. */
#define LIMIT_SORT_WORK 4000000000ull
/* Bytes of a decompressed term: those of a frame, so that a term from a file can also be sent. */
#define LIMIT_UNPACKED_BYTES LIMIT_FRAME_BYTES
/* Bytes of an integer's magnitude: up to 2^(2^19).  Bounds the time to print one in decimal. */
#define LIMIT_INTEGER_BYTES 65536
/* Words of a reference: 5 since OTP 24 (erl_ext_dist). */
#define LIMIT_REF_WORDS 5

/* --- distribution ------------------------------------------------------ */

/* Bytes of one frame, and of one message reassembled from fragments.  A full state travels as
 * one message.  Below 2^31 because ei counts in an int. */
#define LIMIT_FRAME_BYTES (256u * 1024 * 1024)
/* Bytes of a fragment that is sent, as on a BEAM. */
#define LIMIT_FRAGMENT_BYTES (64u * 1024)
/* Large messages to one peer whose fragments are interleaved: the peer keeps all of them at once.
 */
#define LIMIT_STREAMS 64
/* Bytes queued at a peer's socket up to which more fragments are added: what small signals and
 * ticks may have to wait for. */
#define LIMIT_FILL_BYTES (512u * 1024)
/* Fragmented messages in flight from one peer: a BEAM interleaves the large sends of its
 * processes; it has a few at a time, not thousands. */
#define LIMIT_FRAGMENT_SEQUENCES 1024
/* Bytes of a message that are checked in one step, so that a large one delays nobody: some 0.1 ms
 * of the smallest terms. */
#define LIMIT_CHECK_BYTES (32u * 1024)
/* Work of one step, in nanoseconds: 0.1 ms, some 130 calls.  What a peer has sent beyond that
 * waits for the next step, so that a call of another peer takes no longer than twice its usual
 * time.  With 200, a peer that has hundreds in flight gets some 5 % more answers. */
#define LIMIT_STEP_WORK 100000ull
/* Bytes of a peer that wait for further steps, above which no more are read from it: it is slowed
 * down to what is handled. */
#define LIMIT_AHEAD_BYTES (64u * 1024)
/* Bytes of a large message that are freed in one step: the system takes 26 ms for those of the
 * largest.  The build with AddressSanitizer, whose realloc() copies what stays, has another. */
#ifndef LIMIT_FREED_BYTES
#define LIMIT_FREED_BYTES (256u * 1024)
#endif
/* Bytes of ticks that are read in one step. */
#define LIMIT_TICK_BYTES (16u * 1024)
/* Bytes of one handshake message: names have at most 255 characters. */
#define LIMIT_HANDSHAKE_BYTES 2048
/* Bytes that a channel's empty buffers keep allocated: an occasional full state must not hold
 * its memory for the life of the connection. */
#define LIMIT_SPARE_BYTES (256u * 1024)
/* Milliseconds from connecting to the end of the handshake (net_setuptime). */
#define LIMIT_HANDSHAKE_MS 7000
/* How long an attempt of ours that is open waits for the peer's own, which is in the handshake:
 * that takes milliseconds.  Somebody who only calls himself like the peer puts off our dialling so.
 */
#define LIMIT_LET_IN_MS 500
/* Bytes queued for a peer above which it gets no more deltas (it gets the state once it has
 * drained), and what it sends is not handled before it has read: an answer may be a million
 * times as large as its request ... */
#define LIMIT_QUEUE_SLOW_BYTES (8u * 1024 * 1024)
/* ... and above which it is disconnected: one full state more, since that is what a single
 * request may be answered with. */
#define LIMIT_QUEUE_BYTES (LIMIT_FRAME_BYTES + LIMIT_QUEUE_SLOW_BYTES)
/* Bytes queued for all peers together, above which the one with the most is disconnected.  More
 * than a delta of a few megabytes for each of several hundred peers, which is queued in one
 * step. */
#define LIMIT_QUEUES_BYTES (16ull * LIMIT_FRAME_BYTES)
/* Bytes from a peer that wait until it has read: a frame, and thousands of requests. */
#define LIMIT_UNREAD_BYTES (LIMIT_FRAME_BYTES + 64u * 1024 * 1024)
/* Open connections, including those in the handshake: several hundred nodes, each briefly
 * twice.  Fewer where the process may have fewer descriptors (net/sockets.h). */
#define LIMIT_CONNECTIONS 2048
/* One in so many of them, and at least one, is kept back from those who connect: room to dial. */
#define LIMIT_DIALS_KEPT 32
/* Accepted connections before the end of the handshake: anyone can make them, cookie or not.
 * Enough for every node of a large cluster to come back at once; or a part of the connections. */
#define LIMIT_STRANGERS      128
#define LIMIT_STRANGERS_PART 4
/* Patterns in each list of nodes of the configuration: all are compared with the sender's name for
 * each of its signals. */
#define LIMIT_PATTERNS 256
/* Read-only nodes whose refused changes are logged, once each: anyone may come under ever new
 * names. */
#define LIMIT_READERS 1024
/* Accepted connections before the end of the TLS handshake, as many again; or a part of the
 * connections.  Each holds about 50 kB, for LIMIT_HANDSHAKE_MS at most. */
#define LIMIT_TLS_STRANGERS      128
#define LIMIT_TLS_STRANGERS_PART 8
/* Bytes that TLS says for itself and a peer does not read: a handshake with every authority of a
 * system's bundle has a tenth of it.  Each request for new keys (TLS 1.3) is answered with as many
 * bytes, for ever. */
#define LIMIT_TLS_SAID_BYTES (256u * 1024)
/* DNS names of a certificate that an allow-list is shown; of a cluster, it has a few. */
#define LIMIT_CERTIFICATE_NAMES 256
/* Log lines of one kind that others cause, in so many milliseconds; the rest are counted.  Port
 * scanners and health checks would fill a disk. */
#define LIMIT_FEW_LINES    5
#define LIMIT_FEW_LINES_MS 60000
/* The same for what is no failure, of those who know the cookie: peers that come and go, replicas
 * that they stop.  A cluster's worth of nodes that all come back at once, each with its line. */
#define LIMIT_PEER_LINES 500
/* Nodes dialled at once because an answer for them waits, bytes of all those answers, milliseconds
 * that one waits: a look-up and a handshake.  A caller's node may be any name. */
#define LIMIT_ANSWERED_NODES 64
#define LIMIT_ANSWER_BYTES   (64u * 1024 * 1024)
#define LIMIT_ANSWER_MS      (LIMIT_EPMD_MS + LIMIT_HANDSHAKE_MS + 1000)
/* Addresses of a host that are tried: one each 250 ms, so that all are within LIMIT_EPMD_MS. */
#define LIMIT_ADDRESSES 16
/* Milliseconds of dial backoff: doubles from the first to the second, with jitter. */
#define LIMIT_DIAL_BACKOFF_MIN_MS 250
#define LIMIT_DIAL_BACKOFF_MAX_MS 30000
/* Milliseconds after which a connection has lasted, and the pause before the next dial begins at
 * the first again.  A peer that accepts this node and then disconnects was dialled five times a
 * second, with two log lines each. */
#define LIMIT_LINK_LASTED_MS 10000
/* Nodes dialled because a peer named them: several hundred and some headroom, each briefly
 * with two connections.  Anyone who knows the cookie may name any node. */
#define LIMIT_FOLLOWED 1024
/* Names that are looked up to find peers: applications that a node talks to.  Each look-up holds a
 * thread until the name server has answered. */
#define LIMIT_QUERIES 16
/* Nodes found by them, and addresses of one name that are read: as many as are followed. */
#define LIMIT_FOUND LIMIT_FOLLOWED
/* Bytes of such a name: a domain name's (RFC 1035), as text. */
#define LIMIT_HOST_BYTES 253
/* Milliseconds between asking a peer for its connections, and so the longest that a new node
 * goes unnoticed.  With 500 peers that have as many: 200 kB a second. */
#define LIMIT_FOLLOW_ASK_MS 30000
/* Net_ticktimes (5 minutes) after which a followed node that is down and that nobody names is
 * forgotten: by then every node has noticed, and one that was only restarted is back. */
#define LIMIT_FOLLOW_TICKTIMES 5
/* Nodes that are wanted because {connect, Node} asked for them, besides those of the configuration:
 * each is dialled as long as this node runs, several times a minute if it never answers. */
#define LIMIT_CONNECT_REQUESTS 256
/* Bytes of epmd's answer to a lookup: fixed part, name and extra. */
#define LIMIT_EPMD_BYTES 4096
/* Milliseconds to wait for an answer of epmd. */
#define LIMIT_EPMD_MS 5000
/* Bytes of a node name, including the '@'. */
#define LIMIT_NODE_NAME_BYTES LIMIT_ATOM_BYTES

/* --- processes --------------------------------------------------------- */

/* Local processes: replicas, scopes, servers.  100,000 replicas and then some, at about 2 kB each.
 */
#define LIMIT_PROCESSES 131072
/* Remote monitors and links on one local process: a cluster's worth of callers in mid-call. */
#define LIMIT_WATCHERS 65536
/* One node may have so large a part of those, and of other things that all nodes share and that
 * have one limit: members of a group, locks, {connect, Node}, followed nodes, messages for a
 * suspended process, mutations, calls and answers that wait, replicas that are started.  A real one
 * never has. */
#define LIMIT_NODE_PART 2
/* Pending calls of all local processes. */
#define LIMIT_CALLS 65536
/* Calls of sys:get_state whose callers' nodes are asked which release they run, at a time: people
 * make these. */
#define LIMIT_STATE_CALLS 1024
/* Work of a step in which the status of many replicas is put, in nanoseconds: some 700 of them; and
 * calls that wait for it: people make these, and monitors. */
#define LIMIT_STATUS_WORK  500000ull
#define LIMIT_STATUS_CALLS 4096
/* Messages queued for a suspended process. */
#define LIMIT_BACKLOG 65536
/* Bytes of those messages. */
#define LIMIT_BACKLOG_BYTES (64u * 1024 * 1024)
/* Resources locked by global:set_lock/1, processes that hold one of them, bytes of the names of a
 * resource and its requester: thousands of transactions at once, each of which a peer may forget to
 * end. */
#define LIMIT_LOCKS        4096
#define LIMIT_LOCK_HOLDERS 64
#define LIMIT_LOCK_BYTES   4096
/* pg scopes that this node joins. */
#define LIMIT_SCOPES 64
/* Scope processes of one node that a pg scope knows: any process there may say that it is one.
 * Real nodes have one; a shell that greets us by hand, a few. */
#define LIMIT_NODE_SCOPES 16
/* Processes of one Phoenix.PubSub here: as many as the largest pool_size of its nodes, which is
 * rarely above the number of their cores. */
#define LIMIT_PUBSUB_POOL 64
/* Bytes of the name of a Phoenix.PubSub, so that the names of its processes are atoms, too. */
#define LIMIT_PUBSUB_NAME_BYTES 200
/* Bytes of a topic of Phoenix.PubSub: a group's name. */
#define LIMIT_TOPIC_BYTES 4096
/* Subscribers of a topic on one node of which it is asked whether they are Grove servers: beyond
 * that they are browsers' connections. */
#define LIMIT_SUBSCRIBERS 4096
/* Members of one group on all nodes. */
#define LIMIT_MEMBERS 65536
/* Bytes of a group's name, by which it is found for each member that joins or leaves: more than a
 * topic has. */
#define LIMIT_GROUP_BYTES 8192
/* Groups that a peer's scope may name. */
#define LIMIT_GROUPS 1000000
/* Bytes of a scope's message that is handled in one step: some 130 groups, and LIMIT_STEP_WORK. */
#define LIMIT_GROUPS_BYTES 8192
/* Of a leave, which names groups times processes: some 4000 of these pairs. */
#define LIMIT_LEAVE_BYTES 1024
/* Members of a scope that has ended, or does not name them any more, that leave in one step: some
 * 0.1 ms.  So many leave at once. */
#define LIMIT_LEAVING 256
/* (group, process) pairs in one leave message: one process in all the groups there may be. */
#define LIMIT_LEAVES LIMIT_GROUPS
/* Milliseconds until a node whose scope has not answered is sent another discover: bounds how
 * long a restarted scope is missed.  A thousand nodes without the scope cost 200 small
 * messages a second. */
#define LIMIT_DISCOVER_MS 5000

/* Restarts of replicas in so many milliseconds, after which the node ends and leaves the rest to
 * what started it: what a supervisor of Elixir's allows by default. */
#define LIMIT_RESTARTS    3
#define LIMIT_RESTARTS_MS 5000
/* Names of stopped replicas that status shows: all of a configuration, if it stops all.  Anyone
 * who knows the cookie may start and stop replicas under ever new names. */
#define LIMIT_STOPPED LIMIT_PROCESSES

/* --- replicas ---------------------------------------------------------- */

/* Mutations queued behind one that runs on its caller's node. */
#define LIMIT_MUTATIONS 65536
/* Bytes of those mutations, and of reads that wait for the disk. */
#define LIMIT_MUTATION_BYTES (64u * 1024 * 1024)
/* Calls of a replica that wait until a large state or value is encoded. */
#define LIMIT_ENCODE_CALLS 65536
/* Bytes of a large state or value that are encoded in one step: one or two milliseconds. */
#define LIMIT_ENCODE_BYTES (1024u * 1024)
/* Bytes of small deltas that wait meanwhile: some milliseconds to join. */
#define LIMIT_POSTPONED_BYTES (64u * 1024)
/* Milliseconds that a call waits behind funs on other nodes: less than the 5 s after which
 * GenServer.call gives up. */
#define LIMIT_MUTATION_WAIT_MS 4500
/* Milliseconds for which the funs of a node that has let one time out are refused: such a node
 * delays a replica for a quarter of the time at most. */
#define LIMIT_UNRESPONSIVE_MS 12000
/* Such nodes that a replica remembers. */
#define LIMIT_UNRESPONSIVE 1024
/* Milliseconds that a fun may take on its caller's node: less than the 5 s of GenServer.call,
 * so that the caller gets the error. */
#define LIMIT_APPLY_MS 4000
/* Funs that a node is asked to apply in one question, and bytes of them and of the states that they
 * return; a single one may have more.  Each costs 5 us there, and a step here handles the answer.
 */
#define LIMIT_QUESTION_FUNS  256
#define LIMIT_QUESTION_BYTES (256u * 1024)
/* Milliseconds of such a question after which that node begins no further fun: the callers of those
 * before wait for it. */
#define LIMIT_QUESTION_MS 50
/* Bytes of the reason of a fun that failed, after which that node begins no further one: all
 * reasons are in the answer. */
#define LIMIT_QUESTION_REASON 4096
/* Milliseconds until a question counts as not answered: that node is to notice before that one of
 * the funs hangs, and to answer for the others, whose callers wait LIMIT_MUTATION_WAIT_MS. */
#define LIMIT_ANSWERED_MS (LIMIT_APPLY_MS + LIMIT_QUESTION_MS + 400)
/* Milliseconds that a replica without a saved state waits for a peer's state before it takes
 * mutations: less than the caller's 5 s. */
#define LIMIT_CATCH_UP_MS 3000
/* Operations in one batch. */
#define LIMIT_OPS 1000000
/* Bytes of one encoded count: small enough below the limit of integers that the sum of any
 * number of counts can be sent. */
#define LIMIT_COUNT_BYTES (LIMIT_INTEGER_BYTES - 8)
/* Bytes of a number to add to a count: less, so that 2^64 of them fit. */
#define LIMIT_INCREMENT_BYTES (LIMIT_COUNT_BYTES - 8)
/* Nesting depth of maps: joining re-reads the inner map at every level and takes a few stack
 * frames. */
#define LIMIT_MAP_NESTING 16
/* Bytes of one encoded timestamp of a register, with room for what callers pack into one; a
 * batch of LIMIT_OPS sets adds at most LIMIT_OPS to it.  No limit keeps a peer from sending the
 * last timestamp there is: whatever a later one may have, it could have had.  Then `set` is
 * refused, since it would be lost. */
#define LIMIT_TIMESTAMP_BYTES 1024
/* Bytes of a timestamp that a caller gives: less, so that no caller can leave no later one. */
#define LIMIT_SET_TIMESTAMP_BYTES (LIMIT_TIMESTAMP_BYTES - 16)
/* Milliseconds ahead of our wall clock up to which a time in the data is followed: later ones are
 * kept, but do not advance the times of what we add.  A hundred years, more than the error of a
 * clock that was never set and stands at 1970.  It depends on our clock, and so must not decide
 * what is accepted: replicas would differ for ever. */
#define LIMIT_CLOCK_AHEAD_MS (100ll * 365 * 24 * 3600 * 1000)
/* The largest value of a logical clock that all replicas share: a larger one counts as this one
 * (min and max commute, so replicas still agree).  Numbers of our own actor go on above it, up to
 * the second limit: a million a second takes 73,000 years.  Those beyond are forged, never ours. */
#define LIMIT_SHARED_CLOCK (1ull << 62)
#define LIMIT_OWN_NUMBER   (LIMIT_SHARED_CLOCK + LIMIT_SHARED_CLOCK / 2)
/* Concurrent values of a register: one an actor, from more nodes than ever meet.  Finding the
 * dominated ones costs time for each pair.  The actors in their version vectors are bounded by
 * the frame alone: a vector never shrinks, so a limit would lock a register out for good. */
#define LIMIT_CONCURRENT_VALUES 1024
/* Fields of one of Grove's structs that are unknown here, and bytes of one, its name included:
 * a later Grove may add a few, but what arrives is kept for good, and is a part of every state. */
#define LIMIT_UNKNOWN_FIELDS      16
#define LIMIT_UNKNOWN_FIELD_BYTES 4096
/* Milliseconds that a member may take to answer with its whole state. */
#define LIMIT_PULL_MS 10000
/* Concurrent pulls of one replica: each answer may fill a frame. */
#define LIMIT_PULLS 8
/* Attempts to pull from one member before giving up; the sync ticks between two attempts
 * double. */
#define LIMIT_PULL_TRIES 5
/* Approximate bytes of one piece of a large state: encoded here, and read by a peer, in one
 * go.  A smaller state is sent whole. */
#define LIMIT_PIECE_BYTES (1024u * 1024)
/* Approximate number of pieces of a state of any size: each looks at all of its entries. */
#define LIMIT_PIECES 64
/* Bytes of a struct that are joined in one step: some 10 ms of the slowest type.  Of a larger one
 * each step joins so much. */
#define LIMIT_SLICE_BYTES (64u * 1024)
/* Entries whose fingerprints are sent in one question for those that differ: 2 MB.  In a piece of a
 * state there are rarely a tenth of it, unless somebody chooses keys with the same hash. */
#define LIMIT_COMPARED_ENTRIES (256u * 1024)
/* Milliseconds for which a coppice that has asked for digests is taken to be comparing. */
#define LIMIT_COMPARES_MS 2000
/* One in so many of the comparisons that anti-entropy begins is verified with a salt where it finds
 * no difference, which costs another walk over the state: every four minutes. */
#define LIMIT_VERIFIED_REPAIRS 8
/* Ranges that differ in which one side has nothing at all, above which ranges are sent as they are,
 * if they are also most of those that differ: to look for what is equal would be in vain. */
#define LIMIT_EMPTY_RANGES 64
/* Processes that are told of a replica's changes, in all and on one node: each change is a message
 * to each of them.  Who has more readers tells them himself, as Phoenix.PubSub does. */
#define LIMIT_CHANGE_SUBSCRIBERS      4096
#define LIMIT_CHANGE_SUBSCRIBERS_NODE 1024
/* Bytes queued for a node above which its subscribers wait, and then get one message for all that
 * has changed: some messages of a usual size, since one at a time would cost a round through the
 * kernel each. */
#define LIMIT_CHANGE_QUEUE_BYTES (64u * 1024)
/* Milliseconds between two pieces to the same member, to leave the loop free for other work. */
#define LIMIT_PIECE_PAUSE_MS 20

/* --- DETS files -------------------------------------------------------- */

/* Bytes of a DETS file: its positions end at 2^31 (dets/layout.h). */
#define LIMIT_DETS_BYTES 0x80000000u
/* Faults of a file that are listed; the rest are only counted. */
#define LIMIT_DETS_FAULTS 1000
/* Average number of times that a salvage reads each byte of a file: a sound file needs two, a
 * malicious one as many as it has bytes. */
#define LIMIT_SALVAGE_SCANS 64

/* --- storage ----------------------------------------------------------- */

/* Bytes of a path in the configuration: below PATH_MAX with the suffixes that storage appends. */
#define LIMIT_PATH_BYTES 3072
/* Symbolic links from a path in the configuration to its table: as many as Linux follows. */
#define LIMIT_LINKS 40
/* Bytes of one journal segment when it is read: the size that triggers a snapshot, and one
 * full state more. */
#define LIMIT_SEGMENT_BYTES (LIMIT_JOURNAL_BYTES + 2ull * LIMIT_FRAME_BYTES)
/* Journal bytes that trigger a snapshot ahead of schedule. */
#define LIMIT_JOURNAL_BYTES (64u * 1024 * 1024)
/* Segments of one journal: each disk failure and each start begins a new one. */
#define LIMIT_SEGMENTS 100000
/* Damaged tables kept beside the one that replaced them: one an accident. */
#define LIMIT_DAMAGED 1000
/* Milliseconds until a failed disk is tried again. */
#define LIMIT_DISK_RETRY_MS 1000
/* Journals that are written and synced at the same time, each by a thread: they share
 * commits of the file system.  Twice as many were no faster on ext4. */
#define LIMIT_SYNC_THREADS 64
/* Concurrent snapshots: each is a fork of the process. */
#define LIMIT_SAVES 2

/* Milliseconds that a command waits for an answer: a day. */
#define LIMIT_COMMAND_MS 86400000

/* --- standard output and error ------------------------------------------ */

/* Bytes of log lines that wait to be written: thousands of processes may log one in the same
 * step. */
#define LIMIT_LOG_BYTES (1024u * 1024)
/* Milliseconds that the process waits at its end, for each of the two, until everything is
 * written. */
#define LIMIT_FLUSH_MS 500

/* --- metrics and status page --------------------------------------------- */

/* Connections to the web server: a Prometheus, a few browsers; and those of whoever keeps them
 * open, each for at most that time without a byte. */
#define LIMIT_HTTP_CONNECTIONS 32
#define LIMIT_HTTP_IDLE_S      5
/* Bytes of a connection's memory, of which a request's headers may fill a half. */
#define LIMIT_HTTP_BYTES 8192
/* Milliseconds for which an answer is given again: whoever asks without end costs no more than four
 * a second. */
#define LIMIT_HTTP_REUSE_MS 250
/* Names of hosts by which it may be asked. */
#define LIMIT_METRICS_HOSTS 64
/* Replicas and their members that have metrics of their own: some 7 MB of text, which Prometheus
 * takes, and 50 ms. */
#define LIMIT_METRICS_ROWS 10000
/* Replicas on the page, peers in its picture, and members of a replica: more than anybody reads. */
#define LIMIT_PAGE_REPLICAS 100
#define LIMIT_PAGE_PEERS    24
#define LIMIT_PAGE_MEMBERS  64
/* Elements and bytes of a state of which the page shows the value, and bytes of that: of a hundred
 * such states some 10 ms. */
#define LIMIT_PAGE_ELEMENTS    200
#define LIMIT_PAGE_STATE_BYTES (32u * 1024)
#define LIMIT_PAGE_VALUE_BYTES 400

/* --- configuration ----------------------------------------------------- */

/* Bytes of a configuration file: LIMIT_PROCESSES replicas, each with a group and a file. */
#define LIMIT_CONFIG_BYTES (64u * 1024 * 1024)
/* Bytes of a cookie: an atom's. */
#define LIMIT_COOKIE_BYTES LIMIT_ATOM_CHARS

_Static_assert(LIMIT_FRAME_BYTES <= INT32_MAX, "ei counts bytes in an int");
_Static_assert(2 * LIMIT_FOLLOWED <= LIMIT_CONNECTIONS, "followed nodes leave room for others");
_Static_assert(LIMIT_ANSWERED_MS < LIMIT_MUTATION_WAIT_MS,
               "callers wait for all funs of a question");
_Static_assert(LIMIT_QUEUE_SLOW_BYTES < LIMIT_QUEUE_BYTES, "slow comes before gone");

#endif
