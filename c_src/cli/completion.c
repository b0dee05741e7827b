/* `coppice completion bash|zsh|fish`: completions for shells, made from the tables of commands and
 * options.  Operands are completed where their words are known: literals, commands, operations and
 * files.
 *
 * Sources: the manual of bash, Programmable Completion; zshcompsys(1), _arguments and _describe;
 * fish's complete(1). */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "operands.h"
#include "output.h"

/* --- words ---------------------------------------------------------------------------- */

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static bool takes_file(const struct option_row *row)
{
    return row->value != NULL && (strcmp(row->value, "FILE") == 0 || begins(row->help, "PATH ") ||
                                  begins(row->help, "FILE "));
}

static bool is_file(struct bytes operand)
{
    return bytes_equal(operand, BYTES("FILE"));
}

static void print_commands(void)
{
    for (size_t i = 0; command_at(i) != NULL; i++)
        printf(i > 0 ? " %s" : "%s", command_at(i)->name);
}

static void print_operations(void)
{
    for (size_t i = 0; operands_operation(i) != NULL; i++)
        printf(i > 0 ? " %s" : "%s", operands_operation(i));
}

static bool is_literal(struct bytes operand)
{
    return operand.at[0] >= 'a' && operand.at[0] <= 'z';
}

/* Whether the words that an operand can be are known. */
static bool has_words(struct bytes operand)
{
    return is_literal(operand) || bytes_equal(operand, BYTES("[COMMAND...]")) ||
           bytes_equal(operand, BYTES("OP"));
}

/* Prints them, with spaces between. */
static void print_words(struct bytes operand)
{
    struct bytes one;
    if (bytes_equal(operand, BYTES("OP")))
        print_operations();
    else if (!is_literal(operand))
        print_commands();
    else
        for (bool first = true; operands_alternative(&operand, &one); first = false)
            printf(first ? "%.*s" : " %.*s", TEXT(one));
}

/* Prints a text inside of single quotes, with a backslash before each of these characters. */
static void print_quoted(const char *text, const char *escaped, const char *quote)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            fputs(quote, stdout);
        else if (strchr(escaped, *text) != NULL)
            printf("\\%c", *text);
        else
            putchar(*text);
    }
}

/* --- bash ----------------------------------------------------------------------------- */

/* Options with a value that is, or is not, a file, as alternatives of a `case`. */
static void print_bash_options(bool files)
{
    struct option_row row;
    printf(files ? "-c" : "--timeout");
    for (size_t i = 0; option_at(i, &row); i++)
        if (row.value != NULL && takes_file(&row) == files && strcmp(row.key, "timeout") != 0)
            printf(" | --%s", row.key);
}

static void print_bash_operands(const struct command *command)
{
    const char *rest = command->operands;
    struct bytes operand;
    for (unsigned place = 0; (operand = operands_next(&rest)).len > 0; place++) {
        bool many = operand.at[0] == '[';
        if (!has_words(operand) && !is_file(operand))
            continue;
        if (many)
            printf("        %s:*) ", command->name);
        else
            printf("        %s:%u) ", command->name, place);
        if (is_file(operand)) {
            printf("_coppice_files \"$current\" ;;\n");
            continue;
        }
        printf("words='");
        print_words(operand);
        printf("' ;;\n");
    }
}

static void print_bash_heeded(const struct command *command)
{
    struct option_row row;
    printf("        %s) words='", command->name);
    bool first = true;
    for (size_t i = 0; option_at(i, &row); i++) {
        if (!command_heeds(command, &row))
            continue;
        printf(first ? "--%s" : " --%s", row.key);
        first = false;
    }
    printf("' ;;\n");
}

/* bash splits words at the = of options and the @ and : of nodes, too: the line is split anew. */
static void print_bash_start(void)
{
    printf("# Completions of coppice for bash; made by `coppice completion bash`.\n"
           "_coppice_files()\n{\n    compopt -o filenames 2>/dev/null\n"
           "    mapfile -t COMPREPLY < <(compgen -f -- \"$1\")\n}\n\n"
           "_coppice()\n{\n"
           "    local line=${COMP_LINE:0:COMP_POINT} typed words='' place=0 i\n"
           "    COMPREPLY=()\n    read -ra typed <<<\"$line\"\n"
           "    case $line in *' ') typed+=('') ;; esac\n"
           "    local last=$((${#typed[@]} - 1))\n"
           "    local current=${typed[last]} before=${typed[last - 1]}\n"
           "    case $current in --*=*) before=${current%%%%=*} current=${current#*=} ;; esac\n");
}

