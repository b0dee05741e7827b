#include "tls_context.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "../limits.h"
#include "../mem.h"
#include "file.h"
#include "tls_reason.h"

/* Bytes of an error that is quoted behind the name of a file. */
#define WHAT_SHOWN 400

/* A path as a C string, for a moment: OpenSSL wants them so. */
static const char *path_of(const struct buf *text)
{
    static char path[LIMIT_PATH_BYTES + 1];
    snprintf(path, sizeof(path), "%.*s", TEXT(*text));
    return path;
}

/* "certfile: /etc/x.pem: No such file or directory".  The first of OpenSSL's errors is the cause of
 * the others. */
static enum err wrong_file(struct tls_error *error, const char *key, const struct buf *path)
{
    unsigned long code = ERR_peek_error();
    const char *why =
        ERR_SYSTEM_ERROR(code) ? strerror(ERR_GET_REASON(code)) : ERR_reason_error_string(code);
    if (ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE)
        why = "no PEM block of this kind in it";
    snprintf(error->what, sizeof(error->what), "%s: %.*s: %s", key, TEXT(*path),
             why != NULL ? why : "cannot be read");
    return ERR_SHAPE;
}

static enum err missing(struct tls_error *error, const char *what)
{
    snprintf(error->what, sizeof(error->what), "%s", what);
    return ERR_SHAPE;
}

/* Without one, OpenSSL would ask for it on the terminal. */
static int on_password(char *to, int size, int writing, void *who)
{
    const struct tls_role *r = who;
    (void)writing;
    if (r->password.len > (size_t)size)
        return -1;
    if (r->password.len > 0)
        memcpy(to, r->password.at, r->password.len);
    return (int)r->password.len;
}

static enum err use_certificate(SSL_CTX *ssl, const struct tls_role *r, struct tls_error *error)
{
    const struct buf *key = r->keyfile.len > 0 ? &r->keyfile : &r->certfile;
    SSL_CTX_set_default_passwd_cb(ssl, on_password);
    SSL_CTX_set_default_passwd_cb_userdata(ssl, (void *)r);
    if (SSL_CTX_use_certificate_chain_file(ssl, path_of(&r->certfile)) != 1)
        return wrong_file(error, "certfile", &r->certfile);
    /* It also has to be the certificate's. */
    if (SSL_CTX_use_PrivateKey_file(ssl, path_of(key), SSL_FILETYPE_PEM) != 1)
        return wrong_file(error, "keyfile", key);
    return OK;
}

static enum err use_authorities(SSL_CTX *ssl, const struct tls_role *r, bool server,
                                struct tls_error *error)
{
    if (SSL_CTX_load_verify_file(ssl, path_of(&r->cacertfile)) != 1)
        return wrong_file(error, "cacertfile", &r->cacertfile);
    STACK_OF(X509_NAME) *names = server ? SSL_load_client_CA_file(path_of(&r->cacertfile)) : NULL;
    if (names != NULL)
        SSL_CTX_set_client_CA_list(ssl, names);
    return OK;
}

static enum err use_revocations(SSL_CTX *ssl, const struct tls_role *r, struct tls_error *error)
{
    X509_STORE *store = SSL_CTX_get_cert_store(ssl);
    bool lists = r->crlfile.len > 0 || r->crl_dir.len > 0;
    if (r->crl_check == CRL_NO || (r->crl_check == CRL_DEFAULT && !lists))
        return OK;
    if (!lists)
        return missing(error, "crl_check: needs the revocation lists: set crlfile or crl_cache");
    if (r->crlfile.len > 0) {
        X509_LOOKUP *file = X509_STORE_add_lookup(store, X509_LOOKUP_file());
        if (X509_load_crl_file(file, path_of(&r->crlfile), X509_FILETYPE_PEM) < 1)
            return wrong_file(error, "crlfile", &r->crlfile);
    }
    if (r->crl_dir.len > 0) {
        X509_LOOKUP *folder = X509_STORE_add_lookup(store, X509_LOOKUP_hash_dir());
        if (X509_LOOKUP_add_dir(folder, path_of(&r->crl_dir), X509_FILETYPE_PEM) != 1)
            return wrong_file(error, "crl_cache", &r->crl_dir);
    }
    unsigned long all = r->crl_check == CRL_PEER ? 0 : X509_V_FLAG_CRL_CHECK_ALL;
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | all);
    return OK;
}

