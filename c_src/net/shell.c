#include "shell.h"

#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "../limits.h"
#include "descriptors.h"
#include "http.h"
#include "log.h"
#include "loop.h"
#include "notify.h"
#include "owner.h"
#include "signals.h"

struct shell {
    const struct config *config;
    const struct shell_options *options;
    struct loop *loop;
    struct writer *log, *out;
    struct signals signals;
    struct notify notify;
    struct http *http;
    struct owner *owner;
};

static void on_log(void *who, enum log_level level, struct bytes line)
{
    const struct shell *sh = who;
    log_line(sh->log, level, line);
}

static void say(const struct shell *sh, enum log_level level, struct buf *line)
{
    log_line(sh->log, level, buf_bytes(line));
    buf_free(line);
}

static void put_ongoing(void *who, struct buf *out)
{
    loop_put_ongoing(who, out);
}

/* What stands below the log's lines would also stand where `ready` goes, if that is the same
 * terminal; so it comes a second later. */
static void on_ready(void *who, struct bytes node, uint16_t port)
{
    struct shell *sh = who;
    struct buf line = {0};
    buf_printf(&line, "ready %.*s %u\n", (int)node.len, (const char *)node.at, port);
    writer_put(sh->out, buf_bytes(&line));
    line.at[line.len - 1] = '\0';
    notify_ready(&sh->notify, (const char *)line.at);
    buf_free(&line);
    log_stand(sh->log, put_ongoing, sh->loop);
}

static int on_answered(void *who, enum err err, struct bytes term, const struct request **next)
{
    const struct shell *sh = who;
    return sh->options->answered(sh->options->who, err, term, next);
}

/* What has changed is logged as lines were before. */
static void use_config(const struct shell *sh, struct config *fresh, const struct tls_contexts *tls)
{
    if (sh->config->tls.on && fresh->tls.on)
        loop_use_tls(sh->loop, tls, "SIGHUP: read again: TLS with ");
    loop_step(sh->loop, &(struct event){.kind = EVENT_CONFIG, .config = fresh});
    log_set(sh->config->log_level, sh->config->log_json);
}

/* An error changes nothing. */
static void reload(const struct shell *sh)
{
    struct config fresh = {0};
    struct tls_contexts tls = {0};
    struct buf why = {0}, line = {0};
    if (sh->options->reread(sh->options->who, &fresh, &tls, &why)) {
        use_config(sh, &fresh, &tls);
    } else {
        buf_printf(&line, "SIGHUP: %.*s; nothing is changed", TEXT(why));
        say(sh, LOG_ERROR, &line);
    }
    tls_contexts_free(&tls);
    config_free(&fresh);
    buf_free(&why);
}

static void stop(const struct shell *sh, const char *why)
{
    notify_stopping(&sh->notify);
    loop_stop(sh->loop, why);
}

static void on_signal(void *who, const char *name, bool asks_to_reload)
{
    const struct shell *sh = who;
    if (!asks_to_reload || sh->options->reread == NULL || loop_has_ended(sh->loop)) {
        stop(sh, name);
        return;
    }
    notify_reloading(&sh->notify);
    reload(sh);
    notify_reloaded(&sh->notify);
}

static void on_owner_ended(void *who)
{
    const struct shell *sh = who;
    stop(sh, "standard input has ended");
}

static void say_end(const struct shell *sh, int code)
{
    struct buf line = {0};
    buf_printf(&line, "ended");
    if (code != 0)
        buf_printf(&line, ", exit code %d", code);
    say(sh, LOG_INFO, &line);
}

/* A look-up was still open when its shell ended. */
static bool looking_up;

void shell_exit(int code)
{
    if (looking_up)
        _exit(code);
    exit(code);
}

static void shell_open(struct shell *sh, struct node *node)
{
    const struct loop_options options = {.listen = sh->options->listen,
                                         .tls = sh->options->tls,
                                         .descriptors = descriptors_raise(sh->config->stored_count),
                                         .reaps = true,
                                         .log = on_log,
                                         .ready = on_ready,
                                         .answered = on_answered,
                                         .who = sh};
    sh->log = log_open(buf_bytes(&sh->config->node));
    log_set(sh->config->log_level, sh->config->log_json);
    sh->out = writer_new(STDOUT_FILENO, NULL);
    sh->loop = loop_new(node, sh->config, &options);
    signals_open(&sh->signals, loop_uv(sh->loop), on_signal, sh);
    if (sh->options->listen)
        notify_open(&sh->notify, loop_uv(sh->loop));
}

static void shell_close(struct shell *sh)
{
    signals_end(&sh->signals);
    if (sh->owner != NULL)
        owner_forget(sh->owner);
    http_close(sh->http);
    log_stand(sh->log, NULL, NULL);
    looking_up = !loop_free(sh->loop) || looking_up;
    http_free(sh->http);
    notify_close(&sh->notify);
    owner_free(sh->owner);
    writer_free(sh->out, LIMIT_FLUSH_MS);
    writer_free(sh->log, LIMIT_FLUSH_MS);
}

/* False when it cannot; that is logged. */
static bool serve_metrics(struct shell *sh, const struct node *node)
{
    struct buf line = {0};
    if (!sh->options->listen || !sh->config->metrics.on)
        return true;
    sh->http = http_open(loop_uv(sh->loop), node, sh->config, &line);
    say(sh, sh->http != NULL ? LOG_INFO : LOG_ERROR, &line);
    return sh->http != NULL;
}

/* Gives the exit code. */
static int run(struct shell *sh, const struct node *node)
{
    if (sh->options->listen)
        log_line(sh->log, LOG_INFO, bytes_of(sh->options->about));
    if (!serve_metrics(sh, node))
        return EX_OSERR;
    if (!loop_begin(sh->loop))
        return loop_code(sh->loop);
    if (sh->options->request != NULL)
        loop_step(sh->loop,
                  &(struct event){.kind = EVENT_REQUEST, .request = sh->options->request});
    if (sh->options->owned)
        sh->owner = owner_watch(loop_uv(sh->loop), on_owner_ended, sh);
    if (!loop_is_done(sh->loop))
        uv_run(loop_uv(sh->loop), UV_RUN_DEFAULT);
    return loop_code(sh->loop);
}

int shell_run(struct node *node, const struct config *config, const struct shell_options *options)
{
    struct shell sh = {.config = config, .options = options};
    shell_open(&sh, node);
    int code = run(&sh, node);
    if (options->listen)
        say_end(&sh, code);
    shell_close(&sh);
    return code;
}
