#include "certificate.h"

#include "../limits.h"

/* Bytes of all names that are shown, about. */
#define NAMES_SHOWN 200

bool certificate_pattern_valid(struct bytes pattern)
{
    for (size_t i = 0; i < pattern.len; i++)
        if (pattern.at[i] < ' ' || pattern.at[i] == 127 || pattern.at[i] == '@')
            return false;
    return pattern.len > 0 && pattern.len <= LIMIT_HOST_BYTES;
}

/* ASCII letters only (RFC 4343). */
void certificate_put_pattern(struct buf *out, struct bytes pattern)
{
    for (size_t i = 0; i < pattern.len; i++) {
        uint8_t c = pattern.at[i];
        buf_put_u8(out, c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c);
    }
}

static bool name_matches(struct bytes name, const struct name_patterns *patterns)
{
    struct buf small = {0};
    certificate_put_pattern(&small, name);
    bool matches = name_patterns_match(patterns, buf_bytes(&small));
    buf_free(&small);
    return matches;
}

bool certificate_matches(const struct certificate *c, const struct name_patterns *patterns)
{
    for (size_t i = 0; i < c->dns_count; i++)
        if (name_matches(c->dns[i], patterns))
            return true;
    return !c->has_san && c->cn.len > 0 && name_matches(c->cn, patterns);
}

void certificate_put_names(struct buf *out, const struct certificate *c)
{
    size_t start = out->len, i = 0;
    for (; i < c->dns_count && out->len - start < NAMES_SHOWN; i++)
        buf_printf(out, "%sDNS:%.*s", i > 0 ? ", " : "", TEXT(c->dns[i]));
    if (i < c->dns_count)
        buf_printf(out, ", and %zu more", c->dns_count - i);
    if (!c->has_san && c->cn.len > 0)
        buf_printf(out, "CN=%.*s", TEXT(c->cn));
    else if (c->dns_count == 0)
        buf_printf(out, "no DNS name");
}
