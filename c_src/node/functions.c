#include "functions.h"

#include "../dist/command_name.h"
#include "../dist/flags.h"
#include "../mem.h"
#include "../pg/pg.h"
#include "../term/canon.h"
#include "../term/etf.h"
#include "../term/write.h"
#include "status.h"

#define ARITY_MAX 2

struct application {
    struct functions *functions;
    struct bytes args[ARITY_MAX];
    struct buf *out;
    const struct turn *turn;
};

/* An Erlang string of ASCII characters. */
static void put_string(struct buf *out, const char *text)
{
    struct bytes b = bytes_of(text);
    if (b.len > 0)
        put_list(out, (uint32_t)b.len);
    for (size_t i = 0; i < b.len; i++)
        put_uint(out, b.at[i]);
    put_nil(out);
}

/* --- lists of unknown length ---------------------------------------------------------- */

struct elements {
    struct buf terms;
    uint32_t count;
};

/* Puts the list, and frees the elements. */
static void put_elements(struct buf *out, struct elements *e)
{
    if (e->count > 0)
        put_list(out, e->count);
    put_term(out, buf_bytes(&e->terms));
    put_nil(out);
    buf_free(&e->terms);
}

/* --- erlang: nodes --------------------------------------------------------------------- */

static bool apply_node(const struct application *a)
{
    put_atom_bytes(a->out, processes_node(a->functions->table));
    return true;
}

static bool apply_is_alive(const struct application *a)
{
    put_bool(a->out, true);
    return true;
}

/* What erlang:nodes/1 may be asked for. */
enum { VISIBLE = 1, HIDDEN = 2, THIS = 4 };

