/* Log lines on standard error: one line, one fact.
 *
 *     2026-11-30T12:00:00.000Z info connected to web1@10.0.0.8            text
 *     <6>connected to web1@10.0.0.8                                       text, into systemd's
 * journal
 *     {"time":"2026-11-30T12:00:00.000Z","level":"info","node":"c1@10.0.0.7","message":"..."} json
 *
 * Times are in UTC.  The journal has times and priorities of its own: lines begin with <N>, N as in
 * syslog, if standard error is what $JOURNAL_STREAM says it is (systemd.exec(5)); those of JSON as
 * well. */
#ifndef COPPICE_NET_LOG_H
#define COPPICE_NET_LOG_H

#include "../node/event.h"
#include "writer.h"

/* The log's writer; it reports how many lines were lost.  Freed with writer_free().  From now on
 * die() does not wait for standard error to be read, either.  node: whose log it is; borrowed until
 * the program ends. */
struct writer *log_open(struct bytes node);

/* From now on lines below this level are left out, and the others are in this form. */
void log_set(enum log_level least, bool json);

/* Never blocks.  Control characters are written as '?': the line may quote a peer. */
void log_line(struct writer *log, enum log_level level, struct bytes line);

/* On a terminal, and unless lines are JSON or those of level info are left out, put's text stands
 * below the lines (writer_stand()).  NULL: no longer. */
void log_stand(struct writer *log, void (*put)(void *who, struct buf *out), void *who);

#endif
