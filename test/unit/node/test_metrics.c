/* Metrics of whole nodes; test/interop/metrics_test.exs reads them over HTTP. */
#include "node/metrics.h"

#include "limits.h"
#include "unit/node/nodes.h"

#define WALL_MS 1796000000123

/* The metrics of node i, ended by a zero. */
static struct buf metrics(unsigned i)
{
    struct buf out = {0};
    CU_ASSERT(node_is_ready(nodes[i].node));
    node_put_metrics(nodes[i].node, WALL_MS, &out);
    buf_put_u8(&out, 0);
    return out;
}

static bool says(unsigned i, const char *line)
{
    struct buf all = metrics(i);
    bool found = strstr((const char *)all.at, line) != NULL;
    if (!found)
        fprintf(stderr, "\nno %s in\n%s\n", line, (const char *)all.at);
    buf_free(&all);
    return found;
}

static void quotes(const char *text, const char *expected)
{
    struct buf out = {0};
    metrics_put_label(&out, wall(bytes_of(text)));
    CU_ASSERT(bytes_equal(buf_bytes(&out), bytes_of(expected)));
    buf_free(&out);
}

static void labels_are_quoted(void)
{
    quotes("plain", "plain");
    quotes("a\"b\\c\nd", "a\\\"b\\\\c\\nd");
    quotes("\x01\xff\xc3", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    quotes("gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f");
}

static void tells_of_peers(void)
{
    start(0, "a@h", "{connect, ['b@h', 'gone@h']}. {replica, r, #{crdt => gset}}.");
    start(1, "b@h", "{replica, r, #{crdt => gset}}. {replica, 'x\"y', #{crdt => rga}}.");
    run_for(5000);
    CU_ASSERT(says(0, "\ncoppice_peers 1\n"));
    CU_ASSERT(says(0, "\ncoppice_peers_missing 1\n"));
    CU_ASSERT(says(0, "\ncoppice_peer_queue_bytes{peer=\"b@h\"} 0\n"));
    CU_ASSERT(says(0, "\ncoppice_replica_members{replica=\"r\"} 1\n"));
    CU_ASSERT(says(0, "\ncoppice_member_differs{replica=\"r\",peer=\"b@h\"} 0\n"));
    CU_ASSERT(says(1, "\ncoppice_replica_info{replica=\"x\\\"y\",type=\"rga\","));
    stop_all();
}

static unsigned count(unsigned i, const char *line)
{
    unsigned found = 0;
    struct buf all = metrics(i);
    for (const char *at = (const char *)all.at; (at = strstr(at, line)) != NULL; at++)
        found++;
    buf_free(&all);
    return found;
}

/* Starts a replica in group g. */
static void start_replica(unsigned i, const char *name)
{
    char term[100];
    snprintf(term, sizeof(term), "{start_replica, %s, #{crdt => gset, group => g, actor => %s}}",
             name, name);
    const struct request request = {
        .kind = REQUEST_CALL, .name = BYTES("coppice"), .term = term_of(term), .timeout_ms = 5000};
    step(i, (struct event){.kind = EVENT_CALL, .call = 1, .request = &request});
    run_for(100);
}

#define SETTINGS "{scope, s}. {connect, ['a@h', 'b@h']}."

/* Each line is there once, or Prometheus refuses all; the members of b are not neighbours. */
static void members_on_one_node_are_one_line(void)
{
    start(0, "a@h", SETTINGS);
    start(1, "b@h", SETTINGS);
    start(2, "c@h", SETTINGS);
    run_for(1000);
    start_replica(0, "ra");
    start_replica(1, "rb");
    start_replica(2, "rc");
    start_replica(1, "sb");
    start_replica(2, "sc");
    start_replica(1, "tb");
    run_for(10000);
    CU_ASSERT(says(0, "\ncoppice_replica_members{replica=\"ra\"} 5\n"));
    CU_ASSERT_EQUAL(count(0, "\ncoppice_member_differs{replica=\"ra\",peer=\"b@h\"} 0\n"), 1);
    CU_ASSERT_EQUAL(count(0, "\ncoppice_member_differs{replica=\"ra\",peer=\"c@h\"} 0\n"), 1);
    CU_ASSERT_EQUAL(count(0, "\ncoppice_member_behind{replica=\"ra\","), 2);
    CU_ASSERT_EQUAL(count(0, "\ncoppice_member_last_sync_timestamp_seconds{replica=\"ra\","), 2);
    stop_all();
}

static void omits_what_is_too_much(void)
{
    struct buf settings = {0};
    for (unsigned i = 0; i < LIMIT_METRICS_ROWS + 7; i++)
        buf_printf(&settings, "{replica, r%u, #{crdt => gset}}.\n", i);
    buf_put_u8(&settings, 0);
    start(0, "a@h", (const char *)settings.at);
    struct buf all = metrics(0);
    const char *text = (const char *)all.at;
    char replicas[64];
    snprintf(replicas, sizeof(replicas), "\ncoppice_replicas %u\n", LIMIT_METRICS_ROWS + 7);
    CU_ASSERT(strstr(text, replicas) != NULL);
    CU_ASSERT(strstr(text, "\ncoppice_replicas_omitted 7\n") != NULL);
    snprintf(replicas, sizeof(replicas), "{replica=\"r%u\"}", LIMIT_METRICS_ROWS - 1);
    CU_ASSERT(strstr(text, replicas) != NULL);
    snprintf(replicas, sizeof(replicas), "{replica=\"r%u\"}", LIMIT_METRICS_ROWS);
    CU_ASSERT(strstr(text, replicas) == NULL);
    buf_free(&all);
    buf_free(&settings);
    stop_all();
}

/* Its members are rows, too. */
static void omits_one_with_too_many_members(void)
{
    struct buf settings = {0};
    for (unsigned i = 1; i < LIMIT_METRICS_ROWS; i++)
        buf_printf(&settings, "{replica, r%u, #{crdt => gset}}.\n", i);
    buf_printf(&settings, "{replica, last, #{crdt => gset}}.%c", 0);
    start(0, "a@h", (const char *)settings.at);
    CU_ASSERT(says(0, "\ncoppice_replicas_omitted 0\n"));
    start(1, "b@h", "{connect, ['a@h']}. {replica, last, #{crdt => gset}}.");
    run_for(1000);
    CU_ASSERT(says(0, "\ncoppice_replicas_omitted 1\n"));
    CU_ASSERT_EQUAL(count(0, "replica=\"last\""), 0);
    buf_free(&settings);
    stop_all();
}

SUITE("metrics", TEST(labels_are_quoted), TEST(tells_of_peers),
      TEST(members_on_one_node_are_one_line), TEST(omits_what_is_too_much),
      TEST(omits_one_with_too_many_members))
