#include "work.h"

#include <string.h>

#include "err.h"
#include "mem.h"
#include "term/etf.h"
#include "term/write.h"

enum part { PART_BEFORE, PART_MEASURED, PART_AFTER };

struct work {
    enum work_kind kind;
    enum part part;
    bool begun, mutated; /* the last call of this part was a mutation */
    uint32_t replicas, next;
    uint32_t left; /* calls of the first or last part that were not taken yet */
    struct buf requests[CALL_KINDS];
    struct buf *names;
    uint64_t *counts; /* each replica's value, as far as it was acknowledged */
    uint64_t deltas;
    size_t state_bytes;
};

static const char *const kind_names[] = {"value",  "mutate",        "export",
                                         "deltas", "export_deltas", "state"};

enum work_kind work_kind_named(const char *name)
{
    for (int i = 0; i < WORK_KINDS; i++) {
        if (strcmp(name, kind_names[i]) == 0)
            return (enum work_kind)i;
    }
    return WORK_KINDS;
}

static void put_mutation(struct buf *out, enum work_kind kind)
{
    put_tuple(out, 2);
    put_atom(out, "mutate");
    if (kind == WORK_EXPORT || kind == WORK_EXPORT_DELTAS) {
        put_export(out, "Elixir.Grove.Counter.GCounter", "increment", 1);
        return;
    }
    put_tuple(out, 2);
    put_atom(out, "increment");
    put_term(out, BYTES("k\0\1\1")); /* [1], as a BEAM sends it */
}

struct work *work_new(enum work_kind kind, const char *server, uint32_t replicas)
{
    struct work *w = mem_take(sizeof(*w));
    struct buf name = {0};
    w->kind = kind;
    w->replicas = replicas > 0 ? replicas : 1;
    w->names = mem_take(w->replicas * sizeof(*w->names));
    w->counts = mem_take(w->replicas * sizeof(*w->counts));
    for (uint32_t i = 0; i < w->replicas; i++) {
        buf_clear(&name);
        if (replicas > 0)
            buf_printf(&name, "%s_%u", server, i + 1);
        else
            buf_put(&name, bytes_of(server));
        put_atom_bytes(&w->names[i], buf_bytes(&name));
    }
    buf_free(&name);
    put_atom(&w->requests[CALL_VALUE], "value");
    put_mutation(&w->requests[CALL_MUTATE], kind);
    put_atom(&w->requests[CALL_SYNC], "sync_now");
    put_atom(&w->requests[CALL_STATE], "state");
    return w;
}

void work_free(struct work *w)
{
    for (uint32_t i = 0; i < w->replicas; i++)
        buf_free(&w->names[i]);
    mem_free(w->names);
    mem_free(w->counts);
    for (int i = 0; i < CALL_KINDS; i++)
        buf_free(&w->requests[i]);
    mem_free(w);
}

void work_begin(struct work *w)
{
    must(!w->begun || w->part != PART_AFTER);
    w->part = w->begun ? w->part + 1 : PART_BEFORE;
    w->begun = true;
    w->left = w->kind == WORK_STATE ? 0 : w->replicas;
    w->next = 0;
    w->mutated = false;
}

struct bytes work_server(const struct work *w, uint32_t replica)
{
    return buf_bytes(&w->names[replica]);
}

static enum call_kind next_kind(struct work *w)
{
    if (w->part != PART_MEASURED || w->kind == WORK_VALUE)
        return CALL_VALUE;
    if (w->kind == WORK_STATE)
        return CALL_STATE;
    w->mutated = !w->mutated || w->kind == WORK_MUTATE || w->kind == WORK_EXPORT;
    return w->mutated ? CALL_MUTATE : CALL_SYNC;
}

bool work_next(struct work *w, struct work_call *call)
{
    if (w->part != PART_MEASURED && w->left == 0)
        return false;
    if (w->part != PART_MEASURED)
        w->left--;
    call->kind = next_kind(w);
    call->replica = w->next;
    call->server = buf_bytes(&w->names[w->next]);
    call->request = buf_bytes(&w->requests[call->kind]);
    w->next = w->next + 1 == w->replicas ? 0 : w->next + 1;
    return true;
}

uint64_t work_deltas(const struct work *w)
{
    return w->deltas;
}

size_t work_state_bytes(const struct work *w)
{
    return w->state_bytes;
}

/* The state in {ok, State}, and that they are all as large. */
static void check_state(struct work *w, struct etf_in *in)
{
    bool map = etf_peek(in) == ETF_MAP;
    struct bytes state = etf_last(in);
    if (!map)
        etf_fail(in, ERR_SHAPE);
    else if (w->state_bytes != 0 && w->state_bytes != state.len)
        die("a state of %zu bytes after one of %zu", state.len, w->state_bytes);
    w->state_bytes = state.len;
}

/* The value in {ok, Value}, which is what was acknowledged. */
static void check_value(struct work *w, uint32_t replica, struct etf_in *in)
{
    uint64_t value = etf_uint64(in);
    if (w->part == PART_BEFORE)
        w->counts[replica] = value;
    else if (in->err == OK && value != w->counts[replica])
        die("replica %u has %llu, but %llu were acknowledged", replica + 1,
            (unsigned long long)value, (unsigned long long)w->counts[replica]);
}

void work_check(struct work *w, uint32_t replica, enum call_kind kind, struct bytes reply)
{
    struct etf_in in = etf_open(reply);
    if (kind == CALL_VALUE || kind == CALL_STATE)
        etf_tuple_of(&in, 2);
    etf_expect(&in, "ok");
    if (kind == CALL_VALUE)
        check_value(w, replica, &in);
    else if (kind == CALL_STATE)
        check_state(w, &in);
    w->counts[replica] += kind == CALL_MUTATE;
    w->deltas += kind == CALL_SYNC;
    if (etf_finish(&in) != OK)
        die("replica %u: another reply than was expected", replica + 1);
}
