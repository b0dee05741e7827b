#include "name_pattern.h"

#include "handshake.h"

/* With an `x` in place of each `*`, or `x@x`, it would be a node name. */
bool name_pattern_valid(struct bytes pattern)
{
    struct buf name = {0};
    size_t stars = 0, ats = 0;
    for (size_t i = 0; i < pattern.len; i++)
        ats += pattern.at[i] == '@';
    for (size_t i = 0; i < pattern.len; i++) {
        bool star = pattern.at[i] == '*';
        bool missing = star && stars++ == 0 && ats == 0;
        if (missing)
            buf_put(&name, BYTES("x@x"));
        else
            buf_put_u8(&name, star ? 'x' : pattern.at[i]);
    }
    bool valid = node_name_valid(buf_bytes(&name));
    buf_free(&name);
    return valid;
}

/* Each `*` first stands for nothing, and takes one more character whenever what is behind it does
 * not match.  Only the last one that was reached has to: whatever an earlier one could take, this
 * one could as well. */
bool name_pattern_matches(struct bytes pattern, struct bytes name)
{
    size_t p = 0, n = 0, after_star = SIZE_MAX, taken = 0;
    while (n < name.len) {
        if (p < pattern.len && pattern.at[p] == '*') {
            after_star = ++p;
            taken = n;
        } else if (p < pattern.len && pattern.at[p] == name.at[n]) {
            p++;
            n++;
        } else if (after_star != SIZE_MAX) {
            p = after_star;
            n = ++taken;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.at[p] == '*')
        p++;
    return p == pattern.len;
}

bool name_patterns_match(const struct name_patterns *patterns, struct bytes name)
{
    for (size_t i = 0; i < patterns->count; i++)
        if (name_pattern_matches(buf_bytes(&patterns->list[i]), name))
            return true;
    return false;
}
