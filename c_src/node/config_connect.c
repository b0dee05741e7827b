/* The key `connect`: whom to connect to. */
#include <stdio.h>
#include <string.h>

#include "../dist/handshake.h"
#include "../limits.h"
#include "../mem.h"
#include "../term/etf.h"
#include "../term/utf8.h"
#include "config_keys.h"

#define INTERVAL_MIN_MS     100
#define INTERVAL_MAX_MS     86400000
#define INTERVAL_DEFAULT_MS 5000 /* DNSCluster's */

#define EXPECTED "a list of node names and {dns, Host, Map}, such as ['a@host', 'b@host:9100']"

void config_query_free(struct config_query *q)
{
    buf_free(&q->host);
    buf_free(&q->name);
}

void config_query_copy(struct config_query *to, const struct config_query *from)
{
    *to = (struct config_query){.interval_ms = from->interval_ms, .port = from->port};
    buf_put(&to->host, buf_bytes(&from->host));
    buf_put(&to->name, buf_bytes(&from->name));
}

bool config_query_equal(const struct config_query *a, const struct config_query *b)
{
    return bytes_equal(buf_bytes(&a->host), buf_bytes(&b->host)) &&
           bytes_equal(buf_bytes(&a->name), buf_bytes(&b->name)) &&
           a->interval_ms == b->interval_ms && a->port == b->port;
}

void config_clear_connects(struct config *c)
{
    for (size_t i = 0; i < c->connects; i++)
        place_free(&c->connect[i]);
    for (size_t i = 0; i < c->query_count; i++)
        config_query_free(&c->queries[i]);
    mem_free(c->connect);
    mem_free(c->queries);
    c->connect = NULL;
    c->queries = NULL;
    c->connects = c->query_count = 0;
}

static void add_place(struct config *c, const struct place *place)
{
    c->connect = mem_resize(c->connect, (c->connects + 1) * sizeof(*c->connect));
    c->connect[c->connects++] = *place;
}

static void add_query(struct config *c, const struct config_query *q)
{
    c->queries = mem_resize(c->queries, (c->query_count + 1) * sizeof(*c->queries));
    c->queries[c->query_count++] = *q;
}

/* --- {dns, Host, Map} ------------------------------------------------------------ */

static bool as_number(struct bytes term, uint64_t min, uint64_t max, uint64_t *number)
{
    struct etf_in in = etf_open(term);
    *number = etf_uint64(&in);
    return etf_finish(&in) == OK && *number >= min && *number <= max;
}

/* "a string" or <<"a binary">>. */
static bool as_text(struct bytes term, struct buf *out)
{
    struct etf_in in = etf_open(term);
    buf_clear(out);
    etf_text(&in, out);
    return etf_finish(&in) == OK;
}

static bool as_host(struct bytes term, struct buf *host)
{
    return as_text(term, host) && host->len > 0 && host->len <= LIMIT_HOST_BYTES &&
           memchr(host->at, 0, host->len) == NULL;
}

/* What stands before the @ of a valid node name; an atom as well. */
static bool as_local_name(struct bytes term, struct buf *name)
{
    struct etf_in in = etf_open(term);
    struct buf node = {0};
    struct atom atom = {0};
    if (etf_peek(&in) == ETF_ATOM) {
        etf_atom(&in, &atom);
        buf_clear(name);
        buf_put(name, (struct bytes){atom.text, atom.len});
    } else if (!as_text(term, name)) {
        return false;
    }
    buf_printf(&node, "%.*s@%s", TEXT(*name), "::1");
    bool valid = node_name_valid(buf_bytes(&node));
    buf_free(&node);
    return valid;
}

static enum err read_setting(struct config_query *q, struct bytes key, struct bytes value,
                             struct config_error *error)
{
    struct etf_in in = etf_open(key);
    uint64_t port;
    if (etf_accept(&in, "name")) {
        if (!as_local_name(value, &q->name))
            return config_expected(error, "connect: name", "what is before the @ of a node name",
                                   value);
    } else if (etf_accept(&in, "interval")) {
        if (!as_number(value, INTERVAL_MIN_MS, INTERVAL_MAX_MS, &q->interval_ms))
            return config_expected(error, "connect: interval", "milliseconds from 100 to 86400000",
                                   value);
    } else if (etf_accept(&in, "port")) {
        if (!as_number(value, 1, UINT16_MAX, &port))
            return config_expected(error, "connect: port", "1 to 65535", value);
        q->port = (uint16_t)port;
    } else {
        return config_expected(error, "connect", "the keys name, interval and port", key);
    }
    return OK;
}

