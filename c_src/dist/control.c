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

/* Elements of a control tuple that has to be taken apart because this node does not accept one
 * of them: more than any has. */
#define UNFIT_ARITY_MAX 16

enum payload { NO_PAYLOAD, MESSAGE, REASON };

/* Set in the needs of a row that is read but never written. */
#define READ_ONLY (UINT64_C(1) << 63)

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
 *     _  any term, not kept; written as '' */
struct row {
    uint8_t number;
    enum signal_kind kind;
    const char *name;
    const char *fields;
    enum payload payload;
    uint64_t needs; /* flags required for writing; the last row that qualifies is used: those
                       before it are what older peers get.  None: such a signal is not sent */
    unsigned altact_bits;
};

static const struct row rows[] = {
    {1, SIGNAL_LINK, "LINK", "ft", NO_PAYLOAD, 0, 0},
    {2, SIGNAL_SEND, "SEND", "_t", MESSAGE, 0, 0},
    {3, SIGNAL_EXIT, "EXIT", "ftx", NO_PAYLOAD, 0, 0},
    {4, SIGNAL_UNLINK, "UNLINK", "ft", NO_PAYLOAD, 0, 0},
    {6, SIGNAL_REG_SEND, "REG_SEND", "f_n", MESSAGE, 0, 0},
    {7, SIGNAL_GROUP_LEADER, "GROUP_LEADER", "ft", NO_PAYLOAD, 0, 0},
    {8, SIGNAL_EXIT2, "EXIT2", "ftx", NO_PAYLOAD, 0, 0},
    {12, SIGNAL_SEND, "SEND_TT", "_t_", MESSAGE, READ_ONLY, 0},
    {13, SIGNAL_EXIT, "EXIT_TT", "ft_x", NO_PAYLOAD, READ_ONLY, 0},
    {16, SIGNAL_REG_SEND, "REG_SEND_TT", "f_n_", MESSAGE, READ_ONLY, 0},
    {18, SIGNAL_EXIT2, "EXIT2_TT", "ft_x", NO_PAYLOAD, READ_ONLY, 0},
    {19, SIGNAL_MONITOR, "MONITOR", "fwr", NO_PAYLOAD, MONITORS, 0},
    {20, SIGNAL_DEMONITOR, "DEMONITOR", "fwr", NO_PAYLOAD, MONITORS, 0},
    {21, SIGNAL_MONITOR_EXIT, "MONITOR_EXIT", "Ftrx", NO_PAYLOAD, MONITORS, 0},
    {22, SIGNAL_SEND, "SEND_SENDER", "ft", MESSAGE, DFLAG_SEND_SENDER, 0},
    {23, SIGNAL_SEND, "SEND_SENDER_TT", "ft_", MESSAGE, READ_ONLY, 0},
    {24, SIGNAL_EXIT, "PAYLOAD_EXIT", "ft", REASON, DFLAG_EXIT_PAYLOAD, 0},
    {25, SIGNAL_EXIT, "PAYLOAD_EXIT_TT", "ft_", REASON, READ_ONLY, 0},
    {26, SIGNAL_EXIT2, "PAYLOAD_EXIT2", "ft", REASON, DFLAG_EXIT_PAYLOAD, 0},
    {27, SIGNAL_EXIT2, "PAYLOAD_EXIT2_TT", "ft_", REASON, READ_ONLY, 0},
    {28, SIGNAL_MONITOR_EXIT, "PAYLOAD_MONITOR_EXIT", "Ftr", REASON, MONITORS | DFLAG_EXIT_PAYLOAD,
     0},
    {29, SIGNAL_SPAWN_REQUEST, "SPAWN_REQUEST", "rf_mo", MESSAGE, READ_ONLY, 0},
    {30, SIGNAL_SPAWN_REQUEST, "SPAWN_REQUEST_TT", "rf_mo_", MESSAGE, READ_ONLY, 0},
    {31, SIGNAL_SPAWN_REPLY, "SPAWN_REPLY", "rtbF", NO_PAYLOAD, 0, 0},
    {32, SIGNAL_SPAWN_REPLY, "SPAWN_REPLY_TT", "rtbF_", NO_PAYLOAD, READ_ONLY, 0},
    {33, SIGNAL_ALIAS_SEND, "ALIAS_SEND", "fa", MESSAGE, DFLAG_ALIAS, 0},
    {34, SIGNAL_ALIAS_SEND, "ALIAS_SEND_TT", "fa_", MESSAGE, READ_ONLY, 0},
    {35, SIGNAL_UNLINK_ID, "UNLINK_ID", "ift", NO_PAYLOAD, DFLAG_UNLINK_ID, 0},
    {36, SIGNAL_UNLINK_ID_ACK, "UNLINK_ID_ACK", "ift", NO_PAYLOAD, DFLAG_UNLINK_ID, 0},
    {37, SIGNAL_SEND, "ALTACT_SEND", "cft", MESSAGE, READ_ONLY, 0},
    {37, SIGNAL_REG_SEND, "ALTACT_REG_SEND", "cfn", MESSAGE, READ_ONLY, ALTACT_NAME},
    {37, SIGNAL_ALIAS_SEND, "ALTACT_ALIAS_SEND", "cfa", MESSAGE, DFLAG_ALTACT_SIG, ALTACT_ALIAS},
    {37, SIGNAL_EXIT2, "ALTACT_EXIT2", "cft", REASON, READ_ONLY, ALTACT_EXIT},
    {37, SIGNAL_EXIT2, "ALTACT_EXIT2", "cfn", REASON, READ_ONLY, ALTACT_EXIT | ALTACT_NAME},
    {37, SIGNAL_EXIT2, "ALTACT_EXIT2", "cfa", REASON, READ_ONLY, ALTACT_EXIT | ALTACT_ALIAS},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

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

static const struct row *row_of(uint64_t number, unsigned altact_bits)
{
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].number == number && rows[i].altact_bits == altact_bits)
            return &rows[i];
    return NULL;
}

