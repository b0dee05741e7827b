#include "integer.h"

#include <inttypes.h>
#include <math.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>

#include "../limits.h"
#include "../mem.h"
#include "head.h"
#include "write.h"

/* Bytes of the largest finite double, 2^1024, and of its shifted last digits. */
#define FLOAT_BYTES 136

/* Sign and magnitude, least significant byte first, without leading zeros: zero has no bytes.
 * at may point to small, so a filled-in value must not be copied. */
struct magnitude {
    const uint8_t *at;
    size_t len;
    bool negative;
    uint8_t small[4];
};

static void magnitude_from_word(struct magnitude *m, uint32_t word)
{
    m->at = m->small;
    for (m->len = 0; word > 0; word >>= 8)
        m->small[m->len++] = (uint8_t)word;
}

static void magnitude_of(struct bytes a, struct magnitude *m)
{
    must(a.len >= 2);
    *m = (struct magnitude){0};
    switch (a.at[0]) {
    case TAG_SMALL_INTEGER:
        magnitude_from_word(m, a.at[1]);
        return;
    case TAG_INTEGER: {
        must(a.len == 5);
        uint32_t word = (uint32_t)head_number(a.at + 1, 4);
        m->negative = word >> 31;
        magnitude_from_word(m, m->negative ? 0 - word : word);
        return;
    }
    default: {
        must(*a.at == TAG_SMALL_BIG || *a.at == TAG_LARGE_BIG);
        size_t head = *a.at == TAG_SMALL_BIG ? 3 : 6;
        must(a.len > head);
        m->negative = a.at[head - 1] != 0;
        m->at = a.at + head;
        m->len = a.len - head;
    }
    }
}

/* The value of up to eight bytes of magnitude. */
static uint64_t magnitude_word(const uint8_t *at, size_t len)
{
    uint64_t word = 0;
    for (size_t i = len; i > 0; i--)
        word = word << 8 | at[i - 1];
    return word;
}

static bool fits_int64(const struct magnitude *m, int64_t *v)
{
    if (m->len > sizeof(uint64_t))
        return false;
    uint64_t word = magnitude_word(m->at, m->len);
    if (word > (uint64_t)INT64_MAX + (m->negative ? 1 : 0))
        return false;
    *v = m->negative ? (int64_t)(0 - word) : (int64_t)word;
    return true;
}

static int magnitude_compare(const struct magnitude *a, const struct magnitude *b)
{
    if (a->negative != b->negative)
        return a->negative ? -1 : 1;
    int order = (a->len > b->len) - (a->len < b->len);
    for (size_t i = a->len; order == 0 && i > 0; i--)
        order = (a->at[i - 1] > b->at[i - 1]) - (a->at[i - 1] < b->at[i - 1]);
    return a->negative ? -order : order;
}

int integer_compare(struct bytes a, struct bytes b)
{
    int64_t v, w;
    if (head_word(a.at, &v) && head_word(b.at, &w))
        return (v > w) - (v < w);
    struct magnitude x, y;
    magnitude_of(a, &x);
    magnitude_of(b, &y);
    return magnitude_compare(&x, &y);
}

/* Compares the whole part first, then the fraction. */
static int word_compare_float(int64_t v, double f)
{
    if (f >= 0x1p63)
        return -1;
    if (f < -0x1p63)
        return 1;
    int64_t whole = (int64_t)f;
    if (v != whole)
        return v > whole ? 1 : -1;
    double rest = f - (double)whole;
    return (rest < 0) - (rest > 0);
}

int integer_compare_float(struct bytes a, double f)
{
    must(isfinite(f));
    struct magnitude m;
    magnitude_of(a, &m);
    int64_t v;
    if (fits_int64(&m, &v))
        return word_compare_float(v, f);

    int exponent;
    double fraction = frexp(fabs(f), &exponent);
    if (exponent <= 63)
        return m.negative ? -1 : 1;
    /* From 2^63 on a double is a whole number: 53 bits and zeros. */
    uint8_t digits[FLOAT_BYTES] = {0};
    unsigned shift = (unsigned)exponent - 53;
    uint64_t word = (uint64_t)ldexp(fraction, 53) << shift % 8;
    for (size_t i = shift / 8; word > 0; word >>= 8)
        digits[i++] = (uint8_t)word;
    struct magnitude whole = {digits, ((size_t)exponent + 7) / 8, f < 0, {0}};
    return magnitude_compare(&m, &whole);
}

int integer_sign(struct bytes a)
{
    int64_t v;
    if (head_word(a.at, &v))
        return (v > 0) - (v < 0);
    struct magnitude m;
    magnitude_of(a, &m);
    return m.negative ? -1 : m.len > 0;
}

