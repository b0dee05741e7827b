/* Contexts with a certificate that is made here, and is its own authority. */
#ifndef COPPICE_TEST_CERTIFICATE_H
#define COPPICE_TEST_CERTIFICATE_H

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/tls_context.h"
#include "unit/suite.h"

static char pem[] = "/tmp/coppice-tls-XXXXXX"; /* certificate and key */
static struct tls_contexts contexts;

static inline void add_extension(X509 *x, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    CU_ASSERT_FATAL(extension != NULL && X509_add_ext(x, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

static inline void write_pem(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    FILE *file = fdopen(mkstemp(pem), "w");
    CU_ASSERT_FATAL(key != NULL && x != NULL && file != NULL);
    X509_set_version(x, X509_VERSION_3);
    X509_gmtime_adj(X509_getm_notBefore(x), -60);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
                               (const unsigned char *)"web1", -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    add_extension(x, NID_subject_alt_name, "DNS:a.example.com,IP:127.0.0.1,DNS:*.example.org");
    X509_sign(x, key, EVP_sha256());
    PEM_write_X509(file, x);
    PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
    fclose(file);
    X509_free(x);
    EVP_PKEY_free(key);
}

/* more: further options of both roles. */
static inline void open_contexts(const char *more)
{
    struct tls_options options = {0};
    struct tls_error error;
    struct buf text = {0};
    if (access(pem, R_OK) != 0)
        write_pem();
    buf_printf(&text,
               "[{server, [{certfile, \"%s\"}, {cacertfile, \"%s\"}, {verify, verify_peer} %s]},"
               " {client, [{certfile, \"%s\"}, {cacertfile, \"%s\"} %s]}]",
               pem, pem, more, pem, pem, more);
    CU_ASSERT_FATAL(tls_options_read_file(&options, buf_bytes(&text), &error) == OK);
    CU_ASSERT_FATAL(tls_contexts_read(&contexts, &options, true, &error) == OK);
    tls_options_free(&options);
    buf_free(&text);
}

#endif
