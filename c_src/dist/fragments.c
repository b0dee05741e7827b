#include "../limits.h"
#include "../mem.h"
#include "frame.h"
#include "wire.h"

struct sequence {
    uint64_t id;
    uint64_t next;      /* number of the next fragment; they count down to 1 */
    uint64_t last_used; /* value of clock when its last fragment arrived */
    struct buf bytes;
};

/* Invariants: count <= LIMIT_FRAGMENT_SEQUENCES; ids are unique; held is the total length of
 * all bytes and at most LIMIT_FRAME_BYTES. */
struct fragments {
    struct sequence *open;
    size_t count, cap;
    size_t held;
    uint64_t clock;   /* fragments received so far */
    struct buf whole; /* the last message reassembled */
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

/* Linear: there are a handful, and at most a thousand. */
static struct sequence *find(struct fragments *f, uint64_t id)
{
    for (size_t i = 0; i < f->count; i++)
        if (f->open[i].id == id)
            return &f->open[i];
    return NULL;
}

static struct sequence *start_sequence(struct fragments *f, const struct fragment *first)
{
    f->open = mem_room(f->open, f->count, &f->cap, sizeof(*f->open));
    struct sequence *s = &f->open[f->count++];
    *s = (struct sequence){.id = first->id, .next = first->number, .last_used = ++f->clock};
    return s;
}

/* Removes a sequence; its bytes belong to the caller. */
static struct buf remove_sequence(struct fragments *f, struct sequence *s)
{
    struct buf bytes = s->bytes;
    f->held -= bytes.len;
    *s = f->open[--f->count];
    return bytes;
}

/* Drops the sequence that has waited longest for its next fragment. */
static void drop_oldest(struct fragments *f)
{
    must(f->count > 0);
    struct sequence *oldest = &f->open[0];
    for (size_t i = 1; i < f->count; i++)
        if (f->open[i].last_used < oldest->last_used)
            oldest = &f->open[i];
    struct buf bytes = remove_sequence(f, oldest);
    buf_free(&bytes);
}

static enum err check_no_atoms(struct wire *in)
{
    uint8_t atoms = wire_u8(in);
    if (in->truncated)
        return ERR_SHORT;
    return atoms == 0 ? OK : ERR_SHAPE;
}

static enum err fragment_read(struct wire *in, bool first, struct fragment *fragment)
{
    fragment->id = wire_u64(in);
    fragment->number = wire_u64(in);
    if (in->truncated)
        return ERR_SHORT;
    enum err e = first ? check_no_atoms(in) : OK;
    fragment->piece = in->left;
    /* These two numbers crash the emulator of OTP 25 to 29; no sender uses them. */
    if (e == OK && (fragment->number == 0 || fragment->number == UINT64_MAX))
        e = ERR_FRAGMENT;
    return e;
}

/* Checks that the fragment is the next of its sequence. */
static enum err check_sequence(struct fragments *f, bool first, const struct fragment *fragment)
{
    const struct sequence *s = find(f, fragment->id);
    if (first == (s != NULL))
        return ERR_FRAGMENT;
    if (s != NULL && s->next != fragment->number)
        return ERR_FRAGMENT;
    size_t before = s != NULL ? s->bytes.len : 0;
    return fragment->piece.len <= LIMIT_FRAME_BYTES - before ? OK : ERR_LIMIT;
}

/* Appends a checked fragment and returns its sequence. */
static struct sequence *append(struct fragments *f, bool first, const struct fragment *fragment)
{
    if (!first)
        find(f, fragment->id)->last_used = ++f->clock; /* now, or it might be dropped below */
    while (fragment->piece.len > LIMIT_FRAME_BYTES - f->held)
        drop_oldest(f);
    if (first && f->count == LIMIT_FRAGMENT_SEQUENCES)
        drop_oldest(f);
    struct sequence *s = first ? start_sequence(f, fragment) : find(f, fragment->id);
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
        *err = check_sequence(f, first, &fragment);
    if (*err != OK)
        return MESSAGE_BAD;
    struct sequence *s = append(f, first, &fragment);
    if (s->next > 0)
        return MESSAGE_NONE;
    f->whole = remove_sequence(f, s);
    *terms = buf_bytes(&f->whole);
    return MESSAGE_WHOLE;
}

/* A message that was not fragmented. */
static enum message unfragmented_take(struct wire *in, struct bytes *terms, enum err *err)
{
    *err = check_no_atoms(in);
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
        return unfragmented_take(&in, terms, err);
    case BODY_FIRST:
        return fragment_take(f, &in, true, terms, err);
    case BODY_LATER:
        return fragment_take(f, &in, false, terms, err);
    default:
        *err = in.truncated ? ERR_SHORT : ERR_SHAPE;
        return MESSAGE_BAD;
    }
}
