#include "metrics.h"

#include <stdlib.h>

#include "../limits.h"
#include "../mem.h"
#include "../replica/report.h"
#include "../term/text.h"
#include "../term/utf8.h"

#define REPLACEMENT 0xfffd
#define GROUP_BYTES 200 /* of a label */

void metrics_put_label(struct buf *out, struct bytes text)
{
    while (text.len > 0) {
        uint32_t character = REPLACEMENT;
        size_t used = utf8_next(text, &character);
        if (character == '\\' || character == '"')
            buf_put_u8(out, '\\');
        if (character == '\n')
            buf_put(out, BYTES("\\n"));
        else
            utf8_put(out, character < ' ' ? REPLACEMENT : character);
        used += used == 0;
        text = bytes_after(text, used);
    }
}

/* --- lines ------------------------------------------------------------------------ */

static void put_head(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_seconds(struct buf *out, uint64_t ms)
{
    buf_printf(out, " %llu.%03u\n", (unsigned long long)(ms / 1000), (unsigned)(ms % 1000));
}

static void put_number(struct buf *out, uint64_t number)
{
    buf_printf(out, " %llu\n", (unsigned long long)number);
}

static void put_single(struct buf *out, const char *name, const char *type, const char *help,
                       uint64_t number)
{
    put_head(out, name, type, help);
    buf_printf(out, "%s", name);
    put_number(out, number);
}

static void put_name(struct buf *out, const char *name, const char *label, struct bytes value)
{
    buf_printf(out, "%s{%s=\"", name, label);
    metrics_put_label(out, value);
    buf_put_u8(out, '"');
}

/* ERR_SHAPE is `shape`. */
static void put_reason(struct buf *out, enum err why)
{
    buf_printf(out, "reason=\"");
    for (const char *at = err_name(why) + sizeof("ERR_") - 1; *at != '\0'; at++)
        buf_put_u8(out, (uint8_t)(*at >= 'A' && *at <= 'Z' ? *at - 'A' + 'a' : *at));
    buf_printf(out, "\"}");
}

/* --- the node and its peers --------------------------------------------------------- */

static void put_broken(const struct overview *o, struct buf *out)
{
    static const char name[] = "coppice_connections_refused_total";
    put_head(out, name, "counter",
             "Connections that were refused, or closed for what their peer has sent.");
    buf_printf(out, "%s{reason=\"not_allowed\"}", name);
    put_number(out, cluster_not_allowed(o->cluster));
    for (int e = OK + 1; e < ERR_COUNT; e++) {
        if (cluster_broken_for(o->cluster, (enum err)e) == 0)
            continue;
        buf_printf(out, "%s{", name);
        put_reason(out, (enum err)e);
        put_number(out, cluster_broken_for(o->cluster, (enum err)e));
    }
}

static void put_node(const struct overview *o, struct buf *out)
{
    uint64_t peers = 0, missing = 0;
    for (struct cluster_peer peer = {0}; overview_next_peer(o, &peer);)
        peers++;
    for (size_t i = 0; overview_next_missing(o, &i).len > 0;)
        missing++;
    put_head(out, "coppice_node_info", "gauge", "This node's name.");
    put_name(out, "coppice_node_info", "node", buf_bytes(&o->config->node));
    buf_printf(out, "} 1\n");
    put_single(out, "coppice_epmd_registered", "gauge", "Whether epmd has the node registered.",
               cluster_is_registered(o->cluster));
    put_single(out, "coppice_peers", "gauge", "Nodes that are connected.", peers);
    put_single(out, "coppice_peers_missing", "gauge",
               "Nodes of the configuration that are not connected.", missing);
    put_broken(o, out);
    put_single(out, "coppice_read_only_refused_total", "counter",
               "Changes that were refused to nodes that may only read.", o->access->refused);
    put_single(out, "coppice_undelivered_total", "counter",
               "Signals that were dropped since their node could not be reached.",
               cluster_undelivered(o->cluster));
    put_single(out, "coppice_memory_allocated_bytes", "gauge",
               "Memory that is allocated now, about.", mem_used());
}

static void put_peers(const struct overview *o, struct buf *out)
{
    static const char queue[] = "coppice_peer_queue_bytes", slow[] = "coppice_peer_slow";
    put_head(out, queue, "gauge", "Bytes sent to a connected node and not yet written.");
    for (struct cluster_peer peer = {0}; overview_next_peer(o, &peer);) {
        put_name(out, queue, "peer", peer.name);
        buf_put_u8(out, '}');
        put_number(out, peer.queued);
    }
    put_head(out, slow, "gauge",
             "Whether so much is queued for a node, or nothing moves, that bulk waits.");
    for (struct cluster_peer peer = {0}; overview_next_peer(o, &peer);) {
        put_name(out, slow, "peer", peer.name);
        buf_put_u8(out, '}');
        put_number(out, peer.slow);
    }
}

/* --- replicas ------------------------------------------------------------------------ */

struct rows {
    struct process **replicas;
    struct replica_report *reports;
    size_t count, cap, all;
};

/* As many as there is room for, with their members. */
static struct rows rows_of(const struct overview *o)
{
    struct rows rows = {0};
    size_t left = LIMIT_METRICS_ROWS, reports_cap = 0;
    for (struct process *p = NULL; (p = replica_next(o->table, p)) != NULL; rows.all++) {
        struct replica_report report;
        if (left == 0)
            continue;
        replica_report(p, &report);
        if (report.members >= left) {
            left = 0;
            continue;
        }
        left -= report.members + 1;
        rows.replicas = mem_room(rows.replicas, rows.count, &rows.cap, sizeof(*rows.replicas));
        rows.reports = mem_room(rows.reports, rows.count, &reports_cap, sizeof(*rows.reports));
        rows.replicas[rows.count] = p;
        rows.reports[rows.count++] = report;
    }
    return rows;
}

enum unit { NUMBER, SECONDS };

/* A metric that is a field of the report. */
struct field {
    const char *name, *type, *help;
    size_t offset;
    enum unit unit;
    bool stored; /* of replicas with storage only; and without a time of 0: never */
};

#define FIELD(f) offsetof(struct replica_report, f)
static const struct field fields[] = {
    {"elements", "gauge", "Elements, keys or values in the state; of a TwoPSet, all ever added.",
     FIELD(elements), NUMBER, false},
    {"tombstones", "gauge", "Tombstones in the state.", FIELD(tombstones), NUMBER, false},
    {"actors", "gauge", "Actors that left a trace in the state.", FIELD(actors), NUMBER, false},
    {"members", "gauge", "Other members of its group.", FIELD(members), NUMBER, false},
    {"mutations_waiting", "gauge", "Mutations in its queue.", FIELD(waiting), NUMBER, false},
    {"mutations_total", "counter", "Mutations that were made.", FIELD(mutations), NUMBER, false},
    {"merges_total", "counter", "Deltas and states that were merged.", FIELD(merges), NUMBER,
     false},
    {"deltas_sent_total", "counter", "Deltas sent, one for each member.", FIELD(deltas_sent),
     NUMBER, false},
    {"deltas_received_total", "counter", "Deltas and states received unasked.",
     FIELD(deltas_received), NUMBER, false},
    {"syncs_total", "counter", "Syncs with a random member.", FIELD(syncs), NUMBER, false},
    {"journal_bytes", "gauge", "Size of the journal when a record was last appended.",
     FIELD(journal_bytes), NUMBER, true},
    {"journal_last_append_timestamp_seconds", "gauge", "When a record was last synced.",
     FIELD(appended_ms), SECONDS, true},
    {"snapshot_last_success_timestamp_seconds", "gauge", "When a snapshot last succeeded.",
     FIELD(saved_ms), SECONDS, true},
    {"snapshot_failures_total", "counter", "Snapshots that have failed.", FIELD(snapshot_failures),
     NUMBER, true},
};

static uint64_t field_of(const struct replica_report *report, size_t offset)
{
    return *(const uint64_t *)(const void *)((const char *)report + offset);
}

static void put_field(const struct rows *rows, const struct field *f, struct buf *out)
{
    struct buf name = {0};
    buf_printf(&name, "coppice_replica_%s%c", f->name, 0);
    put_head(out, (const char *)name.at, f->type, f->help);
    for (size_t i = 0; i < rows->count; i++) {
        const struct replica_report *report = &rows->reports[i];
        uint64_t number = field_of(report, f->offset);
        if (f->stored && (!report->stored || (f->unit == SECONDS && number == 0)))
            continue;
        put_name(out, (const char *)name.at, "replica", report->name);
        buf_put_u8(out, '}');
        if (f->unit == SECONDS)
            put_seconds(out, number);
        else
            put_number(out, number);
    }
    buf_free(&name);
}

/* How often, and how long altogether. */
static void put_summary(const struct rows *rows, const char *name, const char *help, size_t count,
                        size_t ms, struct buf *out)
{
    put_head(out, name, "summary", help);
    for (size_t i = 0; i < rows->count; i++) {
        const struct replica_report *report = &rows->reports[i];
        if (!report->stored)
            continue;
        buf_printf(out, "%s", name);
        put_name(out, "_sum", "replica", report->name);
        buf_put_u8(out, '}');
        put_seconds(out, field_of(report, ms));
        buf_printf(out, "%s", name);
        put_name(out, "_count", "replica", report->name);
        buf_put_u8(out, '}');
        put_number(out, field_of(report, count));
    }
}

static void put_info(const struct rows *rows, struct buf *out)
{
    static const char info[] = "coppice_replica_info",
                      failing[] = "coppice_replica_storage_failing";
    put_head(out, info, "gauge", "Type and group of a replica.");
    for (size_t i = 0; i < rows->count; i++) {
        const struct replica_report *report = &rows->reports[i];
        struct buf group = {0};
        text_print_short(&group, report->group, GROUP_BYTES);
        put_name(out, info, "replica", report->name);
        buf_printf(out, ",type=\"%s\",group=\"", report->type);
        metrics_put_label(out, buf_bytes(&group));
        buf_printf(out, "\"} 1\n");
        buf_free(&group);
    }
    put_head(out, failing, "gauge", "Whether mutations are refused, or snapshots fail.");
    for (size_t i = 0; i < rows->count; i++)
        if (rows->reports[i].stored) {
            put_name(out, failing, "replica", rows->reports[i].name);
            buf_put_u8(out, '}');
            put_number(out, rows->reports[i].fails);
        }
}

static void put_refused(const struct rows *rows, struct buf *out)
{
    static const char name[] = "coppice_replica_refused_total";
    put_head(out, name, "counter", "Structs, casts and messages that were refused.");
    for (size_t i = 0; i < rows->count; i++) {
        const struct replica_report *report = &rows->reports[i];
        uint64_t others = report->refused;
        for (int e = OK + 1; e < ERR_COUNT && report->refused_for != NULL; e++) {
            if (report->refused_for[e] == 0)
                continue;
            others -= report->refused_for[e];
            put_name(out, name, "replica", report->name);
            buf_put_u8(out, ',');
            put_reason(out, (enum err)e);
            put_number(out, report->refused_for[e]);
        }
        put_name(out, name, "replica", report->name);
        buf_printf(out, ",reason=\"request\"}");
        put_number(out, others);
        put_name(out, name, "replica", report->name);
        buf_printf(out, ",reason=\"unreadable\"}");
        put_number(out, report->unfit);
    }
}

/* --- members -------------------------------------------------------------------------- */

/* The members of a replica on one node, of which there may be several: the worst. */
struct node {
    size_t row; /* the replica's */
    struct member_report member;
};

struct nodes {
    struct node *list;
    size_t count, cap;
};

static int compare_nodes(const void *a, const void *b)
{
    const struct node *first = a, *second = b;
    return bytes_compare(first->member.node, second->member.node);
}

static void add_worse(struct member_report *m, const struct member_report *other)
{
    m->behind |= other->behind;
    m->agreement = other->agreement == AGREEMENT_DIFFERS ? other->agreement : m->agreement;
    m->synced_ms = other->synced_ms < m->synced_ms ? other->synced_ms : m->synced_ms;
}

/* Those of a replica's members, in the order of names. */
static void add_nodes(struct nodes *nodes, const struct rows *rows, size_t row)
{
    size_t first = nodes->count;
    struct member_report m;
    for (size_t i = 0; replica_report_member(rows->replicas[row], &i, &m);) {
        nodes->list = mem_room(nodes->list, nodes->count, &nodes->cap, sizeof(*nodes->list));
        nodes->list[nodes->count++] = (struct node){row, m};
    }
    if (nodes->count == first)
        return;
    qsort(nodes->list + first, nodes->count - first, sizeof(*nodes->list), compare_nodes);
    size_t last = first;
    for (size_t i = first + 1; i < nodes->count; i++)
        if (compare_nodes(&nodes->list[last], &nodes->list[i]) == 0)
            add_worse(&nodes->list[last].member, &nodes->list[i].member);
        else
            nodes->list[++last] = nodes->list[i];
    nodes->count = last + 1;
}

static void put_member(struct buf *out, const char *name, const struct rows *rows,
                       const struct node *n)
{
    put_name(out, name, "replica", rows->reports[n->row].name);
    buf_printf(out, ",peer=\"");
    metrics_put_label(out, n->member.node);
    buf_printf(out, "\"}");
}

static void put_members(const struct rows *rows, struct buf *out)
{
    static const char sync[] = "coppice_member_last_sync_timestamp_seconds",
                      differs[] = "coppice_member_differs", behind[] = "coppice_member_behind";
    struct nodes nodes = {0};
    for (size_t row = 0; row < rows->count; row++)
        add_nodes(&nodes, rows, row);
    put_head(out, sync, "gauge", "When the last sync with the replica on that node was complete.");
    for (size_t i = 0; i < nodes.count; i++)
        if (nodes.list[i].member.synced_ms > 0) {
            put_member(out, sync, rows, &nodes.list[i]);
            put_seconds(out, nodes.list[i].member.synced_ms);
        }
    put_head(out, differs, "gauge",
             "Whether the states differed when they were last compared, and were not exchanged.");
    for (size_t i = 0; i < nodes.count; i++) {
        put_member(out, differs, rows, &nodes.list[i]);
        put_number(out, nodes.list[i].member.agreement == AGREEMENT_DIFFERS);
    }
    put_head(out, behind, "gauge",
             "Whether it has missed a delta, and is yet to be sent the state.");
    for (size_t i = 0; i < nodes.count; i++) {
        put_member(out, behind, rows, &nodes.list[i]);
        put_number(out, nodes.list[i].member.behind);
    }
    mem_free(nodes.list);
}

void metrics_put(const struct overview *o, struct buf *out)
{
    struct rows rows = rows_of(o);
    put_node(o, out);
    put_peers(o, out);
    put_single(out, "coppice_replicas", "gauge", "Replicas that run.", rows.all);
    put_single(out, "coppice_replicas_omitted", "gauge",
               "Of these, replicas without metrics of their own: there are too many.",
               rows.all - rows.count);
    put_info(&rows, out);
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        put_field(&rows, &fields[i], out);
    put_summary(&rows, "coppice_replica_journal_append_seconds",
                "Records appended to the journal, and the time that took.", FIELD(appends),
                FIELD(append_ms), out);
    put_summary(&rows, "coppice_replica_snapshot_seconds",
                "Snapshots written, and the time that took.", FIELD(snapshots), FIELD(snapshot_ms),
                out);
    put_refused(&rows, out);
    put_members(&rows, out);
    mem_free(rows.replicas);
    mem_free(rows.reports);
}
