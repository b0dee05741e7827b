#include "../limits.h"
#include "../mem.h"
#include "../sorted.h"
#include "frame.h"
#include "wire.h"

/* Bytes of a skipped message that are kept: a control tuple and the head of a call. */
#define BEGINNING_BYTES 8192

struct sequence {
    bool skipped; /* bytes has only the beginning */
    uint64_t id;
    uint64_t next;                  /* number of the next fragment; they count down to 1 */
    struct sequence *before, *then; /* those whose last fragments arrived before and after its */
    struct buf bytes;
};

/* Invariants: count <= LIMIT_FRAGMENT_SEQUENCES; ids are unique; held is the total length of
 * all bytes and at most LIMIT_FRAME_BYTES. */
_Static_assert(LIMIT_FRAGMENT_SEQUENCES *BEGINNING_BYTES < LIMIT_FRAME_BYTES,
               "what is skipped leaves room");
struct fragments {
    struct sequence **open; /* sorted by id */
    size_t count, cap;
    struct sequence *oldest, *newest; /* by their last fragments */
    size_t held;
    bool forgot;      /* a sequence: its later fragments may come */
    struct buf whole; /* the last message reassembled */
    struct buf dropped;
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
    for (size_t i = 0; i < f->count; i++) {
        buf_free(&f->open[i]->bytes);
        mem_free(f->open[i]);
    }
    mem_free(f->open);
    buf_free(&f->whole);
    buf_free(&f->dropped);
    mem_free(f);
}

void fragments_drop(struct fragments *f, struct buf *bytes)
{
    if (bytes->cap <= LIMIT_FREED_BYTES || f->dropped.cap > 0) {
        buf_free(bytes);
        return;
    }
    f->dropped = *bytes;
    *bytes = (struct buf){0};
}

bool fragments_release(struct fragments *f)
{
    return f->dropped.cap > 0 && buf_free_some(&f->dropped, LIMIT_FREED_BYTES);
}

void fragments_forget(struct fragments *f)
{
    fragments_drop(f, &f->whole);
}

static int compare(const void *element, const void *key)
{
    uint64_t a = (*(struct sequence *const *)element)->id, b = *(const uint64_t *)key;
    return a < b ? -1 : a > b;
}

static size_t place_of(const struct fragments *f, uint64_t id)
{
    return sorted_place(f->open, f->count, sizeof(*f->open), &id, compare);
}

static struct sequence *find(const struct fragments *f, uint64_t id)
{
    struct sequence **found = sorted_find(f->open, f->count, sizeof(*f->open), &id, compare);
    return found != NULL ? *found : NULL;
}

/* --- in the order of their last fragments ---------------------------------------- */

static void leave(struct fragments *f, struct sequence *s)
{
    *(s->before != NULL ? &s->before->then : &f->oldest) = s->then;
    *(s->then != NULL ? &s->then->before : &f->newest) = s->before;
}

static void join(struct fragments *f, struct sequence *s)
{
    s->before = f->newest;
    s->then = NULL;
    *(f->newest != NULL ? &f->newest->then : &f->oldest) = s;
    f->newest = s;
}

/* --- beginning and end ----------------------------------------------------------- */

static struct sequence *start_sequence(struct fragments *f, const struct fragment *first)
{
    size_t place = place_of(f, first->id);
    struct sequence *s = mem_take(sizeof(*s));
    s->id = first->id;
    s->next = first->number;
    f->open = sorted_insert(f->open, &f->count, &f->cap, sizeof(*f->open), place);
    f->open[place] = s;
    join(f, s);
    return s;
}

/* Frees a sequence; its bytes belong to the caller. */
static struct buf remove_sequence(struct fragments *f, struct sequence *s)
{
    struct buf bytes = s->bytes;
    f->held -= bytes.len;
    leave(f, s);
    sorted_remove(f->open, &f->count, sizeof(*f->open), place_of(f, s->id));
    mem_free(s);
    return bytes;
}

/* The sequence that has waited longest for its next fragment; skipped ones only if any is set. */
static struct sequence *oldest(struct fragments *f, bool any)
{
    struct sequence *s = f->oldest;
    while (s != NULL && s->skipped && !any)
        s = s->then;
    return s;
}

static void forget(struct fragments *f, struct sequence *s)
{
    struct buf bytes = remove_sequence(f, s);
    buf_free(&bytes);
    f->forgot = true;
}

/* Keeps only the beginning. */
static void skip(struct fragments *f, struct sequence *s)
{
    struct buf all = s->bytes;
    must(!s->skipped);
    s->skipped = true;
    s->bytes = (struct buf){0};
    buf_put(&s->bytes,
            (struct bytes){all.at, all.len < BEGINNING_BYTES ? all.len : BEGINNING_BYTES});
    f->held -= all.len - s->bytes.len;
    fragments_drop(f, &all);
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
    return s == NULL || s->next == fragment->number ? OK : ERR_FRAGMENT;
}

/* Makes room for a piece of a sequence, by skipping others or, if it alone is too large, this. */
static void make_room(struct fragments *f, const struct sequence *s, size_t bytes)
{
    while (!s->skipped && bytes > LIMIT_FRAME_BYTES - f->held)
        skip(f, oldest(f, false));
}

/* Appends a checked fragment and returns its sequence. */
static struct sequence *append(struct fragments *f, bool first, const struct fragment *fragment)
{
    if (first && f->count == LIMIT_FRAGMENT_SEQUENCES)
        forget(f, oldest(f, true));
    struct sequence *s = first ? start_sequence(f, fragment) : find(f, fragment->id);
    leave(f, s);
    join(f, s); /* now, so that it is the last one to be skipped */
    struct bytes piece = fragment->piece;
    make_room(f, s, piece.len);
    if (s->skipped) {
        size_t room = LIMIT_FRAME_BYTES - f->held, wanted = BEGINNING_BYTES - s->bytes.len;
        room = room < wanted ? room : wanted;
        piece.len = piece.len < room ? piece.len : room;
    }
    buf_put(&s->bytes, piece);
    f->held += piece.len;
    s->next--;
    return s;
}

static enum message fragment_take(struct fragments *f, struct wire *in, bool first,
                                  struct bytes *terms, enum err *err)
{
    struct fragment fragment;
    *err = fragment_read(in, first, &fragment);
    if (*err == OK && !first && f->forgot && find(f, fragment.id) == NULL)
        return MESSAGE_NONE;
    if (*err == OK)
        *err = check_sequence(f, first, &fragment);
    if (*err != OK)
        return MESSAGE_BAD;
    struct sequence *s = append(f, first, &fragment);
    if (s->next > 0)
        return MESSAGE_NONE;
    bool skipped = s->skipped;
    f->whole = remove_sequence(f, s);
    *terms = buf_bytes(&f->whole);
    return skipped ? MESSAGE_CUT : MESSAGE_WHOLE;
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
