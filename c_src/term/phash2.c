#include "phash2.h"

#include <string.h>

#include "../limits.h"
#include "etf.h"
#include "head.h"
#include "utf8.h"

/* One 32-bit state runs through the term from left to right; each value is mixed into it with
 * a constant for its type.  Only the pairs of a map are hashed separately, since their order
 * must not matter. */

/* Multiples of the golden ratio (HCONST_2 to HCONST_19 in OTP). */
#define SALT(n) ((uint32_t)(0x9e3779b9u * (n)))
enum salt {
    SALT_INTEGER = 1, /* of 28 bits; also the arities of funs */
    SALT_NIL,
    SALT_ATOM,
    SALT_BYTES, /* up to four elements of a list */
    SALT_PID,
    SALT_PORT,
    SALT_REFERENCE,
    SALT_TUPLE = 9,
    SALT_NEGATIVE, /* integers beyond 28 bits */
    SALT_POSITIVE,
    SALT_FLOAT,
    SALT_BINARY,
    SALT_FUNCTION,
    SALT_BITS,
    SALT_MAP,
    SALT_PAIRS = 19,
};

/* The hash of a [] with nothing before it. */
#define NIL_ALONE 3468870702u
/* The value mixed in for any other []. */
#define NIL_VALUE 2
/* Integers hashed as one word: -2^27 to 2^27 - 1. */
#define SMALL_INTEGER_END (1 << 27)

struct frame {
    enum etf_kind kind;
    uint64_t left;        /* remaining terms; for a list, without the tail */
    bool begun;           /* maps: a pair has been read */
    uint32_t hash, pairs; /* maps: the outer state; the combined hashes of its pairs */
};

struct walk {
    const uint8_t *at, *end;
    uint32_t hash;
    unsigned depth;
    struct frame frames[LIMIT_TERM_DEPTH];
};

/* --- mixing ---------------------------------------------------------------- */

struct words {
    uint32_t a, b, c;
};

/* Bob Jenkins' mix of three words, from "Hash Functions for Hash Table Lookup". */
static struct words mix(struct words w)
{
    static const uint8_t shifts[3][3] = {{13, 8, 13}, {12, 16, 5}, {3, 10, 15}};
    for (unsigned i = 0; i < 3; i++) {
        w.a = (w.a - w.b - w.c) ^ w.c >> shifts[i][0];
        w.b = (w.b - w.c - w.a) ^ w.a << shifts[i][1];
        w.c = (w.c - w.a - w.b) ^ w.b >> shifts[i][2];
    }
    return w;
}

static void mix_two(struct walk *w, uint32_t x, uint32_t y, enum salt salt)
{
    w->hash = mix((struct words){SALT(salt) + x, SALT(salt) + y, w->hash}).c;
}

static void mix_one(struct walk *w, uint32_t x, enum salt salt)
{
    mix_two(w, x, 0, salt);
}

static uint32_t little_endian(const uint8_t *at, size_t count)
{
    uint32_t v = 0;
    for (size_t i = count; i-- > 0;)
        v = v << 8 | at[i];
    return v;
}

/* Twelve bytes at a time.  The last round takes the rest, which may be empty, with the length
 * in place of one byte. */
static uint32_t hash_bytes(struct bytes b, uint32_t start)
{
    struct words w = {SALT(SALT_INTEGER), SALT(SALT_INTEGER), start};
    const uint8_t *at = b.at;
    size_t left = b.len;
    for (; left >= 12; at += 12, left -= 12) {
        w.a += little_endian(at, 4);
        w.b += little_endian(at + 4, 4);
        w.c += little_endian(at + 8, 4);
        w = mix(w);
    }
    uint8_t rest[12] = {0};
    if (left > 0)
        memcpy(rest, at, left);
    w.a += little_endian(rest, 4);
    w.b += little_endian(rest + 4, 4);
    w.c += (uint32_t)b.len + (little_endian(rest + 8, 3) << 8);
    return mix(w).c;
}

/* --- leaves ------------------------------------------------------------------ */

/* Characters below 256 count as one byte, as when atoms were Latin-1. */
static uint32_t atom_hash(struct bytes atom)
{
    struct etf_in in = etf_open(atom);
    struct atom a;
    etf_atom(&in, &a);
    uint32_t hash = 0;
    for (struct bytes text = {a.text, a.len}; text.len > 0;) {
        uint32_t character, v = *text.at;
        size_t n = utf8_next(text, &character);
        if (n == 2 && character < 256)
            v = character;
        else
            n = 1;
        text = bytes_after(text, n);
        hash = (hash << 4) + v;
        uint32_t top = hash & 0xf0000000;
        hash ^= top >> 24 ^ top;
    }
    return hash;
}

