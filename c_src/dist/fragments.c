#include "../limits.h"
#include "../mem.h"
#include "frame.h"
#include "wire.h"

struct sequence {
    uint64_t id;
    uint64_t next;  /* number of the fragment that has to come; they count down to 1 */
    uint64_t heard; /* what taken was when its last fragment came */
    struct buf bytes;
};

/* Invariants: count <= LIMIT_FRAGMENT_SEQUENCES; no two ids are the same; held
 * is the sum of the lengths of all bytes and at most LIMIT_FRAME_BYTES. */
struct fragments {
    struct sequence *open;
    size_t count, cap;
    size_t held;
    uint64_t taken;   /* fragments so far */
    struct buf whole; /* the last message that was put together */
};

struct fragment {
    uint64_t id, number;
    struct bytes piece;
};

struct fragments *fragments_new(void)
{
    return mem_take(sizeof(struct fragments));
}

void fragments_free(struct fragments *f)
{
    if (f == NULL)
        return;
    for (size_t i = 0; i < f->count; i++)
        buf_free(&f->open[i].bytes);
    mem_free(f->open);
    buf_free(&f->whole);
    mem_free(f);
}

void fragments_forget(struct fragments *f)
{
    buf_free(&f->whole);
}

/* A walk over all of them: there are a handful, and at most a thousand. */
static struct sequence *find(struct fragments *f, uint64_t id)
{
    for (size_t i = 0; i < f->count; i++)
        if (f->open[i].id == id)
            return &f->open[i];
    return NULL;
}

static struct sequence *begin(struct fragments *f, const struct fragment *first)
{
    f->open = mem_room(f->open, f->count, &f->cap, sizeof(*f->open));
    struct sequence *s = &f->open[f->count++];
    *s = (struct sequence){.id = first->id, .next = first->number, .heard = ++f->taken};
    return s;
}

/* Takes a sequence out; its bytes are the caller's. */
static struct buf end(struct fragments *f, struct sequence *s)
{
    struct buf bytes = s->bytes;
    f->held -= bytes.len;
    *s = f->open[--f->count];
    return bytes;
}

/* Gives up what has waited longest for its next fragment. */
static void give_up_one(struct fragments *f)
{
    must(f->count > 0);
    struct sequence *oldest = &f->open[0];
    for (size_t i = 1; i < f->count; i++)
        if (f->open[i].heard < oldest->heard)
            oldest = &f->open[i];
    struct buf bytes = end(f, oldest);
    buf_free(&bytes);
}

static enum err no_atoms(struct wire *in)
{
    uint8_t atoms = wire_u8(in);
    if (in->fell_short)
        return ERR_SHORT;
    return atoms == 0 ? OK : ERR_SHAPE;
}

static enum err fragment_read(struct wire *in, bool first, struct fragment *fragment)
{
    fragment->id = wire_u64(in);
    fragment->number = wire_u64(in);
    if (in->fell_short)
        return ERR_SHORT;
    enum err e = first ? no_atoms(in) : OK;
    fragment->piece = in->left;
    /* These two end the emulator of OTP 25 to 29; nobody counts from or to them. */
    if (e == OK && (fragment->number == 0 || fragment->number == UINT64_MAX))
        e = ERR_FRAGMENT;
    return e;
}

/* Whether the fragment is the one that has to come. */
static enum err place_check(struct fragments *f, bool first, const struct fragment *fragment)
{
    const struct sequence *s = find(f, fragment->id);
    if (first == (s != NULL))
        return ERR_FRAGMENT;
    if (s != NULL && s->next != fragment->number)
        return ERR_FRAGMENT;
    size_t before = s != NULL ? s->bytes.len : 0;
    return fragment->piece.len <= LIMIT_FRAME_BYTES - before ? OK : ERR_LIMIT;
}

/* Takes in a fragment that is; gives its sequence. */
static struct sequence *join(struct fragments *f, bool first, const struct fragment *fragment)
{
    if (!first)
        find(f, fragment->id)->heard = ++f->taken; /* first, or it might be given up */
    while (fragment->piece.len > LIMIT_FRAME_BYTES - f->held)
        give_up_one(f);
    if (first && f->count == LIMIT_FRAGMENT_SEQUENCES)
        give_up_one(f);
    struct sequence *s = first ? begin(f, fragment) : find(f, fragment->id);
    buf_put(&s->bytes, fragment->piece);
    f->held += fragment->piece.len;
    s->next--;
    return s;
}

static enum message fragment_take(struct fragments *f, struct wire *in, bool first,
                                  struct bytes *terms, enum err *err)
{
    struct fragment fragment;
    *err = fragment_read(in, first, &fragment);
    if (*err == OK)
        *err = place_check(f, first, &fragment);
    if (*err != OK)
        return MESSAGE_BAD;
    struct sequence *s = join(f, first, &fragment);
    if (s->next > 0)
        return MESSAGE_NONE;
    f->whole = end(f, s);
    *terms = buf_bytes(&f->whole);
    return MESSAGE_WHOLE;
}

/* A message that is whole in its frame. */
static enum message whole_take(struct wire *in, struct bytes *terms, enum err *err)
{
    *err = no_atoms(in);
    *terms = in->left;
    return *err == OK ? MESSAGE_WHOLE : MESSAGE_BAD;
}

enum message message_take(struct fragments *f, struct bytes body, struct bytes *terms,
                          bool *versioned, enum err *err)
{
    fragments_forget(f);
    struct wire in = wire_open(body);
    uint8_t first = wire_u8(&in);
    *versioned = first == BODY_PLAIN;
    *err = OK;
    if (first == BODY_PLAIN) {
        *terms = in.left;
        return MESSAGE_WHOLE;
    }
    switch (first == BODY_VERSION ? wire_u8(&in) : 0) {
    case BODY_WHOLE:
        return whole_take(&in, terms, err);
    case BODY_FIRST:
        return fragment_take(f, &in, true, terms, err);
    case BODY_LATER:
        return fragment_take(f, &in, false, terms, err);
    default:
        *err = in.fell_short ? ERR_SHORT : ERR_SHAPE;
        return MESSAGE_BAD;
    }
}
