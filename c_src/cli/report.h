/* The status of a coppice as a page for people. */
#ifndef COPPICE_CLI_REPORT_H
#define COPPICE_CLI_REPORT_H

#include "../term/bytes.h"

/* Appends the page, lines of text, in colour or not, for what a coppice answers to `status`, a
 * canonical term.  A key that another release does not have is shown as `-`.  False, and nothing is
 * appended, for any other term. */
bool report_put(struct buf *out, struct bytes status, bool colour);

#endif
