#include "control.h"

#include <string.h>

#include "../term/canon.h"
#include "../term/etf.h"
#include "../term/write.h"
#include "flags.h"

#define VERSION_BYTE 131

#define ALTACT_SIG_SEND 37

/* Bits of its second element; others are to be ignored. */
#define ALTACT_TOKEN  2u
#define ALTACT_ALIAS  4u
#define ALTACT_NAME   8u
#define ALTACT_EXIT   16u
#define ALTACT_SELECT (ALTACT_ALIAS | ALTACT_NAME | ALTACT_EXIT)

/* Elements of a control tuple: more than any has. */
#define ELEMENTS_MAX 16

/* Of {bad_term, _}, at most. */
#define BAD_TERM_BYTES 64
/* What is made canonical is no longer than this: atoms, pids and references. */
#define SMALL_BYTES_MAX (2 * LIMIT_ATOM_BYTES)

enum payload { NO_PAYLOAD, MESSAGE, REASON };

/* With one of them only, a BEAM sends none of the three either (erts, dist.c,
 * erts_dsig_send_monitor): ei has the first, and takes a monitor for an error. */
#define MONITORS (DFLAG_DIST_MONITOR | DFLAG_DIST_MONITOR_NAME)

/* One encoding of a signal.  The fields after the number are:
 *
 *     f  from: a pid           F  from: a pid or an atom
 *     t  to: a pid             w  to: a pid or an atom
 *     n  to: an atom           a  to: a reference
 *     r  ref: a reference      x  reason: any term
 *     i  id: not 0             c  the bits of 37 that select the row
 *     m  mfa: any term        o  options: any term
 *     b  id, as bits
 *     _  any term, not kept; written as ''
 *
 * A row's place is its number; those of 37 begin there. */
struct row {
    enum signal_kind kind;
    const char *name;
    const char *fields;
    enum payload payload;
    uint64_t needs; /* flags required for writing */
    unsigned altact_bits;
};

