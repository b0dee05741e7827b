#include "config.h"

#include <stdio.h>
#include <string.h>

#include "../dist/epmd.h"
#include "../dist/handshake.h"
#include "../limits.h"
#include "../mem.h"
#include "../otp/turn.h"
#include "../replica/rivals.h"
#include "../term/etf.h"
#include "../term/similar.h"
#include "../term/text.h"
#include "../term/utf8.h"
#include "../term/write.h"
#include "config_keys.h"

#define TICKTIME_DEFAULT_MS 60000

void config_init(struct config *c)
{
    *c = (struct config){
        .ticktime_ms = TICKTIME_DEFAULT_MS,
        .scope_auto = true,
        .allows_all = true,
        .epmd_port = EPMD_PORT,
        .start_epmd = true,
        .log_level = LOG_INFO,
        .epmd = true,
    };
    buf_put(&c->address, BYTES("::"));
}

static void free_patterns(struct name_patterns *patterns)
{
    for (size_t i = 0; i < patterns->count; i++)
        buf_free(&patterns->list[i]);
    mem_free(patterns->list);
}

void config_free(struct config *c)
{
    free_patterns(&c->allow);
    free_patterns(&c->allow_certificates);
    free_patterns(&c->read_only);
    buf_free(&c->node);
    buf_free(&c->cookie);
    buf_free(&c->cookie_file);
    buf_free(&c->address);
    config_clear_connects(c);
    tls_options_free(&c->tls);
    config_clear_metrics(c);
    for (size_t i = 0; i < c->scope_count; i++)
        buf_free(&c->scopes[i]);
    mem_free(c->scopes);
    while (c->replica_count > 0)
        config_drop_replica(c, c->replicas[c->replica_count - 1]);
    mem_free(c->replicas);
    hash_table_free(&c->replica_names);
    *c = (struct config){0};
}

/* The value is not quoted: it may be a cookie. */
static enum err unknown_key(struct bytes key, struct config_error *error)
{
    struct buf keys = {0};
    struct etf_in in = etf_open(key), same = in;
    struct atom written = {0};
    const char *name, *help;
    if (etf_accept(&in, "cookie")) {
        snprintf(error->what, sizeof(error->what),
                 "cookie: belongs into the file of cookie_file, or $COPPICE_COOKIE");
        return ERR_SHAPE;
    }
    etf_atom(&same, &written);
    struct similar similar = similar_open((struct bytes){written.text, written.len});
    for (size_t i = 0; (name = config_key(i, &help)) != NULL; i++) {
        buf_printf(&keys, i > 0 ? ", %s" : "one of %s", name);
        similar_try(&similar, bytes_of(name));
    }
    buf_put_u8(&keys, 0);
    config_expected(error, "configuration", (const char *)keys.at, key);
    similar_suggest(&similar, "", error->what, sizeof(error->what));
    buf_free(&keys);
    return ERR_SHAPE;
}

static struct bytes first_element(struct bytes tuple)
{
    struct etf_in in = etf_open(tuple);
    etf_tuple(&in);
    return etf_any(&in);
}

/* {Key, Value}, or {replica, Name, Map}.  seen has a bit for each key that the text had so far. */
static enum err read_entry(struct config *c, struct bytes entry, unsigned *seen,
                           struct config_error *error)
{
    struct atom key;
    struct etf_in in = etf_open(entry);
    uint32_t arity = etf_peek(&in) == ETF_TUPLE ? etf_tuple(&in) : 0;
    if (arity < 2)
        return config_expected(error, "configuration", "{Key, Value}", entry);
    etf_atom(&in, &key);
    struct bytes name = {key.text, key.len};
    const struct config_row *row = in.err == OK ? config_row(name) : NULL;
    if (row == NULL)
        return unknown_key(first_element(entry), error);
    bool replica = row->bare == BARE_REPLICA;
    if (arity != (replica ? 3u : 2u))
        return config_expected(error, row->key, replica ? "{replica, Name, Map}" : "{Key, Value}",
                               entry);
    unsigned bit = 1u << (row - config_row_at(0));
    if (!replica && (*seen & bit) != 0)
        return config_expected(error, row->key, "each key once", entry);
    *seen |= bit;
    c->lines[row - config_row_at(0)] = (struct config_line){c->file, error->line, error->column};
    struct bytes first = etf_any(&in);
    return replica ? config_add_replica(c, first, etf_any(&in), error) : row->read(c, first, error);
}