static bool add_wanted(struct etf_in *in, unsigned *wanted)
{
    static const struct {
        const char *name;
        unsigned wanted;
    } kinds[] = {
        {"visible", VISIBLE},
        {"hidden", HIDDEN},
        {"connected", VISIBLE | HIDDEN},
        {"this", THIS},
        {"known", VISIBLE | HIDDEN | THIS},
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (etf_accept(in, kinds[i].name)) {
            *wanted |= kinds[i].wanted;
            return true;
        }
    return false;
}

/* One of the names, or a list of them. */
static bool read_wanted(struct bytes argument, unsigned *wanted)
{
    struct etf_in in = etf_open(argument);
    struct bytes element;
    if (etf_peek(&in) == ETF_ATOM)
        return add_wanted(&in, wanted);
    bool all = true;
    for (struct etf_list list = etf_list(&in); etf_next(&list, &element);) {
        struct etf_in at_element = etf_open(element);
        all = all && add_wanted(&at_element, wanted);
    }
    return all && etf_finish(&in) == OK;
}

static void put_nodes(const struct application *a, unsigned wanted)
{
    struct elements found = {0};
    if (wanted & THIS) {
        put_atom_bytes(&found.terms, processes_node(a->functions->table));
        found.count++;
    }
    for (struct cluster_peer peer = {0}; cluster_next(a->functions->cluster, &peer);) {
        bool visible = peer.flags & DFLAG_PUBLISHED;
        if (!(wanted & (visible ? VISIBLE : HIDDEN)) || command_name_is(peer.name))
            continue;
        put_atom_bytes(&found.terms, peer.name);
        found.count++;
    }
    put_elements(a->out, &found);
}

static bool apply_nodes_0(const struct application *a)
{
    put_nodes(a, VISIBLE);
    return true;
}

static bool apply_nodes_1(const struct application *a)
{
    unsigned wanted = 0;
    if (!read_wanted(a->args[0], &wanted))
        return false;
    put_nodes(a, wanted);
    return true;
}

static bool apply_net_ticktime(const struct application *a)
{
    put_uint(a->out, a->functions->config->ticktime_ms / 1000);
    return true;
}

/* --- erlang: the system --------------------------------------------------------------- */

static uint64_t count_processes(const struct application *a)
{
    uint64_t count = 0;
    for (struct process *p = NULL; (p = processes_next(a->functions->table, p)) != NULL;)
        count++;
    return count;
}

static bool apply_system_info(const struct application *a)
{
    struct etf_in in = etf_open(a->args[0]);
    if (etf_accept(&in, "machine"))
        put_string(a->out, "coppice");
    else if (etf_accept(&in, "version"))
        put_string(a->out, COPPICE_RELEASE);
    else if (etf_accept(&in, "system_version"))
        put_string(a->out, "Coppice " COPPICE_RELEASE);
    else if (etf_accept(&in, "creation"))
        put_uint(a->out, processes_creation(a->functions->table));
    else if (etf_accept(&in, "process_count"))
        put_uint(a->out, count_processes(a));
    else if (etf_accept(&in, "process_limit"))
        put_uint(a->out, LIMIT_PROCESSES);
    else if (etf_accept(&in, "wordsize"))
        put_uint(a->out, sizeof(void *));
    else if (etf_accept(&in, "schedulers") || etf_accept(&in, "schedulers_online"))
        put_uint(a->out, 1);
    return a->out->len > 0;
}

/* All memory counts as that of processes. */
static const char *const memory_kinds[] = {
    "total", "processes", "processes_used", "system", "atom", "atom_used", "binary", "code", "ets"};

#define MEMORY_KINDS      (sizeof(memory_kinds) / sizeof(memory_kinds[0]))
#define MEMORY_KINDS_USED 3

static bool apply_memory_0(const struct application *a)
{
    size_t used = mem_used();
    put_list(a->out, MEMORY_KINDS);
    for (size_t i = 0; i < MEMORY_KINDS; i++) {
        put_tuple(a->out, 2);
        put_atom(a->out, memory_kinds[i]);
        put_uint(a->out, i < MEMORY_KINDS_USED ? used : 0);
    }
    put_nil(a->out);
    return true;
}

static bool apply_memory_1(const struct application *a)
{
    struct etf_in in = etf_open(a->args[0]);
    for (size_t i = 0; i < MEMORY_KINDS; i++)
        if (etf_accept(&in, memory_kinds[i])) {
            put_uint(a->out, i < MEMORY_KINDS_USED ? mem_used() : 0);
            return true;
        }
    return false;
}

static bool apply_statistics(const struct application *a)
{
    struct functions *f = a->functions;
    struct etf_in in = etf_open(a->args[0]);
    if (etf_accept(&in, "run_queue")) {
        put_uint(a->out, 0);
        return true;
    }
    if (!etf_accept(&in, "wall_clock"))
        return false;
    uint64_t since_start = a->turn->now_ms - f->started_ms;
    put_tuple(a->out, 2);
    put_uint(a->out, since_start);
    put_uint(a->out, since_start - f->wall_clock_ms);
    f->wall_clock_ms = since_start;
    return true;
}

/* --- erlang: processes ------------------------------------------------------------------ */

static bool apply_processes(const struct application *a)
{
    struct elements found = {0};
    for (struct process *p = NULL; (p = processes_next(a->functions->table, p)) != NULL;) {
        put_term(&found.terms, process_pid(p));
        found.count++;
    }
    put_elements(a->out, &found);
    return true;
}

static bool apply_registered(const struct application *a)
{
    struct elements found = {0};
    for (struct process *p = NULL; (p = processes_next(a->functions->table, p)) != NULL;)
        if (process_name(p).len > 0) {
            put_atom_bytes(&found.terms, process_name(p));
            found.count++;
        }
    put_elements(a->out, &found);
    return true;
}

/* The process that an argument names; *valid is false unless it is an atom. */
static struct process *named(const struct application *a, struct bytes argument, bool *valid)
{
    struct etf_in in = etf_open(argument);
    struct atom name = {0};
    etf_atom(&in, &name);
    *valid = in.err == OK;
    return *valid ? process_named(a->functions->table, (struct bytes){name.text, name.len}) : NULL;
}

static bool apply_whereis(const struct application *a)
{
    bool valid;
    const struct process *p = named(a, a->args[0], &valid);
    if (p != NULL)
        put_term(a->out, process_pid(p));
    else if (valid)
        put_atom(a->out, "undefined");
    return valid;
}

/* --- pg ---------------------------------------------------------------------------------- */

struct members {
    struct elements found;
    struct bytes node; /* of these only; empty: all */
};

static void add_member(void *who, struct bytes pid)
{
    struct members *m = who;
    if (m->node.len > 0 && !bytes_equal(node_of(pid), m->node))
        return;
    put_term(&m->found.terms, pid);
    m->found.count++;
}

/* NULL if the argument names no scope. */
static struct process *scope_named(const struct application *a, struct bytes name)
{
    bool valid;
    struct process *p = named(a, name, &valid);
    return p != NULL && pg_is_scope(p) ? p : NULL;
}

/* As in pg.erl, a scope that does not exist has no members, but which_groups() fails. */
static bool put_members(const struct application *a, struct bytes scope, struct bytes group,
                        bool local)
{
    const struct process *p = scope_named(a, scope);
    struct members m = {0};
    struct buf canonical = {0};
    if (local)
        m.node = processes_node(a->functions->table);
    if (p != NULL && canon_put(&canonical, group) == OK)
        pg_members(p, buf_bytes(&canonical), add_member, &m);
    put_elements(a->out, &m.found);
    buf_free(&canonical);
    return true;
}

static bool put_groups(const struct application *a, struct bytes scope, bool local)
{
    const struct process *p = scope_named(a, scope);
    if (p != NULL)
        pg_put_groups(p, local, a->out);
    return p != NULL;
}

/* The scope of the functions without one: the atom pg. */
static struct bytes default_scope(struct buf *atom)
{
    put_atom(atom, "pg");
    return buf_bytes(atom);
}

static bool apply_get_members_1(const struct application *a)
{
    struct buf pg = {0};
    bool found = put_members(a, default_scope(&pg), a->args[0], false);
    buf_free(&pg);
    return found;
}

static bool apply_get_members_2(const struct application *a)
{
    return put_members(a, a->args[0], a->args[1], false);
}

static bool apply_get_local_members_1(const struct application *a)
{
    struct buf pg = {0};
    bool found = put_members(a, default_scope(&pg), a->args[0], true);
    buf_free(&pg);
    return found;
}

static bool apply_get_local_members_2(const struct application *a)
{
    return put_members(a, a->args[0], a->args[1], true);
}

static bool apply_which_groups_0(const struct application *a)
{
    struct buf pg = {0};
    bool found = put_groups(a, default_scope(&pg), false);
    buf_free(&pg);
    return found;
}

static bool apply_which_groups_1(const struct application *a)
{
    return put_groups(a, a->args[0], false);
}

static bool apply_which_local_groups_0(const struct application *a)
{
    struct buf pg = {0};
    bool found = put_groups(a, default_scope(&pg), true);
    buf_free(&pg);
    return found;
}

static bool apply_which_local_groups_1(const struct application *a)
{
    return put_groups(a, a->args[0], true);
}

/* --- others -------------------------------------------------------------------------------- */

/* [{coppice, Description, Version}] */
static bool apply_which_applications(const struct application *a)
{
    put_list(a->out, 1);
    put_tuple(a->out, 3);
    put_atom(a->out, "coppice");
    put_string(a->out, "Coppice");
    put_string(a->out, COPPICE_RELEASE);
    put_nil(a->out);
    return true;
}

static bool apply_status(const struct application *a)
{
    status_put(server_parts(a->functions->server), a->out);
    return true;
}

/* --- the table ------------------------------------------------------------------------------ */

/* An apply function returns false for arguments that the function does not take. */
static const struct {
    const char *module, *name;
    uint32_t arity;
    bool (*apply)(const struct application *a);
} functions[] = {
    {"application", "which_applications", 0, apply_which_applications},
    {"coppice", "status", 0, apply_status},
    {"erlang", "is_alive", 0, apply_is_alive},
    {"erlang", "memory", 0, apply_memory_0},
    {"erlang", "memory", 1, apply_memory_1},
    {"erlang", "node", 0, apply_node},
    {"erlang", "nodes", 0, apply_nodes_0},
    {"erlang", "nodes", 1, apply_nodes_1},
    {"erlang", "processes", 0, apply_processes},
    {"erlang", "registered", 0, apply_registered},
    {"erlang", "statistics", 1, apply_statistics},
    {"erlang", "system_info", 1, apply_system_info},
    {"erlang", "whereis", 1, apply_whereis},
    {"net_kernel", "get_net_ticktime", 0, apply_net_ticktime},
    {"pg", "get_local_members", 1, apply_get_local_members_1},
    {"pg", "get_local_members", 2, apply_get_local_members_2},
    {"pg", "get_members", 1, apply_get_members_1},
    {"pg", "get_members", 2, apply_get_members_2},
    {"pg", "which_groups", 0, apply_which_groups_0},
    {"pg", "which_groups", 1, apply_which_groups_1},
    {"pg", "which_local_groups", 0, apply_which_local_groups_0},
    {"pg", "which_local_groups", 1, apply_which_local_groups_1},
};

enum applied functions_apply(struct functions *f, const struct spawn *call, struct buf *value,
                             const struct turn *t)
{
    struct application a = {.functions = f, .out = value, .turn = t};
    struct etf_in in = etf_open(call->args);
    struct bytes argument;
    uint32_t arity = 0;
    must(value->len == 0);
    for (struct etf_list list = etf_list(&in); etf_next(&list, &argument); arity++)
        if (arity < ARITY_MAX)
            a.args[arity] = argument;
    enum err e = etf_finish(&in);
    must(e == OK); /* whoever calls it has looked */
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
        if (functions[i].arity == arity &&
            bytes_equal(call->module, bytes_of(functions[i].module)) &&
            bytes_equal(call->function, bytes_of(functions[i].name)))
            return functions[i].apply(&a) ? APPLIED_VALUE : APPLIED_BADARG;
    return APPLIED_UNDEF;
}
