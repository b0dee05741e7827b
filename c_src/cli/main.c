/* The commands of `coppice`.
 *
 * Exit codes follow sysexits: 0 done, 1 the answer was an error, 64 usage,
 * 66 no such file, 69 nobody there, 74 the disk refused, 75 no answer in time,
 * 78 configuration. */
#include <errno.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../dist/handshake.h"
#include "../limits.h"
#include "../net/file.h"
#include "../net/shell.h"
#include "../node/config.h"
#include "../term/canon.h"
#include "../term/etf.h"
#include "../term/text.h"
#include "../term/write.h"
#include "dets.h"

#define VERSION "0.1.0"

#define EXIT_ERROR       1
#define EXIT_USAGE       64
#define EXIT_UNAVAILABLE 69
#define EXIT_TEMPORARY   75
#define EXIT_CONFIG      78

#define TIMEOUT_MS 5000

/* A command line taken apart. */
struct line {
    struct config config;
    const char *file; /* of -c */
    bool owned;
    uint64_t timeout_ms;
    char **words; /* what is neither a flag nor its value */
    int count;
};

static int complain(int code, const char *what)
{
    fprintf(stderr, "coppice: %s\n", what);
    return code;
}

static int usage(void)
{
    return complain(EXIT_USAGE, "wrong usage; `coppice help` lists the commands");
}

/* --- configuration ----------------------------------------------------------- */

static int complain_config(const char *file, const struct config_error *error)
{
    if (error->line > 0)
        fprintf(stderr, "coppice: %s:%u:%u: %s\n", file, error->line, error->column, error->what);
    else
        fprintf(stderr, "coppice: %s\n", error->what);
    return EXIT_CONFIG;
}

static int read_config(struct config *c, const char *file)
{
    struct buf text = {0};
    struct config_error error = {0};
    int code = 0;
    enum err e = file_read(&text, file, LIMIT_CONFIG_BYTES);
    if (e != OK) {
        fprintf(stderr, "coppice: %s: %s\n", file, e == ERR_LIMIT ? err_text(e) : strerror(errno));
        code = EXIT_CONFIG;
    } else if (config_read(c, buf_bytes(&text), &error) != OK) {
        code = complain_config(file, &error);
    }
    buf_free(&text);
    return code;
}

static void trim(struct buf *text)
{
    while (text->len > 0 && strchr(" \t\r\n", text->at[text->len - 1]) != NULL)
        text->len--;
}

/* $COPPICE_COOKIE, else the file of the configuration, else ~/.erlang.cookie. */
static int read_cookie(struct config *c)
{
    const char *given = getenv("COPPICE_COOKIE"), *home = getenv("HOME");
    struct buf path = {0};
    enum err e = OK;
    if (given != NULL) {
        buf_put(&c->cookie, bytes_of(given));
    } else {
        if (c->cookie_file.len > 0)
            buf_put(&path, buf_bytes(&c->cookie_file));
        else
            buf_printf(&path, "%s/.erlang.cookie", home != NULL ? home : "");
        buf_put_u8(&path, 0);
        e = file_read(&c->cookie, (const char *)path.at, LIMIT_COOKIE_BYTES + 2);
    }
    trim(&c->cookie);
    int code = 0;
    if (e == ERR_CLOSED) {
        fprintf(stderr, "coppice: the cookie in %s: %s; set cookie_file or COPPICE_COOKIE\n",
                (const char *)path.at, strerror(errno));
        code = EXIT_CONFIG;
    } else if (e != OK || c->cookie.len == 0 || c->cookie.len > LIMIT_COOKIE_BYTES) {
        code = complain(EXIT_CONFIG, "the cookie must have 1 to 255 characters");
    }
    buf_free(&path);
    return code;
}

static void read_epmd_port(struct config *c)
{
    const char *port = getenv("ERL_EPMD_PORT");
    struct config_error ignored;
    if (port != NULL && config_flag(c, "epmd_port", bytes_of(port), &ignored) != OK)
        complain(0, "ERL_EPMD_PORT is not a port; it is ignored");
}

/* --- the command line ---------------------------------------------------------- */

