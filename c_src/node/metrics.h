/* Metrics of a node in Prometheus's text format.
 *
 * Names are those of Prometheus's conventions: coppice_, base units, _total for what only grows.
 * A series by replica is left out where a node has more than LIMIT_METRICS_ROWS of them;
 * coppice_replicas_omitted says for how many replicas.
 *
 * Source: prometheus.io/docs/instrumenting/exposition_formats. */
#ifndef COPPICE_NODE_METRICS_H
#define COPPICE_NODE_METRICS_H

#include "overview.h"

/* Appends the metrics. */
void metrics_put(const struct overview *o, struct buf *out);

/* Appends a label's value: what is no UTF-8 as U+FFFD, and \, " and line ends escaped. */
void metrics_put_label(struct buf *out, struct bytes text);

#endif