static enum err use_ciphers(SSL_CTX *ssl, const struct tls_role *r, struct tls_error *error)
{
    struct buf text = {0};
    bool good = true;
    SSL_CTX_set_min_proto_version(ssl, r->versions[0] ? TLS1_2_VERSION : TLS1_3_VERSION);
    SSL_CTX_set_max_proto_version(ssl, r->versions[1] ? TLS1_3_VERSION : TLS1_2_VERSION);
    if (r->ciphers.len > 0) {
        buf_printf(&text, "%.*s%c", TEXT(r->ciphers), 0);
        good = SSL_CTX_set_cipher_list(ssl, (const char *)text.at) == 1;
    }
    if (r->suites.len > 0) {
        buf_clear(&text);
        buf_printf(&text, "%.*s%c", TEXT(r->suites), 0);
        good = good && SSL_CTX_set_ciphersuites(ssl, (const char *)text.at) == 1;
    }
    buf_free(&text);
    return good ? OK : missing(error, "ciphers: OpenSSL knows none of these names");
}

static enum err use_verification(SSL_CTX *ssl, const struct tls_role *r, bool server,
                                 struct tls_error *error)
{
    if (!r->verify) {
        SSL_CTX_set_verify(ssl, SSL_VERIFY_NONE, NULL);
        return OK;
    }
    if (r->cacertfile.len == 0)
        return missing(error, "cacertfile: missing, and needed to verify the certificates of "
                              "peers: set it, or verify => verify_none");
    enum err e = use_authorities(ssl, r, server, error);
    if (e == OK)
        e = use_revocations(ssl, r, error);
    int must_show = server && r->must_show ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
    SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | must_show, tls_on_verify);
    SSL_CTX_set_verify_depth(ssl, r->depth);
    return e;
}

