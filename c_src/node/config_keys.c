#include "config_keys.h"

#include <stdio.h>
#include <string.h>

#include "../cluster/certificate.h"
#include "../dist/command_name.h"
#include "../dist/handshake.h"
#include "../limits.h"
#include "../mem.h"
#include "../otp/list.h"
#include "../term/etf.h"
#include "../term/expected.h"
#include "../term/text.h"
#include "../term/write.h"

/* Of a replica's name in a message. */
#define NAME_BYTES 80

#define TICKTIME_MIN_S 4
#define TICKTIME_MAX_S 86400

enum err config_expected(struct config_error *error, const char *key, const char *expected,
                         struct bytes found)
{
    expected_found(error->what, sizeof(error->what), key, expected, found);
    return ERR_SHAPE;
}

static bool as_atom(struct bytes term, struct atom *atom)
{
    struct etf_in in = etf_open(term);
    etf_atom(&in, atom);
    return etf_finish(&in) == OK;
}

static struct bytes text_of(const struct atom *atom)
{
    return (struct bytes){atom->text, atom->len};
}

static void buf_set(struct buf *b, struct bytes text)
{
    buf_clear(b);
    buf_put(b, text);
}

/* A path or address: "a string" or <<"a binary">>. */
static bool as_text(struct bytes term, struct buf *out)
{
    struct etf_in in = etf_open(term);
    buf_clear(out);
    etf_text(&in, out);
    return etf_finish(&in) == OK;
}

static bool as_node(struct bytes term, struct atom *atom)
{
    return as_atom(term, atom) && node_name_valid(text_of(atom));
}

static enum err read_node(struct config *c, struct bytes value, struct config_error *error)
{
    struct atom atom;
    struct place place = {0};
    bool is_place = as_node(value, &atom) && place_read(text_of(&atom), &place);
    uint16_t port = place.port;
    place_free(&place);
    if (is_place && port != 0)
        return config_expected(error, "node", "a name without a port, which belongs into listen",
                               value);
    if (!is_place || command_name_is(text_of(&atom)))
        return config_expected(error, "node", "a node name such as 'c1@127.0.0.1'", value);
    buf_set(&c->node, text_of(&atom));
    return OK;
}

static enum err read_cookie_file(struct config *c, struct bytes value, struct config_error *error)
{
    if (!as_text(value, &c->cookie_file))
        return config_expected(error, "cookie_file", "a path as a string", value);
    return OK;
}

static void append_name(struct buf **list, size_t *count, struct bytes text)
{
    *list = mem_resize(*list, (*count + 1) * sizeof(**list));
    (*list)[*count] = (struct buf){0};
    buf_put(&(*list)[(*count)++], text);
}

static void clear_names(struct buf **list, size_t *count)
{
    for (size_t i = 0; i < *count; i++)
        buf_free(&(*list)[i]);
    mem_free(*list);
    *list = NULL;
    *count = 0;
}

static bool as_bool(struct bytes term, bool *value)
{
    struct etf_in in = etf_open(term);
    *value = etf_bool(&in);
    return etf_finish(&in) == OK;
}

static enum err read_follow(struct config *c, struct bytes value, struct config_error *error)
{
    if (!as_bool(value, &c->follow))
        return config_expected(error, "follow", "true or false", value);
    return OK;
}

/* Appends the pattern, where it is one and there is room. */
typedef bool pattern_reader(struct bytes term, struct name_patterns *patterns);

static bool read_node_pattern(struct bytes term, struct name_patterns *patterns)
{
    struct atom atom;
    bool good = patterns->count < LIMIT_PATTERNS && as_atom(term, &atom) &&
                name_pattern_valid(text_of(&atom));
    if (good)
        append_name(&patterns->list, &patterns->count, text_of(&atom));
    return good;
}

/* A host's name may be a string as well, as in OTP's options of TLS. */
static bool read_certificate_pattern(struct bytes term, struct name_patterns *patterns)
{
    struct atom atom;
    struct buf text = {0}, pattern = {0};
    bool good = as_atom(term, &atom);
    if (good)
        buf_set(&text, text_of(&atom));
    else
        good = as_text(term, &text);
    good = good && patterns->count < LIMIT_PATTERNS && certificate_pattern_valid(buf_bytes(&text));
    if (good) {
        certificate_put_pattern(&pattern, buf_bytes(&text));
        append_name(&patterns->list, &patterns->count, buf_bytes(&pattern));
    }
    buf_free(&text);
    buf_free(&pattern);
    return good;
}

