/* The names in a peer's certificate, and whether they are among those that are allowed. */
#ifndef COPPICE_CLUSTER_CERTIFICATE_H
#define COPPICE_CLUSTER_CERTIFICATE_H

#include "../dist/name_pattern.h"

/* All borrowed, and without zeros; where the CN is not known, it is empty. */
struct certificate {
    struct bytes cn;         /* commonName of the subject */
    const struct bytes *dns; /* dNSNames of subjectAltName, LIMIT_CERTIFICATE_NAMES at most */
    size_t dns_count;
    bool has_san; /* a subjectAltName, of whatever kind: then the CN names nothing (RFC 6125) */
};

/* A name of a host, in which some characters may be replaced by `*`, or a CN: 1 to LIMIT_HOST_BYTES
 * bytes without control characters and `@`, which a node's name has and a host's has not. */
bool certificate_pattern_valid(struct bytes pattern);
/* As it is compared: with small letters, for names of hosts are the same in capitals. */
void certificate_put_pattern(struct buf *out, struct bytes pattern);

/* Whether any of its DNS names, or the CN of one without a subjectAltName, matches any of the
 * patterns (certificate_put_pattern()).  A `*` in the certificate is no more than a character: it
 * is matched by a `*` only, for it stands for hosts that may not be allowed. */
bool certificate_matches(const struct certificate *c, const struct name_patterns *patterns);

/* Appends the names that are compared, for the log: "DNS:web1.example.com, DNS:web1". */
void certificate_put_names(struct buf *out, const struct certificate *c);

#endif