static enum err context_fill(struct tls_context *c, const struct tls_role *r,
                             struct tls_error *error)
{
    /* Nothing is resumed: connections last.  Tickets would be bytes that nobody reads. */
    SSL_CTX_set_options(c->ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION |
                                    SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_num_tickets(c->ssl, 0);
    SSL_CTX_set_session_cache_mode(c->ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(c->ssl, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_dh_auto(c->ssl, 1);
    if (c->server && r->certfile.len == 0)
        return missing(error, "certfile: missing, and needed by a node that listens");
    enum err e = use_ciphers(c->ssl, r, error);
    if (e == OK && r->certfile.len > 0)
        e = use_certificate(c->ssl, r, error);
    if (e == OK)
        e = use_verification(c->ssl, r, c->server, error);
    /* The options are gone when OpenSSL could ask for the password again. */
    SSL_CTX_set_default_passwd_cb_userdata(c->ssl, NULL);
    return e;
}

/* NULL on an error. */
static struct tls_context *context_new(const struct tls_role *r, bool server,
                                       struct tls_error *error)
{
    struct tls_context *c = mem_take(sizeof(*c));
    *c = (struct tls_context){
        .ssl = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method()),
        .holds = 1,
        .server = server,
        .verify = r->verify,
        .wildcards = r->wildcards,
        .crl_optional = r->crl_check == CRL_BEST_EFFORT,
    };
    buf_put(&c->cacertfile, buf_bytes(&r->cacertfile));
    ERR_clear_error();
    enum err e = c->ssl != NULL ? context_fill(c, r, error)
                                : missing(error, "OpenSSL cannot start: see its openssl.cnf");
    ERR_clear_error();
    if (e == OK)
        return c;
    tls_context_release(c);
    return NULL;
}

static enum err contexts_new(struct tls_contexts *c, const struct tls_options *o, bool listens,
                             bool all_prove, struct tls_error *error)
{
    if (all_prove && tls_options_check_proof(o, error) != OK)
        return ERR_SHAPE;
    c->client = context_new(&o->roles[TLS_CLIENT], false, error);
    if (c->client != NULL && listens)
        c->server = context_new(&o->roles[TLS_SERVER], true, error);
    if (c->client != NULL && (c->server != NULL || !listens))
        return OK;
    tls_contexts_free(c);
    return ERR_SHAPE;
}

/* Puts the file in front of what is wrong in it. */
static enum err wrong_in_file(struct tls_error *error, const struct buf *file)
{
    char what[sizeof(error->what)];
    memcpy(what, error->what, sizeof(what));
    if (error->line > 0)
        snprintf(error->what, sizeof(error->what), "%.*s:%u:%u: %.*s", TEXT(*file), error->line,
                 error->column, WHAT_SHOWN, what);
    else
        snprintf(error->what, sizeof(error->what), "%.*s: %.*s", TEXT(*file), WHAT_SHOWN, what);
    return ERR_SHAPE;
}

static enum err read_option_file(struct tls_options *o, const struct buf *file,
                                 struct tls_error *error)
{
    struct buf text = {0};
    enum err e = file_read(&text, path_of(file), LIMIT_CONFIG_BYTES);
    if (e != OK)
        snprintf(error->what, sizeof(error->what), "%s",
                 e == ERR_CLOSED ? strerror(errno) : err_text(e));
    else
        e = tls_options_read_file(o, buf_bytes(&text), error);
    buf_free(&text);
    return e;
}

enum err tls_contexts_read(struct tls_contexts *c, const struct tls_options *options, bool listens,
                           struct tls_error *error)
{
    struct tls_options read = {0};
    *c = (struct tls_contexts){0};
    *error = (struct tls_error){0};
    bool all_prove = options->all_prove && listens;
    if (options->file.len == 0)
        return contexts_new(c, options, listens, all_prove, error);
    enum err e = read_option_file(&read, &options->file, error);
    if (e == OK)
        e = contexts_new(c, &read, listens, all_prove, error);
    if (e != OK)
        wrong_in_file(error, &options->file);
    tls_options_free(&read);
    return e;
}

/* What is behind the @ of the name, ended by a zero. */
static void put_host(struct buf *out, struct bytes node)
{
    const uint8_t *at = memchr(node.at, '@', node.len);
    buf_put(out, (struct bytes){at + 1, (size_t)(node.at + node.len - at - 1)});
    buf_put_u8(out, 0);
}

bool tls_contexts_describe(const struct tls_contexts *c, struct bytes node, struct buf *about)
{
    struct buf host = {0};
    const struct tls_context *shown = c->server != NULL ? c->server : c->client;
    X509 *x = SSL_CTX_get0_certificate(shown->ssl);
    if (x == NULL) {
        buf_printf(about, "no certificate");
        return true;
    }
    buf_printf(about, "certificate ");
    tls_put_subject(about, x);
    buf_printf(about, ", valid until ");
    tls_put_time(about, X509_get0_notAfter(x));
    bool valid = X509_cmp_current_time(X509_get0_notAfter(x)) > 0 &&
                 X509_cmp_current_time(X509_get0_notBefore(x)) < 0;
    put_host(&host, node);
    bool named = tls_names_host(x, (const char *)host.at, shown->wildcards);
    if (!valid)
        buf_printf(about, ": it is not valid now, and peers will refuse it");
    else if (!named)
        buf_printf(
            about,
            ": it is not for %s, the host of this node's name, and peers that verify it will "
            "refuse it: it needs subjectAltName DNS:%s",
            (const char *)host.at, (const char *)host.at);
    buf_free(&host);
    return valid && named;
}

void tls_contexts_hold(struct tls_contexts *c, const struct tls_contexts *from)
{
    c->client = tls_context_hold(from->client);
    c->server = tls_context_hold(from->server);
}

void tls_contexts_free(struct tls_contexts *c)
{
    tls_context_release(c->client);
    tls_context_release(c->server);
    *c = (struct tls_contexts){0};
}

struct tls_context *tls_context_hold(struct tls_context *c)
{
    if (c != NULL)
        c->holds++;
    return c;
}

void tls_context_release(struct tls_context *c)
{
    if (c == NULL || --c->holds > 0)
        return;
    SSL_CTX_free(c->ssl);
    buf_free(&c->cacertfile);
    mem_free(c);
}