static void hash_atom(struct walk *w, struct bytes atom)
{
    uint32_t v = atom_hash(atom);
    if (w->hash == 0)
        w->hash = v;
    else
        mix_one(w, v, SALT_ATOM);
}

static void hash_nil(struct walk *w)
{
    if (w->hash == 0)
        w->hash = NIL_ALONE;
    else
        mix_one(w, NIL_VALUE, SALT_NIL);
}

/* A magnitude in 64-bit words, least significant first. */
static void hash_magnitude(struct walk *w, struct bytes digits, bool negative)
{
    while (digits.len > 0) {
        size_t n = digits.len < 8 ? digits.len : 8, low = n < 4 ? n : 4;
        mix_two(w, little_endian(digits.at, low), little_endian(digits.at + low, n - low),
                negative ? SALT_NEGATIVE : SALT_POSITIVE);
        digits = bytes_after(digits, n);
    }
}

static void hash_integer(struct walk *w, const struct head *head)
{
    if (head->tag == TAG_SMALL_BIG || head->tag == TAG_LARGE_BIG) {
        struct bytes digits = head_content(w->at, head);
        hash_magnitude(w, digits, digits.at[-1] != 0);
        return;
    }
    int64_t v = head->tag == TAG_SMALL_INTEGER ? w->at[1] : (int32_t)head_number(w->at + 1, 4);
    uint32_t magnitude = (uint32_t)(v < 0 ? -v : v);
    if (v < -SMALL_INTEGER_END || v >= SMALL_INTEGER_END) {
        mix_one(w, magnitude, v < 0 ? SALT_NEGATIVE : SALT_POSITIVE);
        return;
    }
    if (v < 0)
        mix_one(w, magnitude, SALT_INTEGER);
    mix_one(w, (uint32_t)v, SALT_INTEGER);
}

/* -0.0 counts as 0.0, even where they are two terms. */
static void hash_float(struct walk *w)
{
    uint64_t bits = head_number(w->at + 1, 8);
    if (bits << 1 == 0)
        bits = 0;
    mix_two(w, (uint32_t)(bits >> 32), (uint32_t)bits, SALT_FLOAT);
}

static void hash_bits(struct walk *w, const struct head *head)
{
    struct bytes b = head_content(w->at, head);
    uint32_t start = SALT(SALT_BINARY) + w->hash;
    if (head->kind == ETF_BINARY) {
        w->hash = b.len > 0 ? hash_bytes(b, start) : start;
        return;
    }
    uint32_t bits = b.at[-1], last = b.at[b.len - 1];
    w->hash = hash_bytes((struct bytes){b.at, b.len - 1}, start);
    mix_two(w, bits, last >> (8 - bits), SALT_BITS);
}

static void hash_identifier(struct walk *w, const struct head *head)
{
    struct etf_in in = etf_open((struct bytes){w->at, head->size});
    if (head->kind == ETF_PID) {
        mix_one(w, etf_pid(&in).id, SALT_PID);
    } else if (head->kind == ETF_PORT) {
        uint64_t id = etf_port(&in).id;
        mix_two(w, (uint32_t)id, (uint32_t)(id >> 32), SALT_PORT);
    } else {
        mix_one(w, etf_reference(&in).words[0], SALT_REFERENCE);
    }
    must(etf_finish(&in) == OK);
}

/* --- containers ---------------------------------------------------------------- */

static void push(struct walk *w, enum etf_kind kind, uint64_t terms)
{
    must(w->depth < LIMIT_TERM_DEPTH);
    w->frames[w->depth++] = (struct frame){.kind = kind, .left = terms};
}

/* A run of bytes in a list, four to a word. */
struct run {
    uint32_t word;
    unsigned count;
};

static void run_add(struct walk *w, struct run *r, uint8_t byte)
{
    r->word = r->word << 8 | byte;
    if (++r->count == 4) {
        mix_one(w, r->word, SALT_BYTES);
        *r = (struct run){0};
    }
}

static void run_end(struct walk *w, const struct run *r)
{
    if (r->count > 0)
        mix_one(w, r->word, SALT_BYTES);
}

static void hash_string(struct walk *w, const struct head *head)
{
    struct bytes b = head_content(w->at, head);
    struct run r = {0};
    for (size_t i = 0; i < b.len; i++)
        run_add(w, &r, b.at[i]);
    run_end(w, &r);
    hash_nil(w);
}

