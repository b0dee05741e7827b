/* The key `metrics`: where Prometheus metrics and the status page are. */
#include <string.h>

#include "../limits.h"
#include "../mem.h"
#include "../term/etf.h"
#include "config_keys.h"

#define ADDRESS_DEFAULT BYTES("127.0.0.1")
#define PORT_DEFAULT    9568

void config_clear_metrics(struct config *c)
{
    struct metrics_options *o = &c->metrics;
    for (size_t i = 0; i < o->host_count; i++)
        buf_free(&o->hosts[i]);
    mem_free(o->hosts);
    buf_free(&o->address);
    *o = (struct metrics_options){0};
}

bool metrics_is_local(const struct metrics_options *o)
{
    struct bytes address = buf_bytes(&o->address);
    return bytes_equal(address, BYTES("::1")) ||
           (address.len > 4 && memcmp(address.at, "127.", 4) == 0);
}

bool metrics_shows_values(const struct metrics_options *o)
{
    return o->values == VALUES_SHOWN || (o->values == VALUES_LOCAL && metrics_is_local(o));
}

/* Letters, digits, dots and hyphens, in lower case. */
static bool as_host(struct bytes term, struct buf *host)
{
    struct etf_in in = etf_open(term);
    etf_text(&in, host);
    if (etf_finish(&in) != OK || host->len == 0 || host->len > LIMIT_HOST_BYTES)
        return false;
    for (size_t i = 0; i < host->len; i++) {
        uint8_t *letter = &host->at[i];
        if (*letter >= 'A' && *letter <= 'Z')
            *letter = (uint8_t)(*letter - 'A' + 'a');
        if (*letter == 0 || strchr("abcdefghijklmnopqrstuvwxyz0123456789.-", *letter) == NULL)
            return false;
    }
    return true;
}

static enum err read_hosts(struct metrics_options *o, struct bytes value,
                           struct config_error *error)
{
    static const char expected[] = "a list of host names, such as [\"c1.example.com\"]";
    struct etf_in in = etf_open(value);
    struct bytes element;
    for (struct etf_list l = etf_list(&in); etf_next(&l, &element);) {
        struct buf host = {0};
        if (o->host_count == LIMIT_METRICS_HOSTS || !as_host(element, &host)) {
            buf_free(&host);
            return config_expected(error, "metrics: hosts", expected, element);
        }
        o->hosts = mem_resize(o->hosts, (o->host_count + 1) * sizeof(*o->hosts));
        o->hosts[o->host_count++] = host;
    }
    return etf_finish(&in) == OK ? OK : config_expected(error, "metrics: hosts", expected, value);
}

static enum err read_setting(struct metrics_options *o, struct bytes key, struct bytes value,
                             struct config_error *error)
{
    struct etf_in in = etf_open(key), given = etf_open(value);
    if (etf_accept(&in, "port")) {
        uint64_t port = etf_uint64(&given);
        if (etf_finish(&given) != OK || port > UINT16_MAX)
            return config_expected(error, "metrics: port", "0 to 65535", value);
        o->port = (uint16_t)port;
    } else if (etf_accept(&in, "address")) {
        if (!config_as_address(value, &o->address))
            return config_expected(error, "metrics: address",
                                   "an IP address as a string, such as \"127.0.0.1\"", value);
    } else if (etf_accept(&in, "hosts")) {
        return read_hosts(o, value, error);
    } else if (etf_accept(&in, "values")) {
        o->values = etf_bool(&given) ? VALUES_SHOWN : VALUES_HIDDEN;
        if (etf_finish(&given) != OK)
            return config_expected(error, "metrics: values", "true or false", value);
    } else {
        return config_expected(error, "metrics", "the keys port, address, hosts, values", key);
    }
    return OK;
}

enum err config_read_metrics(struct config *c, struct bytes value, struct config_error *error)
{
    struct etf_in in = etf_open(value);
    config_clear_metrics(c);
    if (etf_peek(&in) != ETF_MAP)
        return config_expected(error, "metrics", "a map such as #{port => 9568}", value);
    struct metrics_options *o = &c->metrics;
    o->on = true;
    o->port = PORT_DEFAULT;
    buf_put(&o->address, ADDRESS_DEFAULT);
    enum err e = OK;
    for (uint32_t left = etf_map(&in); left > 0 && e == OK; left--) {
        struct bytes key = etf_any(&in);
        e = read_setting(o, key, etf_any(&in), error);
    }
    return e;
}