enum err config_read(struct config *c, struct bytes text, struct config_error *error)
{
    struct text_in in = text_open(text);
    struct buf entry = {0};
    unsigned seen = 0;
    enum err e = OK;
    while (e == OK && !text_at_end(&in)) {
        struct text_error wrong = {0};
        error->file = c->file;
        error->line = in.line;
        error->column = in.column;
        buf_clear(&entry);
        e = text_term(&in, &entry, &wrong);
        if (e == OK)
            e = text_dot(&in, &wrong);
        if (e != OK) {
            error->line = wrong.line;
            error->column = wrong.column;
            snprintf(error->what, sizeof(error->what), "%s", wrong.what);
        } else {
            e = read_entry(c, buf_bytes(&entry), &seen, error);
        }
    }
    buf_free(&entry);
    return e;
}

/* Appends the term that a flag's value stands for; what is not quoted may be
 * a bare name or path. */
static enum err flag_term(const struct config_row *row, struct bytes value, struct buf *out,
                          struct config_error *error)
{
    char first = value.len > 0 ? (char)value.at[0] : '\0';
    if (row->bare == BARE_ATOM && strchr("'[{", first) == NULL) {
        if (!is_atom_text(value)) {
            snprintf(error->what, sizeof(error->what),
                     "%s: expected UTF-8 text of at most %d characters", row->key,
                     LIMIT_ATOM_CHARS);
            return ERR_UTF8;
        }
        put_atom_bytes(out, value);
        return OK;
    }
    bool path = row->bare == BARE_STRING || (row->bare == BARE_TLS && first != '#');
    if (path && first != '"') {
        put_binary(out, value);
        return OK;
    }
    struct buf text = {0};
    struct text_error wrong = {0};
    bool tuple = row->bare == BARE_REPLICA;
    buf_printf(&text, tuple ? "{%.*s}" : "%.*s", TEXT(value));
    enum err e = text_single(buf_bytes(&text), out, &wrong);
    if (e != OK)
        snprintf(error->what, sizeof(error->what), "%s: %s", row->key, wrong.what);
    buf_free(&text);
    return e;
}

static void wrap_in_list(struct buf *term)
{
    struct buf list = {0};
    put_list(&list, 1);
    put_term(&list, buf_bytes(term));
    put_nil(&list);
    buf_free(term);
    *term = list;
}

/* --connect a@h --connect b@h: each adds to those before. */
static enum err flag_connect(struct config *c, const struct config_row *row, struct buf *term,
                             struct config_error *error)
{
    struct config more = {0};
    struct etf_in in = etf_open(buf_bytes(term));
    if (etf_peek(&in) == ETF_ATOM || etf_peek(&in) == ETF_TUPLE)
        wrap_in_list(term);
    enum err e = row->read(&more, buf_bytes(term), error);
    if (e == OK)
        e = config_add_connects(c, &more, error);
    config_free(&more);
    return e;
}

enum err config_flag(struct config *c, const char *key, struct bytes value,
                     struct config_error *error)
{
    const struct config_row *row = config_row(bytes_of(key));
    error->file = NULL;
    error->line = error->column = 0;
    if (row == NULL) {
        snprintf(error->what, sizeof(error->what), "--%s: unknown option", key);
        return ERR_SHAPE;
    }
    struct buf term = {0};
    enum err e = flag_term(row, value, &term, error);
    if (e == OK && strcmp(key, "connect") == 0)
        e = flag_connect(c, row, &term, error);
    else if (e == OK)
        e = row->read(c, buf_bytes(&term), error);
    if (e == OK)
        c->lines[row - config_row_at(0)] = (struct config_line){0};
    buf_free(&term);
    return e;
}

void config_replica(const struct config *c, size_t i, struct bytes *name, struct bytes *map)
{
    must(i < c->replica_count);
    config_replica_read(c->replicas[i], name, map);
}

void config_replica_read(const struct config_replica *replica, struct bytes *name,
                         struct bytes *map)
{
    struct etf_in in = etf_open(term_bytes(&replica->term));
    etf_tuple_of(&in, 2);
    *name = etf_any(&in);
    *map = etf_any(&in);
    must(etf_finish(&in) == OK);
}

/* --- the whole ------------------------------------------------------------- */

const struct config_line *config_line_of(const struct config *c, const char *key)
{
    return &c->lines[config_row(bytes_of(key)) - config_row_at(0)];
}

