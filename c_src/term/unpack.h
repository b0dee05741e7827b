/* What stands behind the tag of a compressed term. */
#ifndef COPPICE_TERM_UNPACK_H
#define COPPICE_TERM_UNPACK_H

#include "../err.h"
#include "bytes.h"

/* Appends what packed, a 4-byte size and a zlib stream, unpacks to.  ERR_LIMIT
 * when the size says more than LIMIT_UNPACKED_BYTES; ERR_ZLIB when the stream
 * is damaged, cut, or of another size; ERR_TRAILING for bytes behind it; out
 * is then as it was. */
must_use enum err unpack(struct buf *out, struct bytes packed);

#endif
