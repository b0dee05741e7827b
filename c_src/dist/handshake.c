#include "handshake.h"

#include <openssl/crypto.h>
#include <string.h>

#include "../limits.h"
#include "../term/md5.h"
#include "../term/utf8.h"
#include "flags.h"
#include "wire.h"

/* First bytes of the messages. */
enum { NAME = 'N', NAME_OF_VERSION_5 = 'n', STATUS = 's', REPLY = 'r', ACK = 'a' };

static const char *const texts[STATUSES] = {
    [STATUS_OK] = "ok",       [STATUS_OK_SIMULTANEOUS] = "ok_simultaneous",
    [STATUS_NOK] = "nok",     [STATUS_NOT_ALLOWED] = "not_allowed",
    [STATUS_ALIVE] = "alive", [STATUS_TRUE] = "true",
    [STATUS_FALSE] = "false",
};

static size_t message_open(struct buf *out, uint8_t tag)
{
    size_t start = out->len;
    buf_put_u16(out, 0);
    buf_put_u8(out, tag);
    return start;
}

static void message_close(struct buf *out, size_t start)
{
    size_t len = out->len - start - 2;
    must(len <= LIMIT_HANDSHAKE_BYTES);
    out->at[start] = (uint8_t)(len >> 8);
    out->at[start + 1] = (uint8_t)len;
}

/* The end of every read of a message that must not have trailing bytes. */
static enum err exactly(const struct wire *in)
{
    if (in->truncated)
        return ERR_SHORT;
    return in->left.len == 0 ? OK : ERR_SHAPE;
}

static enum err tag_check(struct wire *in, uint8_t wanted)
{
    uint8_t tag = wire_u8(in);
    if (in->truncated)
        return ERR_SHORT;
    if (wanted == NAME && tag == NAME_OF_VERSION_5)
        return ERR_VERSION;
    return tag == wanted ? OK : ERR_SHAPE;
}

static void name_put(struct buf *out, struct bytes name)
{
    must(node_name_valid(name));
    buf_put_u16(out, (uint16_t)name.len);
    buf_put(out, name);
}

/* Checks a hello whose fields have been read. */
static enum err hello_check(struct hello *peer)
{
    if (peer->flags & DFLAG_MANDATORY_25_DIGEST)
        peer->flags |= DFLAGS_MANDATORY_25;
    /* A peer that asks for a name sends only its host. */
    if (peer->flags & DFLAG_NAME_ME)
        peer->name = (struct bytes){0};
    else if (!node_name_valid(peer->name))
        return ERR_NAME;
    return (~peer->flags & DFLAGS_MANDATORY_25) == 0 ? OK : ERR_FLAGS;
}

void put_name(struct buf *out, const struct hello *self)
{
    size_t start = message_open(out, NAME);
    buf_put_u64(out, self->flags);
    buf_put_u32(out, self->creation);
    name_put(out, self->name);
    message_close(out, start);
}

enum err read_name(struct bytes message, struct hello *peer)
{
    struct wire in = wire_open(message);
    enum err e = tag_check(&in, NAME);
    if (e != OK)
        return e;
    peer->flags = wire_u64(&in);
    peer->creation = wire_u32(&in);
    peer->name = wire_bytes(&in, wire_u16(&in));
    return in.truncated ? ERR_SHORT : hello_check(peer);
}

void put_status(struct buf *out, enum status status)
{
    size_t start = message_open(out, STATUS);
    buf_put(out, bytes_of(status_text(status)));
    message_close(out, start);
}

enum err read_status(struct bytes message, enum status *status)
{
    struct wire in = wire_open(message);
    *status = STATUSES;
    enum err e = tag_check(&in, STATUS);
    if (e != OK)
        return e;
    for (int s = 0; s < STATUSES; s++)
        if (bytes_equal(in.left, bytes_of(texts[s])))
            *status = (enum status)s;
    return *status < STATUSES ? OK : ERR_STATUS;
}

const char *status_text(enum status status)
{
    must(status < STATUSES);
    return texts[status];
}

void put_challenge(struct buf *out, const struct hello *self, uint32_t challenge)
{
    size_t start = message_open(out, NAME);
    buf_put_u64(out, self->flags);
    buf_put_u32(out, challenge);
    buf_put_u32(out, self->creation);
    name_put(out, self->name);
    message_close(out, start);
}

enum err read_challenge(struct bytes message, struct hello *peer, uint32_t *challenge)
{
    struct wire in = wire_open(message);
    enum err e = tag_check(&in, NAME);
    if (e != OK)
        return e;
    peer->flags = wire_u64(&in);
    *challenge = wire_u32(&in);
    peer->creation = wire_u32(&in);
    peer->name = wire_bytes(&in, wire_u16(&in));
    return in.truncated ? ERR_SHORT : hello_check(peer);
}

static void digest_put(struct buf *out, const uint8_t digest[DIGEST_BYTES])
{
    buf_put(out, (struct bytes){digest, DIGEST_BYTES});
}

static void digest_take(struct wire *in, uint8_t digest[DIGEST_BYTES])
{
    struct bytes taken = wire_bytes(in, DIGEST_BYTES);
    if (taken.len == DIGEST_BYTES)
        memcpy(digest, taken.at, DIGEST_BYTES);
}

void put_reply(struct buf *out, uint32_t challenge, const uint8_t digest[DIGEST_BYTES])
{
    size_t start = message_open(out, REPLY);
    buf_put_u32(out, challenge);
    digest_put(out, digest);
    message_close(out, start);
}

enum err read_reply(struct bytes message, uint32_t *challenge, uint8_t digest[DIGEST_BYTES])
{
    struct wire in = wire_open(message);
    enum err e = tag_check(&in, REPLY);
    if (e != OK)
        return e;
    *challenge = wire_u32(&in);
    digest_take(&in, digest);
    return exactly(&in);
}

void put_ack(struct buf *out, const uint8_t digest[DIGEST_BYTES])
{
    size_t start = message_open(out, ACK);
    digest_put(out, digest);
    message_close(out, start);
}

enum err read_ack(struct bytes message, uint8_t digest[DIGEST_BYTES])
{
    struct wire in = wire_open(message);
    enum err e = tag_check(&in, ACK);
    if (e != OK)
        return e;
    digest_take(&in, digest);
    return exactly(&in);
}

void digest_make(uint8_t digest[DIGEST_BYTES], struct bytes cookie, uint32_t challenge)
{
    struct buf text = {0};
    buf_put(&text, cookie);
    buf_printf(&text, "%u", challenge);
    md5_of(buf_bytes(&text), digest);
    buf_free(&text);
}

bool digest_equal(const uint8_t a[DIGEST_BYTES], const uint8_t b[DIGEST_BYTES])
{
    return CRYPTO_memcmp(a, b, DIGEST_BYTES) == 0;
}

bool node_name_valid(struct bytes name)
{
    uint32_t character = 0;
    unsigned characters = 0, ats = 0;
    size_t n;
    bool at_begins = name.len > 0 && name.at[0] == '@';
    for (; (n = utf8_next(name, &character)) > 0; characters++) {
        if (character < ' ' || (character >= 0x7f && character < 0xa0))
            return false;
        ats += character == '@';
        name = bytes_after(name, n);
    }
    bool at_ends = character == '@';
    return name.len == 0 && characters <= LIMIT_ATOM_CHARS && ats == 1 && !at_begins && !at_ends;
}
