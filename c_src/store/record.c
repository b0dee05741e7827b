#include "record.h"

#include <zlib.h>

#include "../limits.h"
#include "../mem.h"
#include "../term/etf.h"
#include "../term/head.h"
#include "../term/unpack.h"
#include "../term/write.h"

#define LEVEL 6 /* of zlib, as in Grove.Storage.Serializer */
/* The version byte, tag and size before the compressed data. */
#define PACKED_BYTES 6

/* --- reading -------------------------------------------------------------------------- */

/* The term after the version byte; in memory if it was compressed. */
static enum err open_external(struct bytes external, struct buf *memory, struct bytes *term)
{
    if (external.len < 2)
        return ERR_SHORT;
    if (*external.at != TAG_VERSION)
        return ERR_TAG;
    *term = bytes_after(external, 1);
    if (*term->at != TAG_COMPRESSED)
        return OK;
    enum err e = unpack(memory, bytes_after(*term, 1));
    *term = buf_bytes(memory);
    return e;
}

/* A state is a map, as all structs are. */
static enum err take_state(struct bytes checked, struct bytes *state)
{
    struct etf_in in = etf_open(checked);
    if (etf_peek(&in) != ETF_MAP)
        return ERR_SHAPE;
    *state = checked;
    return OK;
}

/* Exactly one term, in a binary. */
static enum err take_encoded(struct bytes external, struct buf *memory, struct bytes *state)
{
    struct bytes term;
    size_t len;
    enum err e = open_external(external, memory, &term);
    if (e == OK)
        e = etf_check(term, &len);
    if (e == OK && len != term.len)
        e = ERR_TRAILING;
    return e == OK ? take_state(term, state) : e;
}

/* The second element: a struct, or a binary with one.  unfit: why it was refused, or OK. */
static enum err take_element(struct bytes element, enum err unfit, struct buf *memory,
                             struct bytes *state, enum record_form *form)
{
    struct head head;
    enum err e = head_read(element.at, element.at + element.len, &head);
    *form = RECORD_RAW;
    if (e == OK)
        e = unfit;
    if (e != OK || head.tag != TAG_BINARY)
        return e == OK ? take_state(element, state) : e;
    struct bytes content = head_content(element.at, &head);
    if (content.len == 0 || *content.at != TAG_VERSION)
        return ERR_SHAPE;
    *form = RECORD_ENCODED;
    return take_encoded(content, memory, state);
}

static void take(struct bytes *from, size_t len, struct bytes *term)
{
    *term = (struct bytes){from->at, len};
    *from = bytes_after(*from, len);
}

/* Consumes one term, which may exceed this node's limits: some are only kept. */
static enum err take_term(struct bytes *from, struct bytes *term)
{
    size_t len;
    enum err e = etf_measure(*from, &len);
    if (e == OK)
        take(from, len, term);
    return e;
}

/* The same for one that is to be read.  It may be large: checking it tells its end, too, so that
 * it is not measured.  *unfit says why it cannot be read. */
static enum err take_checked(struct bytes *from, struct bytes *term, enum err *unfit)
{
    size_t len;
    *unfit = etf_check(*from, &len);
    if (*unfit != OK)
        return take_term(from, term);
    take(from, len, term);
    return OK;
}

static enum err take_tuple(struct bytes term, struct buf *memory, struct bytes *state,
                           struct buf *rest, uint32_t *rest_count, enum record_form *form)
{
    struct head head;
    struct bytes element;
    enum err unfit = OK, e = head_read(term.at, term.at + term.len, &head);
    if (e == OK && (head.kind != ETF_TUPLE || head.count < 2))
        e = ERR_SHAPE;
    if (e != OK)
        return e;
    struct bytes elements = bytes_after(term, (size_t)head.size);
    e = take_term(&elements, &element);
    if (e == OK)
        e = take_checked(&elements, &element, &unfit);
    struct bytes second = element, others = elements;
    for (uint64_t i = 2; e == OK && i < head.count; i++)
        e = take_term(&elements, &element);
    if (e == OK && elements.len > 0)
        e = ERR_TRAILING;
    if (e == OK)
        e = take_element(second, unfit, memory, state, form);
    if (e != OK)
        return e;
    buf_put(rest, others);
    *rest_count = (uint32_t)head.count - 2;
    return OK;
}

enum err record_read(struct bytes object, struct buf *memory, struct bytes *state, struct buf *rest,
                     uint32_t *rest_count, enum record_form *form)
{
    struct buf of_object = {0}, of_state = {0};
    struct bytes term;
    enum err e = open_external(object, &of_object, &term);
    if (e == OK)
        e = take_tuple(term, &of_state, state, rest, rest_count, form);
    /* A state that is compressed by itself is not in the object. */
    struct buf *used = of_state.len > 0 ? &of_state : &of_object;
    if (e == OK) {
        *memory = *used;
        *used = (struct buf){0};
    }
    buf_free(&of_object);
    buf_free(&of_state);
    return e;
}

/* --- writing -------------------------------------------------------------------------- */

/* As term_to_binary/2, but a term too large to be unpacked here is not compressed. */
static void put_packed(struct buf *out, struct bytes term)
{
    uLongf len = compressBound((uLong)term.len);
    struct buf packed = {0};
    bool smaller = term.len <= LIMIT_UNPACKED_BYTES;
    if (smaller) {
        mem_sufficed(compress2(buf_room(&packed, len), &len, term.at, (uLong)term.len, LEVEL) ==
                     Z_OK);
        packed.len = len;
        smaller = len + PACKED_BYTES < term.len + 1;
    }
    put_version(out);
    if (smaller) {
        buf_put_u8(out, TAG_COMPRESSED);
        buf_put_u32(out, (uint32_t)term.len);
    }
    buf_put(out, smaller ? buf_bytes(&packed) : term);
    buf_free(&packed);
}

void record_put(struct buf *out, struct bytes group, struct bytes state, struct bytes rest,
                uint32_t rest_count, enum record_form form)
{
    must(form != RECORD_AUTO);
    put_version(out);
    put_tuple(out, rest_count + 2);
    buf_put(out, group);
    if (form == RECORD_ENCODED) {
        struct buf encoded = {0};
        put_packed(&encoded, state);
        put_binary(out, buf_bytes(&encoded));
        buf_free(&encoded);
    } else {
        buf_put(out, state);
    }
    buf_put(out, rest);
}