/* One pattern, or a list of them. */
static enum err read_patterns(struct name_patterns *patterns, pattern_reader *read, const char *key,
                              const char *expected, struct bytes value, struct config_error *error)
{
    struct etf_in in = etf_open(value);
    struct bytes element;
    clear_names(&patterns->list, &patterns->count);
    if (read(value, patterns))
        return OK;
    for (struct etf_list l = etf_list(&in); etf_next(&l, &element);)
        if (!read(element, patterns))
            return config_expected(error, key, expected, element);
    return etf_finish(&in) == OK ? OK : config_expected(error, key, expected, value);
}

static const char node_patterns[] = "a list of node names, in which * stands for any characters";

static enum err read_allow(struct config *c, struct bytes value, struct config_error *error)
{
    c->allows_all = false;
    return read_patterns(&c->allow, read_node_pattern, "allow", node_patterns, value, error);
}

static enum err read_allow_certificates(struct config *c, struct bytes value,
                                        struct config_error *error)
{
    c->certified = c->tls.all_prove = true;
    return read_patterns(&c->allow_certificates, read_certificate_pattern, "allow_certificates",
                         "a list of names in certificates, such as \"*.example.com\", in which * "
                         "stands for any characters",
                         value, error);
}

static enum err read_read_only(struct config *c, struct bytes value, struct config_error *error)
{
    return read_patterns(&c->read_only, read_node_pattern, "read_only", node_patterns, value,
                         error);
}

static enum err read_log_level(struct config *c, struct bytes value, struct config_error *error)
{
    for (enum log_level level = LOG_DEBUG; level <= LOG_ERROR; level++) {
        struct etf_in in = etf_open(value);
        if (etf_accept(&in, log_level_name(level))) {
            c->log_level = level;
            return OK;
        }
    }
    return config_expected(error, "log_level", "one of debug, info, warning, error", value);
}

static enum err read_log(struct config *c, struct bytes value, struct config_error *error)
{
    struct etf_in text = etf_open(value), json = text;
    c->log_json = etf_accept(&json, "json");
    if (!c->log_json && !etf_accept(&text, "text"))
        return config_expected(error, "log", "text or json", value);
    return OK;
}

static enum err read_visible(struct config *c, struct bytes value, struct config_error *error)
{
    if (!as_bool(value, &c->visible))
        return config_expected(error, "visible", "true or false", value);
    return OK;
}

static bool as_number(struct bytes term, uint64_t min, uint64_t max, uint64_t *number)
{
    struct etf_in in = etf_open(term);
    *number = etf_uint64(&in);
    return etf_finish(&in) == OK && *number >= min && *number <= max;
}

/* Numbers from 0 to 255 and three dots, or hexadecimal digits and colons: the system decides. */
static bool is_ip_address(struct bytes text)
{
    static const char four[] = "0123456789.", six[] = "0123456789abcdefABCDEF:.%";
    size_t dots = 0, colons = 0, others = 0;
    for (size_t i = 0; i < text.len; i++) {
        dots += text.at[i] == '.';
        colons += text.at[i] == ':';
        others += strchr(four, text.at[i]) == NULL;
    }
    if (colons == 0)
        return dots == 3 && others == 0;
    for (size_t i = 0; i < text.len && text.at[i] != '%'; i++)
        if (strchr(six, text.at[i]) == NULL)
            return false;
    return colons >= 2;
}

bool config_as_address(struct bytes term, struct buf *address)
{
    return as_text(term, address) && is_ip_address(buf_bytes(address));
}

/* A port, or {First, Last}. */
static bool as_ports(struct bytes term, uint16_t *first, uint16_t *last)
{
    uint64_t from, to;
    struct etf_in in = etf_open(term);
    if (etf_peek(&in) == ETF_TUPLE) {
        etf_tuple_of(&in, 2);
        struct bytes one = etf_any(&in), other = etf_any(&in);
        if (etf_finish(&in) != OK || !as_number(one, 1, UINT16_MAX, &from) ||
            !as_number(other, from, UINT16_MAX, &to))
            return false;
    } else if (!as_number(term, 0, UINT16_MAX, &from)) {
        return false;
    } else {
        to = from;
    }
    *first = (uint16_t)from;
    *last = (uint16_t)to;
    return true;
}

static enum err read_listen(struct config *c, struct bytes value, struct config_error *error)
{
    struct etf_in in = etf_open(value);
    if (etf_peek(&in) != ETF_MAP)
        return config_expected(error, "listen", "a map with port and address", value);
    for (uint32_t left = etf_map(&in); left > 0; left--) {
        struct bytes key = etf_any(&in), setting = etf_any(&in);
        struct etf_in name = etf_open(key);
        if (etf_accept(&name, "port")) {
            if (!as_ports(setting, &c->port, &c->port_last))
                return config_expected(error, "listen: port",
                                       "0 to 65535, or {First, Last} from 1 to 65535", setting);
        } else if (etf_accept(&name, "address")) {
            if (!config_as_address(setting, &c->address))
                return config_expected(error, "listen: address",
                                       "an IP address as a string, such as \"127.0.0.1\"", setting);
        } else {
            return config_expected(error, "listen", "the keys port, address", key);
        }
    }
    return OK;
}

