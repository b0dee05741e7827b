/* Sets of nodes by patterns of names: 'web1@10.0.0.7', '*@10.0.0.7', 'web*@*'.
 *
 * A `*` stands for any characters, or none; every other character for itself. */
#ifndef COPPICE_DIST_NAME_PATTERN_H
#define COPPICE_DIST_NAME_PATTERN_H

#include "../term/bytes.h"

/* A node name (node_name_valid()), or one in which some characters are replaced by `*`, the `@`
 * as well: at most LIMIT_ATOM_CHARS characters, and no control characters. */
bool name_pattern_valid(struct bytes pattern);

/* In time that grows with the product of their lengths at most. */
bool name_pattern_matches(struct bytes pattern, struct bytes name);

struct name_patterns {
    struct buf *list;
    size_t count;
};

/* Whether any of them matches. */
bool name_patterns_match(const struct name_patterns *patterns, struct bytes name);

#endif
