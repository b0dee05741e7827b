#include "report.h"

#include <inttypes.h>
#include <time.h>

#include "../crdt/struct.h"
#include "../term/text.h"
#include "grid.h"
#include "output.h"

/* Bytes of a name or group in a table, and of a list or a reason in a sentence. */
#define CELL_BYTES     40
#define SENTENCE_BYTES 400

/* The keys of the node's map, of a peer's, of a replica's and of a snapshot_failure
 * (docs/requests.md), each list in ASCII order. */
enum {
    ADDRESS,
    NODE,
    NOT_ALLOWED,
    PEERS,
    PORT,
    READ_ONLY,
    REGISTERED,
    REPLICAS,
    SCOPES,
    STOPPED,
    UNDELIVERED,
    NODE_KEYS
};
static const char *const node_keys[] = {"address", "node",      "not_allowed", "peers",
                                        "port",    "read_only", "registered",  "replicas",
                                        "scopes",  "stopped",   "undelivered", NULL};

enum { PEER_BEAM, PEER_QUEUED, PEER_READ_ONLY, PEER_VISIBLE, PEER_KEYS };
static const char *const peer_keys[] = {"beam", "queued_bytes", "read_only", "visible", NULL};

enum {
    BEHIND,
    CRDT,
    GROUP,
    MERGES,
    MUTATIONS,
    MEMBERS,
    SAME_ACTOR,
    FAILURE,
    STORAGE,
    WAITING,
    REPLICA_KEYS
};
static const char *const replica_keys[] = {"behind",    "crdt",    "group",      "merges",
                                           "mutations", "peers",   "same_actor", "snapshot_failure",
                                           "storage",   "waiting", NULL};

enum { FAILURE_SINCE, FAILURE_WHAT, FAILURE_KEYS };
static const char *const failure_keys[] = {"since", "what", NULL};

/* Reads the values of these keys from a map; false for any other term. */
static bool read_map(struct bytes map, const char *const *keys, struct bytes *values)
{
    struct form form = {.fields = keys};
    return struct_read(map, &form, values, NULL) == OK;
}

/* --- cells -------------------------------------------------------------------------- */

static void put_value(struct buf *out, struct bytes value, size_t limit)
{
    if (value.len > 0)
        text_print_short(out, value, limit);
    else
        buf_put_u8(out, '-');
}

/* The word for true or for false. */
static void put_choice(struct buf *out, struct bytes value, const char *yes, const char *no)
{
    struct etf_in in = etf_open(value);
    bool is = etf_bool(&in);
    buf_put(out, bytes_of(etf_finish(&in) != OK ? "-" : is ? yes : no));
}

static bool is_atom(struct bytes value, const char *name)
{
    struct etf_in in = etf_open(value);
    return etf_accept(&in, name);
}

static uint64_t number(struct bytes value)
{
    struct etf_in in = etf_open(value);
    uint64_t n = etf_uint64(&in);
    return etf_finish(&in) == OK ? n : 0;
}

/* --- the parts of the page ------------------------------------------------------------- */

/* c1@127.0.0.1 listens on [::]:36161, registered with epmd */
static void put_title(struct buf *out, const struct bytes *node)
{
    struct etf_in name = etf_open(node[NODE]), address = etf_open(node[ADDRESS]);
    struct atom atom = {0};
    etf_atom(&name, &atom);
    struct bytes host = etf_binary(&address);
    bool six = host.len > 0 && memchr(host.at, ':', host.len) != NULL;
    buf_printf(out, six ? "%.*s listens on [%.*s]:" : "%.*s listens on %.*s:", (int)atom.len,
               (const char *)atom.text, TEXT(host));
    put_value(out, node[PORT], CELL_BYTES);
    put_choice(out, node[REGISTERED], ", registered with epmd", ", not registered with epmd");
    buf_put(out, BYTES("\npg scopes: "));
    put_value(out, node[SCOPES], SENTENCE_BYTES);
    buf_put_u8(out, '\n');
}

static void add_peer(struct grid *g, struct bytes name, struct bytes peer)
{
    struct bytes values[PEER_KEYS] = {{0}};
    struct etf_in in = etf_open(name);
    struct atom atom = {0};
    etf_atom(&in, &atom);
    (void)read_map(peer, peer_keys, values);
    buf_put(grid_cell(g), (struct bytes){atom.text, atom.len});
    put_choice(grid_cell(g), values[PEER_BEAM], "BEAM", "no BEAM");
    put_choice(grid_cell(g), values[PEER_VISIBLE], "visible", "hidden");
    put_choice(grid_cell(g), values[PEER_READ_ONLY], "read only", "full");
    put_value(grid_cell(g), values[PEER_QUEUED], CELL_BYTES);
}

static void add_replica(struct grid *g, struct bytes name, struct bytes replica)
{
    static const unsigned shown[] = {CRDT,    STORAGE,   MEMBERS, BEHIND,
                                     WAITING, MUTATIONS, MERGES,  GROUP};
    struct bytes values[REPLICA_KEYS] = {{0}};
    (void)read_map(replica, replica_keys, values);
    put_value(grid_cell(g), name, CELL_BYTES);
    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
        put_value(grid_cell(g), values[shown[i]], CELL_BYTES);
}

