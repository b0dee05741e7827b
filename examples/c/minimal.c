/* Adds 5 to a counter, prints it and ends: the least that a program has to do. */
#include <coppice.h>
#include <stdio.h>
#include <string.h>

static void print_value(void *node, struct coppice_answer *answer)
{
    printf("%s\n", coppice_text(answer));
    coppice_stop((struct coppice *)node);
}

int main(void)
{
    struct coppice_options options;
    struct coppice *node;
    char error[COPPICE_ERROR_SIZE];
    memset(&options, 0, sizeof(options));
    options.config = "{node, 'minimal@127.0.0.1'}. {replica, hits, #{crdt => gcounter}}.";
    if (coppice_open(&node, &options, error) != COPPICE_OK) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    coppice_mutate(node, "hits", "{increment, [5]}", NULL, NULL);
    coppice_value(node, "hits", print_value, node);
    coppice_run(node);
    return coppice_close(node) == COPPICE_OK ? 0 : 1;
}
