/* A counter that every node of a cluster shares, in a program with a poll loop of its own.
 *
 *     cc -o hits hits.c $(pkg-config --cflags --libs libcoppice)
 *     ./hits hits@127.0.0.1 web1@127.0.0.1        (this node, and one to connect to, or none)
 *
 * Each line on standard input counts one, and the counter is printed when it has changed, by this
 * program or by another node.  It ends with its input.  The cookie is in $COPPICE_COOKIE or
 * ~/.erlang.cookie, as for Erlang. */
#include <coppice.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void print_log(void *who, enum coppice_level level, const char *line)
{
    static const char *const names[] = {"info", "warning", "error"};
    (void)who;
    fprintf(stderr, "%s: %s\n", names[level], line);
}

static void print_count(void *who, struct coppice_answer *answer)
{
    int64_t count;
    (void)who;
    if (coppice_integer(answer, &count))
        printf("%lld\n", (long long)count);
    else
        printf("? %s\n", coppice_text(answer));
    fflush(stdout);
}

static void print_failure(void *who, struct coppice_answer *answer)
{
    (void)who;
    if (coppice_status(answer) != COPPICE_OK)
        fprintf(stderr, "not counted: %s\n", coppice_text(answer));
}

/* Counts the lines that can be read now; 0 at the end. */
static int count_lines(struct coppice *node)
{
    char bytes[4096];
    ssize_t i, n = read(STDIN_FILENO, bytes, sizeof(bytes));
    for (i = 0; i < n; i++)
        if (bytes[i] == '\n')
            coppice_mutate(node, "hits", "increment", print_failure, NULL);
    return n > 0;
}

static void begin_to_read(void *input, const char *node, unsigned port)
{
    ((struct pollfd *)input)->fd = STDIN_FILENO;
    fprintf(stderr, "%s counts, on port %u\n", node, port);
}

/* Until the node has ended, which it is told to when the input ends. */
static void serve(struct coppice *node, struct pollfd *fds)
{
    fds[0].fd = coppice_fd(node);
    fds[0].events = fds[1].events = POLLIN;
    do {
        fds[1].revents = 0;
        poll(fds, 2, coppice_timeout_ms(node));
        if (fds[1].revents != 0 && !count_lines(node)) {
            fds[1].fd = -1;
            coppice_stop(node);
        }
    } while (coppice_turn(node));
}

int main(int count, char **words)
{
    char config[1024], error[COPPICE_ERROR_SIZE];
    struct pollfd fds[2] = {{0, 0, 0}, {-1, 0, 0}};
    struct coppice_options options;
    struct coppice *node;
    if (count < 2) {
        fprintf(stderr, "usage: hits NODE [PEER]\n");
        return 64;
    }
    snprintf(config, sizeof(config),
             "{node, '%s'}. {connect, [%s%s%s]}. {replica, hits, #{crdt => gcounter}}.", words[1],
             count > 2 ? "'" : "", count > 2 ? words[2] : "", count > 2 ? "'" : "");
    memset(&options, 0, sizeof(options));
    options.config = config;
    options.on_log = print_log;
    options.on_ready = begin_to_read;
    options.who = &fds[1];
    if (coppice_open(&node, &options, error) != COPPICE_OK) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    coppice_watch(node, "hits", print_count, NULL);
    serve(node, fds);
    return coppice_close(node) == COPPICE_OK ? 0 : 1;
}