/* The error is about this key, which may stand in no file. */
static void is_at(const struct config *c, const char *key, struct config_error *error)
{
    const struct config_line *at = config_line_of(c, key);
    error->file = at->file;
    error->line = at->line;
    error->column = at->column;
}

static enum err options_of(const struct config *c, size_t i, struct replica_options *options,
                           struct options_error *wrong)
{
    struct bytes name, map;
    config_replica(c, i, &name, &map);
    return replica_options_read(options, name, map, buf_bytes(&c->node), wrong);
}

static bool is_scope(const struct config *c, struct bytes name)
{
    if (c->scope_auto && bytes_equal(name, BYTES(COPPICE_SCOPE)))
        return true;
    for (size_t i = 0; i < c->scope_count; i++)
        if (bytes_equal(name, buf_bytes(&c->scopes[i])))
            return true;
    return false;
}

/* Whether a replica can run beside the scopes and the replicas before it. */
static enum err check_beside(const struct config *c, const struct rivals *before,
                             const struct replica_options *o, same_file *is_same,
                             struct options_error *wrong)
{
    struct bytes name = atom_text(term_bytes(&o->name)), shown = utf8_front(name, NAME_SHOWN);
    if (is_scope(c, name)) {
        snprintf(wrong->what, sizeof(wrong->what), "name: %.*s is a pg scope of this node",
                 TEXT(shown));
        return ERR_SHAPE;
    }
    return rivals_check(before, o, is_same, wrong);
}

static enum err replica_error(const struct config *c, size_t i, struct bytes name,
                              const struct options_error *wrong, struct config_error *error)
{
    error->file = c->replicas[i]->file;
    error->line = c->replicas[i]->line;
    error->column = c->replicas[i]->column;
    return config_wrong_replica(error, name, wrong);
}

static enum err check_replicas(const struct config *c, same_file *is_same,
                               struct config_error *error)
{
    struct replica_options *all = mem_take(c->replica_count * sizeof(*all));
    struct rivals before = {0};
    struct options_error wrong;
    enum err e = OK;
    for (size_t i = 0; e == OK && i < c->replica_count; i++) {
        must(options_of(c, i, &all[i], &wrong) == OK); /* checked when they were read */
        if (check_beside(c, &before, &all[i], is_same, &wrong) != OK)
            e = replica_error(c, i, term_bytes(&all[i].name), &wrong, error);
        rivals_add(&before, &all[i]);
    }
    rivals_free(&before);
    for (size_t i = 0; i < c->replica_count; i++)
        replica_options_free(&all[i]);
    mem_free(all);
    return e;
}

uint16_t config_peer_port(const struct config *c)
{
    if (c->peer_port != 0)
        return c->peer_port;
    return c->port == c->port_last ? c->port : 0;
}

static enum err check_connects(const struct config *c, struct config_error *error)
{
    for (size_t i = 0; !c->allows_all && i < c->connects; i++) {
        struct bytes name = buf_bytes(&c->connect[i].name), shown = utf8_front(name, NAME_SHOWN);
        if (name_patterns_match(&c->allow, name))
            continue;
        is_at(c, "connect", error);
        snprintf(
            error->what, sizeof(error->what),
            "connect: '%.*s' is not among the nodes of allow: add it there, or take it out here",
            TEXT(shown));
        return ERR_SHAPE;
    }
    return OK;
}

enum err config_check(const struct config *c, same_file *is_same, struct config_error *error)
{
    error->file = NULL;
    error->line = error->column = 0;
    if (c->node.len == 0) {
        snprintf(error->what, sizeof(error->what),
                 "node: missing; set {node, 'name@host'}. or --node name@host");
        return ERR_SHAPE;
    }
    if (c->certified && !c->tls.on) {
        is_at(c, "allow_certificates", error);
        snprintf(error->what, sizeof(error->what),
                 "allow_certificates: there are no certificates without tls: set tls, too");
        return ERR_SHAPE;
    }
    is_at(c, "connect", error);
    enum err e = config_check_ports(c, error);
    if (e == OK)
        e = check_connects(c, error);
    return e == OK ? check_replicas(c, is_same, error) : e;
}

const char *config_key(size_t i, const char **help)
{
    const struct config_row *row = config_row_at(i);
    if (row == NULL)
        return NULL;
    *help = row->help;
    return row->key;
}
