#include "place.h"

#include <string.h>

#include "../err.h"
#include "handshake.h"

static struct bytes from(struct bytes text, size_t at)
{
    return bytes_after(text, at);
}

static struct bytes before(struct bytes text, size_t at)
{
    return (struct bytes){text.at, at};
}

static bool read_port(struct bytes digits, uint16_t *port)
{
    uint32_t number = 0;
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.at[i] < '0' || digits.at[i] > '9')
            return false;
        number = number * 10 + (uint32_t)(digits.at[i] - '0');
        if (number > UINT16_MAX)
            return false;
    }
    *port = (uint16_t)number;
    return number > 0;
}

/* What several colons make it; the system decides whether it is one. */
static bool is_ipv6(struct bytes host)
{
    for (size_t i = 0; i < host.len && host.at[i] != '%'; i++)
        if (memchr("0123456789abcdefABCDEF:.", host.at[i], 24) == NULL)
            return false;
    return true;
}

/* Takes the port off *host, and the brackets with it. */
static bool split_port(struct bytes *host, uint16_t *port)
{
    const uint8_t *first = memchr(host->at, ':', host->len);
    const uint8_t *last = memrchr(host->at, ':', host->len);
    if (first == NULL)
        return true;
    size_t at = (size_t)(last - host->at);
    bool bracketed = host->at[0] == '[' && at > 2 && host->at[at - 1] == ']';
    if (first != last && !bracketed)
        return is_ipv6(*host);
    if (host->at[0] == '[' && !bracketed)
        return false;
    if (!read_port(from(*host, at + 1), port))
        return false;
    *host = bracketed ? from(before(*host, at - 1), 1) : before(*host, at);
    return true;
}

bool place_read(struct bytes text, struct place *place)
{
    *place = (struct place){0};
    const uint8_t *at = text.len > 0 ? memchr(text.at, '@', text.len) : NULL;
    if (at == NULL)
        return false;
    size_t local = (size_t)(at - text.at) + 1;
    struct bytes host = from(text, local);
    if (host.len > 0 && split_port(&host, &place->port)) {
        buf_put(&place->name, before(text, local));
        buf_put(&place->name, host);
        if (node_name_valid(buf_bytes(&place->name)))
            return true;
    }
    place_free(place);
    return false;
}

void place_free(struct place *place)
{
    buf_free(&place->name);
    *place = (struct place){0};
}