static const struct row rows[] = {
    [1] = {SIGNAL_LINK, "LINK", "ft", NO_PAYLOAD, 0, 0},
    [2] = {SIGNAL_SEND, "SEND", "_t", MESSAGE, 0, 0},
    [3] = {SIGNAL_EXIT, "EXIT", "ftx", NO_PAYLOAD, 0, 0},
    [4] = {SIGNAL_UNLINK, "UNLINK", "ft", NO_PAYLOAD, 0, 0},
    [6] = {SIGNAL_REG_SEND, "REG_SEND", "f_n", MESSAGE, 0, 0},
    [7] = {SIGNAL_GROUP_LEADER, "GROUP_LEADER", "ft", NO_PAYLOAD, 0, 0},
    [8] = {SIGNAL_EXIT2, "EXIT2", "ftx", NO_PAYLOAD, 0, 0},
    [12] = {SIGNAL_SEND, "SEND_TT", "_t_", MESSAGE, 0, 0},
    [13] = {SIGNAL_EXIT, "EXIT_TT", "ft_x", NO_PAYLOAD, 0, 0},
    [16] = {SIGNAL_REG_SEND, "REG_SEND_TT", "f_n_", MESSAGE, 0, 0},
    [18] = {SIGNAL_EXIT2, "EXIT2_TT", "ft_x", NO_PAYLOAD, 0, 0},
    [19] = {SIGNAL_MONITOR, "MONITOR", "fwr", NO_PAYLOAD, MONITORS, 0},
    [20] = {SIGNAL_DEMONITOR, "DEMONITOR", "fwr", NO_PAYLOAD, MONITORS, 0},
    [21] = {SIGNAL_MONITOR_EXIT, "MONITOR_EXIT", "Ftrx", NO_PAYLOAD, MONITORS, 0},
    [22] = {SIGNAL_SEND, "SEND_SENDER", "ft", MESSAGE, DFLAG_SEND_SENDER, 0},
    [23] = {SIGNAL_SEND, "SEND_SENDER_TT", "ft_", MESSAGE, 0, 0},
    [24] = {SIGNAL_EXIT, "PAYLOAD_EXIT", "ft", REASON, DFLAG_EXIT_PAYLOAD, 0},
    [25] = {SIGNAL_EXIT, "PAYLOAD_EXIT_TT", "ft_", REASON, 0, 0},
    [26] = {SIGNAL_EXIT2, "PAYLOAD_EXIT2", "ft", REASON, DFLAG_EXIT_PAYLOAD, 0},
    [27] = {SIGNAL_EXIT2, "PAYLOAD_EXIT2_TT", "ft_", REASON, 0, 0},
    [28] = {SIGNAL_MONITOR_EXIT, "PAYLOAD_MONITOR_EXIT", "Ftr", REASON,
            MONITORS | DFLAG_EXIT_PAYLOAD, 0},
    [29] = {SIGNAL_SPAWN_REQUEST, "SPAWN_REQUEST", "rf_mo", MESSAGE, 0, 0},
    [30] = {SIGNAL_SPAWN_REQUEST, "SPAWN_REQUEST_TT", "rf_mo_", MESSAGE, 0, 0},
    [31] = {SIGNAL_SPAWN_REPLY, "SPAWN_REPLY", "rtbF", NO_PAYLOAD, 0, 0},
    [32] = {SIGNAL_SPAWN_REPLY, "SPAWN_REPLY_TT", "rtbF_", NO_PAYLOAD, 0, 0},
    [33] = {SIGNAL_ALIAS_SEND, "ALIAS_SEND", "fa", MESSAGE, DFLAG_ALIAS, 0},
    [34] = {SIGNAL_ALIAS_SEND, "ALIAS_SEND_TT", "fa_", MESSAGE, 0, 0},
    [35] = {SIGNAL_UNLINK_ID, "UNLINK_ID", "ift", NO_PAYLOAD, DFLAG_UNLINK_ID, 0},
    [36] = {SIGNAL_UNLINK_ID_ACK, "UNLINK_ID_ACK", "ift", NO_PAYLOAD, DFLAG_UNLINK_ID, 0},
    [37] = {SIGNAL_SEND, "ALTACT_SEND", "cft", MESSAGE, 0, 0},
    [38] = {SIGNAL_REG_SEND, "ALTACT_REG_SEND", "cfn", MESSAGE, 0, ALTACT_NAME},
    [39] = {SIGNAL_ALIAS_SEND, "ALTACT_ALIAS_SEND", "cfa", MESSAGE, DFLAG_ALTACT_SIG, ALTACT_ALIAS},
    [40] = {SIGNAL_EXIT2, "ALTACT_EXIT2", "cft", REASON, 0, ALTACT_EXIT},
    [41] = {SIGNAL_EXIT2, "ALTACT_EXIT2", "cfn", REASON, 0, ALTACT_EXIT | ALTACT_NAME},
    [42] = {SIGNAL_EXIT2, "ALTACT_EXIT2", "cfa", REASON, 0, ALTACT_EXIT | ALTACT_ALIAS},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* The rows by which signals are written, those that older peers know first: the last one that
 * qualifies is used.  With none, such a signal is not sent. */
#define WRITTEN_MAX 2
static const uint8_t written[SIGNAL_KINDS][WRITTEN_MAX] = {
    [SIGNAL_SEND] = {2, 22},
    [SIGNAL_REG_SEND] = {6},
    [SIGNAL_ALIAS_SEND] = {33, 39},
    [SIGNAL_LINK] = {1},
    [SIGNAL_UNLINK] = {4},
    [SIGNAL_UNLINK_ID] = {35},
    [SIGNAL_UNLINK_ID_ACK] = {36},
    [SIGNAL_EXIT] = {3, 24},
    [SIGNAL_EXIT2] = {8, 26},
    [SIGNAL_GROUP_LEADER] = {7},
    [SIGNAL_MONITOR] = {19},
    [SIGNAL_DEMONITOR] = {20},
    [SIGNAL_MONITOR_EXIT] = {21, 28},
    [SIGNAL_SPAWN_REPLY] = {31},
};

/* The member of a signal that a field is stored in; NULL if it is not kept. */
static struct bytes *slot_of(struct signal *s, char field)
{
    switch (field) {
    case 'f':
    case 'F':
        return &s->from;
    case 't':
    case 'w':
    case 'n':
    case 'a':
        return &s->to;
    case 'r':
        return &s->ref;
    case 'x':
        return &s->reason;
    case 'm':
        return &s->mfa;
    case 'o':
        return &s->options;
    default:
        return NULL;
    }
}

static bool fits(char field, enum etf_kind kind)
{
    switch (field) {
    case 'f':
    case 't':
        return kind == ETF_PID;
    case 'F':
    case 'w':
        return kind == ETF_PID || kind == ETF_ATOM;
    case 'n':
        return kind == ETF_ATOM;
    case 'r':
    case 'a':
        return kind == ETF_REFERENCE;
    case 'c':
    case 'i':
    case 'b':
        return kind == ETF_INTEGER;
    default:
        return kind != ETF_NOTHING;
    }
}

/* Whether the field may be any term. */
static bool is_any(char field)
{
    return field == 'x' || field == 'm' || field == 'o';
}

static const struct row *row_of(uint64_t number, unsigned altact_bits)
{
    size_t place = number < ALTACT_SIG_SEND ? (size_t)number : ROWS;
    if (number == ALTACT_SIG_SEND)
        for (place = ALTACT_SIG_SEND; place < ROWS && rows[place].altact_bits != altact_bits;)
            place++;
    return place < ROWS && rows[place].fields != NULL ? &rows[place] : NULL;
}

/* A control tuple, taken apart, and for each element why this node does not accept it, or OK. */
struct elements {
    uint32_t count;
    struct bytes list[ELEMENTS_MAX];
    enum err unfit[ELEMENTS_MAX];
};

/* Cuts the next element off; an error only if its end is not found. */
static enum err element_cut(struct etf_in *in, struct bytes *element, enum err *unfit)
{
    struct bytes rest = {in->at, (size_t)(in->end - in->at)};
    size_t len;
    *unfit = etf_check(rest, &len);
    enum err e = *unfit == OK ? OK : etf_length(rest, &len);
    if (e != OK)
        return e;
    *element = (struct bytes){rest.at, len};
    in->at += len;
    return OK;
}

/* Cuts the control tuple, without its version byte, off the front of terms. */
static enum err tuple_cut(struct bytes *terms, bool versioned, struct elements *t)
{
    size_t version = versioned ? 1 : 0, len;
    if (terms->len <= version)
        return ERR_SHORT;
    if (versioned && terms->at[0] != VERSION_BYTE)
        return ERR_TAG;
    struct bytes rest = bytes_after(*terms, version);
    struct etf_in in = etf_open(rest);
    enum err e = OK;
    t->count = etf_tuple(&in);
    if (t->count == 0 || t->count > ELEMENTS_MAX) {
        e = etf_length(rest, &len);
        return e == OK ? ERR_CONTROL : e;
    }
    for (uint32_t i = 0; i < t->count && e == OK; i++)
        e = element_cut(&in, &t->list[i], &t->unfit[i]);
    *terms = (struct bytes){in.at, (size_t)(in.end - in.at)};
    return e;
}

/* Element i, an integer. */
static bool number_at(const struct elements *t, uint32_t i, uint64_t *number)
{
    if (i >= t->count || t->unfit[i] != OK)
        return false;
    struct etf_in in = etf_open(t->list[i]);
    *number = etf_uint64(&in);
    return in.err == OK;
}

/* The row of a control message, or NULL. */
static const struct row *row_read(const struct elements *t)
{
    uint64_t number, bits = 0;
    if (!number_at(t, 0, &number) || (number == ALTACT_SIG_SEND && !number_at(t, 1, &bits)))
        return NULL;
    const struct row *row = row_of(number, (unsigned)(bits & ALTACT_SELECT));
    if (row == NULL)
        return NULL;
    size_t wanted = 1 + strlen(row->fields);
    /* "we should only verify that it is large enough" (dist.c, of this number only) */
    if (number == ALTACT_SIG_SEND)
        return t->count >= wanted + (bits & ALTACT_TOKEN ? 1 : 0) ? row : NULL;
    return t->count == wanted ? row : NULL;
}

/* Makes so much room in scratch that it does not move while elements are put there. */
static void reserve(const struct elements *t, struct buf *scratch)
{
    size_t bytes = BAD_TERM_BYTES; /* a reason that is the payload */
    for (uint32_t i = 0; i < t->count; i++) {
        size_t len = t->list[i].len;
        bytes += BAD_TERM_BYTES + (len < SMALL_BYTES_MAX / 2 ? 2 * len : SMALL_BYTES_MAX);
    }
    buf_room(scratch, bytes);
}

/* A pid, atom or reference in its canonical form, perhaps in scratch. */
static struct bytes small_term(struct bytes element, struct buf *scratch)
{
    size_t before = scratch->len;
    if (canon_is_plain(element))
        return element;
    enum err e = canon_put(scratch, element);
    must(e == OK);
    return bytes_after(buf_bytes(scratch), before);
}

/* A reason, or what is not kept, may be any term, and stays as it is, since it may be costly to
 * sort and for nobody; one that this node does not accept is replaced. */
static struct bytes any_term(struct bytes element, enum err unfit, struct buf *scratch)
{
    size_t before = scratch->len;
    if (unfit == OK)
        return element;
    put_bad_term(scratch, unfit);
    return bytes_after(buf_bytes(scratch), before);
}

static enum err field_read(const struct elements *t, uint32_t i, char field, struct buf *scratch,
                           struct signal *s)
{
    struct etf_in in = etf_open(t->list[i]);
    enum err unfit = t->unfit[i];
    enum etf_kind kind = unfit == OK ? etf_peek(&in) : ETF_FOREIGN;
    struct bytes *slot = slot_of(s, field);
    if (!fits(field, kind))
        return ERR_CONTROL;
    if (field == 'i' || field == 'b')
        s->id = etf_uint64(&in);
    else if (slot != NULL && is_any(field))
        *slot = any_term(t->list[i], unfit, scratch);
    else if (slot != NULL)
        *slot = small_term(t->list[i], scratch);
    return in.err != OK || (field == 'i' && s->id == 0) ? ERR_CONTROL : OK;
}

static enum err fields_read(const struct elements *t, const struct row *row, struct buf *scratch,
                            struct signal *s)
{
    enum err e = OK;
    reserve(t, scratch);
    const uint8_t *at = scratch->at;
    for (uint32_t i = 1; row->fields[i - 1] != '\0' && e == OK; i++)
        e = field_read(t, i, row->fields[i - 1], scratch, s);
    must(scratch->at == at);
    return e;
}

/* Prepares the check of what follows the control tuple. */
static enum err payload_open(struct control *c, struct bytes terms, bool versioned)
{
    bool expected = rows[c->row].payload != NO_PAYLOAD;
    size_t version = versioned ? 1 : 0;
    if (expected != (terms.len > 0))
        return ERR_CONTROL;
    c->checked = !expected;
    if (!expected)
        return OK;
    if (terms.len <= version)
        return ERR_SHORT;
    if (versioned && terms.at[0] != VERSION_BYTE)
        return ERR_TAG;
    c->payload = bytes_after(terms, version);
    etf_check_open(&c->check, c->payload);
    return OK;
}

enum err control_open(struct control *c, struct bytes terms, bool versioned, struct buf *scratch)
{
    struct elements t;
    c->payload = (struct bytes){0};
    c->unfit = c->endless = OK;
    c->cut = false;
    buf_clear(scratch);
    enum err e = tuple_cut(&terms, versioned, &t);
    if (e != OK)
        return e;
    const struct row *row = row_read(&t);
    if (row == NULL)
        return ERR_CONTROL;
    c->row = (size_t)(row - rows);
    c->signal = (struct signal){.kind = row->kind};
    e = fields_read(&t, row, scratch, &c->signal);
    return e == OK ? payload_open(c, terms, versioned) : e;
}

bool control_check(struct control *c, size_t bytes)
{
    if (!c->checked && c->unfit == OK) {
        c->checked = etf_check_step(&c->check, bytes, &c->unfit);
        if (c->unfit == OK)
            return c->checked;
        etf_length_open(&c->length, c->payload);
        c->checked = false;
    }
    if (!c->checked)
        c->checked = etf_length_step(&c->length, bytes, &c->endless);
    return c->checked;
}

void control_cut(struct control *c)
{
    c->checked = c->cut = true;
    c->unfit = ERR_LIMIT;
}

/* The payload has to be exactly one term, whether this node accepts it or not. */
static enum err payload_measure(const struct control *c)
{
    if (c->cut || c->endless != OK)
        return c->endless;
    const uint8_t *end = c->unfit == OK ? c->check.at : c->length.at;
    return end == c->payload.at + c->payload.len ? OK : ERR_TRAILING;
}

enum err control_finish(const struct control *c, struct buf *scratch, struct signal *signal)
{
    const struct row *row = &rows[c->row];
    must(c->checked);
    *signal = c->signal;
    enum err e = row->payload != NO_PAYLOAD ? payload_measure(c) : OK;
    if (row->payload == REASON) {
        signal->reason = any_term(c->payload, c->unfit, scratch);
    } else {
        signal->payload = c->payload;
        signal->unfit = c->unfit;
    }
    return e;
}

enum err control_read(struct bytes terms, bool versioned, struct buf *scratch,
                      struct signal *signal)
{
    struct control c;
    *signal = (struct signal){0};
    enum err e = control_open(&c, terms, versioned, scratch);
    if (e != OK)
        return e;
    control_check(&c, SIZE_MAX);
    return control_finish(&c, scratch, signal);
}

static const struct row *row_to_write(enum signal_kind kind, uint64_t flags)
{
    for (unsigned i = WRITTEN_MAX; i-- > 0;) {
        const struct row *row = &rows[written[kind][i]];
        if (row->fields != NULL && (row->needs & ~flags) == 0)
            return row;
    }
    return NULL;
}

bool control_can_write(enum signal_kind kind, uint64_t flags)
{
    return row_to_write(kind, flags) != NULL;
}

static void field_write(struct buf *out, const struct row *row, char field, struct signal *s)
{
    struct bytes *slot = slot_of(s, field);
    if (slot != NULL) {
        must(slot->len > 0);
        put_term(out, *slot);
    } else if (field == '_') {
        put_atom(out, "");
    } else {
        must(field != 'i' || s->id != 0);
        put_uint(out, field == 'c' ? row->altact_bits : s->id);
    }
}

bool control_has_payload(const struct signal *signal, uint64_t flags)
{
    return row_to_write(signal->kind, flags)->payload != NO_PAYLOAD;
}

struct bytes control_put(struct buf *out, const struct signal *signal, uint64_t flags,
                         bool versioned)
{
    struct signal s = *signal;
    const struct row *row = row_to_write(s.kind, flags);
    must(row != NULL);
    if (versioned)
        put_version(out);
    put_tuple(out, 1 + (uint32_t)strlen(row->fields));
    put_uint(out, row < &rows[ALTACT_SIG_SEND] ? (uint64_t)(row - rows) : ALTACT_SIG_SEND);
    for (const char *field = row->fields; *field != '\0'; field++)
        field_write(out, row, *field, &s);
    if (row->payload == NO_PAYLOAD)
        return (struct bytes){0};
    struct bytes payload = row->payload == REASON ? s.reason : s.payload;
    must(payload.len > 0);
    return payload;
}

void control_write(struct buf *out, const struct signal *signal, uint64_t flags, bool versioned)
{
    struct bytes payload = control_put(out, signal, flags, versioned);
    if (payload.len > 0 && versioned)
        put_version(out);
    if (payload.len > 0)
        put_term(out, payload);
    buf_put(out, signal->rest.part);
}

const char *signal_name(enum signal_kind kind)
{
    size_t i = 0;
    while (i < ROWS && (rows[i].fields == NULL || rows[i].kind != kind))
        i++;
    must(i < ROWS);
    return rows[i].name;
}