/* The row of a control message, or NULL. */
static const struct row *row_read(struct bytes control)
{
    struct etf_in in = etf_open(control);
    uint32_t arity = etf_tuple(&in);
    uint64_t number = etf_uint64(&in);
    uint64_t bits = number == ALTACT_SIG_SEND ? etf_uint64(&in) : 0;
    if (in.err != OK)
        return NULL;
    const struct row *row = row_of(number, (unsigned)(bits & ALTACT_SELECT));
    if (row == NULL)
        return NULL;
    size_t wanted = 1 + strlen(row->fields);
    /* "we should only verify that it is large enough" (dist.c, of this number only) */
    if (number == ALTACT_SIG_SEND)
        return arity >= wanted + (bits & ALTACT_TOKEN ? 1 : 0) ? row : NULL;
    return arity == wanted ? row : NULL;
}

static enum err fields_read(struct bytes control, const struct row *row, struct signal *s)
{
    struct etf_in in = etf_open(control);
    etf_tuple(&in);
    etf_any(&in);
    for (const char *field = row->fields; *field != '\0'; field++) {
        if (!fits(*field, etf_peek(&in)))
            return ERR_CONTROL;
        struct bytes *slot = slot_of(s, *field);
        if (*field == 'i' || *field == 'b')
            s->id = etf_uint64(&in);
        else if (slot != NULL)
            *slot = etf_any(&in);
        else
            etf_any(&in);
        if (*field == 'i' && s->id == 0)
            return ERR_CONTROL;
    }
    return in.err == OK ? OK : ERR_CONTROL;
}

/* Cuts one term, without its version byte, off the front of terms.  *unfit is set to the reason
 * why this node does not accept it, or to OK; the result is an error only if its end is not
 * found. */