static void enter_list(struct walk *w, const struct head *head)
{
    if (head->tag == TAG_NIL) {
        hash_nil(w);
    } else if (head->tag == TAG_STRING) {
        hash_string(w, head);
    } else {
        push(w, ETF_LIST, head->count);
    }
    w->at += head->size;
}

static void enter_map(struct walk *w, const struct head *head)
{
    w->at += head->size;
    mix_one(w, (uint32_t)head->count, SALT_MAP);
    if (head->count == 0)
        return;
    push(w, ETF_MAP, head->terms);
    w->frames[w->depth - 1].hash = w->hash;
    w->hash = 0;
}

static void enter_export(struct walk *w)
{
    struct etf_in in = etf_open((struct bytes){w->at, (size_t)(w->end - w->at)});
    struct etf_export e = etf_export(&in);
    mix_two(w, e.arity, atom_hash(e.module), SALT_INTEGER);
    mix_one(w, atom_hash(e.function), SALT_FUNCTION);
    w->at = in.at;
}

/* The head is followed by the module, the old index, the old uniq, the creator and the free
 * variables.  The 16-byte uniq is not hashed. */
static void enter_fun(struct walk *w, const struct head *head)
{
    struct etf_in in = etf_open((struct bytes){w->at, (size_t)(w->end - w->at)});
    uint32_t index = (uint32_t)head_number(w->at + HEAD_OF_FUN_INDEX, 4);
    in.at += head->size;
    struct bytes module = etf_any(&in);
    etf_any(&in);
    uint32_t uniq = (uint32_t)etf_int64(&in);
    etf_any(&in);
    mix_two(w, (uint32_t)head->count, atom_hash(module), SALT_INTEGER);
    mix_two(w, index, uniq, SALT_INTEGER);
    w->at = in.at;
    push(w, ETF_FUN, head->count);
}

/* --- the walk -------------------------------------------------------------------- */

static void leaf(struct walk *w, const struct head *head)
{
    switch (head->kind) {
    case ETF_ATOM:
        hash_atom(w, (struct bytes){w->at, head->size});
        break;
    case ETF_INTEGER:
        hash_integer(w, head);
        break;
    case ETF_FLOAT:
        hash_float(w);
        break;
    case ETF_BINARY:
    case ETF_BITSTRING:
        hash_bits(w, head);
        break;
    default:
        hash_identifier(w, head);
        break;
    }
    w->at += head->size;
}

/* Hashes a leaf, or the head of a container, and opens a frame for the rest. */
static void enter(struct walk *w)
{
    struct head head;
    must(head_read(w->at, w->end, &head) == OK);
    switch (head.kind) {
    case ETF_LIST:
        enter_list(w, &head);
        break;
    case ETF_TUPLE:
        mix_one(w, (uint32_t)head.count, SALT_TUPLE);
        w->at += head.size;
        push(w, ETF_TUPLE, head.count);
        break;
    case ETF_MAP:
        enter_map(w, &head);
        break;
    case ETF_EXPORT:
        enter_export(w);
        break;
    case ETF_FUN:
        enter_fun(w, &head);
        break;
    default:
        leaf(w, &head);
        break;
    }
}

/* Hashes the bytes at the front of the list's rest, then one term: an element that is not a
 * byte, or the tail. */
static void step_list(struct walk *w, struct frame *f)
{
    struct run r = {0};
    for (; f->left > 0 && *w->at == TAG_SMALL_INTEGER; f->left--, w->at += 2)
        run_add(w, &r, w->at[1]);
    run_end(w, &r);
    if (f->left == 0)
        w->depth--;
    else
        f->left--;
    enter(w);
}

static void step_map(struct walk *w, struct frame *f)
{
    if (f->left % 2 == 0 && f->begun) {
        f->pairs ^= w->hash;
        w->hash = 0;
    }
    f->begun = true;
    if (f->left > 0) {
        f->left--;
        enter(w);
        return;
    }
    w->hash = f->hash;
    mix_one(w, f->pairs, SALT_PAIRS);
    w->depth--;
}

static void step(struct walk *w)
{
    struct frame *f = &w->frames[w->depth - 1];
    if (f->kind == ETF_LIST) {
        step_list(w, f);
    } else if (f->kind == ETF_MAP) {
        step_map(w, f);
    } else if (f->left > 0) {
        f->left--;
        enter(w);
    } else {
        w->depth--;
    }
}

uint32_t phash2(struct bytes canonical)
{
    struct walk w;
    must(canonical.len > 0);
    w.at = canonical.at;
    w.end = canonical.at + canonical.len;
    w.hash = 0;
    w.depth = 0;
    enter(&w);
    while (w.depth > 0)
        step(&w);
    must(w.at == w.end);
    return w.hash % PHASH2_RANGE;
}
