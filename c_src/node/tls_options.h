/* What `tls` configures: certificates, and how those of peers are verified.
 *
 *     {tls, #{certfile => "node.pem", cacertfile => "ca.pem", verify => verify_peer}}.
 *     {tls, "/etc/coppice/ssl_dist.conf"}.
 *
 * The keys are those of OTP's ssl that make sense here.  The file is one of -ssl_dist_optfile: a
 * list [{server, Options}, {client, Options}] with options of each role.  Files are named here, and
 * read by net/tls_context.h.  docs/tls.md is the user's manual.
 *
 * Source: "Erlang Distribution over TLS" of OTP's ssl. */
#ifndef COPPICE_NODE_TLS_OPTIONS_H
#define COPPICE_NODE_TLS_OPTIONS_H

#include "../err.h"
#include "../term/bytes.h"

enum tls_role_kind { TLS_CLIENT, TLS_SERVER, TLS_ROLES };

/* Whose certificates have to be in no revocation list. */
enum tls_crl_check {
    CRL_DEFAULT,    /* CRL_CHAIN where there are lists, else CRL_NO */
    CRL_NO,         /* false */
    CRL_PEER,       /* peer: the peer's own */
    CRL_CHAIN,      /* true: each of its chain */
    CRL_BEST_EFFORT /* best_effort: like CRL_CHAIN, but a missing list is accepted */
};

/* One side of connections.  Texts are empty where the option is not given. */
struct tls_role {
    struct buf certfile, keyfile, cacertfile; /* paths of PEM files; keyfile: default certfile */
    struct buf password;                      /* of the key */
    struct buf crlfile, crl_dir; /* a PEM file, or a folder of OpenSSL's `rehash`, of lists */
    struct buf ciphers, suites;  /* OpenSSL's names with ':' between, of TLS 1.2 and of 1.3 */
    enum tls_crl_check crl_check;
    bool verify;      /* verify_peer */
    bool must_show;   /* fail_if_no_peer_cert: of a server that verifies */
    bool wildcards;   /* *.example.com in a certificate stands for one label */
    bool versions[2]; /* TLS 1.2, TLS 1.3 */
    int depth;        /* intermediate certificates in a chain, at most */
};

struct tls_options {
    bool on;
    /* The names of peers are compared (allow_certificates): each has to show a certificate, and it
     * has to be verified.  Set by the reader of the configuration. */
    bool all_prove;
    struct buf file; /* path of an option file, instead of what follows */
    struct tls_role roles[TLS_ROLES];
};

/* Where the options are wrong: "verify: expected verify_none or verify_peer, found true". */
struct tls_error {
    unsigned line, column; /* of a file that is no list of options; 0: unknown */
    char what[512];
};

/* Reads the value of the key: a map for both roles, or a path.  A client verifies, unless verify
 * says otherwise, and a server does not, as in OTP 26 and later. */
must_use enum err tls_options_read(struct tls_options *o, struct bytes term,
                                   struct tls_error *error);

/* Reads the text of an option file, and sets what OTP takes for an option that is missing. */
must_use enum err tls_options_read_file(struct tls_options *o, struct bytes text,
                                        struct tls_error *error);

/* Refuses options with which a peer could show no certificate, or one that is not verified: of
 * nodes that are dialled, and of those that dial. */
must_use enum err tls_options_check_proof(const struct tls_options *o, struct tls_error *error);

void tls_options_free(struct tls_options *o);

#endif
