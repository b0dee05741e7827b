/* The status page of a node: one HTML document with its style, its picture and a few lines of
 * script in it, which loads nothing else.  It is readable without the script, which only keeps it
 * up to date. */
#ifndef COPPICE_NODE_PAGE_H
#define COPPICE_NODE_PAGE_H

#include "overview.h"

/* Appends the page, as UTF-8. */
void page_put(const struct overview *o, struct buf *out);

/* What is in its style and script elements: for a Content-Security-Policy that allows these by
 * their hashes, and nothing else. */
extern const char page_style[], page_script[];

#endif
