#include "journal.h"

#include <string.h>
#include <zlib.h>

#include "../limits.h"
#include "../term/etf.h"
#include "../term/head.h"

#define MAGIC BYTES("COPJRNL1")

/* Offsets in the header, then in a record. */
#define AT_LENGTH       8
#define AT_CHECKSUM     12
#define HEADER_BYTES    16
#define RECORD_CHECKSUM 4
#define RECORD_SEQUENCE 8
#define RECORD_BYTES    16

/* The largest gap between consecutive sequence numbers: more records than a segment can hold.
 * It rejects most random bytes before their checksum is computed. */
#define SEQUENCE_STEP_MAX (1ull << 32)

static uint32_t checksum(struct bytes b)
{
    return (uint32_t)crc32_z(0, b.at, b.len);
}

/* --- writing -------------------------------------------------------------------------- */

void journal_put_header(struct buf *out, struct bytes owner)
{
    must(owner.len > 0 && owner.len <= UINT32_MAX);
    buf_put(out, MAGIC);
    buf_put_u32(out, (uint32_t)owner.len);
    buf_put_u32(out, checksum(owner));
    buf_put(out, owner);
}

void journal_put(struct buf *out, uint64_t sequence, struct bytes term)
{
    must(term.len > 0 && term.len <= UINT32_MAX);
    struct buf covered = {0};
    buf_put_u64(&covered, sequence);
    uint32_t sum = (uint32_t)crc32_z(checksum(buf_bytes(&covered)), term.at, term.len);
    buf_put_u32(out, (uint32_t)term.len);
    buf_put_u32(out, sum);
    buf_put(out, buf_bytes(&covered));
    buf_put(out, term);
    buf_free(&covered);
}

/* --- reading -------------------------------------------------------------------------- */

static bool is_term(struct bytes b)
{
    size_t len;
    return etf_check(b, &len) == OK && len == b.len;
}

static size_t left(const struct journal *j, size_t at)
{
    return j->segment.len - at;
}

/* Reads the header; false if it is not valid. */
static bool read_header(struct journal *j)
{
    if (left(j, 0) < HEADER_BYTES)
        return false;
    uint64_t len = head_number(j->segment.at + AT_LENGTH, 4);
    struct bytes owner = {j->segment.at + HEADER_BYTES, (size_t)len};
    if (len > left(j, HEADER_BYTES) ||
        head_number(j->segment.at + AT_CHECKSUM, 4) != checksum(owner) || !is_term(owner))
        return false;
    j->owner = owner;
    return true;
}

enum err journal_open(struct journal *j, struct bytes segment)
{
    *j = (struct journal){.segment = segment, .scan_left = LIMIT_SALVAGE_SCANS * segment.len};
    struct bytes magic = MAGIC;
    size_t front = segment.len < magic.len ? segment.len : magic.len;
    bool has_magic = front == 0 || memcmp(segment.at, magic.at, front) == 0;
    if (has_magic && read_header(j))
        j->at = j->valid_end = HEADER_BYTES + j->owner.len;
    return has_magic ? OK : ERR_SHAPE;
}

/* Reads the record at a position; false if it is not valid.  Cheap checks come first. */
static bool read_record(struct journal *j, size_t at, struct bytes *term)
{
    if (left(j, at) <= RECORD_BYTES)
        return false;
    const uint8_t *record = j->segment.at + at;
    uint64_t len = head_number(record, 4);
    uint64_t sequence = head_number(record + RECORD_SEQUENCE, 8);
    uint64_t step = sequence - j->sequence; /* huge if sequence numbers go back */
    if (len == 0 || len > left(j, at + RECORD_BYTES) || step == 0 || step > SEQUENCE_STEP_MAX)
        return false;
    struct bytes covered = {record + RECORD_SEQUENCE, (size_t)len + 8};
    if (at != j->valid_end) {
        if (covered.len > j->scan_left)
            return false;
        j->scan_left -= covered.len;
    }
    *term = (struct bytes){record + RECORD_BYTES, (size_t)len};
    if (head_number(record + RECORD_CHECKSUM, 4) != checksum(covered) || !is_term(*term))
        return false;
    j->sequence = sequence;
    return true;
}

bool journal_next(struct journal *j, struct bytes *term)
{
    while (j->at < j->segment.len) {
        size_t at = j->at++;
        if (!read_record(j, at, term))
            continue;
        if (at > j->valid_end && j->damaged == 0)
            j->damaged_at = j->valid_end;
        j->damaged += at - j->valid_end;
        j->at = j->valid_end = at + RECORD_BYTES + term->len;
        j->records++;
        return true;
    }
    return false;
}