/* A table with a row for each pair of the map; or a line that says there is none. */
static void put_rows(struct buf *out, bool colour, struct bytes map, const char *none,
                     const char *columns, const char *const *heads,
                     void (*add)(struct grid *g, struct bytes key, struct bytes value))
{
    struct grid grid = {.columns = columns, .bold = colour};
    struct etf_in in = etf_open(map);
    uint32_t count = etf_peek(&in) == ETF_MAP ? etf_map(&in) : 0;
    buf_put_u8(out, '\n');
    if (count == 0) {
        buf_printf(out, "%s\n", none);
        return;
    }
    for (size_t i = 0; heads[i] != NULL; i++)
        grid_add(&grid, heads[i]);
    for (; count > 0; count--) {
        struct bytes key = etf_any(&in);
        add(&grid, key, etf_any(&in));
    }
    grid_put(&grid, out);
}

/* --- what needs attention ---------------------------------------------------------------- */

static void put_failure(struct buf *out, struct bytes name, struct bytes failure)
{
    struct bytes values[FAILURE_KEYS] = {{0}};
    char when[40] = "-";
    if (!read_map(failure, failure_keys, values))
        return;
    struct etf_in what = etf_open(values[FAILURE_WHAT]);
    time_t since = (time_t)(number(values[FAILURE_SINCE]) / 1000);
    struct tm utc;
    if (gmtime_r(&since, &utc) != NULL)
        strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &utc);
    put_value(out, name, CELL_BYTES);
    buf_printf(out, ": no snapshot could be written since %s: ", when);
    put_sentence(out, etf_binary(&what), SENTENCE_BYTES);
    buf_put_u8(out, '\n');
}

static void put_replica_problems(struct buf *out, struct bytes name, struct bytes replica)
{
    struct bytes values[REPLICA_KEYS] = {{0}};
    (void)read_map(replica, replica_keys, values);
    struct etf_in storage = etf_open(values[STORAGE]), same = etf_open(values[SAME_ACTOR]);
    if (etf_peek(&storage) == ETF_TUPLE) {
        put_value(out, name, CELL_BYTES);
        buf_put(out, BYTES(": its storage fails: "));
        put_value(out, values[STORAGE], SENTENCE_BYTES);
        buf_put_u8(out, '\n');
    }
    if (values[FAILURE].len > 0 && !is_atom(values[FAILURE], "nil"))
        put_failure(out, name, values[FAILURE]);
    if (etf_peek(&same) == ETF_LIST && !etf_accept_nil(&same)) {
        put_value(out, name, CELL_BYTES);
        buf_put(out, BYTES(": changes are lost, since these nodes have the same actor: "));
        put_value(out, values[SAME_ACTOR], SENTENCE_BYTES);
        buf_put_u8(out, '\n');
    }
}

static void put_problems(struct buf *out, const struct bytes *node)
{
    static const struct {
        unsigned key;
        const char *what;
    } counts[] = {{NOT_ALLOWED, "connections refused, of nodes that are not allowed"},
                  {READ_ONLY, "changes refused, of nodes that may only read"},
                  {UNDELIVERED, "messages lost, for nodes that could not be reached"}};
    struct etf_in replicas = etf_open(node[REPLICAS]), stopped = etf_open(node[STOPPED]);
    for (uint32_t left = etf_map(&replicas); left > 0; left--) {
        struct bytes name = etf_any(&replicas);
        put_replica_problems(out, name, etf_any(&replicas));
    }
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        if (number(node[counts[i].key]) > 0)
            buf_printf(out, "%" PRIu64 " %s\n", number(node[counts[i].key]), counts[i].what);
    if (etf_peek(&stopped) == ETF_LIST && !etf_accept_nil(&stopped)) {
        buf_put(out, BYTES("stopped on request: "));
        put_value(out, node[STOPPED], SENTENCE_BYTES);
        buf_put_u8(out, '\n');
    }
}

bool report_put(struct buf *out, struct bytes status, bool colour)
{
    static const char *const peer_heads[] = {"PEER", "KIND", "LISTED", "ACCESS", "QUEUED", NULL};
    static const char *const replica_heads[] = {"REPLICA", "TYPE",    "STORAGE", "MEMBERS",
                                                "BEHIND",  "WAITING", "CHANGES", "MERGES",
                                                "GROUP",   NULL};
    struct bytes node[NODE_KEYS] = {{0}};
    struct etf_in replicas;
    struct buf problems = {0};
    if (!read_map(status, node_keys, node))
        return false;
    replicas = etf_open(node[REPLICAS]);
    if (etf_peek(&replicas) != ETF_MAP)
        return false;
    put_title(out, node);
    put_rows(out, colour, node[PEERS], "no peer is connected", "llllr", peer_heads, add_peer);
    put_rows(out, colour, node[REPLICAS], "no replicas", "lllrrrrrl", replica_heads, add_replica);
    put_problems(&problems, node);
    if (problems.len > 0) {
        buf_put(out, colour ? BYTES("\n\x1b[31m") : BYTES("\n"));
        problems.len--; /* the last end of line */
        buf_put(out, buf_bytes(&problems));
        buf_put(out, colour ? BYTES("\x1b[0m\n") : BYTES("\n"));
    }
    buf_free(&problems);
    return true;
}
