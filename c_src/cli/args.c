#include "args.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../limits.h"
#include "../net/file.h"
#include "../term/etf.h"
#include "../term/similar.h"
#include "../term/text.h"
#include "output.h"

#define TIMEOUT_DEFAULT_MS 5000
/* The longest key of an option, with its zero byte. */
#define OPTION_BYTES 32

/* --- files and environment -------------------------------------------------------- */

static int fail_at(const struct config_error *e)
{
    return fail(EX_CONFIG, "%s:%u:%u: %s", e->file, e->line, e->column, e->what);
}

static const char *name_of(const char *file)
{
    return strcmp(file, "-") == 0 ? STANDARD_INPUT : file;
}

/* Its text stays: it can be read once, and SIGHUP has the configuration read again. */
static enum err read_input(struct buf *text)
{
    static struct buf kept;
    static bool read;
    enum err e = read ? OK : file_read_input(&kept, LIMIT_CONFIG_BYTES);
    read = true;
    buf_put(text, buf_bytes(&kept));
    return e;
}

int args_read_config(struct config *c, const char *file)
{
    struct buf text = {0};
    struct config_error error = {0};
    int code = 0;
    bool input = strcmp(file, "-") == 0;
    enum err e = input ? read_input(&text) : file_read(&text, file, LIMIT_CONFIG_BYTES);
    c->file = file = name_of(file);
    if (e != OK)
        code = fail_to_read(EX_CONFIG, file, e);
    else if (config_read(c, buf_bytes(&text), &error) != OK)
        code = fail_at(&error);
    buf_free(&text);
    return code;
}

int args_check_config(const struct config *c, const char *file)
{
    struct config_error error = {0};
    if (config_check(c, file_is_same, &error) == OK)
        return 0;
    if (error.file != NULL)
        return fail_at(&error);
    if (file == NULL)
        return fail(EX_CONFIG, "%s", error.what);
    return fail(EX_CONFIG, "%s: %s", name_of(file), error.what);
}

int args_read_tls(struct tls_contexts *contexts, const struct config *c, bool listens)
{
    struct tls_error error;
    *contexts = (struct tls_contexts){0};
    if (!c->tls.on || tls_contexts_read(contexts, &c->tls, listens, &error) == OK)
        return 0;
    return fail(EX_CONFIG, "tls: %s", error.what);
}

static void read_epmd_port(struct config *c)
{
    const char *port = getenv("ERL_EPMD_PORT");
    struct config_error error;
    if (port != NULL && config_flag(c, "epmd_port", bytes_of(port), &error) != OK)
        print_error("$ERL_EPMD_PORT is ignored: %s", error.what);
}

/* --- options ------------------------------------------------------------------------ */

static const struct option_row own_options[] = {
    {"config", "FILE", "configuration (-c), as file:consult/1 reads it; - for standard input",
     false},
    {"timeout", "MS", "how long to wait for a reply (5000)", false},
    {"json", NULL, "print the result as JSON (docs/json.md)", false},
    {"term", NULL, "print the Erlang term", false},
    {"plain", NULL, "print a MapSet as a list of its elements", false},
    {"owned", NULL, "stop when standard input ends", false},
    {"help", NULL, "print this text (-h)", false},
};

#define OWN_OPTIONS (sizeof(own_options) / sizeof(own_options[0]))

bool option_at(size_t i, struct option_row *row)
{
    if (i < OWN_OPTIONS) {
        *row = own_options[i];
        return true;
    }
    *row = (struct option_row){.value = "VALUE", .configuration = true};
    row->key = config_key(i - OWN_OPTIONS, &row->help);
    return row->key != NULL;
}

static bool find_option(const char *key, struct option_row *row)
{
    for (size_t i = 0; option_at(i, row); i++)
        if (strcmp(row->key, key) == 0)
            return true;
    return false;
}

/* --some-key VALUE or --some_key=VALUE */
struct option {
    char key[OPTION_BYTES]; /* some_key */
    const char *value;      /* NULL: none */
};

/* A negative number is an operand, and so is "-". */
static bool is_option(const char *word)
{
    return word[0] == '-' && word[1] != '\0' && strspn(word + 1, "0123456789") == 0;
}

/* False for a word that cannot be an option's. */
static bool read_key(struct option *o, const char *word)
{
    size_t len = strcspn(word, "=");
    if (strcmp(word, "-c") == 0)
        word = "--config", len = strlen(word);
    else if (strcmp(word, "-h") == 0)
        word = "--help", len = strlen(word);
    if (strncmp(word, "--", 2) != 0 || len - 2 >= OPTION_BYTES)
        return false;
    o->value = word[len] == '=' ? word + len + 1 : NULL;
    for (size_t i = 2; i < len; i++)
        o->key[i - 2] = word[i] == '-' ? '_' : word[i];
    return true;
}

