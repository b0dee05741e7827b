/* Work on replicas' files that may take long, for people at a terminal: which table is loaded or
 * saved, and for how long already.  For any thread; a step of the loop may be part of the work. */
#ifndef COPPICE_NET_ONGOING_H
#define COPPICE_NET_ONGOING_H

#include <uv.h>

#include "../term/bytes.h"

/* One piece of work, zeroed before. */
struct ongoing_work {
    struct ongoing_work *next;
    struct buf text; /* "loading page_views" */
    uint64_t began_ns;
    unsigned percent; /* 0: not known */
    bool begun;
};

struct ongoing {
    uv_mutex_t lock;
    struct ongoing_work *first; /* which began first */
};

void ongoing_open(struct ongoing *o);
void ongoing_close(struct ongoing *o);

/* `doing` is a word; what is copied.  The work is the caller's, and stays where it is until
 * ongoing_end(), which does nothing to work that has not begun. */
void ongoing_begin(struct ongoing *o, struct ongoing_work *work, const char *doing,
                   struct bytes what);
void ongoing_set(struct ongoing *o, struct ongoing_work *work, unsigned percent);
void ongoing_end(struct ongoing *o, struct ongoing_work *work);

/* Appends what has taken longest, "loading page_views, 43 %: 12 s", and how many other pieces of
 * work there are; nothing before it has taken a second. */
void ongoing_put(struct ongoing *o, struct buf *out);

#endif
