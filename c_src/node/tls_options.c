#include "tls_options.h"

#include <stdio.h>
#include <string.h>

#include "../term/etf.h"
#include "../term/expected.h"
#include "../term/text.h"

/* OTP's default, "Maximum number of non-self-issued intermediate certificates". */
#define DEPTH_DEFAULT 10

static enum err expected(struct tls_error *error, const char *key, const char *wanted,
                         struct bytes found)
{
    expected_found(error->what, sizeof(error->what), key, wanted, found);
    return ERR_SHAPE;
}

/* --- values ------------------------------------------------------------------------ */

static bool as_text(struct bytes term, struct buf *out)
{
    struct etf_in in = etf_open(term);
    buf_clear(out);
    etf_text(&in, out);
    return etf_finish(&in) == OK;
}

static enum err read_path(struct buf *path, const char *key, struct bytes value,
                          struct tls_error *error)
{
    return as_text(value, path) ? OK : expected(error, key, "a path as a string", value);
}

static enum err read_bool(bool *yes, const char *key, struct bytes value, struct tls_error *error)
{
    struct etf_in in = etf_open(value);
    *yes = etf_bool(&in);
    return etf_finish(&in) == OK ? OK : expected(error, key, "true or false", value);
}

static enum err read_certfile(struct tls_role *r, struct bytes value, struct tls_error *error)
{
    return read_path(&r->certfile, "certfile", value, error);
}

static enum err read_keyfile(struct tls_role *r, struct bytes value, struct tls_error *error)
{
    return read_path(&r->keyfile, "keyfile", value, error);
}

static enum err read_cacertfile(struct tls_role *r, struct bytes value, struct tls_error *error)
{
    return read_path(&r->cacertfile, "cacertfile", value, error);
}

static enum err read_crlfile(struct tls_role *r, struct bytes value, struct tls_error *error)
{
    return read_path(&r->crlfile, "crlfile", value, error);
}

/* Not quoted in the error: it is a secret. */
static enum err read_password(struct tls_role *r, struct bytes value, struct tls_error *error)
{
    if (as_text(value, &r->password))
        return OK;
    snprintf(error->what, sizeof(error->what), "password: expected a string");
    return ERR_SHAPE;
}

static enum err read_verify(struct tls_role *r, struct bytes value, struct tls_error *error)
{
    struct etf_in in = etf_open(value);
    r->verify = etf_accept(&in, "verify_peer");
    if (!r->verify && !etf_accept(&in, "verify_none"))
        return expected(error, "verify", "verify_none or verify_peer", value);
    return OK;
}

static enum err read_must_show(struct tls_role *r, struct bytes value, struct tls_error *error)
{
    return read_bool(&r->must_show, "fail_if_no_peer_cert", value, error);
}

static enum err read_wildcards(struct tls_role *r, struct bytes value, struct tls_error *error)
{
    return read_bool(&r->wildcards, "wildcards", value, error);
}

static enum err read_versions(struct tls_role *r, struct bytes value, struct tls_error *error)
{
    static const char wanted[] = "a list of 'tlsv1.2' and 'tlsv1.3'";
    struct etf_in in = etf_open(value);
    struct bytes element;
    r->versions[0] = r->versions[1] = false;
    for (struct etf_list l = etf_list(&in); etf_next(&l, &element);) {
        struct etf_in one = etf_open(element);
        if (etf_accept(&one, "tlsv1.2"))
            r->versions[0] = true;
        else if (etf_accept(&one, "tlsv1.3"))
            r->versions[1] = true;
        else
            return expected(error, "versions", wanted, element);
    }
    if (etf_finish(&in) != OK || !(r->versions[0] || r->versions[1]))
        return expected(error, "versions", wanted, value);
    return OK;
}

/* Suites of TLS 1.3 have names of their own, and OpenSSL a list of its own for them. */
static void add_cipher(struct tls_role *r, struct bytes name)
{
    bool is_suite = name.len > 4 && memcmp(name.at, "TLS_", 4) == 0;
    struct buf *list = is_suite ? &r->suites : &r->ciphers;
    if (list->len > 0)
        buf_put_u8(list, ':');
    buf_put(list, name);
}

static void add_ciphers(struct tls_role *r, struct bytes names)
{
    while (names.len > 0) {
        const uint8_t *colon = memchr(names.at, ':', names.len);
        size_t len = colon != NULL ? (size_t)(colon - names.at) : names.len;
        if (len > 0)
            add_cipher(r, (struct bytes){names.at, len});
        len += colon != NULL;
        names = bytes_after(names, len);
    }
}

static enum err read_ciphers(struct tls_role *r, struct bytes value, struct tls_error *error)
{
    static const char wanted[] = "names of OpenSSL, as a list of strings or one with ':' between";
    struct etf_in in = etf_open(value);
    struct bytes element;
    struct buf text = {0};
    enum err e = OK;
    buf_clear(&r->ciphers);
    buf_clear(&r->suites);
    if (as_text(value, &text)) {
        add_ciphers(r, buf_bytes(&text));
    } else {
        for (struct etf_list l = etf_list(&in); e == OK && etf_next(&l, &element);)
            if (as_text(element, &text))
                add_ciphers(r, buf_bytes(&text));
            else
                e = expected(error, "ciphers", wanted, element);
        if (e == OK && (etf_finish(&in) != OK || r->ciphers.len + r->suites.len == 0))
            e = expected(error, "ciphers", wanted, value);
    }
    buf_free(&text);
    return e;
}

