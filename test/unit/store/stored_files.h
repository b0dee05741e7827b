/* Creating and inspecting the files of a storage, for the suites of storage. */
#ifndef COPPICE_TEST_STORED_FILES_H
#define COPPICE_TEST_STORED_FILES_H

#include <zlib.h>

#include "store/journal.h"
#include "unit/store/stored.h"

/* Replaces the table by a closed one of these objects, in Erlang syntax. */
static inline void stored_put_table(struct fake_disk *d, const char *const *texts, size_t count)
{
    static const struct dets_shape shape = {DETS_SET, 1};
    struct objects o = {0};
    for (size_t i = 0; i < count; i++)
        objects_add(&o, term_copy(term_of(texts[i])));
    struct dets_record *records = records_of(&o, 1);
    struct buf file = image_of(&shape, records, count);
    (fake_disk_has(d, FILE_NAME) ? fake_disk_overwrite : fake_disk_put)(d, FILE_NAME,
                                                                        buf_bytes(&file));
    buf_free(&file);
    mem_free(records);
    objects_free(&o);
}

/* Whether the table at path opens without repair, has no faults, and contains these objects, in
 * Erlang syntax. */
static inline bool stored_at_has(struct fake_disk *d, const char *path, const char *const *texts,
                                 size_t count)
{
    struct objects wanted = {0}, there;
    struct bytes file = fake_disk_bytes(d, path);
    bool valid = objects_walked(&there, file) == OK && faults_of(file, false) == 0;
    for (size_t i = 0; i < count; i++)
        objects_add(&wanted, term_copy(term_of(texts[i])));
    objects_sort(&wanted);
    size_t missing = objects_missing(&there, &wanted);
    objects_free(&wanted);
    objects_free(&there);
    return valid && missing == 0;
}

static inline bool stored_has(struct fake_disk *d, const char *const *texts, size_t count)
{
    return stored_at_has(d, FILE_NAME, texts, count);
}

/* The path of a segment of GROUP. */
static inline const char *segment_name(uint64_t n, const char *ending)
{
    static char path[200];
    struct bytes group = term_of(GROUP);
    unsigned long crc = crc32(0, group.at, (unsigned)group.len);
    snprintf(path, sizeof(path), "%s.%08lx.%llu.%s", FILE_NAME, crc, (unsigned long long)n, ending);
    return path;
}

/* Creates a synced segment. */
static inline void put_segment(struct fake_disk *d, uint64_t n, const char *owner,
                               const char *record)
{
    struct buf b = {0};
    journal_put_header(&b, term_of(owner));
    if (record != NULL)
        journal_put(&b, 1, term_of(record));
    fake_disk_put(d, segment_name(n, "journal"), buf_bytes(&b));
    buf_free(&b);
}

#define JOURNAL_OWNER "{'" MODULE "', " GROUP "}"

#endif
