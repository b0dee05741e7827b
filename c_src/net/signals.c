#include "signals.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "machine.h"

static const struct {
    int number;
    const char *name;
} taken[SIGNALS_TAKEN] = {{SIGTERM, "SIGTERM"}, {SIGINT, "SIGINT"}, {SIGHUP, "SIGHUP"}};

static bool terminal_is_there(void)
{
    int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static void on_signal(uv_signal_t *handle, int number)
{
    const struct signals *s = handle->data;
    size_t i = 0;
    while (taken[i].number != number)
        i++;
    bool closed = s->has_terminal && !terminal_is_there();
    s->taken(s->who, taken[i].name, number == SIGHUP && !closed);
}

/* SIGUSR1 and SIGUSR2 would end the process; SIGPIPE and SIGXFSZ as well, where a call that fails
 * is reported anyway.  SIGQUIT still makes a core dump. */
static void ignore_others(void)
{
    static const int ignored[] = {SIGPIPE, SIGXFSZ, SIGUSR1, SIGUSR2};
    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
        signal(ignored[i], SIG_IGN);
}

void signals_open(struct signals *s, uv_loop_t *loop,
                  void (*callback)(void *who, const char *name, bool reload), void *who)
{
    struct sigaction old;
    *s = (struct signals){.has_terminal = terminal_is_there(), .taken = callback, .who = who};
    ignore_others();
    for (size_t i = 0; i < SIGNALS_TAKEN; i++) {
        int number = taken[i].number;
        machine_needs(uv_signal_init(loop, &s->handles[i]), "take signals");
        s->handles[i].data = s;
        if (number != SIGHUP || sigaction(number, NULL, &old) != 0 || old.sa_handler != SIG_IGN)
            uv_signal_start(&s->handles[i], on_signal, number);
    }
}

void signals_end(struct signals *s)
{
    for (size_t i = 0; i < SIGNALS_TAKEN; i++)
        if (taken[i].number == SIGHUP)
            uv_signal_stop(&s->handles[i]);
    signal(SIGHUP, SIG_IGN);
}