static enum err read_depth(struct tls_role *r, struct bytes value, struct tls_error *error)
{
    struct etf_in in = etf_open(value);
    uint64_t depth = etf_uint64(&in);
    if (etf_finish(&in) != OK || depth > UINT8_MAX)
        return expected(error, "depth", "0 to 255", value);
    r->depth = (int)depth;
    return OK;
}

static enum err read_crl_check(struct tls_role *r, struct bytes value, struct tls_error *error)
{
    struct etf_in in = etf_open(value);
    if (etf_accept(&in, "true"))
        r->crl_check = CRL_CHAIN;
    else if (etf_accept(&in, "false"))
        r->crl_check = CRL_NO;
    else if (etf_accept(&in, "peer"))
        r->crl_check = CRL_PEER;
    else if (etf_accept(&in, "best_effort"))
        r->crl_check = CRL_BEST_EFFORT;
    else
        return expected(error, "crl_check", "true, false, peer or best_effort", value);
    return OK;
}

/* {ssl_crl_hash_dir, {internal, [{dir, Path}]}}: the cache that is a folder. */
static enum err read_crl_cache(struct tls_role *r, struct bytes value, struct tls_error *error)
{
    struct etf_in in = etf_open(value);
    etf_tuple_of(&in, 2);
    etf_expect(&in, "ssl_crl_hash_dir");
    etf_tuple_of(&in, 2);
    etf_expect(&in, "internal");
    struct bytes options = etf_any(&in), first = {0}, more;
    bool good = etf_finish(&in) == OK;
    in = etf_open(options);
    struct etf_list l = etf_list(&in);
    good = good && etf_next(&l, &first) && !etf_next(&l, &more) && etf_finish(&in) == OK;
    in = etf_open(first);
    etf_tuple_of(&in, 2);
    etf_expect(&in, "dir");
    struct bytes path = etf_any(&in);
    if (!good || etf_finish(&in) != OK || !as_text(path, &r->crl_dir))
        return expected(error, "crl_cache", "{ssl_crl_hash_dir, {internal, [{dir, Path}]}}", value);
    return OK;
}

/* With an empty list of net_kernel:allow/1, this function adds nothing to verify_peer. */
static enum err read_verify_fun(struct tls_role *r, struct bytes value, struct tls_error *error)
{
    (void)r;
    struct etf_in in = etf_open(value);
    etf_tuple_of(&in, 2);
    struct bytes fun = etf_any(&in);
    etf_any(&in);
    bool good = etf_finish(&in) == OK;
    in = etf_open(fun);
    if (good && etf_peek(&in) == ETF_EXPORT) {
        struct etf_export function = etf_export(&in);
        struct etf_in module = etf_open(function.module);
        if (etf_accept(&module, "inet_tls_dist"))
            return OK;
    }
    return expected(error, "verify_fun",
                    "{fun inet_tls_dist:verify_client/3, _} (no other function can run here)",
                    value);
}

/* --- options ----------------------------------------------------------------------- */

static const struct {
    const char *key;
    enum err (*read)(struct tls_role *r, struct bytes value, struct tls_error *error);
} options[] = {
    {"certfile", read_certfile},   {"keyfile", read_keyfile},
    {"password", read_password},   {"cacertfile", read_cacertfile},
    {"verify", read_verify},       {"fail_if_no_peer_cert", read_must_show},
    {"versions", read_versions},   {"ciphers", read_ciphers},
    {"depth", read_depth},         {"crl_check", read_crl_check},
    {"crl_cache", read_crl_cache}, {"crlfile", read_crlfile},
    {"wildcards", read_wildcards}, {"verify_fun", read_verify_fun},
};

/* Options of ssl that change nothing about who may connect, or that are always so here. */
static const char *const ignored[] = {
    "client_renegotiation",
    "dh",
    "dhfile",
    "erl_dist",
    "hibernate_after",
    "honor_cipher_order",
    "honor_ecc_order",
    "key_update_at",
    "ktls",
    "log_alert",
    "log_level",
    "max_handshake_size",
    "reuse_session",
    "reuse_sessions",
    "secure_renegotiate",
    "session_tickets",
};

static enum err unknown(struct bytes key, struct tls_error *error)
{
    struct buf keys = {0};
    buf_printf(&keys, "one of ");
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
        buf_printf(&keys, "%s%s", i > 0 ? ", " : "", options[i].key);
    buf_put_u8(&keys, 0);
    expected(error, "option", (const char *)keys.at, key);
    buf_free(&keys);
    return ERR_SHAPE;
}

static enum err read_option(struct tls_role *r, struct bytes key, struct bytes value,
                            struct tls_error *error)
{
    struct etf_in in = etf_open(key);
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
        if (etf_accept(&in, options[i].key))
            return options[i].read(r, value, error);
    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
        if (etf_accept(&in, ignored[i]))
            return OK;
    return unknown(key, error);
}

