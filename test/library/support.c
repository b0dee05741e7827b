#include "host.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

unsigned passed, failed;

int check(int good, const char *what, const char *file, int line)
{
    if (good)
        passed++;
    else
        failed++;
    if (!good)
        printf("  FAIL  %s:%d: %s\n", file, line, what);
    return good;
}

/* --- what was told --------------------------------------------------------------------- */

void tell(void *who, struct coppice_answer *a)
{
    struct told *t = (struct told *)who;
    const void *term = coppice_term(a, &t->size);
    t->count++;
    t->status = coppice_status(a);
    t->number = -1;
    coppice_integer(a, &t->number);
    snprintf(t->text, sizeof(t->text), "%s", coppice_text(a));
    if (term != NULL)
        memcpy(t->term, term, t->size < sizeof(t->term) ? t->size : sizeof(t->term));
}

int told(const struct told *t, enum coppice_status status, const char *text)
{
    if (t->count == 1 && t->status == status && strcmp(t->text, text) == 0)
        return 1;
    printf("  told %u times, last: %d %s\n", t->count, (int)t->status, t->text);
    return 0;
}

void on_log(void *who, enum coppice_level level, const char *line)
{
    struct heard *h = (struct heard *)who;
    size_t len = strlen(h->log);
    snprintf(h->log + len, sizeof(h->log) - len, "%d %s\n", (int)level, line);
}

void on_ready(void *who, const char *node, unsigned port)
{
    struct heard *h = (struct heard *)who;
    snprintf(h->ready, sizeof(h->ready), "%s", node);
    h->port = port;
}

void on_wake(void *who)
{
    ((struct heard *)who)->wakes++;
}

/* --- nodes ------------------------------------------------------------------------------- */

struct coppice *open_node(const char *config, struct heard *heard)
{
    char error[COPPICE_ERROR_SIZE] = "";
    struct coppice_options options;
    struct coppice *node;
    memset(&options, 0, sizeof(options));
    options.config = config;
    options.cookie = "secret";
    if (heard != NULL) {
        options.on_log = on_log;
        options.on_ready = on_ready;
        options.on_wake = on_wake;
        options.who = heard;
    }
    if (coppice_open(&node, &options, error) == COPPICE_OK)
        return node;
    printf("  FAIL  %s\n", error);
    exit(1);
}

void turn(struct coppice *a, struct coppice *b)
{
    struct pollfd fds[2];
    int wait = coppice_timeout_ms(a), other = b != NULL ? coppice_timeout_ms(b) : -1;
    fds[0].fd = coppice_fd(a);
    fds[1].fd = b != NULL ? coppice_fd(b) : -1;
    fds[0].events = fds[1].events = POLLIN;
    if (wait < 0 || (other >= 0 && other < wait))
        wait = other;
    poll(fds, 2, wait);
    coppice_turn(a);
    if (b != NULL)
        coppice_turn(b);
}
