/* Terms without parts as text, for text_print.c. */
#ifndef COPPICE_TERM_TEXT_PUT_H
#define COPPICE_TERM_TEXT_PUT_H

#include "bytes.h"

/* Appends one canonical term that is no tuple, map or LIST; funs count as
 * without parts.  Of a term far longer than limit bytes only the front may be
 * written: the caller cuts the text there in any case. */
void text_put(struct buf *out, struct bytes term, size_t limit);

#endif
