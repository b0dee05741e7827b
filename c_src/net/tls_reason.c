#include "tls_reason.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "../limits.h"
#include "../mem.h"
#include "../term/utf8.h"

/* Bytes of a name that is quoted. */
#define NAME_SHOWN 200
/* Reasons of OpenSSL from here on are alerts that the peer has sent. */
#define ALERTS 1000

static int check_index(void)
{
    static int index = -1;
    if (index < 0)
        index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    return index;
}

void tls_check_with(SSL *ssl, struct tls_check *check)
{
    mem_sufficed(SSL_set_ex_data(ssl, check_index(), check) == 1);
}

/* --- texts of a certificate -------------------------------------------------------- */

static void put_bio(struct buf *out, BIO *bio)
{
    char *text = NULL;
    long len = BIO_get_mem_data(bio, &text);
    buf_put(out, utf8_front((struct bytes){(const uint8_t *)text, (size_t)len}, NAME_SHOWN));
    BIO_free(bio);
}

static void put_name(struct buf *out, const X509_NAME *name)
{
    BIO *bio = BIO_new(BIO_s_mem());
    X509_NAME_print_ex(bio, name, 0, XN_FLAG_ONELINE & ~XN_FLAG_SPC_EQ & ~ASN1_STRFLGS_ESC_MSB);
    put_bio(out, bio);
}

void tls_put_subject(struct buf *out, X509 *x)
{
    put_name(out, X509_get_subject_name(x));
}

void tls_put_time(struct buf *out, const ASN1_TIME *time)
{
    BIO *bio = BIO_new(BIO_s_mem());
    ASN1_TIME_print(bio, time);
    put_bio(out, bio);
}

/* "its certificate (CN=web1)", or that of an authority above it. */
static void put_which(struct buf *out, X509 *x, int depth)
{
    buf_printf(out, depth == 0 ? "its certificate (" : "the certificate above its own (");
    tls_put_subject(out, x);
    buf_printf(out, ")");
}

/* The names in it, "a, b", or the CN where there are none. */
static void put_hosts(struct buf *out, X509 *x)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    BIO *bio = BIO_new(BIO_s_mem());
    if (names == NULL) {
        BIO_free(bio);
        buf_printf(out, "no subjectAltName, and the subject ");
        tls_put_subject(out, x);
        return;
    }
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        BIO_puts(bio, i > 0 ? ", " : "subjectAltName ");
        GENERAL_NAME_print(bio, sk_GENERAL_NAME_value(names, i));
    }
    GENERAL_NAMES_free(names);
    put_bio(out, bio);
}

/* --- verification ------------------------------------------------------------------ */

bool tls_names_host(X509 *x, const char *host, bool wildcards)
{
    int place = X509_get_ext_by_NID(x, NID_subject_alt_name, -1);
    unsigned flags = wildcards ? 0 : X509_CHECK_FLAG_NO_WILDCARDS;
    flags |= place >= 0 ? X509_CHECK_FLAG_NEVER_CHECK_SUBJECT : 0;
    return X509_check_host(x, host, 0, flags, NULL) == 1 || X509_check_ip_asc(x, host, 0) == 1;
}

static void put_host_fault(struct buf *why, X509 *x, const char *host)
{
    put_which(why, x, 0);
    buf_printf(why, " is for another host: it has ");
    put_hosts(why, x);
    buf_printf(why, ", not %s, the host of the node's name: issue one with subjectAltName DNS:%s",
               host, host);
}

static void put_time_fault(struct buf *why, X509 *x, int depth, bool expired)
{
    put_which(why, x, depth);
    buf_printf(why, expired ? " has expired: notAfter is " : " is not valid yet: notBefore is ");
    tls_put_time(why, expired ? X509_get0_notAfter(x) : X509_get0_notBefore(x));
    buf_printf(why, expired ? "; issue a new one" : "; check the clocks");
}

static void put_issuer_fault(struct buf *why, const struct tls_check *check, X509 *x, int depth)
{
    put_which(why, x, depth);
    buf_printf(why, " has an issuer that this node does not trust: ");
    put_name(why, X509_get_issuer_name(x));
    buf_printf(why, " is not in cacertfile %.*s", TEXT(check->context->cacertfile));
}

static void put_revoked_fault(struct buf *why, X509 *x, int depth)
{
    BIO *bio = BIO_new(BIO_s_mem());
    put_which(why, x, depth);
    i2a_ASN1_INTEGER(bio, X509_get0_serialNumber(x));
    buf_printf(why, " is revoked: serial number ");
    put_bio(why, bio);
    buf_printf(why, " is in the revocation list of ");
    put_name(why, X509_get_issuer_name(x));
}

/* The one that is too many has been reached: the peer's own is not the current one. */
static void put_length_fault(struct buf *why, X509_STORE_CTX *store)
{
    put_which(why, X509_STORE_CTX_get0_cert(store), 0);
    buf_printf(why,
               " has more certificates between itself and an authority of cacertfile than depth "
               "allows: %d",
               X509_VERIFY_PARAM_get_depth(X509_STORE_CTX_get0_param(store)));
}

