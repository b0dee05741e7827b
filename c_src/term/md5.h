/* MD5, which the handshake and DETS files have (RFC 1321).  It protects nothing. */
#ifndef COPPICE_TERM_MD5_H
#define COPPICE_TERM_MD5_H

#include "bytes.h"

#define MD5_BYTES 16

void md5_of(struct bytes b, uint8_t digest[MD5_BYTES]);

#endif