static enum err term_cut(struct bytes *terms, bool versioned, struct bytes *term, enum err *unfit)
{
    size_t version = versioned ? 1 : 0;
    if (terms->len <= version)
        return ERR_SHORT;
    if (versioned && terms->at[0] != VERSION_BYTE)
        return ERR_TAG;
    struct bytes rest = {terms->at + version, terms->len - version};
    size_t len;
    *unfit = etf_check(rest, &len);
    enum err e = *unfit == OK ? OK : etf_length(rest, &len);
    if (e != OK)
        return e;
    *term = (struct bytes){rest.at, len};
    *terms = (struct bytes){rest.at + len, rest.len - len};
    return OK;
}

static bool is_small(enum etf_kind kind)
{
    return kind == ETF_INTEGER || kind == ETF_ATOM || kind == ETF_REFERENCE || kind == ETF_PID;
}

/* Appends the control tuple with its numbers, names, pids and references in canonical form.  A
 * reason, or what is not kept, may be any term, and stays as it is, since it may be costly to sort
 * and for nobody; one that this node does not accept is replaced, and fields_read() refuses
 * the rest. */
static enum err put_control(struct buf *out, struct bytes control, enum err unfit)
{
    struct etf_in in = etf_open(control);
    uint32_t arity = etf_tuple(&in);
    if (in.err != OK || arity == 0 || (unfit != OK && arity > UNFIT_ARITY_MAX))
        return ERR_CONTROL;
    put_tuple(out, arity);
    while (arity-- > 0) {
        enum etf_kind kind = etf_peek(&in);
        struct bytes element = etf_any(&in);
        size_t len;
        enum err e = unfit == OK ? OK : etf_check(element, &len);
        if (e == OK && is_small(kind))
            e = canon_put(out, element);
        else if (e == OK)
            put_term(out, element);
        if (e != OK)
            put_bad_term(out, e);
    }
    return etf_finish(&in);
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
    c->payload = (struct bytes){terms.at + version, terms.len - version};
    etf_check_open(&c->check, c->payload);
    return OK;
}

enum err control_open(struct control *c, struct bytes terms, bool versioned, struct buf *scratch)
{
    struct bytes control;
    enum err unfit;
    c->payload = (struct bytes){0};
    c->unfit = OK;
    c->cut = false;
    buf_clear(scratch);
    enum err e = term_cut(&terms, versioned, &control, &unfit);
    if (e == OK)
        e = put_control(scratch, control, unfit);
    if (e != OK)
        return e;
    c->control_len = scratch->len;
    const struct row *row = row_read(buf_bytes(scratch));
    if (row == NULL)
        return ERR_CONTROL;
    c->row = (size_t)(row - rows);
    return payload_open(c, terms, versioned);
}

bool control_check(struct control *c, size_t bytes)
{
    if (!c->checked)
        c->checked = etf_check_step(&c->check, bytes, &c->unfit);
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
    if (c->cut)
        return OK;
    size_t len = (size_t)(c->check.at - c->payload.at);
    enum err e = c->unfit == OK ? OK : etf_length(c->payload, &len);
    if (e != OK)
        return e;
    return len == c->payload.len ? OK : ERR_TRAILING;
}

enum err control_finish(const struct control *c, struct buf *scratch, struct signal *signal)
{
    const struct row *row = &rows[c->row];
    must(c->checked && scratch->len == c->control_len);
    *signal = (struct signal){.kind = row->kind};
    enum err e = row->payload != NO_PAYLOAD ? payload_measure(c) : OK;
    if (e != OK)
        return e;
    if (row->payload == REASON && c->unfit == OK) {
        signal->reason = c->payload;
    } else if (row->payload == REASON) {
        put_bad_term(scratch, c->unfit);
        signal->reason =
            (struct bytes){scratch->at + c->control_len, scratch->len - c->control_len};
    } else {
        signal->payload = c->payload;
        signal->unfit = c->unfit;
    }
    return fields_read((struct bytes){scratch->at, c->control_len}, row, signal);
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
    const struct row *last = NULL;
    uint64_t lacks = ~flags | READ_ONLY;
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].kind == kind && (rows[i].needs & lacks) == 0)
            last = &rows[i];
    return last;
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
    put_uint(out, row->number);
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
    while (i < ROWS && rows[i].kind != kind)
        i++;
    must(i < ROWS);
    return rows[i].name;
}