static void put_fault(struct buf *why, const struct tls_check *check, X509_STORE_CTX *store)
{
    X509 *x = X509_STORE_CTX_get_current_cert(store);
    int depth = X509_STORE_CTX_get_error_depth(store), error = X509_STORE_CTX_get_error(store);
    switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        put_time_fault(why, x, depth, error == X509_V_ERR_CERT_HAS_EXPIRED);
        break;
    case X509_V_ERR_HOSTNAME_MISMATCH:
        put_host_fault(why, x, check->host);
        break;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        put_which(why, x, depth);
        buf_printf(why,
                   " is self-signed: have it issued by an authority of cacertfile %.*s, or "
                   "add it there",
                   TEXT(check->context->cacertfile));
        break;
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        put_issuer_fault(why, check, x, depth);
        break;
    case X509_V_ERR_CERT_CHAIN_TOO_LONG:
        put_length_fault(why, store);
        break;
    case X509_V_ERR_CERT_REVOKED:
        put_revoked_fault(why, x, depth);
        break;
    default:
        put_which(why, x, depth);
        buf_printf(why, " is refused: %s", X509_verify_cert_error_string(error));
        if (error == X509_V_ERR_UNABLE_TO_GET_CRL || error == X509_V_ERR_CRL_HAS_EXPIRED) {
            buf_printf(why, " of its issuer ");
            put_name(why, X509_get_issuer_name(x));
        }
    }
}

int tls_on_verify(int good, X509_STORE_CTX *store)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls_check *check = SSL_get_ex_data(ssl, check_index());
    const struct tls_context *c = check->context;
    X509 *x = X509_STORE_CTX_get_current_cert(store);
    if (!good && c->crl_optional &&
        X509_STORE_CTX_get_error(store) == X509_V_ERR_UNABLE_TO_GET_CRL) {
        X509_STORE_CTX_set_error(store, X509_V_OK);
        return 1;
    }
    /* The last that is checked is the peer's own. */
    if (good && check->host != NULL && X509_STORE_CTX_get_error_depth(store) == 0 &&
        !tls_names_host(x, check->host, c->wildcards)) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_HOSTNAME_MISMATCH);
        good = 0;
    }
    if (!good && check->why.len == 0)
        put_fault(&check->why, check, store);
    return good;
}

/* --- failures ---------------------------------------------------------------------- */

/* What the peer has told with an alert. */
static void put_alert(struct buf *why, int alert)
{
    const char *text = SSL_alert_desc_string_long(alert), *what;
    switch (alert) {
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNKNOWN_CA:
    case SSL_AD_ACCESS_DENIED:
        what = "the peer refuses this node's certificate (certfile)";
        break;
    case SSL_AD_CERTIFICATE_REQUIRED:
        what = "the peer wants a certificate of this node: set certfile";
        break;
    case SSL_AD_PROTOCOL_VERSION:
        what = "no TLS version in common with the peer (versions)";
        break;
    default:
        what = "the peer refuses the TLS handshake (its log may say more)";
    }
    buf_printf(why, "%s: alert %d, %s", what, alert, text);
}

static void put_reason(struct buf *why, int reason, const struct tls_context *c)
{
    switch (reason) {
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_UNEXPECTED_MESSAGE:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
    case SSL_R_BAD_RECORD_TYPE:
        buf_printf(why, "it does not speak TLS: is it a node without -proto_dist inet_tls, or a "
                        "coppice without tls?");
        break;
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
        buf_printf(why, "it has shown no certificate, and verify is verify_peer: set certfile on "
                        "its side, or fail_if_no_peer_cert => false here");
        break;
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_UNKNOWN_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
        buf_printf(why, "no TLS version in common with it (versions)");
        break;
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
        buf_printf(why, "no cipher in common with it (ciphers, and the kind of %s key)",
                   c->server ? "this node's" : "its");
        break;
    default: {
        const char *text = ERR_reason_error_string(ERR_PACK(ERR_LIB_SSL, 0, reason));
        buf_printf(why, "TLS has failed: %s", text != NULL ? text : "unknown reason");
    }
    }
}

void tls_put_failure(struct buf *why, const SSL *ssl, const struct tls_check *check)
{
    unsigned long code = ERR_peek_error();
    int reason = ERR_GET_REASON(code);
    if (check->why.len > 0)
        buf_put(why, buf_bytes(&check->why));
    else if (code == 0 || reason == SSL_R_UNEXPECTED_EOF_WHILE_READING)
        buf_printf(why, SSL_is_init_finished(ssl)
                            ? "the connection was closed"
                            : "it has closed the connection in the TLS handshake: is it a node "
                              "without TLS, or does it refuse this node (its log may say why)?");
    else if (ERR_GET_LIB(code) == ERR_LIB_SSL && reason >= ALERTS)
        put_alert(why, reason - ALERTS);
    else if (ERR_GET_LIB(code) == ERR_LIB_SSL)
        put_reason(why, reason, check->context);
    else
        buf_printf(why, "TLS has failed: %s", ERR_reason_error_string(code));
    ERR_clear_error();
}