static bool as_scope(struct bytes term, struct atom *atom)
{
    return as_atom(term, atom) && replica_name_is_free(text_of(atom));
}

static enum err read_scope(struct config *c, struct bytes value, struct config_error *error)
{
    static const char expected[] = "auto, a scope name or a list of names";
    struct atom atom;
    struct bytes element;
    clear_names(&c->scopes, &c->scope_count);
    c->scope_auto = false;
    if (as_scope(value, &atom)) {
        c->scope_auto = bytes_equal(text_of(&atom), BYTES("auto"));
        if (!c->scope_auto)
            append_name(&c->scopes, &c->scope_count, text_of(&atom));
        return OK;
    }
    struct etf_in in = etf_open(value);
    for (struct etf_list l = etf_list(&in); etf_next(&l, &element);) {
        if (!as_scope(element, &atom) || c->scope_count == LIMIT_SCOPES)
            return config_expected(error, "scope", expected, element);
        append_name(&c->scopes, &c->scope_count, text_of(&atom));
    }
    if (etf_finish(&in) != OK || c->scope_count == 0)
        return config_expected(error, "scope", expected, value);
    return OK;
}

static enum err read_ticktime(struct config *c, struct bytes value, struct config_error *error)
{
    uint64_t seconds;
    if (!as_number(value, TICKTIME_MIN_S, TICKTIME_MAX_S, &seconds))
        return config_expected(error, "net_ticktime", "seconds from 4 to 86400", value);
    c->ticktime_ms = seconds * 1000;
    return OK;
}

static enum err read_epmd_port(struct config *c, struct bytes value, struct config_error *error)
{
    uint64_t port;
    if (!as_number(value, 1, UINT16_MAX, &port))
        return config_expected(error, "epmd_port", "1 to 65535", value);
    c->epmd_port = (uint16_t)port;
    return OK;
}

static enum err read_start_epmd(struct config *c, struct bytes value, struct config_error *error)
{
    if (!as_bool(value, &c->start_epmd))
        return config_expected(error, "start_epmd", "true or false", value);
    return OK;
}

static enum err read_epmd(struct config *c, struct bytes value, struct config_error *error)
{
    if (!as_bool(value, &c->epmd))
        return config_expected(error, "epmd", "true or false", value);
    return OK;
}

static enum err read_peer_port(struct config *c, struct bytes value, struct config_error *error)
{
    uint64_t port;
    if (!as_number(value, 1, UINT16_MAX, &port))
        return config_expected(error, "peer_port", "1 to 65535", value);
    c->peer_port = (uint16_t)port;
    return OK;
}

static enum err read_tls(struct config *c, struct bytes value, struct config_error *error)
{
    struct tls_error wrong;
    enum err e = tls_options_read(&c->tls, value, &wrong);
    c->tls.all_prove = c->certified;
    if (e == OK)
        return OK;
    snprintf(error->what, sizeof(error->what), "tls: %s", wrong.what);
    return ERR_SHAPE;
}

/* The replica's flag has both values in one tuple. */
static enum err read_replica(struct config *c, struct bytes value, struct config_error *error)
{
    struct etf_in in = etf_open(value);
    etf_tuple_of(&in, 2);
    struct bytes name = etf_any(&in), map = etf_any(&in);
    if (etf_finish(&in) != OK)
        return config_expected(error, "replica", "a name and a map", value);
    return config_add_replica(c, name, map, error);
}

enum err config_wrong_replica(struct config_error *error, struct bytes name,
                              const struct options_error *wrong)
{
    struct buf text = {0};
    text_print_short(&text, name, NAME_BYTES);
    snprintf(error->what, sizeof(error->what), "replica %.*s: %s", TEXT(text), wrong->what);
    buf_free(&text);
    return ERR_SHAPE;
}

/* Options are checked where they are read, so that the error has their line. */
static enum err check_options(struct config *c, struct bytes name, struct bytes map,
                              struct config_error *error)
{
    struct replica_options options;
    struct options_error wrong;
    if (replica_options_read(&options, name, map, buf_bytes(&c->node), &wrong) == OK) {
        c->stored_count += options.storage.file.len > 0;
        replica_options_free(&options);
        return OK;
    }
    return config_wrong_replica(error, name, &wrong);
}