/* Flags of the program itself; *i stands on the flag. */
static bool own_flag(struct line *l, char **arguments, int count, int *i)
{
    const char *flag = arguments[*i];
    if (strcmp(flag, "--owned") == 0) {
        l->owned = true;
        return true;
    }
    if (*i + 1 == count)
        return false;
    if (strcmp(flag, "-c") == 0 || strcmp(flag, "--config") == 0) {
        l->file = arguments[++*i];
        return true;
    }
    if (strcmp(flag, "--timeout") == 0) {
        l->timeout_ms = strtoull(arguments[++*i], NULL, 10);
        return true;
    }
    return false;
}

/* The file first, then the flags, so that a flag wins. */
static int read_line(struct line *l, int count, char **arguments)
{
    *l = (struct line){.timeout_ms = TIMEOUT_MS, .words = arguments};
    config_init(&l->config);
    read_epmd_port(&l->config);
    for (int i = 0; i < count; i++)
        if ((strcmp(arguments[i], "-c") == 0 || strcmp(arguments[i], "--config") == 0) &&
            i + 1 < count) {
            int code = read_config(&l->config, arguments[i + 1]);
            if (code != 0)
                return code;
        }
    for (int i = 0; i < count; i++) {
        struct config_error error = {0};
        const char *argument = arguments[i];
        if (argument[0] != '-' || argument[1] == '\0' || strspn(argument + 1, "0123456789") > 0) {
            l->words[l->count++] = arguments[i];
        } else if (!own_flag(l, arguments, count, &i)) {
            if (strncmp(argument, "--", 2) != 0 || i + 1 == count) {
                fprintf(stderr, "coppice: %s: no such option, or its value is missing\n", argument);
                return EXIT_USAGE;
            }
            if (config_flag(&l->config, argument + 2, bytes_of(arguments[++i]), &error) != OK)
                return complain(EXIT_USAGE, error.what);
        }
    }
    return 0;
}

/* --- run -------------------------------------------------------------------------- */

static int run(struct line *l)
{
    struct config_error error = {0};
    struct shell_options options = {.listen = true, .owned = l->owned};
    if (l->count != 0)
        return usage();
    if (config_check(&l->config, &error) != OK)
        return complain_config(l->file, &error);
    int code = read_cookie(&l->config);
    if (code != 0)
        return code;
    struct node *node = node_new(&l->config);
    code = shell_run(node, &l->config, &options);
    node_free(node);
    return code;
}

static int check_config(struct line *l)
{
    struct config_error error = {0};
    if (l->count != 2 || strcmp(l->words[0], "check") != 0)
        return usage();
    int code = read_config(&l->config, l->words[1]);
    if (code != 0)
        return code;
    if (config_check(&l->config, &error) != OK) {
        fprintf(stderr, "coppice: %s: %s\n", l->words[1], error.what);
        return EXIT_CONFIG;
    }
    printf("ok\n");
    return 0;
}

/* --- commands to other nodes -------------------------------------------------------- */

/* How an answer is shown and what exit code it makes. */
enum shown { SHOWN_WHOLE, SHOWN_VALUE, SHOWN_PONG };

struct asking {
    struct line *line;
    enum shown shown;
    const char *name; /* of the server asked */
};

static void print_term(FILE *to, struct bytes term)
{
    struct buf canonical = {0}, text = {0};
    if (canon_put(&canonical, term) == OK)
        text_print(&text, buf_bytes(&canonical));
    fprintf(to, "%.*s\n", (int)text.len, (const char *)text.at);
    buf_free(&canonical);
    buf_free(&text);
}

static int show_failure(const struct asking *a, enum err err, struct bytes reason)
{
    const char *node = a->line->words[0];
    if (a->shown == SHOWN_PONG) {
        printf("pang\n");
    }
    if (err == ERR_TIMEOUT) {
        fprintf(stderr, "coppice: %s at %s: %s\n", a->name, node, err_text(err));
        return EXIT_TEMPORARY;
    }
    struct etf_in in = etf_open(reason);
    fprintf(stderr, "coppice: %s at %s: ", a->name, node);
    if (etf_accept(&in, "noproc"))
        fprintf(stderr, "there is no such process (noproc)\n");
    else if (etf_peek(&in) == ETF_BINARY) {
        struct bytes text = etf_binary(&in);
        fprintf(stderr, "%.*s\n", (int)text.len, (const char *)text.at);
    } else
        print_term(stderr, reason);
    return EXIT_UNAVAILABLE;
}

