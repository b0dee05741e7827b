/* Arbitrary text as a configuration file, as the value of an option of the command line, or as a
 * file of TLS options; the first byte selects which.
 *
 * An error says what is wrong, in UTF-8, and where in the text.  A configuration that is accepted
 * is accepted again as it is printed, and means the same. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "err.h"
#include "node/config.h"
#include "node/tls_options.h"
#include "term/text.h"
#include "term/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_same(struct bytes a, struct bytes b)
{
    return bytes_equal(a, b);
}

/* --- errors ------------------------------------------------------------------------------ */

static void explained(const char *what, size_t room)
{
    const char *end = memchr(what, '\0', room);
    uint32_t character;
    must(end != NULL && end != what);
    for (size_t n; what < end; what += n) {
        n = utf8_next((struct bytes){(const uint8_t *)what, (size_t)(end - what)}, &character);
        must(n > 0);
    }
}

static void placed(unsigned line, unsigned column, struct bytes text)
{
    unsigned lines = 1;
    for (size_t i = 0; i < text.len; i++)
        lines += text.at[i] == '\n';
    must(line >= 1 && line <= lines && column >= 1 && column <= text.len + 1);
}

/* --- the same configuration ---------------------------------------------------------------- */

static bool same_buf(const struct buf *a, const struct buf *b)
{
    return bytes_equal(buf_bytes(a), buf_bytes(b));
}

static bool same_bufs(const struct buf *a, size_t a_count, const struct buf *b, size_t b_count)
{
    bool same = a_count == b_count;
    for (size_t i = 0; same && i < a_count; i++)
        same = same_buf(&a[i], &b[i]);
    return same;
}

static bool same_patterns(const struct name_patterns *a, const struct name_patterns *b)
{
    return same_bufs(a->list, a->count, b->list, b->count);
}

static void same_connects(const struct config *a, const struct config *b)
{
    must(a->connects == b->connects && a->query_count == b->query_count);
    for (size_t i = 0; i < a->connects; i++)
        must(same_buf(&a->connect[i].name, &b->connect[i].name) &&
             a->connect[i].port == b->connect[i].port);
    for (size_t i = 0; i < a->query_count; i++)
        must(config_query_equal(&a->queries[i], &b->queries[i]));
}

static void same_replicas(const struct config *a, const struct config *b)
{
    must(a->replica_count == b->replica_count && a->stored_count == b->stored_count);
    for (size_t i = 0; i < a->replica_count; i++)
        must(bytes_equal(term_bytes(&a->replicas[i]->term), term_bytes(&b->replicas[i]->term)));
}

static void same_tls(const struct tls_options *a, const struct tls_options *b)
{
    must(a->on == b->on && a->all_prove == b->all_prove && same_buf(&a->file, &b->file));
    for (int i = 0; i < TLS_ROLES; i++) {
        const struct tls_role *r = &a->roles[i], *s = &b->roles[i];
        must(same_buf(&r->certfile, &s->certfile) && same_buf(&r->keyfile, &s->keyfile));
        must(same_buf(&r->ciphers, &s->ciphers) && same_buf(&r->suites, &s->suites));
        must(r->verify == s->verify && r->must_show == s->must_show && r->depth == s->depth);
    }
}

static void same_metrics(const struct metrics_options *a, const struct metrics_options *b)
{
    must(a->on == b->on && a->port == b->port && a->values == b->values);
    must(same_buf(&a->address, &b->address));
    must(same_bufs(a->hosts, a->host_count, b->hosts, b->host_count));
}

static void same(const struct config *a, const struct config *b)
{
    must(same_buf(&a->node, &b->node) && same_buf(&a->cookie_file, &b->cookie_file));
    must(same_buf(&a->address, &b->address) && a->port == b->port && a->port_last == b->port_last);
    must(same_bufs(a->scopes, a->scope_count, b->scopes, b->scope_count));
    must(a->scope_auto == b->scope_auto && a->follow == b->follow && a->visible == b->visible);
    must(a->allows_all == b->allows_all && a->certified == b->certified);
    must(same_patterns(&a->allow, &b->allow) && same_patterns(&a->read_only, &b->read_only));
    must(same_patterns(&a->allow_certificates, &b->allow_certificates));
    must(a->ticktime_ms == b->ticktime_ms && a->epmd_port == b->epmd_port && a->epmd == b->epmd);
    must(a->start_epmd == b->start_epmd && a->peer_port == b->peer_port);
    must(a->log_level == b->log_level && a->log_json == b->log_json);
    same_connects(a, b);
    same_replicas(a, b);
    same_tls(&a->tls, &b->tls);
    same_metrics(&a->metrics, &b->metrics);
}

/* --- files --------------------------------------------------------------------------------- */

/* The terms of a file that was accepted, as they are printed. */
static void print_file(struct buf *out, struct bytes text)
{
    struct text_in in = text_open(text);
    struct text_error wrong;
    struct buf term = {0};
    while (!text_at_end(&in)) {
        buf_clear(&term);
        must(text_term(&in, &term, &wrong) == OK && text_dot(&in, &wrong) == OK);
        text_print(out, buf_bytes(&term));
        buf_put(out, BYTES(".\n"));
    }
    buf_free(&term);
}

static void accepted(const struct config *c, struct bytes text)
{
    struct config again;
    struct config_error error = {0}, other = {0};
    struct buf printed = {0};
    config_init(&again);
    print_file(&printed, text);
    must(config_read(&again, buf_bytes(&printed), &error) == OK);
    same(c, &again);
    enum err e = config_check(c, is_same, &error);
    must(config_check(&again, is_same, &other) == e);
    if (e != OK) {
        explained(error.what, sizeof(error.what));
        must(strcmp(error.what, other.what) == 0);
    }
    config_free(&again);
    buf_free(&printed);
}

static void read_file(struct bytes text)
{
    struct config c;
    struct config_error error = {0};
    config_init(&c);
    c.file = "a.config";
    if (config_read(&c, text, &error) == OK) {
        accepted(&c, text);
    } else {
        explained(error.what, sizeof(error.what));
        placed(error.line, error.column, text);
    }
    config_free(&c);
}

/* --- options of the command line, and of TLS -------------------------------------------------- */

static void read_flags(struct bytes text, size_t which)
{
    struct config c;
    struct config_error error = {0};
    const char *help, *key = config_key(which % CONFIG_KEYS, &help);
    config_init(&c);
    must(config_flag(&c, "node", BYTES("c@h"), &error) == OK);
    enum err e = config_flag(&c, key, text, &error);
    if (e == OK)
        e = config_check(&c, is_same, &error);
    if (e != OK) {
        explained(error.what, sizeof(error.what));
        must(error.file == NULL && error.line == 0);
    }
    config_free(&c);
}

static void read_tls(struct bytes text)
{
    struct tls_options o = {0};
    struct tls_error error = {0};
    enum err e = tls_options_read_file(&o, text, &error);
    if (e == OK)
        e = tls_options_check_proof(&o, &error);
    if (e != OK)
        explained(error.what, sizeof(error.what));
    if (error.line > 0)
        placed(error.line, error.column, text);
    tls_options_free(&o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct bytes text = {data + 1, size - 1};
    if (data[0] == 0)
        read_tls(text);
    else if (data[0] <= CONFIG_KEYS)
        read_flags(text, data[0] - 1u);
    else
        read_file(text);
    return 0;
}
