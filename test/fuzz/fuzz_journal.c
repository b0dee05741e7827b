/* A segment of a journal, built and then damaged as the input says, or its bytes as they are; and
 * an object of a table.
 *
 * Reading ends, finds valid terms with ascending numbers, and everything where nothing is damaged;
 * what it has found is found again once it is written to a new segment.  A record of a table that
 * is read is read again as it is written. */
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "store/journal.h"
#include "store/record.h"
#include "stored.h"
#include "term/etf_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void is_term(struct bytes b)
{
    size_t len;
    must(etf_check(b, &len) == OK && len == b.len);
}

/* Reads all, and writes it to a new segment. */
static uint64_t read_segment(struct bytes segment, struct buf *again)
{
    struct journal j;
    struct bytes term;
    uint64_t sequence = 0;
    bool has_magic = journal_open(&j, segment) == OK;
    must(has_magic || j.owner.len == 0);
    if (j.owner.len > 0)
        is_term(j.owner);
    journal_put_header(again, j.owner.len > 0 ? j.owner : BYTES("j"));
    while (journal_next(&j, &term)) {
        is_term(term);
        must(j.sequence > sequence);
        sequence = j.sequence;
        journal_put(again, sequence, term);
    }
    must(j.valid_end + j.damaged <= 2 * segment.len && j.valid_end <= segment.len);
    must(j.damaged <= j.valid_end && j.records <= j.sequence);
    return j.records;
}

static void segment(struct bytes bytes, size_t sound)
{
    struct buf again = {0}, twice = {0};
    uint64_t found = read_segment(bytes, &again);
    must(sound == SIZE_MAX || found == sound);
    must(read_segment(buf_bytes(&again), &twice) == found);
    must(bytes_equal(buf_bytes(&again), buf_bytes(&twice)));
    buf_free(&again);
    buf_free(&twice);
}

static void object(struct bytes bytes)
{
    struct buf memory = {0}, rest = {0}, again = {0}, memory_again = {0}, rest_again = {0};
    struct bytes state, state_again;
    uint32_t count, count_again;
    enum record_form form, form_again;
    if (record_read(bytes, &memory, &state, &rest, &count, &form) == OK) {
        is_term(state);
        record_put(&again, BYTES("w\1g"), state, buf_bytes(&rest), count, form);
        must(record_read(buf_bytes(&again), &memory_again, &state_again, &rest_again, &count_again,
                         &form_again) == OK);
        must(bytes_equal(state, state_again) && form == form_again);
        must(count == count_again && bytes_equal(buf_bytes(&rest), buf_bytes(&rest_again)));
    }
    buf_free(&memory);
    buf_free(&rest);
    buf_free(&again);
    buf_free(&memory_again);
    buf_free(&rest_again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct stored_owner owner = {BYTES("w\25" STORED_MODULE), BYTES("w\1g")};
    struct wire in = wire_open((struct bytes){data, size});
    struct buf built = {0};
    size_t sound;
    stored_put_segment(&built, &in, &owner, &sound);
    segment(buf_bytes(&built), sound);
    segment(in.left, SIZE_MAX);
    object(in.left);
    buf_free(&built);
    return 0;
}
