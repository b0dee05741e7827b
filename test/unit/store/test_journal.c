#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "mem.h"
#include "store/journal.h"
#include "term/write.h"
#include "unit/suite.h"

#define RECORDS 6

/* A segment of records 1 to 6, each with its number in it, and where each of them ends. */
struct made {
    struct buf segment;
    size_t end[RECORDS + 1]; /* end[0] is the header's */
};

static struct made make(void)
{
    struct made m = {0};
    journal_put_header(&m.segment, term_of("{'Elixir.Grove.Set.GSet', {views, <<\"a\">>}}"));
    m.end[0] = m.segment.len;
    for (unsigned i = 1; i <= RECORDS; i++) {
        struct buf term = {0};
        put_tuple(&term, 2);
        put_uint(&term, i);
        put_binary(&term, (struct bytes){m.segment.at, i * 7});
        journal_put(&m.segment, i, buf_bytes(&term));
        buf_free(&term);
        m.end[i] = m.segment.len;
    }
    return m;
}

/* The numbers in the records, as a bit mask; asserts that each record is intact. */
static unsigned read_all(struct journal *j, const struct made *m)
{
    unsigned set = 0;
    struct bytes term;
    while (journal_next(j, &term)) {
        uint8_t n = term.len > 3 ? term.at[3] : 0;
        CU_ASSERT_FATAL(n >= 1 && n <= RECORDS);
        size_t start = m->end[n - 1] + 16;
        CU_ASSERT(bytes_equal(term, (struct bytes){m->segment.at + start, m->end[n] - start}));
        CU_ASSERT((set & 1u << n) == 0);
        set |= 1u << n;
    }
    CU_ASSERT(!journal_next(j, &term));
    return set;
}

#define ALL 0x7eu /* bits 1 to 6 */

static void reads_back_records(void)
{
    struct made m = make();
    struct journal j;
    CU_ASSERT(journal_open(&j, wall(buf_bytes(&m.segment))) == OK);
    ASSERT_TERM(j.owner, term_of("{'Elixir.Grove.Set.GSet', {views, <<\"a\">>}}"));
    CU_ASSERT_EQUAL(read_all(&j, &m), ALL);
    CU_ASSERT_EQUAL(j.records, RECORDS);
    CU_ASSERT_EQUAL(j.sequence, RECORDS);
    CU_ASSERT_EQUAL(j.valid_end, m.segment.len);
    CU_ASSERT_EQUAL(j.damaged, 0);
    buf_free(&m.segment);
}

/* The example in docs/journal-format.md. */
static void writes_the_documented_bytes(void)
{
    struct buf out = {0};
    journal_put_header(&out, hex("6a"));
    journal_put(&out, 1, hex("6102"));
    struct bytes wanted = hex("434f504a 524e4c31 00000001 7f6567cb 6a"
                              "00000002 70a0398b 00000000 00000001 6102");
    CU_ASSERT_EQUAL(out.len, wanted.len);
    CU_ASSERT(bytes_equal(buf_bytes(&out), wanted));
    buf_free(&out);
}

/* A torn write costs only records that were not acknowledged. */
static void reads_every_prefix(void)
{
    struct made m = make();
    for (size_t cut = 0; cut < m.segment.len; cut++) {
        struct journal j;
        unsigned wanted = 0;
        size_t valid = cut < m.end[0] ? 0 : m.end[0];
        for (unsigned i = 1; i <= RECORDS && m.end[i] <= cut; i++) {
            wanted |= 1u << i;
            valid = m.end[i];
        }
        CU_ASSERT(journal_open(&j, wall((struct bytes){m.segment.at, cut})) == OK);
        CU_ASSERT_EQUAL(j.owner.len == 0, cut < m.end[0]);
        CU_ASSERT_EQUAL(read_all(&j, &m), wanted);
        CU_ASSERT_EQUAL(j.valid_end, valid);
        CU_ASSERT_EQUAL(j.damaged, 0);
    }
    buf_free(&m.segment);
}

/* The record that a byte belongs to; 0 is the header. */
static unsigned owner(const struct made *m, size_t at)
{
    unsigned i = 0;
    while (at >= m->end[i])
        i++;
    return i;
}

/* One flipped bit costs one record; those after it are found. */
static void loses_one_record_per_flipped_bit(void)
{
    struct made m = make();
    for (size_t bit = 0; bit < 8 * m.segment.len; bit++) {
        struct buf copy = {0};
        struct journal j;
        unsigned hit = owner(&m, bit / 8);
        buf_put(&copy, buf_bytes(&m.segment));
        copy.at[bit / 8] ^= (uint8_t)(1 << bit % 8);
        enum err e = journal_open(&j, wall(buf_bytes(&copy)));
        CU_ASSERT_EQUAL(e, bit < 64 ? ERR_SHAPE : OK);
        CU_ASSERT_EQUAL(j.owner.len == 0, hit == 0);
        CU_ASSERT_EQUAL(read_all(&j, &m), ALL & ~(hit == 0 ? 0 : 1u << hit));
        size_t start = hit == 0 ? 0 : m.end[hit - 1];
        if (hit < RECORDS) {
            CU_ASSERT_EQUAL(j.damaged, m.end[hit] - start);
            CU_ASSERT_EQUAL(j.damaged_at, start);
            CU_ASSERT_EQUAL(j.sequence - j.records, hit > 0);
        } else {
            CU_ASSERT_EQUAL(j.damaged, 0);
            CU_ASSERT_EQUAL(j.valid_end, start);
        }
        buf_free(&copy);
    }
    buf_free(&m.segment);
}

