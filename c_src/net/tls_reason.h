/* Why a TLS handshake was refused, as one line for a person: what is wrong, in which field of which
 * certificate, and what to do. */
#ifndef COPPICE_NET_TLS_REASON_H
#define COPPICE_NET_TLS_REASON_H

#include <openssl/ssl.h>

#include "../term/bytes.h"
#include "tls_context.h"

/* What a verification needs to know, and what it has found. */
struct tls_check {
    const struct tls_context *context;
    const char *host; /* that the peer's certificate has to name; NULL for one that was accepted */
    struct buf why;   /* the first fault; empty: none */
};

/* Has the handshakes of ssl checked by tls_on_verify() with this, which outlives them. */
void tls_check_with(SSL *ssl, struct tls_check *check);

/* OpenSSL's callback for each certificate of a chain: notes what is wrong, and checks the host.
 *
 * As inet_tls_dist does, the host, which is that of the node's name, is looked for among the
 * dNSNames, or in the CN of a certificate without a subjectAltName.  An IP address may also be an
 * iPAddress, as in OTP 27 and later.
 *
 * Source: ssl_certificate:validate/3; public_key:pkix_verify_hostname/3. */
int tls_on_verify(int good, X509_STORE_CTX *store);

/* Whether the certificate is for that host; wildcards: *.example.com stands for any one label. */
bool tls_names_host(X509 *x, const char *host, bool wildcards);

/* Appends why the last call on ssl, which has given this, has failed. */
void tls_put_failure(struct buf *why, const SSL *ssl, const struct tls_check *check);

/* Appends "CN=web1, O=Acme", and "Jan  1 00:00:00 2027 GMT". */
void tls_put_subject(struct buf *out, X509 *x);
void tls_put_time(struct buf *out, const ASN1_TIME *time);

#endif
