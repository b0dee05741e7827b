/* Decompression of terms (tag 80). */
#ifndef COPPICE_TERM_UNPACK_H
#define COPPICE_TERM_UNPACK_H

#include "../err.h"
#include "bytes.h"

/* Appends the decompressed content of packed, a 4-byte size and a zlib stream.  ERR_LIMIT if
 * the size is above LIMIT_UNPACKED_BYTES; ERR_ZLIB if the stream is damaged, truncated or of
 * another size; ERR_TRAILING for bytes after it.  On an error out is unchanged. */
must_use enum err unpack(struct buf *out, struct bytes packed);

#endif
