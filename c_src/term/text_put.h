/* Printing of leaves, for text_print.c. */
#ifndef COPPICE_TERM_TEXT_PUT_H
#define COPPICE_TERM_TEXT_PUT_H

#include "bytes.h"

/* Appends one canonical term that is not a tuple, map or LIST; funs count as leaves.  A term
 * far longer than limit bytes may be printed in part: the caller truncates there anyway. */
void text_put(struct buf *out, struct bytes term, size_t limit);

#endif