static void print_bash(void)
{
    print_bash_start();
    printf("    for ((i = 2; i < last; i++)); do\n        case ${typed[i]} in\n        ");
    print_bash_options(true);
    printf(" | ");
    print_bash_options(false);
    printf(") ((i++)) ;;\n        -?*) ;;\n        *) ((place++)) ;;\n        esac\n    done\n"
           "    case $before in\n    ");
    print_bash_options(true);
    printf(")\n        _coppice_files \"$current\"\n        return ;;\n    ");
    print_bash_options(false);
    printf(")\n        return ;;\n    esac\n    case $last:$current in\n    1:*) words='");
    print_commands();
    printf("' ;;\n    *:-*)\n        case ${typed[1]} in\n");
    for (size_t i = 0; command_at(i) != NULL; i++)
        print_bash_heeded(command_at(i));
    printf("        esac ;;\n    *)\n        case ${typed[1]}:$place in\n");
    for (size_t i = 0; command_at(i) != NULL; i++)
        print_bash_operands(command_at(i));
    printf(
        "        esac ;;\n    esac\n"
        "    [ -z \"$words\" ] || mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
        "}\ncomplete -F _coppice coppice\n");
}

/* --- zsh -------------------------------------------------------------------------------- */

#define ZSH_QUOTE "'\\''"

static void print_zsh_command(const struct command *command)
{
    struct option_row row;
    const char *rest = command->operands;
    struct bytes operand;
    printf("    %s)\n        _arguments -S", command->name);
    for (size_t i = 0; option_at(i, &row); i++) {
        if (!command_heeds(command, &row))
            continue;
        printf(" \\\n            '--%s%s[", row.key, row.value != NULL ? "=" : "");
        print_quoted(row.help, "[]:\\", ZSH_QUOTE);
        printf("]%s%s%s'", row.value != NULL ? ":" : "", row.value != NULL ? row.value : "",
               takes_file(&row)    ? ":_files"
               : row.value != NULL ? ": "
                                   : "");
    }
    for (unsigned place = 1; (operand = operands_next(&rest)).len > 0; place++) {
        char number[12] = "*";
        if (operand.at[0] != '[')
            snprintf(number, sizeof(number), "%u", place);
        printf(" \\\n            '%s:%.*s:", number, (int)(has_words(operand) ? 4 : operand.len),
               has_words(operand) ? "word" : (const char *)operand.at);
        if (has_words(operand)) {
            putchar('(');
            print_words(operand);
            putchar(')');
        }
        printf(is_file(operand) ? "_files'" : has_words(operand) ? "'" : " '");
    }
    printf(" ;;\n");
}

static void print_zsh(void)
{
    printf("#compdef coppice\n# Completions of coppice for zsh; made by `coppice completion zsh`.\n"
           "_coppice()\n{\n    local -a commands=(\n");
    for (size_t i = 0; command_at(i) != NULL; i++) {
        printf("        '%s:", command_at(i)->name);
        print_quoted(command_at(i)->help, ":\\", ZSH_QUOTE);
        printf("'\n");
    }
    printf("    )\n    if ((CURRENT == 2)); then\n"
           "        _describe command commands\n        return\n    fi\n"
           "    shift words\n    ((CURRENT--))\n    case $words[1] in\n");
    for (size_t i = 0; command_at(i) != NULL; i++)
        print_zsh_command(command_at(i));
    printf("    esac\n}\n"
           "if [ \"$funcstack[1]\" = _coppice ]; then\n    _coppice \"$@\"\n"
           "else\n    compdef _coppice coppice\nfi\n");
}

/* --- fish ------------------------------------------------------------------------------- */

#define FISH_QUOTE "\\'"

static void print_fish_line(const struct command *command, const char *condition)
{
    printf("complete -c coppice -n '__fish_seen_subcommand_from %s%s'", command->name, condition);
}

static void print_fish_command(const struct command *command)
{
    struct option_row row;
    const char *rest = command->operands;
    struct bytes operand;
    char condition[80];
    for (size_t i = 0; option_at(i, &row); i++) {
        if (!command_heeds(command, &row))
            continue;
        print_fish_line(command, "");
        printf(" -l %s%s -d '", row.key,
               takes_file(&row)    ? " -r -F"
               : row.value != NULL ? " -x"
                                   : "");
        print_quoted(row.help, "\\", FISH_QUOTE);
        printf("'\n");
    }
    for (unsigned place = 2; (operand = operands_next(&rest)).len > 0; place++) {
        bool many = operand.at[0] == '[';
        snprintf(condition, sizeof(condition), "; and test (count (commandline -opc)) -%s %u",
                 many ? "ge" : "eq", place);
        if (!has_words(operand) && !is_file(operand))
            continue;
        print_fish_line(command, condition);
        if (is_file(operand)) {
            printf(" -F\n");
            continue;
        }
        printf(" -a '");
        print_words(operand);
        printf("'\n");
    }
}

static void print_fish(void)
{
    printf("# Completions of coppice for fish; made by `coppice completion fish`.\n"
           "complete -c coppice -f\n");
    for (size_t i = 0; command_at(i) != NULL; i++) {
        printf("complete -c coppice -n __fish_use_subcommand -a %s -d '", command_at(i)->name);
        print_quoted(command_at(i)->help, "\\", FISH_QUOTE);
        printf("'\n");
    }
    for (size_t i = 0; command_at(i) != NULL; i++)
        print_fish_command(command_at(i));
}

int command_completion(struct args *args)
{
    static const struct {
        const char *shell;
        void (*print)(void);
    } shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};
    size_t i = 0;
    while (strcmp(shells[i].shell, args->operands[0]) != 0)
        i++;
    shells[i].print();
    return 0;
}