static enum err read_settings(struct config_query *q, struct bytes map, struct config_error *error)
{
    struct etf_in in = etf_open(map);
    enum err e = OK;
    if (etf_peek(&in) != ETF_MAP)
        return config_expected(error, "connect", "a map with name, interval and port", map);
    for (uint32_t left = etf_map(&in); e == OK && left > 0; left--) {
        struct bytes key = etf_any(&in), value = etf_any(&in);
        e = read_setting(q, key, value, error);
    }
    return e;
}

static enum err read_query(struct config *c, struct bytes term, struct config_error *error)
{
    struct config_query q = {.interval_ms = INTERVAL_DEFAULT_MS};
    struct etf_in in = etf_open(term);
    uint32_t arity = etf_tuple(&in);
    if (arity < 2 || arity > 3 || !etf_accept(&in, "dns"))
        return config_expected(error, "connect", EXPECTED, term);
    if (c->query_count == LIMIT_QUERIES)
        return config_expected(error, "connect", "at most 16 of {dns, Host, Map}", term);
    struct bytes host = etf_any(&in);
    enum err e = OK;
    if (!as_host(host, &q.host))
        e = config_expected(error, "connect: dns", "a host name as a string", host);
    else if (arity == 3)
        e = read_settings(&q, etf_any(&in), error);
    if (e == OK)
        add_query(c, &q);
    else
        config_query_free(&q);
    return e;
}

/* --- the list -------------------------------------------------------------------- */

static bool is_tuple(struct bytes term)
{
    struct etf_in in = etf_open(term);
    return etf_peek(&in) == ETF_TUPLE;
}

static enum err read_element(struct config *c, struct bytes term, struct config_error *error)
{
    struct atom atom;
    struct place place;
    struct etf_in in = etf_open(term);
    if (is_tuple(term))
        return read_query(c, term, error);
    etf_atom(&in, &atom);
    if (etf_finish(&in) != OK || !place_read((struct bytes){atom.text, atom.len}, &place))
        return config_expected(error, "connect", EXPECTED, term);
    add_place(c, &place);
    return OK;
}

enum err config_read_connect(struct config *c, struct bytes value, struct config_error *error)
{
    struct etf_in in = etf_open(value);
    struct bytes element;
    enum err e = OK;
    config_clear_connects(c);
    if (is_tuple(value))
        return read_query(c, value, error);
    for (struct etf_list l = etf_list(&in); etf_next(&l, &element);)
        if ((e = read_element(c, element, error)) != OK)
            return e;
    return etf_finish(&in) == OK ? OK : config_expected(error, "connect", EXPECTED, value);
}

enum err config_add_connects(struct config *c, struct config *more, struct config_error *error)
{
    if (c->query_count + more->query_count > LIMIT_QUERIES) {
        snprintf(error->what, sizeof(error->what), "connect: at most %d of {dns, Host, Map}",
                 LIMIT_QUERIES);
        return ERR_SHAPE;
    }
    for (size_t i = 0; i < more->connects; i++)
        add_place(c, &more->connect[i]);
    for (size_t i = 0; i < more->query_count; i++)
        add_query(c, &more->queries[i]);
    more->connects = more->query_count = 0;
    return OK;
}

/* --- ports ----------------------------------------------------------------------- */

static enum err no_port(struct config_error *error, struct bytes whom)
{
    struct bytes shown = utf8_front(whom, NAME_SHOWN);
    snprintf(
        error->what, sizeof(error->what),
        "connect: no port is known for %.*s: with epmd false, add one (name@host:PORT, or port "
        "in a map of dns), or set peer_port",
        TEXT(shown));
    return ERR_SHAPE;
}

enum err config_check_ports(const struct config *c, struct config_error *error)
{
    if (c->epmd || config_peer_port(c) != 0)
        return OK;
    for (size_t i = 0; i < c->connects; i++)
        if (c->connect[i].port == 0)
            return no_port(error, buf_bytes(&c->connect[i].name));
    for (size_t i = 0; i < c->query_count; i++)
        if (c->queries[i].port == 0)
            return no_port(error, buf_bytes(&c->queries[i].host));
    return OK;
}