static int show_answer(void *who, enum err err, struct bytes term)
{
    const struct asking *a = who;
    if (err != OK)
        return show_failure(a, err, term);
    if (a->shown == SHOWN_PONG) {
        printf("pong\n");
        return 0;
    }
    struct etf_in in = etf_open(term);
    bool pair = etf_peek(&in) == ETF_TUPLE && etf_tuple(&in) == 2;
    bool error = pair && etf_accept(&in, "error");
    if (pair && a->shown == SHOWN_VALUE && etf_accept(&in, "ok"))
        term = etf_any(&in);
    print_term(stdout, term);
    return error ? EXIT_ERROR : 0;
}

/* A name nobody else has, on the host of the node that is asked: so it is a long
 * or a short one as the other's is. */
static void name_self(struct config *c, struct bytes target)
{
    uint64_t chance;
    size_t at = 0;
    must(RAND_bytes((unsigned char *)&chance, sizeof(chance)) == 1);
    while (target.at[at] != '@')
        at++;
    buf_clear(&c->node);
    buf_printf(&c->node, "coppice_%016llx%.*s", (unsigned long long)chance, (int)(target.len - at),
               (const char *)target.at + at);
}

/* Says term to the server named name at the node of words[0]. */
static int ask(struct line *l, enum request_kind kind, const char *name, struct bytes term,
               enum shown shown)
{
    struct bytes target = bytes_of(l->words[0]);
    if (!node_name_valid(target))
        return complain(EXIT_USAGE, "a node's name has the form name@host");
    if (strlen(name) > LIMIT_ATOM_CHARS)
        return complain(EXIT_USAGE, "a server's name has at most 255 characters");
    int code = read_cookie(&l->config);
    if (code != 0)
        return code;
    name_self(&l->config, target);
    struct asking asking = {l, shown, name};
    struct request request = {kind, target, bytes_of(name), term, l->timeout_ms};
    struct shell_options options = {.request = &request, .answered = show_answer, .who = &asking};
    struct node *node = node_new_client(&l->config);
    code = shell_run(node, &l->config, &options);
    node_free(node);
    return code;
}

static bool read_term(struct buf *out, const char *text)
{
    struct text_error error;
    if (text_single(bytes_of(text), out, &error) == OK)
        return true;
    fprintf(stderr, "coppice: %s\n%*s^ %s\n", text, (int)error.column + 8, "", error.what);
    return false;
}

static int ask_atom(struct line *l, const char *name, const char *request, enum shown shown)
{
    struct buf term = {0};
    put_atom(&term, request);
    int code = ask(l, REQUEST_CALL, name, buf_bytes(&term), shown);
    buf_free(&term);
    return code;
}

static int ping(struct line *l)
{
    struct buf term = {0};
    if (l->count != 1)
        return usage();
    put_tuple(&term, 2);
    put_atom(&term, "is_auth");
    put_atom(&term, l->words[0]);
    int code = ask(l, REQUEST_CALL, "net_kernel", buf_bytes(&term), SHOWN_PONG);
    buf_free(&term);
    return code;
}

static int say(struct line *l, enum request_kind kind)
{
    struct buf term = {0};
    if (l->count != 3)
        return usage();
    int code = EXIT_USAGE;
    if (read_term(&term, l->words[2]))
        code = ask(l, kind, l->words[1], buf_bytes(&term), SHOWN_WHOLE);
    buf_free(&term);
    return code;
}

static int call(struct line *l)
{
    return say(l, REQUEST_CALL);
}

static int cast(struct line *l)
{
    return say(l, REQUEST_CAST);
}

