#include "tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "../limits.h"
#include "../mem.h"
#include "tls_reason.h"

/* Bytes that a record adds to its content of 16 kB, at most: header, initialisation vector, padding
 * and authentication code of the suites of TLS 1.2. */
#define RECORD_BYTES 16384
#define RECORD_EXTRA 128

struct tls {
    struct tls_context *context;
    SSL *ssl;
    enum tls_state state;
    bool was_open;
    struct bytes in; /* of the network, not yet read; borrowed */
    bool in_ended;
    struct buf out;
    bool answered; /* it has written something */
    struct tls_check check;
    struct buf host, why, names;
    bool named; /* certificate is set */
    struct certificate certificate;
};

/* --- OpenSSL's view of the network ------------------------------------------------- */

static int bio_write(BIO *bio, const char *from, int count)
{
    struct tls *t = BIO_get_data(bio);
    t->answered = true;
    buf_put(&t->out, (struct bytes){(const uint8_t *)from, (size_t)count});
    return count;
}

static int bio_read(BIO *bio, char *to, int room)
{
    struct tls *t = BIO_get_data(bio);
    size_t count = t->in.len < (size_t)room ? t->in.len : (size_t)room;
    BIO_clear_retry_flags(bio);
    if (count == 0) {
        if (!t->in_ended)
            BIO_set_retry_read(bio);
        return t->in_ended ? 0 : -1;
    }
    memcpy(to, t->in.at, count);
    t->in = bytes_after(t->in, count);
    return (int)count;
}

static long bio_control(BIO *bio, int what, long number, void *pointer)
{
    const struct tls *t = BIO_get_data(bio);
    (void)number;
    (void)pointer;
    if (what == BIO_CTRL_EOF)
        return t->in_ended && t->in.len == 0;
    return what == BIO_CTRL_FLUSH;
}

static const BIO_METHOD *bio_method(void)
{
    static BIO_METHOD *method;
    if (method == NULL) {
        method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "coppice");
        must(method != NULL && BIO_meth_set_write(method, bio_write) == 1 &&
             BIO_meth_set_read(method, bio_read) == 1 &&
             BIO_meth_set_ctrl(method, bio_control) == 1);
    }
    return method;
}

/* --- start and end ----------------------------------------------------------------- */

static struct tls *tls_new(struct tls_context *c)
{
    struct tls *t = mem_take(sizeof(*t));
    BIO *bio = BIO_new(bio_method());
    *t = (struct tls){.context = tls_context_hold(c), .ssl = SSL_new(c->ssl), .check.context = c};
    mem_had(t->ssl);
    mem_had(bio);
    BIO_set_data(bio, t);
    BIO_set_init(bio, 1);
    SSL_set_bio(t->ssl, bio, bio);
    tls_check_with(t->ssl, &t->check);
    return t;
}

/* An address is no name for SNI (RFC 6066), though it is checked all the same. */
static bool is_address(const char *host)
{
    uint8_t address[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

struct tls *tls_new_client(struct tls_context *c, const char *host)
{
    struct tls *t = tls_new(c);
    buf_printf(&t->host, "%s%c", host, 0);
    t->check.host = (const char *)t->host.at;
    SSL_set_connect_state(t->ssl);
    if (!is_address(host))
        SSL_set_tlsext_host_name(t->ssl, host);
    tls_read(t, NULL, 0);
    return t;
}

struct tls *tls_new_server(struct tls_context *c)
{
    struct tls *t = tls_new(c);
    SSL_set_accept_state(t->ssl);
    return t;
}

void tls_free(struct tls *t)
{
    if (t == NULL)
        return;
    SSL_free(t->ssl);
    tls_context_release(t->context);
    buf_free(&t->out);
    buf_free(&t->check.why);
    buf_free(&t->host);
    buf_free(&t->why);
    buf_free(&t->names);
    mem_free((void *)t->certificate.dns);
    mem_free(t);
}

/* --- the peer's names -------------------------------------------------------------- */

/* Appends the name to t->names, and a zero; false for one that is no plain text. */
static bool add_name(struct tls *t, const ASN1_STRING *name)
{
    const unsigned char *at = ASN1_STRING_get0_data(name);
    int len = ASN1_STRING_length(name);
    if (len == 0 || memchr(at, 0, (size_t)len) != NULL)
        return false;
    buf_put(&t->names, (struct bytes){at, (size_t)len});
    buf_put_u8(&t->names, 0);
    return true;
}

static size_t add_dns_names(struct tls *t, X509 *x)
{
    size_t count = 0;
    GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names) && count < LIMIT_CERTIFICATE_NAMES; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        count += name->type == GEN_DNS && add_name(t, name->d.dNSName);
    }
    GENERAL_NAMES_free(names);
    return count;
}

