/* A DETS file that is read in bounded memory: it is mapped, and the pages that were read are given
 * back to the system before they are too many.
 *
 * Another program may write to the file meanwhile, so that bytes read twice may differ.  Where the
 * file is cut, or its disk fails, the program ends with EX_NOINPUT and a message.  A pipe or device
 * cannot be mapped, and is read into memory. */
#ifndef COPPICE_CLI_TABLE_FILE_H
#define COPPICE_CLI_TABLE_FILE_H

#include "../err.h"
#include "../limits.h"
#include "../term/bytes.h"

/* Pages are counted by so many bytes, as Linux maps them around the one that was asked for. */
#define TABLE_FILE_WINDOW  65536
#define TABLE_FILE_WINDOWS (LIMIT_DETS_BYTES / TABLE_FILE_WINDOW + 1)

struct table_file {
    struct bytes bytes;
    bool mapped;
    struct buf whole; /* unless it is mapped */
    size_t count;     /* windows in memory */
    uint8_t used[TABLE_FILE_WINDOWS];
};

/* ERR_CLOSED with errno set; ERR_LIMIT for more than LIMIT_DETS_BYTES.  Unless
 * bounded, the file is read into memory, and does not change.  The path, which is for
 * messages, and the file must be valid until table_file_close(), which is called after errors,
 * too; one file is open at a time. */
must_use enum err table_file_open(struct table_file *file, const char *path, bool bounded);
void table_file_close(struct table_file *file);

/* Says that these bytes of the file are read. */
void table_file_use(struct table_file *file, uint64_t at, uint64_t bytes);

#endif
