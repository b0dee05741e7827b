/* The program `coppice`: the table of its commands, and help. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "operands.h"
#include "output.h"

#define VERSION "0.1.0"

static int command_version(struct args *args)
{
    (void)args;
    printf("coppice " VERSION "\n");
    return 0;
}

static int command_help(struct args *args);

static const struct command {
    const char *name;
    int (*run)(struct args *args);
    const char *operands, *help;
} commands[] = {
    {"run", command_run, "", "run a node until SIGTERM or SIGINT"},
    {"ping", command_ping, "NODE", "print pong if the node answers and has the same cookie"},
    {"call", command_call, "NODE SERVER TERM", "GenServer.call of any process, unchecked"},
    {"cast", command_cast, "NODE SERVER TERM", "GenServer.cast to any process, unchecked"},
    {"mutate", command_mutate, "NODE SERVER OP [ARG...]", "apply an operation to a replica"},
    {"value", command_value, "NODE SERVER", "print the value of a replica"},
    {"state", command_state, "NODE SERVER", "print the CRDT of a replica, as Grove's struct"},
    {"sync", command_sync, "NODE SERVER", "send the delta of a replica to its peers now"},
    {"status", command_status, "NODE", "print the peers and replicas of a coppice"},
    {"config", command_config, "check FILE", "print ok, or where a configuration is wrong"},
    {"dets", command_dets, "check|list|dump|salvage FILE", "inspect or recover a DETS file"},
    {"version", command_version, "", "print the version"},
    {"help", command_help, "", "print this text"},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int command_help(struct args *args)
{
    (void)args;
    printf("coppice: a C node for Erlang clusters that replicates Grove's CRDTs\n\n");
    for (size_t i = 0; i < COMMANDS; i++)
        printf("  coppice %-8s%-30s%s\n", commands[i].name, commands[i].operands, commands[i].help);
    printf(
        "\nSERVER and OP are atoms, TERM and ARG Erlang terms: '<<\"x\">>' is an Elixir string.\n"
        "\nOptions of every command:\n\n"
        "  -c, --config FILE         configuration, in the format of file:consult/1;\n"
        "                            - for standard input, up to its end or a NUL\n"
        "  --timeout MS              how long to wait for a reply (5000)\n"
        "  --owned                   run: stop when standard input ends\n");
    const char *key, *help;
    for (size_t i = 0; (key = config_key(i, &help)) != NULL; i++)
        printf("  --%-24s%s\n", key, help);
    return 0;
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

int main(int count, char **words)
{
    if (count < 2)
        return fail_usage();
    if (strcmp(words[1], "--help") == 0 || strcmp(words[1], "-h") == 0)
        return command_help(NULL);
    const struct command *command = find_command(words[1]);
    if (command == NULL)
        return fail_usage();
    struct args args;
    int code = args_parse(&args, count - 2, words + 2);
    if (code == 0)
        code = operands_check(&args, command->name, command->operands);
    if (code == 0)
        code = command->run(&args);
    args_free(&args);
    return code;
}
