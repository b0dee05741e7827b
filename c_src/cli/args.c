#include "args.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../limits.h"
#include "../net/file.h"
#include "output.h"

#define TIMEOUT_DEFAULT_MS 5000

/* --- files and environment -------------------------------------------------------- */

int args_read_config(struct config *c, const char *file)
{
    struct buf text = {0};
    struct config_error error = {0};
    int code = 0;
    bool input = strcmp(file, "-") == 0;
    enum err e = input ? file_read_input(&text, LIMIT_CONFIG_BYTES)
                       : file_read(&text, file, LIMIT_CONFIG_BYTES);
    if (input)
        file = "standard input";
    if (e != OK)
        code = fail_to_read(EX_CONFIG, file, e);
    else if (config_read(c, buf_bytes(&text), &error) != OK)
        code = fail(EX_CONFIG, "%s:%u:%u: %s", file, error.line, error.column, error.what);
    buf_free(&text);
    return code;
}

static void trim_end(struct buf *text)
{
    while (text->len > 0 && strchr(" \t\r\n", text->at[text->len - 1]) != NULL)
        text->len--;
}

static void put_cookie_path(struct buf *path, const struct config *c)
{
    const char *home = getenv("HOME");
    if (c->cookie_file.len > 0)
        buf_put(path, buf_bytes(&c->cookie_file));
    else
        buf_printf(path, "%s/.erlang.cookie", home != NULL ? home : "");
    buf_put_u8(path, 0);
}

int args_read_cookie(struct config *c)
{
    const char *cookie = getenv("COPPICE_COOKIE");
    struct buf path = {0};
    enum err e = OK;
    if (cookie != NULL) {
        buf_put(&c->cookie, bytes_of(cookie));
    } else {
        put_cookie_path(&path, c);
        e = file_read(&c->cookie, (const char *)path.at, LIMIT_COOKIE_BYTES + 2);
    }
    trim_end(&c->cookie);
    int code = 0;
    if (e == ERR_CLOSED)
        code =
            fail(EX_CONFIG, "cannot read the cookie from %s: %s; set cookie_file or COPPICE_COOKIE",
                 (const char *)path.at, strerror(errno));
    else if (e != OK || c->cookie.len == 0 || c->cookie.len > LIMIT_COOKIE_BYTES)
        code = fail(EX_CONFIG, "the cookie must have 1 to 255 characters");
    buf_free(&path);
    return code;
}

static void read_epmd_port(struct config *c)
{
    const char *port = getenv("ERL_EPMD_PORT");
    struct config_error ignored;
    if (port != NULL && config_flag(c, "epmd_port", bytes_of(port), &ignored) != OK)
        print_error("ignoring ERL_EPMD_PORT: not a port number");
}

/* --- the command line ------------------------------------------------------------- */

static bool is_config_option(const char *word)
{
    return strcmp(word, "-c") == 0 || strcmp(word, "--config") == 0;
}

/* A negative number is an operand. */
static bool is_option(const char *word)
{
    return word[0] == '-' && word[1] != '\0' && strspn(word + 1, "0123456789") == 0;
}

/* Parses the option at words[*i] and leaves *i on its last word. */
static int parse_option(struct args *args, int count, char **words, int *i)
{
    const char *option = words[*i];
    struct config_error error = {0};
    if (strcmp(option, "--owned") == 0) {
        args->owned = true;
        return 0;
    }
    bool known = is_config_option(option) || strncmp(option, "--", 2) == 0;
    if (!known || *i + 1 == count)
        return fail(EX_USAGE, "%s: unknown option, or its value is missing", option);
    const char *value = words[++*i];
    if (strcmp(option, "--timeout") == 0)
        args->timeout_ms = strtoull(value, NULL, 10);
    else if (!is_config_option(option) &&
             config_flag(&args->config, option + 2, bytes_of(value), &error) != OK)
        return fail(EX_USAGE, "%s", error.what);
    return 0;
}

int args_parse(struct args *args, int count, char **words)
{
    int code = 0;
    *args = (struct args){.timeout_ms = TIMEOUT_DEFAULT_MS, .operands = words};
    config_init(&args->config);
    read_epmd_port(&args->config);
    /* The file comes first, so that options override it wherever they stand. */
    for (int i = 0; i + 1 < count && code == 0; i++)
        if (is_config_option(words[i]))
            code = args_read_config(&args->config, words[i + 1]);
    for (int i = 0; i < count && code == 0; i++) {
        if (is_option(words[i]))
            code = parse_option(args, count, words, &i);
        else
            args->operands[args->count++] = words[i];
    }
    return code;
}

void args_free(struct args *args)
{
    config_free(&args->config);
}
