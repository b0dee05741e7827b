/* The arguments and the configuration of a command: from the command line, the
 * environment, the configuration file and the cookie file. */
#ifndef COPPICE_CLI_ARGS_H
#define COPPICE_CLI_ARGS_H

#include "../net/tls_context.h"
#include "../node/config.h"

struct args {
    struct config config;
    const char *file; /* of -c; NULL without, or with several */
    bool owned;       /* --owned */
    bool plain;       /* --plain */
    bool json;        /* --json */
    bool term;        /* --term */
    bool help;        /* --help */
    uint64_t timeout_ms;
    char **operands; /* what is neither an option nor an option's value */
    int count;       /* of the operands */
    int words;       /* that were parsed */
};

/* An option. */
struct option_row {
    const char *key;    /* as in --some_key */
    const char *value;  /* what stands for its value in help; NULL for an option without one */
    const char *help;   /* one line; of a key of the configuration it begins with the value */
    bool configuration; /* it is such a key */
};

/* The i-th option, those of the configuration last; false after the last. */
bool option_at(size_t i, struct option_row *row);

/* Parses what follows the command's name: options as --some-key VALUE or --some_key=VALUE, and
 * operands; all that stands behind `--` is an operand.  Options override the file given by -c,
 * which overrides $ERL_EPMD_PORT.  Reorders words and borrows them.  Returns 0, or an exit code
 * after printing the error; args is to be freed either way. */
int args_parse(struct args *args, int count, char **words);
void args_free(struct args *args);

/* Reads a configuration file into c, as config_read() does; standard input is read once, and its
 * text kept.  Borrows the file's name.  Returns 0, or EX_CONFIG after printing the error. */
int args_read_config(struct config *c, const char *file);

/* Checks the whole (config_check()), which was read from this file; NULL for none or several.
 * Returns 0, or EX_CONFIG after printing the error. */
int args_check_config(const struct config *c, const char *file);

/* Reads the certificates that the configuration names, for a node that listens or one that only
 * dials; all NULL without `tls`.  Returns 0, or EX_CONFIG after printing the error. */
int args_read_tls(struct tls_contexts *contexts, const struct config *c, bool listens);

#endif