/* Any run of bytes, overwritten with zeros, as in a torn sector, or with garbage. */
static void loses_only_damaged_records(void)
{
    struct made m = make();
    srand(1);
    for (unsigned round = 0; round < 20000; round++) {
        struct buf copy = {0};
        struct journal j;
        size_t from = (size_t)rand() % m.segment.len;
        size_t end = from + 1 + (size_t)rand() % (m.segment.len - from);
        unsigned wanted = ALL;
        buf_put(&copy, buf_bytes(&m.segment));
        for (size_t i = from; i < end; i++)
            copy.at[i] = round % 2 == 0 ? 0 : (uint8_t)rand();
        for (size_t i = from; i < end; i++)
            if (copy.at[i] != m.segment.at[i])
                wanted &= ~(1u << owner(&m, i));
        (void)!journal_open(&j, wall(buf_bytes(&copy)));
        CU_ASSERT_EQUAL(read_all(&j, &m), wanted);
        buf_free(&copy);
    }
    buf_free(&m.segment);
}

/* Inserted bytes move the records after them. */
static void finds_moved_records(void)
{
    struct made m = make();
    for (size_t at = 8; at <= m.segment.len; at++) {
        struct buf copy = {0};
        struct journal j;
        buf_put(&copy, (struct bytes){m.segment.at, at});
        buf_put(&copy, BYTES("something else"));
        buf_put(&copy, (struct bytes){m.segment.at + at, m.segment.len - at});
        CU_ASSERT(journal_open(&j, wall(buf_bytes(&copy))) == OK);
        bool between = false;
        for (unsigned i = 0; i <= RECORDS; i++)
            between = between || m.end[i] == at;
        unsigned hit = between ? 0 : 1u << owner(&m, at);
        CU_ASSERT_EQUAL(read_all(&j, &m), ALL & ~hit);
        buf_free(&copy);
    }
    buf_free(&m.segment);
}

/* Repeated older records are not read twice, and do not hide newer ones. */
static void ignores_lower_sequence_numbers(void)
{
    struct made m = make();
    struct journal j;
    struct buf copy = {0};
    buf_put(&copy, (struct bytes){m.segment.at, m.end[3]});
    buf_put(&copy, (struct bytes){m.segment.at + m.end[0], m.end[3] - m.end[0]});
    buf_put(&copy, (struct bytes){m.segment.at + m.end[3], m.segment.len - m.end[3]});
    CU_ASSERT(journal_open(&j, wall(buf_bytes(&copy))) == OK);
    CU_ASSERT_EQUAL(read_all(&j, &m), ALL);
    CU_ASSERT_EQUAL(j.damaged, m.end[3] - m.end[0]);
    buf_free(&copy);
    buf_free(&m.segment);
}

static void finds_no_records_in_garbage(void)
{
    srand(2);
    for (unsigned round = 0; round < 3000; round++) {
        struct buf bytes = {0};
        struct journal j;
        struct bytes term;
        size_t len = (size_t)rand() % 3000;
        if (round % 2 == 0)
            buf_put(&bytes, BYTES("COPJRNL1"));
        for (size_t i = 0; i < len; i++)
            buf_put_u8(&bytes, round % 3 == 0 ? (uint8_t)(rand() % 2) : (uint8_t)rand());
        (void)!journal_open(&j, wall(buf_bytes(&bytes)));
        CU_ASSERT(!journal_next(&j, &term));
        buf_free(&bytes);
    }
}

/* The checksum is right, but the content is not a term. */
static void skips_records_that_are_not_terms(void)
{
    static const char *const wrong[] = {"ff", "6101 6a", "6d000000ff", "83 6a", "50 00000001"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct buf out = {0};
        struct journal j;
        struct bytes term;
        journal_put_header(&out, hex(wrong[i]));
        journal_put(&out, 1, hex(wrong[i]));
        journal_put(&out, 2, hex("6102"));
        CU_ASSERT(journal_open(&j, wall(buf_bytes(&out))) == OK);
        CU_ASSERT_EQUAL(j.owner.len, 0);
        CU_ASSERT_FATAL(journal_next(&j, &term));
        ASSERT_TERM(term, hex("6102"));
        CU_ASSERT(!journal_next(&j, &term));
        buf_free(&out);
    }
}

/* Every byte starts what looks like a record of half the file; checking all of them would take
 * forever. */
static void bounds_the_search_for_records(void)
{
    size_t len = 8u << 20;
    struct buf out = {0};
    struct journal j;
    struct bytes term;
    buf_put(&out, BYTES("COPJRNL1"));
    while (out.len < len)
        buf_put(&out, hex("00 00 00 10"));
    CU_ASSERT(journal_open(&j, buf_bytes(&out)) == OK);
    while (journal_next(&j, &term))
        CU_FAIL("found a record in garbage");
    buf_clear(&out);
    buf_put(&out, BYTES("COPJRNL1"));
    while (out.len < len) {
        buf_put_u32(&out, (uint32_t)len / 2);
        buf_put_u32(&out, 0);
        buf_put_u64(&out, 1);
    }
    CU_ASSERT(journal_open(&j, buf_bytes(&out)) == OK);
    CU_ASSERT(!journal_next(&j, &term));
    CU_ASSERT(j.scan_left < len);
    buf_free(&out);
}

SUITE("journal", TEST(reads_back_records), TEST(writes_the_documented_bytes),
      TEST(reads_every_prefix), TEST(loses_one_record_per_flipped_bit),
      TEST(loses_only_damaged_records), TEST(finds_moved_records),
      TEST(ignores_lower_sequence_numbers), TEST(finds_no_records_in_garbage),
      TEST(skips_records_that_are_not_terms), TEST(bounds_the_search_for_records))
