/* A program with libcoppice and a stored counter, for test/nth/run: adds to it four times, prints
 * `ok` for each change that was acknowledged, and ends.  Whatever it is told is wrong goes to
 * standard error, and it exits with 1. */
#include <coppice.h>
#include <stdio.h>

static int asked, failed;

static void on_log(void *who, enum coppice_level level, const char *line)
{
    (void)who;
    if (level == COPPICE_ERROR)
        fprintf(stderr, "%s\n", line);
}

static void on_counted(void *who, struct coppice_answer *answer)
{
    struct coppice *node = who;
    if (coppice_status(answer) == COPPICE_OK) {
        printf("ok\n");
        fflush(stdout);
    } else {
        fprintf(stderr, "not counted: %s\n", coppice_text(answer));
        failed = 1;
    }
    if (++asked < 4)
        coppice_mutate(node, "hits", "increment", on_counted, node);
    else
        coppice_stop(node);
}

int main(void)
{
    struct coppice_options options = {0};
    struct coppice *node;
    char error[COPPICE_ERROR_SIZE];
    options.config = "{node, 'n@127.0.0.1'}. {epmd, false}. "
                     "{listen, #{port => 0, address => \"127.0.0.1\"}}. "
                     "{replica, hits, #{crdt => gcounter, snapshot_interval => 100,"
                     "                  storage => #{file => \"hits.dets\"}}}.";
    options.on_log = on_log;
    if (coppice_open(&node, &options, error) != COPPICE_OK) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    coppice_mutate(node, "hits", "increment", on_counted, node);
    enum coppice_status ran = coppice_run(node);
    if (ran != COPPICE_OK)
        fprintf(stderr, "it has ended with status %d\n", ran);
    coppice_close(node);
    return failed || ran != COPPICE_OK;
}
