/* A segment of a journal, as bytes: the changes since the snapshot.
 *
 * A segment is a header that names its owner, followed by records.  A record has a length, a
 * checksum over everything after it, and a sequence number:
 *
 *     header   "COPJRNL1"  length:32  crc32:32  term
 *     record   length:32   crc32:32   sequence:64  term
 *
 * Numbers are big endian, lengths count the term alone, sequence numbers count from 1 in each
 * segment.  docs/journal-format.md describes the format.  A record is a state to merge, so
 * replaying it twice or out of order does no harm. */
#ifndef COPPICE_STORE_JOURNAL_H
#define COPPICE_STORE_JOURNAL_H

#include "../err.h"
#include "../term/bytes.h"

/* Append a header with this term, and a record. */
void journal_put_header(struct buf *out, struct bytes owner);
void journal_put(struct buf *out, uint64_t sequence, struct bytes term);

/* A segment being read.  Reading does not stop at damage: it resumes at the next valid record
 * with a higher sequence number. */
struct journal {
    struct bytes segment;
    size_t at;
    struct bytes owner; /* the header's term, checked; empty: the header is not valid */
    uint64_t sequence;  /* of the last record */
    uint64_t records;   /* read so far */
    size_t valid_end;   /* end of the last valid record: what follows is a torn write */
    size_t damaged;     /* unreadable bytes between valid records */
    size_t damaged_at;  /* position of the first of them */
    uint64_t scan_left; /* bytes that the search for records after damage may still scan */
};

/* ERR_SHAPE if the segment does not start with the magic bytes; its valid records can be read
 * nevertheless.  A segment that ends within its header was torn on creation: OK, and empty. */
must_use enum err journal_open(struct journal *j, struct bytes segment);

/* The term of the next valid record, checked; it borrows from the segment.  False after the
 * last; the fields of j are then final. */
bool journal_next(struct journal *j, struct bytes *term);

#endif
