/* Callers of `status`.
 *
 * That of a few replicas is answered at once.  Otherwise it is made in steps, by wake-ups of the
 * process `coppice`, and shared by all who have asked before it was begun.  Whoever asks meanwhile
 * gets the next one: it has the replica that he has started before. */
#ifndef COPPICE_NODE_STATUS_REPORT_H
#define COPPICE_NODE_STATUS_REPORT_H

#include "../otp/callers.h"
#include "status.h"

struct status_report {
    const struct server_options *options;
    struct status *status; /* NULL: none is being made */
    struct callers callers;
};

/* options: borrowed. */
void status_report_open(struct status_report *r, const struct server_options *options);
/* Forgets the callers, whose monitors tell them. */
void status_report_close(struct status_report *r);

/* Replies {ok, Status} to a call of that process, at once or after some wake-ups of it. */
void status_report_reply(struct status_report *r, struct process *server, struct bytes from,
                         struct turn *t);

/* The process is woken; and a slow node has read what was sent to it. */
void status_report_wake(struct status_report *r, struct process *server, struct turn *t);
void status_report_drained(struct status_report *r, struct process *server);

#endif
