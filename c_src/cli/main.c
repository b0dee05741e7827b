/* The program `coppice`: the table of its commands.  Help (help.c), completions (completion.c)
 * and the checks of operands (operands.c) are made from it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../net/descriptors.h"
#include "../net/machine.h"
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

/* The options by which a node is reached. */
#define REACH "config timeout cookie_file epmd epmd_port peer_port tls"

static const struct command commands[] = {
    {"run", command_run, "", "run a node until a signal stops it", "config owned *",
     "It needs a name (node) and the cluster's cookie.  Options override the\n"
     "configuration file; docs/configuration.md describes each key.",
     "$ coppice run -c c1.config\n"
     "$ coppice run --node c1@127.0.0.1 --replica 'tags, #{crdt => or_set}'"},
    {"ping", command_ping, "NODE", "print pong if a node answers to our cookie", "json " REACH,
     "Prints pang, and exits with 69, if not.  NODE may be a BEAM.",
     "$ coppice ping c1@127.0.0.1\npong"},
    {"call", command_call, "NODE SERVER TERM", "GenServer.call of any process, unchecked",
     "json " REACH,
     "The term is sent to any process, on a BEAM too: a server may crash on one\n"
     "that it does not know.  Exits with 1 if the reply is {error, _}.",
     "$ coppice call web1@127.0.0.1 rex '{call, erlang, nodes, [hidden], user}'\n"
     "$ echo '{mutate, increment}' | coppice call c1@127.0.0.1 page_views -"},
    {"cast", command_cast, "NODE SERVER TERM", "GenServer.cast to any process, unchecked", REACH,
     "Prints ok once the term is sent.  A server may crash on one that it does\nnot know.",
     "$ coppice cast c1@127.0.0.1 page_views '{mutate, increment}'\nok"},
    {"mutate", command_mutate, "NODE SERVER OP [ARG...]", "apply an operation to a replica",
     "json " REACH,
     "Operations, by type:\n"
     "  gcounter, pncounter                 increment [N]; pncounter: decrement [N]\n"
     "  lww_register, mv_register           set V; mv_register: resolve V\n"
     "  gset, two_p_set, or_set, dvv_set    add E; all but gset: remove E\n"
     "  or_map                              put KEY TYPE, update KEY OP, delete KEY\n"
     "  rga                                 insert_at INDEX V, remove_at INDEX,\n"
     "                                      insert V ID, remove ID",
     "$ coppice mutate c1@127.0.0.1 page_views increment 5\nok\n"
     "$ coppice mutate c1@127.0.0.1 tags add '<<\"red\">>'\nok"},
    {"value", command_value, "NODE SERVER", "print the value of a replica", "plain json " REACH, "",
     "$ coppice value c1@127.0.0.1 page_views\n42\n"
     "$ coppice value --plain c1@127.0.0.1 tags\n[<<\"blue\">>,<<\"red\">>]\n"
     "$ coppice value --json c1@127.0.0.1 tags | jq length\n2"},
    {"watch", command_watch, "NODE SERVER", "print the value of a replica at each change",
     "plain json " REACH,
     "Prints the value, and then each change, one a line, until Ctrl-C.  Exits with 69\n"
     "when the replica or the connection is lost.",
     "$ coppice watch c1@127.0.0.1 page_views\n42\n43"},
    {"state", command_state, "NODE SERVER", "print the CRDT of a replica (Grove's struct)",
     "json " REACH, "",
     "$ coppice state c1@127.0.0.1 page_views\n"
     "#{'__struct__' => 'Elixir.Grove.Counter.GCounter',...}"},
    {"sync", command_sync, "NODE SERVER", "send a replica's delta to its peers now", REACH, "",
     "$ coppice sync c1@127.0.0.1 page_views\nok"},
    {"status", command_status, "NODE", "print the peers and replicas of a coppice",
     "term json " REACH,
     "MEMBERS are the other replicas of the group, BEHIND those that are still to be\n"
     "brought up to date; WAITING are changes that are not acknowledged yet.",
     "$ coppice status c1@127.0.0.1\n"
     "$ coppice status --json c1@127.0.0.1 | jq '.replicas.tags.behind'\n0"},
    {"top", command_top, "NODE", "show the status again and again", REACH,
     "The page of `coppice status`, each second; needs a terminal.  q or Ctrl-C ends it.",
     "$ coppice top c1@127.0.0.1"},
    {"diff", command_diff, "NODE NODE SERVER", "say whether two replicas agree, and where not",
     REACH,
     "Compares states, not values, so that it finds what is going to differ, too.\n"
     "Exits with 0 if they are equal, with 1 if not.  While changes are made, those\n"
     "that are on their way are differences.",
     "$ coppice diff c1@127.0.0.1 c2@127.0.0.1 tags\n"
     "only at c1@127.0.0.1: entries <<\"red\">>"},
    {"config", command_config, "check FILE", "print ok, or where a configuration is wrong", "",
     "FILE - stands for standard input.", "$ coppice config check c1.config\nok"},
    {"dets", command_dets, "check|list|dump|salvage FILE", "inspect or recover a DETS file", "json",
     "  check     print its header, or each fault\n"
     "  list      print each key and the bytes of its objects\n"
     "  dump      print each object, for file:consult/1\n"
     "  salvage   write what can be read to FILE.salvaged",
     "$ coppice dets check tags.dets\n$ coppice dets salvage tags.dets"},
    {"completion", command_completion, "bash|zsh|fish", "print completions for a shell", "",
     "For bash, into ~/.bashrc:  source <(coppice completion bash)\n"
     "For zsh, into ~/.zshrc behind compinit:  source <(coppice completion zsh)\n"
     "For fish:  coppice completion fish >~/.config/fish/completions/coppice.fish",
     "$ source <(coppice completion bash)\n$ coppice sta<Tab>"},
    {"version", command_version, "", "print the version", "", "",
     "$ coppice version\n" COPPICE_VERSION},
    {"help", command_help, "[COMMAND...]", "print this, or the help of commands", "", "",
     "$ coppice help mutate\n$ coppice mutate --help"},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

const struct command *command_at(size_t i)
{
    return i < COMMANDS ? &commands[i] : NULL;
}

const struct command *command_named(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static int run(const struct command *command, struct args *args)
{
    if (args->help) {
        help_print(command);
        return 0;
    }
    if (args->json)
        output_json();
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
    machine_expect_refusal();
    descriptors_fill();
    if (count < 2)
        return fail(EX_USAGE, "no command; `coppice help` lists them");
    const struct command *command = command_named(command_name(words[1]));
    if (command == NULL && words[1][0] == '-')
        return fail(EX_USAGE, "the command comes first: coppice COMMAND [OPTION...]; "
                              "`coppice help` lists them");
    if (command == NULL)
        return help_fail_unknown(words[1]);
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