/* The last CN, which is the most specific one. */
static bool add_common_name(struct tls *t, X509 *x)
{
    const X509_NAME *subject = X509_get_subject_name(x);
    int place = -1, last = -1;
    while ((place = X509_NAME_get_index_by_NID((X509_NAME *)subject, NID_commonName, place)) >= 0)
        last = place;
    const X509_NAME_ENTRY *entry = last >= 0 ? X509_NAME_get_entry(subject, last) : NULL;
    return entry != NULL && add_name(t, X509_NAME_ENTRY_get_data(entry));
}

static struct bytes next_name(struct bytes *rest)
{
    struct bytes name = bytes_of((const char *)rest->at);
    *rest = bytes_after(*rest, name.len + 1);
    return name;
}

static void take_names(struct tls *t)
{
    X509 *x = t->context->verify ? SSL_get0_peer_certificate(t->ssl) : NULL;
    if (x == NULL)
        return;
    size_t count = add_dns_names(t, x);
    bool common = add_common_name(t, x);
    struct bytes rest = buf_bytes(&t->names);
    struct bytes *dns = mem_take(count * sizeof(*dns));
    for (size_t i = 0; i < count; i++)
        dns[i] = next_name(&rest);
    t->certificate = (struct certificate){
        .dns = dns,
        .dns_count = count,
        .has_san = X509_get_ext_by_NID(x, NID_subject_alt_name, -1) >= 0,
    };
    if (common)
        t->certificate.cn = next_name(&rest);
    t->named = true;
}

/* --- reading and writing ----------------------------------------------------------- */

/* OpenSSL tells nothing to a client that does not speak TLS, which would guess why it is closed. */
static void say_tls(struct tls *t)
{
    static const uint8_t alert[] = {
        SSL3_RT_ALERT, TLS1_VERSION_MAJOR,       TLS1_2_VERSION_MINOR, 0, 2,
        SSL3_AL_FATAL, SSL_AD_UNEXPECTED_MESSAGE};
    if (t->context->server && !t->answered)
        buf_put(&t->out, (struct bytes){alert, sizeof(alert)});
}

/* Of a call that has given this, not a success: whether more bytes are all that is missing. */
static void settle(struct tls *t, int result)
{
    int error = SSL_get_error(t->ssl, result);
    if (error == SSL_ERROR_WANT_READ)
        return;
    if (error == SSL_ERROR_ZERO_RETURN || (t->state == TLS_OPEN && t->in_ended)) {
        t->state = TLS_ENDED;
        ERR_clear_error();
        return;
    }
    t->state = TLS_FAILED;
    say_tls(t);
    tls_put_failure(&t->why, t->ssl, &t->check);
    buf_put_u8(&t->why, 0);
}

void tls_feed(struct tls *t, struct bytes read)
{
    must(t->in.len == 0 || t->state != TLS_OPEN);
    t->in = read;
}

void tls_feed_end(struct tls *t)
{
    t->in_ended = true;
}

static void shake(struct tls *t)
{
    ERR_clear_error();
    int result = SSL_do_handshake(t->ssl);
    if (result != 1) {
        settle(t, result);
        return;
    }
    t->state = TLS_OPEN;
    t->was_open = true;
    take_names(t);
}

size_t tls_read(struct tls *t, uint8_t *to, size_t room)
{
    size_t count = 0, more = 0;
    if (t->state == TLS_SHAKING)
        shake(t);
    while (t->state == TLS_OPEN && count < room) {
        ERR_clear_error();
        int result = SSL_read_ex(t->ssl, to + count, room - count, &more);
        if (result == 1) {
            count += more;
            continue;
        }
        settle(t, result);
        break;
    }
    return count;
}

bool tls_write(struct tls *t, struct bytes plain)
{
    size_t written = 0;
    if (t->state != TLS_OPEN)
        return false;
    if (plain.len == 0)
        return true;
    buf_room(&t->out, plain.len + (plain.len / RECORD_BYTES + 1) * RECORD_EXTRA);
    ERR_clear_error();
    int result = SSL_write_ex(t->ssl, plain.at, plain.len, &written);
    if (result != 1)
        settle(t, result);
    must(result != 1 || written == plain.len);
    return result == 1;
}

void tls_end(struct tls *t)
{
    ERR_clear_error();
    if (t->state == TLS_OPEN)
        SSL_shutdown(t->ssl);
    ERR_clear_error();
}

/* --- what it is asked -------------------------------------------------------------- */

enum tls_state tls_state(const struct tls *t)
{
    return t->state;
}

struct buf *tls_out(struct tls *t)
{
    return &t->out;
}

bool tls_was_open(const struct tls *t)
{
    return t->was_open;
}

const char *tls_why(const struct tls *t)
{
    return t->why.len > 0 ? (const char *)t->why.at : "";
}

const struct certificate *tls_peer(const struct tls *t)
{
    return t->named ? &t->certificate : NULL;
}