/* --- beyond 64 bits ------------------------------------------------------ */

static BIGNUM *big_new(const struct magnitude *m)
{
    BIGNUM *big = mem_had(BN_new());
    mem_had(BN_lebin2bn(m->at, (int)m->len, big));
    BN_set_negative(big, m->negative);
    return big;
}

static void big_head(struct buf *out, size_t len, bool negative)
{
    if (len <= UINT8_MAX) {
        buf_put_u8(out, TAG_SMALL_BIG);
        buf_put_u8(out, (uint8_t)len);
    } else {
        buf_put_u8(out, TAG_LARGE_BIG);
        buf_put_u32(out, (uint32_t)len);
    }
    buf_put_u8(out, negative);
}

static enum err big_put(struct buf *out, const BIGNUM *big)
{
    int len = BN_num_bytes(big);
    if (len > LIMIT_INTEGER_BYTES)
        return ERR_LIMIT;
    uint8_t first[sizeof(int64_t)];
    struct magnitude m = {first, (size_t)len, BN_is_negative(big), {0}};
    int64_t v;
    if (m.len <= sizeof(first)) {
        BN_bn2lebinpad(big, first, len);
        if (fits_int64(&m, &v)) {
            put_int(out, v);
            return OK;
        }
    }
    big_head(out, m.len, m.negative);
    BN_bn2lebinpad(big, buf_room(out, m.len), len);
    out->len += m.len;
    return OK;
}

enum operation { ADD, SUBTRACT };

static enum err big_combine(struct buf *out, const struct magnitude *a, const struct magnitude *b,
                            enum operation operation)
{
    BIGNUM *x = big_new(a), *y = big_new(b);
    mem_sufficed(operation == ADD ? BN_add(x, x, y) : BN_sub(x, x, y));
    enum err e = big_put(out, x);
    BN_free(x);
    BN_free(y);
    return e;
}

static enum err combine(struct buf *out, struct bytes a, struct bytes b, enum operation operation)
{
    struct magnitude x, y;
    magnitude_of(a, &x);
    magnitude_of(b, &y);
    int64_t v, w, sum;
    if (!fits_int64(&x, &v) || !fits_int64(&y, &w))
        return big_combine(out, &x, &y, operation);
    bool overflow =
        operation == ADD ? __builtin_add_overflow(v, w, &sum) : __builtin_sub_overflow(v, w, &sum);
    if (overflow)
        return big_combine(out, &x, &y, operation);
    put_int(out, sum);
    return OK;
}

enum err integer_add(struct buf *out, struct bytes a, struct bytes b)
{
    return combine(out, a, b, ADD);
}

enum err integer_sub(struct buf *out, struct bytes a, struct bytes b)
{
    return combine(out, a, b, SUBTRACT);
}

/* --- digits -------------------------------------------------------------- */

void integer_print(struct buf *out, struct bytes a)
{
    struct magnitude m;
    magnitude_of(a, &m);
    int64_t v;
    if (fits_int64(&m, &v)) {
        buf_printf(out, "%" PRId64, v);
        return;
    }
    BIGNUM *big = big_new(&m);
    char *digits = mem_had(BN_bn2dec(big));
    buf_put(out, bytes_of(digits));
    OPENSSL_free(digits);
    BN_free(big);
}

/* The value of a digit, or a number too large for any base. */
static unsigned digit_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'Z')
        return c - 'A' + 10;
    return UINT8_MAX;
}

/* Multiplies once for as many digits as fit a machine word: one pass over the BIGNUM a word
 * instead of one a digit. */
static enum err big_parse(BIGNUM *big, struct bytes digits, unsigned base)
{
    BN_ULONG word = 0, scale = 1;
    for (size_t i = 0; i < digits.len; i++) {
        unsigned digit = digit_value(digits.at[i]);
        if (digit >= base)
            return ERR_SHAPE;
        word = word * base + digit;
        scale *= base;
        if (scale <= (BN_ULONG)-1 / base && i + 1 < digits.len)
            continue;
        mem_sufficed(BN_mul_word(big, scale) && BN_add_word(big, word));
        if (BN_num_bytes(big) > LIMIT_INTEGER_BYTES)
            return ERR_LIMIT;
        word = 0;
        scale = 1;
    }
    return OK;
}

enum err integer_parse(struct buf *out, struct bytes digits, unsigned base, bool negative)
{
    must(base >= 2 && base <= 36);
    if (digits.len == 0)
        return ERR_SHAPE;
    BIGNUM *big = mem_had(BN_new());
    enum err e = big_parse(big, digits, base);
    BN_set_negative(big, negative);
    if (e == OK)
        e = big_put(out, big);
    BN_free(big);
    return e;
}
