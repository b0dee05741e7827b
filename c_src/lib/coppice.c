#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "../err.h"
#include "../limits.h"
#include "../mem.h"
#include "../net/cookie.h"
#include "../net/descriptors.h"
#include "../net/file.h"
#include "../node/functions.h"
#include "internal.h"

/* --- callbacks of the loop ------------------------------------------------------------------ */

/* A line may quote a peer: control characters are written as '?', as in the program's log. */
static void on_log(void *who, enum log_level level, struct bytes line)
{
    static const enum coppice_level levels[] = {
        [LOG_INFO] = COPPICE_INFO, [LOG_WARNING] = COPPICE_WARNING, [LOG_ERROR] = COPPICE_ERROR};
    struct coppice *c = who;
    struct buf text = {0};
    for (size_t i = 0; i < line.len; i++)
        buf_put_u8(&text, line.at[i] < ' ' || line.at[i] == 127 ? '?' : line.at[i]);
    if (level == LOG_ERROR) {
        buf_clear(&c->failure);
        buf_put(&c->failure, buf_bytes(&text));
    }
    buf_put_u8(&text, 0);
    if (c->options.on_log != NULL)
        c->options.on_log(c->options.who, levels[level], (const char *)text.at);
    buf_free(&text);
}

static void on_ready(void *who, struct bytes node, uint16_t port)
{
    struct coppice *c = who;
    struct buf text = {0};
    c->ready = true;
    do_soon(c);
    buf_put(&text, node);
    buf_put_u8(&text, 0);
    if (c->options.on_ready != NULL)
        c->options.on_ready(c->options.who, (const char *)text.at, port);
    buf_free(&text);
}

/* --- the configuration -------------------------------------------------------------------------
 */

static bool fail_config(struct buf *error, const struct config_error *wrong)
{
    if (wrong->line > 0)
        buf_printf(error, "line %u, column %u: ", wrong->line, wrong->column);
    buf_printf(error, "%s", wrong->what);
    return false;
}

static bool read_config(struct config *c, const char *text, struct buf *error)
{
    const char *port = getenv("ERL_EPMD_PORT");
    struct config_error wrong = {0};
    if (text == NULL || bytes_of(text).len > LIMIT_CONFIG_BYTES) {
        buf_printf(error, "config: expected a text of at most %u bytes", LIMIT_CONFIG_BYTES);
        return false;
    }
    bool good = port == NULL || config_flag(c, "epmd_port", bytes_of(port), &wrong) == OK;
    if (!good) {
        buf_printf(error, "$ERL_EPMD_PORT: ");
        return fail_config(error, &wrong);
    }
    good =
        config_read(c, bytes_of(text), &wrong) == OK && config_check(c, file_is_same, &wrong) == OK;
    return good || fail_config(error, &wrong);
}

static bool read_cookie(struct coppice *c, const char *cookie, struct buf *error)
{
    struct buf said = {0};
    bool good;
    if (cookie != NULL) {
        buf_put(&c->config.cookie, bytes_of(cookie));
        good = cookie_check(&c->config, &said);
    } else {
        good = cookie_find(&c->config, &said);
    }
    if (!good)
        buf_put(error, buf_bytes(&said));
    else if (said.len > 0)
        on_log(c, LOG_WARNING, buf_bytes(&said));
    buf_free(&said);
    return good;
}

static bool read_tls(struct tls_contexts *contexts, const struct config *c, struct buf *error)
{
    struct tls_error wrong;
    if (!c->tls.on || tls_contexts_read(contexts, &c->tls, true, &wrong) == OK)
        return true;
    buf_printf(error, "tls: %s", wrong.what);
    return false;
}

/* --- start and end
 * -------------------------------------------------------------------------------- */

static void coppice_free(struct coppice *c)
{
    node_free(c->node);
    config_free(&c->config);
    buf_free(&c->failure);
    mem_free(c);
}

static struct coppice *coppice_new(const struct coppice_options *options)
{
    struct coppice *c = mem_take(sizeof(*c));
    c->options = *options;
    c->options.config = c->options.cookie = NULL;
    list_init(&c->waiting);
    list_init(&c->open);
    list_init(&c->watches);
    config_init(&c->config);
    return c;
}

/* False when it cannot listen; the loop is done. */
static bool begin(struct coppice *c, const struct tls_contexts *contexts)
{
    struct blocked blocked;
    c->node = node_new(&c->config);
    c->loop = loop_new(c->node, &c->config,
                       &(struct loop_options){.listen = true,
                                              .tls = *contexts,
                                              .descriptors = descriptors_limit(),
                                              .log = on_log,
                                              .ready = on_ready,
                                              .replied = calls_replied,
                                              .stepped = watches_look,
                                              .who = c});
    run_open(c);
    signals_block(&blocked);
    bool good = loop_begin(c->loop);
    signals_unblock(&blocked);
    return good;
}

static void give_error(char *error, struct buf *why)
{
    if (error != NULL)
        snprintf(error, COPPICE_ERROR_SIZE, "%.*s", TEXT(*why));
}

enum coppice_status coppice_open(struct coppice **node, const struct coppice_options *options,
                                 char *error)
{
    struct coppice *c = coppice_new(options);
    struct tls_contexts contexts = {0};
    struct buf why = {0};
    enum coppice_status status = COPPICE_OK;
    *node = NULL;
    bool good = read_config(&c->config, options->config, &why) &&
                read_cookie(c, options->cookie, &why) && read_tls(&contexts, &c->config, &why);
    if (!good) {
        status = COPPICE_BAD_CONFIG;
        give_error(error, &why);
        coppice_free(c);
    } else if (!begin(c, &contexts)) {
        status = COPPICE_SYSTEM;
        give_error(error, &c->failure);
        loop_free(c->loop);
        coppice_free(c);
    } else {
        *node = c;
    }
    tls_contexts_free(&contexts);
    buf_free(&why);
    return status;
}

enum coppice_status coppice_close(struct coppice *c)
{
    if (c == NULL)
        return COPPICE_OK;
    if (c->inside)
        die("coppice: a callback has called coppice_close() of its own node\n");
    coppice_stop(c);
    enum coppice_status status = coppice_run(c);
    calls_free(c);
    watches_free(c);
    loop_free(c->loop);
    coppice_free(c);
    return status;
}

const char *coppice_version(void)
{
    return COPPICE_RELEASE;
}
