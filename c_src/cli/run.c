/* `coppice run` and `coppice config check`. */
#include <stdio.h>
#include <unistd.h>

#include "../net/owner.h"
#include "../net/shell.h"
#include "../node/node.h"
#include "commands.h"
#include "cookie.h"
#include "output.h"

/* The first line of the log, ended by a zero. */
static void put_about(struct buf *line, const struct args *args)
{
    buf_printf(line, COPPICE_VERSION ", process %d, ", (int)getpid());
    if (args->file != NULL)
        buf_printf(line, "configuration %s", args->file);
    else
        buf_printf(line, "no configuration file");
    buf_put_u8(line, 0);
}

/* Nothing of the command line has been reordered, since `run` has no operands. */
static bool reread(void *who, struct config *fresh, struct tls_contexts *tls, struct buf *why)
{
    const struct args *args = who;
    struct args again;
    errors_into(why);
    int code = args_parse(&again, args->words, args->operands);
    *fresh = again.config;
    if (code == 0)
        code = args_check_config(fresh, again.file);
    if (code == 0)
        code = cookie_read(fresh);
    if (code == 0)
        code = args_read_tls(tls, fresh, true);
    errors_into(NULL);
    return code == 0;
}

int command_run(struct args *args)
{
    struct config *config = &args->config;
    struct shell_options options = {
        .listen = true, .owned = args->owned, .reread = reread, .who = args};
    if (args->owned && !owner_possible())
        return fail(EX_USAGE, "--owned: standard input is neither a pipe, a socket nor a terminal, "
                              "so no owner can hold it open");
    int code = args_check_config(config, args->file);
    if (code == 0)
        code = cookie_read(config);
    if (code == 0)
        code = args_read_tls(&options.tls, config, true);
    if (code != 0)
        return code;
    struct buf about = {0};
    put_about(&about, args);
    options.about = (const char *)about.at;
    struct node *node = node_new(config);
    code = shell_run(node, config, &options);
    node_free(node);
    tls_contexts_free(&options.tls);
    buf_free(&about);
    return code;
}

int command_config(struct args *args)
{
    const char *file = args->operands[1];
    struct tls_contexts contexts = {0};
    int code = args_read_config(&args->config, file);
    if (code == 0)
        code = args_check_config(&args->config, file);
    if (code == 0)
        code = args_read_tls(&contexts, &args->config, true);
    tls_contexts_free(&contexts);
    if (code == 0)
        printf("ok\n");
    return code;
}