/* {mutate, {Op, [Arg, ...]}} */
static int mutate(struct line *l)
{
    struct buf term = {0};
    if (l->count < 3)
        return usage();
    put_tuple(&term, 2);
    put_atom(&term, "mutate");
    put_tuple(&term, 2);
    bool good = read_term(&term, l->words[2]);
    if (l->count > 3)
        put_list(&term, (uint32_t)l->count - 3);
    for (int i = 3; i < l->count && good; i++)
        good = read_term(&term, l->words[i]);
    put_nil(&term);
    int code = EXIT_USAGE;
    if (good)
        code = ask(l, REQUEST_CALL, l->words[1], buf_bytes(&term), SHOWN_WHOLE);
    buf_free(&term);
    return code;
}

static int value(struct line *l)
{
    return l->count == 2 ? ask_atom(l, l->words[1], "value", SHOWN_VALUE) : usage();
}

static int state(struct line *l)
{
    return l->count == 2 ? ask_atom(l, l->words[1], "state", SHOWN_VALUE) : usage();
}

static int sync_now(struct line *l)
{
    return l->count == 2 ? ask_atom(l, l->words[1], "sync_now", SHOWN_WHOLE) : usage();
}

static int status(struct line *l)
{
    return l->count == 1 ? ask_atom(l, "coppice", "status", SHOWN_VALUE) : usage();
}

static int dets(struct line *l)
{
    int code = l->count == 2 ? dets_command(l->words[0], l->words[1]) : -1;
    return code < 0 ? usage() : code;
}

/* --- help ----------------------------------------------------------------------------- */

static int version(struct line *l)
{
    (void)l;
    printf("coppice " VERSION "\n");
    return 0;
}

static int help(struct line *l);

static const struct command {
    const char *name;
    int (*run)(struct line *l);
    const char *arguments, *does;
} commands[] = {
    {"run", run, "[-c FILE] [OPTION VALUE]...", "run a node until SIGTERM"},
    {"ping", ping, "NODE", "pong, when the node is there and has the same cookie"},
    {"call", call, "NODE SERVER TERM", "GenServer.call; prints the reply"},
    {"cast", cast, "NODE SERVER TERM", "GenServer.cast"},
    {"mutate", mutate, "NODE SERVER OP [ARG...]", "change a replica: OP is an atom, ARG a term"},
    {"value", value, "NODE SERVER", "the value of a replica"},
    {"state", state, "NODE SERVER", "its whole CRDT, as Grove's struct"},
    {"sync", sync_now, "NODE SERVER", "send its changes to its peers now"},
    {"status", status, "NODE", "what a node knows of its peers and replicas"},
    {"config", check_config, "check FILE", "ok, or where a configuration is wrong"},
    {"dets", dets, "check|list|dump|salvage FILE", "a DETS file: is it sound, what is in it"},
    {"version", version, "", "the version"},
    {"help", help, "", "this text"},
};

static int help(struct line *l)
{
    (void)l;
    printf("coppice: replicas of Grove's CRDTs on a node that an Erlang cluster\n"
           "takes for one of its own\n\n");
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        printf("  coppice %-8s%-30s%s\n", commands[i].name, commands[i].arguments,
               commands[i].does);
    printf("\nOptions of every command:\n\n"
           "  -c, --config FILE         configuration, as file:consult/1 reads it\n"
           "  --timeout MS              how long an answer may take (5000)\n"
           "  --owned                   run: end when standard input ends\n");
    const char *key, *does;
    for (size_t i = 0; (key = config_key(i, &does)) != NULL; i++)
        printf("  --%-24s%s\n", key, does);
    printf("\nServers and operations are atoms, arguments Erlang terms: '<<\"x\">>' is a "
           "string of Elixir's.\n");
    return 0;
}

int main(int count, char **arguments)
{
    if (count < 2)
        return usage();
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        const struct command *c = &commands[i];
        if (strcmp(c->name, arguments[1]) != 0)
            continue;
        struct line line;
        int code = read_line(&line, count - 2, arguments + 2);
        if (code == 0)
            code = c->run(&line);
        config_free(&line.config);
        return code;
    }
    if (strcmp(arguments[1], "--help") == 0 || strcmp(arguments[1], "-h") == 0)
        return help(NULL);
    return usage();
}
