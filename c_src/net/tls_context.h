/* The certificates, keys and rules of TLS connections, from the files that the options name
 * (node/tls_options.h): one context for connections that this node dials, one for those that it
 * accepts. */
#ifndef COPPICE_NET_TLS_CONTEXT_H
#define COPPICE_NET_TLS_CONTEXT_H

#include <openssl/ssl.h>

#include "../node/tls_options.h"

/* Held by each of its connections: a reload changes those that come after it. */
struct tls_context {
    SSL_CTX *ssl;
    unsigned holds;
    bool server;
    bool verify;           /* peers have to show a certificate of one of these authorities: */
    struct buf cacertfile; /* path, for messages */
    bool wildcards;        /* a name in a certificate may begin with one */
    bool crl_optional;     /* an issuer without a revocation list has revoked nothing */
};

struct tls_contexts {
    struct tls_context *client, *server; /* the server's is NULL for a node that does not listen */
};

/* Reads the files.  On an error *error says which file or option is wrong, and *c has no
 * contexts. */
must_use enum err tls_contexts_read(struct tls_contexts *c, const struct tls_options *options,
                                    bool listens, struct tls_error *error);

/* Appends a text about the certificate that the node shows, for the log; false if peers will refuse
 * it: it is not valid at the moment, or not for the host in the node's name. */
bool tls_contexts_describe(const struct tls_contexts *c, struct bytes node, struct buf *about);

/* The same contexts again, to be freed on their own. */
void tls_contexts_hold(struct tls_contexts *c, const struct tls_contexts *from);

/* Connections keep the contexts that they hold. */
void tls_contexts_free(struct tls_contexts *c);

/* NULL is allowed in both. */
struct tls_context *tls_context_hold(struct tls_context *c);
void tls_context_release(struct tls_context *c);

#endif