static void role_init(struct tls_role *r, enum tls_role_kind kind)
{
    *r = (struct tls_role){.verify = kind == TLS_CLIENT,
                           .must_show = true,
                           .versions = {true, true},
                           .depth = DEPTH_DEFAULT};
}

static void roles_init(struct tls_options *o)
{
    for (int i = 0; i < TLS_ROLES; i++)
        role_init(&o->roles[i], (enum tls_role_kind)i);
}

static enum err read_map(struct tls_options *o, struct etf_in *in, struct tls_error *error)
{
    enum err e = OK;
    roles_init(o);
    for (uint32_t left = etf_map(in); e == OK && left > 0; left--) {
        struct bytes key = etf_any(in), value = etf_any(in);
        for (int i = 0; e == OK && i < TLS_ROLES; i++)
            e = read_option(&o->roles[i], key, value, error);
    }
    return e;
}

enum err tls_options_read(struct tls_options *o, struct bytes term, struct tls_error *error)
{
    struct etf_in in = etf_open(term);
    enum err e = OK;
    *error = (struct tls_error){0};
    tls_options_free(o);
    if (etf_peek(&in) == ETF_MAP)
        e = read_map(o, &in, error);
    else if (!as_text(term, &o->file))
        e = expected(error, "tls", "a map with certfile and others, or the path of an option file",
                     term);
    o->on = e == OK;
    return e;
}

/* --- option files ------------------------------------------------------------------ */

static enum err read_options(struct tls_role *r, struct bytes list, struct tls_error *error)
{
    struct etf_in in = etf_open(list);
    struct bytes element;
    for (struct etf_list l = etf_list(&in); etf_next(&l, &element);) {
        struct etf_in pair = etf_open(element);
        etf_tuple_of(&pair, 2);
        struct bytes key = etf_any(&pair), value = etf_any(&pair);
        if (etf_finish(&pair) != OK)
            return expected(error, "option", "{Key, Value}", element);
        enum err e = read_option(r, key, value, error);
        if (e != OK)
            return e;
    }
    return etf_finish(&in) == OK ? OK : expected(error, "options", "a list", list);
}

static enum err read_roles(struct tls_options *o, struct bytes term, struct tls_error *error)
{
    static const char wanted[] = "[{server, Options}, {client, Options}]";
    struct etf_in in = etf_open(term);
    struct bytes element;
    enum err e = OK;
    for (struct etf_list l = etf_list(&in); e == OK && etf_next(&l, &element);) {
        struct etf_in pair = etf_open(element);
        etf_tuple_of(&pair, 2);
        bool server = etf_accept(&pair, "server");
        if (!server)
            etf_expect(&pair, "client");
        struct bytes list = etf_any(&pair);
        if (etf_finish(&pair) != OK)
            return expected(error, "option file", wanted, element);
        e = read_options(&o->roles[server ? TLS_SERVER : TLS_CLIENT], list, error);
    }
    if (e == OK && etf_finish(&in) != OK)
        e = expected(error, "option file", wanted, term);
    return e;
}

enum err tls_options_read_file(struct tls_options *o, struct bytes text, struct tls_error *error)
{
    struct buf term = {0};
    struct text_error wrong = {0};
    *error = (struct tls_error){0};
    tls_options_free(o);
    roles_init(o);
    enum err e = text_single(text, &term, &wrong);
    if (e == OK) {
        e = read_roles(o, buf_bytes(&term), error);
    } else {
        error->line = wrong.line;
        error->column = wrong.column;
        snprintf(error->what, sizeof(error->what), "%s", wrong.what);
    }
    o->on = e == OK;
    buf_free(&term);
    return e;
}

enum err tls_options_check_proof(const struct tls_options *o, struct tls_error *error)
{
    const struct tls_role *client = &o->roles[TLS_CLIENT], *server = &o->roles[TLS_SERVER];
    const char *what = NULL;
    if (!client->verify)
        what = "verify: allow_certificates compares the names of nodes that are dialled (client), "
               "and so needs verify => verify_peer";
    else if (!server->verify)
        what = "verify: allow_certificates compares the names of nodes that dial (server), and so "
               "needs verify => verify_peer";
    else if (!server->must_show)
        what = "fail_if_no_peer_cert: allow_certificates compares the names of nodes that dial "
               "(server), and so needs fail_if_no_peer_cert => true";
    if (what == NULL)
        return OK;
    snprintf(error->what, sizeof(error->what), "%s", what);
    return ERR_SHAPE;
}

void tls_options_free(struct tls_options *o)
{
    for (int i = 0; i < TLS_ROLES; i++) {
        struct tls_role *r = &o->roles[i];
        struct buf *texts[] = {&r->certfile, &r->keyfile, &r->cacertfile, &r->password,
                               &r->crlfile,  &r->crl_dir, &r->ciphers,    &r->suites};
        for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++)
            buf_free(texts[k]);
    }
    buf_free(&o->file);
    *o = (struct tls_options){0};
}