/* Prints what is wrong with an option; similar to key, unless that is empty. */
static int fail_option(const char *word, const char *key, const char *wrong)
{
    struct buf text = {0};
    struct option_row row;
    char what[160];
    struct similar similar = similar_open(bytes_of(key));
    for (size_t i = 0; option_at(i, &row); i++)
        similar_try(&similar, bytes_of(row.key));
    snprintf(what, sizeof(what), "%s", wrong);
    similar_suggest(&similar, "--", what, sizeof(what));
    put_word(&text, word);
    print_error("%.*s: %s", TEXT(text), what);
    buf_free(&text);
    return EX_USAGE;
}

/* Reads the option at words[*i] and leaves *i on its last word.  0, or EX_USAGE after printing
 * what is wrong. */
static int read_option(struct option *o, int count, char **words, int *i)
{
    struct option_row row;
    const char *word = words[*i];
    *o = (struct option){0};
    if (!read_key(o, word) || !find_option(o->key, &row))
        return fail_option(word, o->key, "unknown option");
    if (row.value == NULL && o->value != NULL)
        return fail_option(word, "", "takes no value");
    if (row.value != NULL && o->value == NULL && *i + 1 == count)
        return fail_option(word, "", "its value is missing");
    if (row.value != NULL && o->value == NULL)
        o->value = words[++*i];
    return 0;
}

static int read_timeout(struct args *args, const char *value)
{
    struct text_error ignored;
    struct buf term = {0}, text = {0};
    bool good = text_single(bytes_of(value), &term, &ignored) == OK;
    struct etf_in in = etf_open(buf_bytes(&term));
    uint64_t ms = good ? etf_uint64(&in) : 0;
    good = good && etf_finish(&in) == OK && ms >= 1 && ms <= LIMIT_COMMAND_MS;
    if (good) {
        args->timeout_ms = ms;
    } else {
        put_word(&text, value);
        print_error("timeout: expected milliseconds from 1 to %d, found %.*s", LIMIT_COMMAND_MS,
                    TEXT(text));
    }
    buf_free(&term);
    buf_free(&text);
    return good ? 0 : EX_USAGE;
}

static int apply_option(struct args *args, const struct option *o)
{
    struct config_error error = {0};
    if (strcmp(o->key, "owned") == 0)
        args->owned = true;
    else if (strcmp(o->key, "plain") == 0)
        args->plain = true;
    else if (strcmp(o->key, "json") == 0)
        args->json = true;
    else if (strcmp(o->key, "term") == 0)
        args->term = true;
    else if (strcmp(o->key, "help") == 0)
        args->help = true;
    else if (strcmp(o->key, "timeout") == 0)
        return read_timeout(args, o->value);
    else if (config_flag(&args->config, o->key, bytes_of(o->value), &error) != OK)
        return fail(EX_USAGE, "%s", error.what);
    return 0;
}

/* --- the command line ----------------------------------------------------------------- */

/* The file comes first, so that options override it wherever they stand: in that pass nothing
 * else is read. */
static int parse(struct args *args, int count, char **words, bool files)
{
    int code = 0, read = 0;
    struct option option;
    bool ended = false; /* by --, after which everything is an operand */
    for (int i = 0; i < count && code == 0; i++) {
        if (ended || !is_option(words[i])) {
            if (!files)
                args->operands[args->count++] = words[i];
            continue;
        }
        ended = strcmp(words[i], "--") == 0;
        if (!ended)
            code = read_option(&option, count, words, &i);
        if (ended || code != 0)
            continue;
        bool file = strcmp(option.key, "config") == 0;
        if (file && files) {
            args->file = read++ == 0 ? option.value : NULL;
            code = args_read_config(&args->config, option.value);
        }
        if (!file && !files)
            code = apply_option(args, &option);
    }
    return code;
}

int args_parse(struct args *args, int count, char **words)
{
    *args = (struct args){.timeout_ms = TIMEOUT_DEFAULT_MS, .operands = words, .words = count};
    config_init(&args->config);
    read_epmd_port(&args->config);
    int code = parse(args, count, words, true);
    return code == 0 ? parse(args, count, words, false) : code;
}

void args_free(struct args *args)
{
    config_free(&args->config);
}
