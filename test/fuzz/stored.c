#include "stored.h"

#include "dets/dets_write.h"
#include "err.h"
#include "mem.h"
#include "store/before.h"
#include "store/journal.h"
#include "store/record.h"
#include "term/canon.h"
#include "term/etf.h"
#include "term/etf_check.h"
#include "term/write.h"

#define RECORDS 8

void stored_put_term(struct buf *out, struct wire *in)
{
    uint8_t what = wire_u8(in);
    struct bytes raw = wire_bytes(in, what % 64);
    size_t len;
    if (what < 128) {
        put_list(out, 1);
        put_uint(out, what);
        put_nil(out);
    } else if (etf_check(raw, &len) != OK || canon_put(out, (struct bytes){raw.at, len}) != OK) {
        put_binary(out, raw);
    }
}

bool stored_damage(struct buf *out, size_t start, struct wire *in)
{
    uint8_t what = wire_u8(in);
    size_t at = start + (out->len > start ? wire_u16(in) % (out->len - start) : 0);
    switch (what % 8) {
    case 1:
        if (at < out->len)
            out->at[at] ^= wire_u8(in);
        return true;
    case 2:
        out->len = at;
        return true;
    case 3:
        buf_put(out, wire_bytes(in, what));
        return true;
    default:
        return false;
    }
}

/* --- journals ------------------------------------------------------------------------------- */

/* {Module, Group, Before}, or as older ones are, or something else. */
static void put_header(struct buf *out, struct wire *in, const struct stored_owner *owner)
{
    struct buf term = {0};
    uint8_t what = wire_u8(in);
    struct before before = {.kind = what % 4, .number = wire_u8(in), .sequence = wire_u8(in)};
    bool brief = before.kind == BEFORE_UNKNOWN;
    if (what >= 250) {
        stored_put_term(&term, in);
    } else {
        put_tuple(&term, brief ? 2 : 3);
        put_term(&term, owner->module);
        put_term(&term, owner->group);
        if (!brief)
            before_put(&term, &before);
    }
    journal_put_header(out, buf_bytes(&term));
    buf_free(&term);
}

void stored_put_segment(struct buf *out, struct wire *in, const struct stored_owner *owner,
                        size_t *sound)
{
    struct buf term = {0};
    uint64_t sequence = 0;
    size_t start = out->len;
    uint8_t count = wire_u8(in), steps = wire_u8(in);
    put_header(out, in, owner);
    *sound = count % RECORDS;
    for (size_t i = 0; i < count % RECORDS; i++) {
        buf_clear(&term);
        stored_put_term(&term, in);
        sequence += 1 + (steps >> i & 1);
        journal_put(out, sequence, buf_bytes(&term));
    }
    while (stored_damage(out, start, in))
        *sound = SIZE_MAX;
    buf_free(&term);
}

/* --- tables --------------------------------------------------------------------------------- */

/* The owner's record: a state, which is a map, in either form, with something behind it or not. */
static void put_own(struct buf *out, struct wire *in, const struct stored_owner *owner)
{
    struct buf state = {0}, rest = {0};
    uint8_t what = wire_u8(in);
    if (what < 240) {
        put_map(&state, 1);
        put_atom(&state, "numbers");
    }
    stored_put_term(&state, in);
    if ((what & 2) != 0)
        stored_put_term(&rest, in);
    record_put(out, owner->group, buf_bytes(&state), buf_bytes(&rest), rest.len > 0,
               (what & 1) != 0 ? RECORD_ENCODED : RECORD_RAW);
    buf_free(&state);
    buf_free(&rest);
}

static void put_other(struct buf *out, struct wire *in, struct buf *key)
{
    stored_put_term(key, in);
    put_tuple(out, 2);
    put_term(out, buf_bytes(key));
    stored_put_term(out, in);
}

void stored_put_table(struct buf *out, struct wire *in, const struct stored_owner *owner)
{
    struct buf keys[RECORDS] = {0}, objects[RECORDS] = {0};
    struct dets_record records[RECORDS];
    struct dets_shape shape = {.type = DETS_SET, .keypos = 1};
    struct dets_image *image;
    struct dets_fault fault;
    struct bytes piece;
    size_t count = wire_u8(in) % RECORDS, start = out->len;
    for (size_t i = 0; i < count; i++) {
        bool own = i == 0;
        if (own)
            put_own(&objects[i], in, owner);
        else
            put_other(&objects[i], in, &keys[i]);
        records[i] = (struct dets_record){.key = own ? owner->group : buf_bytes(&keys[i]),
                                          .object = buf_bytes(&objects[i]),
                                          .bare = !own};
    }
    if (dets_image_new(&image, &shape, records, count, &fault) == OK) {
        while (dets_image_next(image, &piece))
            buf_put(out, piece);
        dets_image_free(image);
    }
    while (stored_damage(out, start, in))
        ;
    for (size_t i = 0; i < RECORDS; i++) {
        buf_free(&keys[i]);
        buf_free(&objects[i]);
    }
}