struct config_replica *config_find_replica(const struct config *c, struct bytes name)
{
    struct hash_link *link = hash_table_find(&c->replica_names, bytes_hash(name, 0));
    for (; link != NULL; link = hash_table_next(link)) {
        struct config_replica *replica = CONTAINER_OF(link, struct config_replica, by_name);
        struct bytes other, ignored;
        config_replica_read(replica, &other, &ignored);
        if (bytes_equal(name, other))
            return replica;
    }
    return NULL;
}

void config_drop_replica(struct config *c, struct config_replica *replica)
{
    size_t i = c->replica_count - 1;
    while (c->replicas[i] != replica)
        i--;
    memmove(&c->replicas[i], &c->replicas[i + 1],
            (--c->replica_count - i) * sizeof(struct config_replica *));
    hash_table_remove(&c->replica_names, &replica->by_name);
    term_free(&replica->term);
    mem_free(replica);
}

enum err config_add_replica(struct config *c, struct bytes name, struct bytes map,
                            struct config_error *error)
{
    if (config_find_replica(c, name) != NULL)
        return config_expected(error, "replica", "each name once", name);
    enum err e = check_options(c, name, map, error);
    if (e != OK)
        return e;
    struct buf both = {0};
    put_tuple(&both, 2);
    put_term(&both, name);
    put_term(&both, map);
    struct config_replica *replica = mem_take(sizeof(*replica));
    *replica = (struct config_replica){.term = term_take(&both),
                                       .file = error->line > 0 ? c->file : NULL,
                                       .line = error->line,
                                       .column = error->column};
    c->replicas =
        mem_room(c->replicas, c->replica_count, &c->replica_cap, sizeof(struct config_replica *));
    c->replicas[c->replica_count++] = replica;
    hash_table_put(&c->replica_names, &replica->by_name, bytes_hash(name, 0));
    return OK;
}

static const struct config_row rows[] = {
    {"node", read_node, BARE_ATOM, "NAME@HOST, the node's name; required"},
    {"cookie_file", read_cookie_file, BARE_STRING,
     "PATH of the cookie (default ~/.erlang.cookie; $COPPICE_COOKIE wins)"},
    {"connect", config_read_connect, BARE_ATOM, "NAME@HOST[:PORT] to connect to; may be repeated"},
    {"follow", read_follow, BARE_NOT, "true to connect to the nodes they are connected to (false)"},
    {"allow", read_allow, BARE_ATOM, "NAME@HOST that may connect, with * for any text, or a list"},
    {"allow_certificates", read_allow_certificates, BARE_ATOM,
     "HOST in certificates that may connect, or a list (with tls)"},
    {"read_only", read_read_only, BARE_ATOM, "NAME@HOST, or a list, that may change nothing"},
    {"visible", read_visible, BARE_NOT, "true to be listed in nodes() (default false: hidden)"},
    {"listen", read_listen, BARE_NOT, "'#{port => PORT or {FIRST, LAST}, address => \"::\"}'"},
    {"scope", read_scope, BARE_ATOM, "auto, or the name of the pg scope, or a list of them"},
    {"net_ticktime", read_ticktime, BARE_NOT, "SECONDS after which a silent peer is dropped (60)"},
    {"epmd_port", read_epmd_port, BARE_NOT, "PORT of epmd (default $ERL_EPMD_PORT or 4369)"},
    {"start_epmd", read_start_epmd, BARE_NOT, "false to wait for an epmd, not start one (true)"},
    {"epmd", read_epmd, BARE_NOT, "false to do without epmd: all ports are configured (true)"},
    {"peer_port", read_peer_port, BARE_NOT, "PORT of peers, without epmd (default that of listen)"},
    {"tls", read_tls, BARE_TLS, "FILE of -ssl_dist_optfile, or '#{certfile => \"F\", ...}' (none)"},
    {"log_level", read_log_level, BARE_ATOM,
     "debug, info, warning or error: lines from there on (info)"},
    {"log", read_log, BARE_ATOM, "json for a log of JSON objects, one a line (text)"},
    {"metrics", config_read_metrics, BARE_NOT,
     "'#{port => 9568}' of Prometheus metrics and a status page (none)"},
    {"replica", read_replica, BARE_REPLICA, "'NAME, #{crdt => gcounter, ...}'; may be repeated"},
};

_Static_assert(sizeof(rows) / sizeof(rows[0]) <= CONFIG_KEYS, "each key has its line");

const struct config_row *config_row_at(size_t i)
{
    return i < sizeof(rows) / sizeof(rows[0]) ? &rows[i] : NULL;
}

const struct config_row *config_row(struct bytes key)
{
    for (size_t i = 0; config_row_at(i) != NULL; i++)
        if (bytes_equal(bytes_of(rows[i].key), key))
            return &rows[i];
    return NULL;
}
