/* The program `coppice`: the table of its commands, and help. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../net/descriptors.h"
#include "../net/shell.h"
#include "commands.h"
#include "operands.h"
#include "output.h"

static int command_version(struct args *args)
{
    (void)args;
    printf(COPPICE_VERSION "\n");
    return 0;
}

static int command_help(struct args *args);

static const struct command {
    const char *name;
    int (*run)(struct args *args);
    const char *operands, *help;
} commands[] = {
    {"run", command_run, "", "run a node until a signal stops it"},
    {"ping", command_ping, "NODE", "print pong if the node answers and has the same cookie"},
    {"call", command_call, "NODE SERVER TERM", "GenServer.call of any process, unchecked"},
    {"cast", command_cast, "NODE SERVER TERM", "GenServer.cast to any process, unchecked"},
    {"mutate", command_mutate, "NODE SERVER OP [ARG...]", "apply an operation to a replica"},
    {"value", command_value, "NODE SERVER", "print the value of a replica"},
    {"watch", command_watch, "NODE SERVER", "print the value of a replica whenever it changes"},
    {"state", command_state, "NODE SERVER", "print the CRDT of a replica, as Grove's struct"},
    {"sync", command_sync, "NODE SERVER", "send the delta of a replica to its peers now"},
    {"status", command_status, "NODE", "print the peers and replicas of a coppice"},
    {"config", command_config, "check FILE", "print ok, or where a configuration is wrong"},
    {"dets", command_dets, "check|list|dump|salvage FILE", "inspect or recover a DETS file"},
    {"version", command_version, "", "print the version"},
    {"help", command_help, "[COMMAND...]", "print this text, or what these commands take"},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static void print_line_of(const struct command *command)
{
    printf("  coppice %-8s%-30s%s\n", command->name, command->operands, command->help);
}

static void print_options(void)
{
    printf(
        "\nSERVER and OP are atoms, TERM and ARG Erlang terms: '<<\"x\">>' is an Elixir string.\n"
        "\nOptions of every command, also as --OPTION=VALUE:\n\n"
        "  -c, --config FILE         configuration, in the format of file:consult/1;\n"
        "                            - for standard input, up to its end or a NUL\n"
        "  --timeout MS              how long to wait for a reply (5000)\n"
        "  --owned                   run: stop when standard input ends\n"
        "  --plain                   value, watch: print a MapSet as a list of its elements\n"
        "  -h, --help                print the help of the command\n");
    const char *key, *help;
    for (size_t i = 0; (key = config_key(i, &help)) != NULL; i++)
        printf("  --%-24s%s\n", key, help);
}

static int fail_unknown(const char *name)
{
    struct buf text = {0};
    put_word(&text, name);
    print_error("%.*s: no such command; `coppice help` lists them", TEXT(text));
    buf_free(&text);
    return EX_USAGE;
}

static int command_help(struct args *args)
{
    for (int i = 0; i < args->count; i++)
        if (find_command(args->operands[i]) == NULL)
            return fail_unknown(args->operands[i]);
    if (args->count == 0)
        printf("coppice: a C node for Erlang clusters that replicates Grove's CRDTs\n\n");
    for (size_t i = 0; i < COMMANDS && args->count == 0; i++)
        print_line_of(&commands[i]);
    for (int i = 0; i < args->count; i++)
        print_line_of(find_command(args->operands[i]));
    print_options();
    return 0;
}

static int run(const struct command *command, struct args *args)
{
    if (args->help) {
        print_line_of(command);
        print_options();
        return 0;
    }
    int code = operands_check(args, command->name, command->operands);
    return code == 0 ? command->run(args) : code;
}

/* The name of the command in the first word, or of one written as an option. */
static const char *command_name(const char *word)
{
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        return "help";
    return strcmp(word, "--version") == 0 ? "version" : word;
}

int main(int count, char **words)
{
    descriptors_fill();
    if (count < 2)
        return fail(EX_USAGE, "no command; `coppice help` lists them");
    const struct command *command = find_command(command_name(words[1]));
    if (command == NULL)
        return fail_unknown(words[1]);
    struct args args;
    int code = args_parse(&args, count - 2, words + 2);
    if (code == EX_USAGE)
        print_error("`coppice %s --help` lists the options", command->name);
    if (code == 0)
        code = run(command, &args);
    args_free(&args);
    if ((fflush(stdout) != 0 || ferror(stdout)) && code == 0)
        code = fail(EX_IOERR, "standard output: %s", strerror(errno));
    shell_exit(code);
}
