/* The help texts, made from the tables of commands and options. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "../term/similar.h"
#include "commands.h"
#include "output.h"

/* Columns before the text of an option and of a command. */
#define OPTION_COLUMNS 24
#define USAGE_COLUMNS  35

int help_fail_unknown(const char *name)
{
    struct buf text = {0};
    char what[80] = "no such command";
    struct similar similar = similar_open(bytes_of(name));
    for (size_t i = 0; command_at(i) != NULL; i++)
        similar_try(&similar, bytes_of(command_at(i)->name));
    similar_suggest(&similar, "", what, sizeof(what));
    put_word(&text, name);
    print_error("%.*s: %s", TEXT(text), what);
    buf_free(&text);
    return fail(EX_USAGE, "`coppice help` lists the commands");
}

bool command_heeds(const struct command *command, const struct option_row *row)
{
    size_t len = strlen(row->key);
    if (strcmp(row->key, "help") == 0)
        return true;
    for (const char *at = command->options; *at != '\0'; at += strspn(at, " ")) {
        size_t word = strcspn(at, " ");
        if ((row->configuration && *at == '*') || (word == len && strncmp(at, row->key, len) == 0))
            return true;
        at += word;
    }
    return false;
}

static void print_options(const struct command *command)
{
    struct option_row row;
    printf("\nOptions, also as --OPTION=VALUE:\n\n");
    for (size_t i = 0; option_at(i, &row); i++) {
        if (!command_heeds(command, &row))
            continue;
        char text[40];
        const char *value = !row.configuration && row.value != NULL ? row.value : "";
        snprintf(text, sizeof(text), "--%s%s%s", row.key, *value != '\0' ? " " : "", value);
        printf("  %-*s%s\n", OPTION_COLUMNS, text, row.help);
    }
}

/* Indents each of the lines. */
static void print_lines(const char *lines, const char *indent)
{
    while (*lines != '\0') {
        int len = (int)strcspn(lines, "\n");
        printf("%s%.*s\n", len > 0 ? indent : "", len, lines);
        lines += len + (lines[len] != '\0');
    }
}

void help_print(const struct command *command)
{
    bool bare = *command->operands == '\0';
    printf("usage: coppice %s [OPTION...]%s%s\n\n", command->name, bare ? "" : " ",
           command->operands);
    printf("%c%s.\n", toupper(command->help[0]), command->help + 1);
    if (*command->more != '\0') {
        printf("\n");
        print_lines(command->more, "");
    }
    printf("\nFor example:\n\n");
    print_lines(command->example, "    ");
    print_options(command);
}

static void print_all(void)
{
    const struct command *command;
    printf("coppice: a C node for Erlang clusters that replicates Grove's CRDTs\n\n"
           "usage: coppice COMMAND [OPTION...] [OPERAND...]\n\n");
    for (size_t i = 0; (command = command_at(i)) != NULL; i++) {
        char usage[80];
        snprintf(usage, sizeof(usage), "%s %s", command->name, command->operands);
        printf("  %-*s%s\n", USAGE_COLUMNS, usage, command->help);
    }
    printf(
        "\nSERVER and OP are atoms, TERM and ARG Erlang terms: '<<\"x\">>' is an Elixir string.\n"
        "For one of them, - stands for standard input.\n"
        "\n`coppice help COMMAND` has the options of a command, and an example.\n");
}

int command_help(struct args *args)
{
    for (int i = 0; i < args->count; i++)
        if (command_named(args->operands[i]) == NULL)
            return help_fail_unknown(args->operands[i]);
    if (args->count == 0)
        print_all();
    for (int i = 0; i < args->count; i++) {
        if (i > 0)
            printf("\n");
        help_print(command_named(args->operands[i]));
    }
    return 0;
}
