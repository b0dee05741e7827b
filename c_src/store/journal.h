/* A journal's segment: what has changed since the snapshot, as bytes.
 *
 * A segment begins with a header that names what it is a journal of, and goes on with
 * records.  A record has a length, a checksum over all that follows it, and a
 * sequence number, one more than the record's before it:
 *
 *     header   "COPJRNL1"  length:32  crc32:32  term
 *     record   length:32   crc32:32   sequence:64  term
 *
 * Numbers are big endian, lengths count the term alone, the first record of a segment has
 * the number 1.  docs/journal-format.md is the page for readers.  A record is a state to
 * join, so that one read twice, or out of order, does no harm. */
#ifndef COPPICE_STORE_JOURNAL_H
#define COPPICE_STORE_JOURNAL_H

#include "../err.h"
#include "../term/bytes.h"

/* Appends a header that holds this term; and a record. */
void journal_put_header(struct buf *out, struct bytes of);
void journal_put(struct buf *out, uint64_t sequence, struct bytes term);

/* What a segment holds.  Reading never stops for good at damage: it goes on at the
 * next sound record of a higher number. */
struct journal {
    struct bytes segment;
    size_t at;
    struct bytes of;     /* the header's term, checked; empty: the header is not sound */
    uint64_t sequence;   /* of the last record */
    uint64_t records;    /* read so far */
    size_t sound;        /* where the last sound record ends: what is behind it was torn */
    size_t damaged;      /* bytes between sound records that could not be read */
    size_t damaged_at;   /* where the first of them stands */
    uint64_t looks_left; /* bytes that a search behind damage may still look at */
};

/* ERR_SHAPE when it does not begin as a segment does: what is sound in it can be read all
 * the same.  A segment that ends inside of its header is one that was torn when it was
 * made: OK, and it holds nothing. */
must_use enum err journal_open(struct journal *j, struct bytes segment);

/* The next sound record's term, checked and good as long as the segment; false behind
 * the last: j then says all that is known of the segment. */
bool journal_next(struct journal *j, struct bytes *term);

#endif
