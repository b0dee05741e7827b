/* Text on the status page.  Names and values come from peers, who may be hostile: whatever is not
 * this program's own goes through page_put_text(). */
#ifndef COPPICE_NODE_PAGE_TEXT_H
#define COPPICE_NODE_PAGE_TEXT_H

#include "../term/bytes.h"

/* Appends text for HTML and SVG, in elements and in quoted attributes: &, <, >, " and ' escaped;
 * what is no UTF-8, control characters and those that change the direction of text as U+FFFD. */
void page_put_text(struct buf *out, struct bytes text);
/* The same, truncated with an ellipsis after so many characters. */
void page_put_short(struct buf *out, struct bytes text, size_t characters);
/* The same of a canonical term as text, truncated after about so many bytes. */
void page_put_term(struct buf *out, struct bytes canonical, size_t bytes);

/* "12 s ago", "3 min ago"; "never" for a time of 0. */
void page_put_ago(struct buf *out, uint64_t ms, uint64_t now_ms);
/* "12 s", "2 h". */
void page_put_duration(struct buf *out, uint64_t ms);
/* "13.5 kB". */
void page_put_bytes(struct buf *out, uint64_t bytes);
/* "1 replica", "2 replicas". */
void page_put_count(struct buf *out, uint64_t count, const char *noun);

#endif
