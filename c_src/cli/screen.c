#include "screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "../err.h"

/* Where the terminal does not say. */
#define ROWS_DEFAULT    24
#define COLUMNS_DEFAULT 80

static struct termios before;
static volatile sig_atomic_t ended;

bool screen_possible(void)
{
    const char *terminal = getenv("TERM");
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && terminal != NULL &&
           strcmp(terminal, "dumb") != 0;
}

static void end(int number)
{
    (void)number;
    ended = 1;
}

/* Again and again: a command's loop takes the signals for itself while it runs, and a shell that
 * has stopped and continued this program sets the terminal. */
static void take_over(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = end};
    struct termios keys = before;
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        (void)sigaction(signals[i], &action, NULL);
    keys.c_lflag &= (tcflag_t) ~(ICANON | ECHO);
    keys.c_cc[VMIN] = 1;
    keys.c_cc[VTIME] = 0;
    (void)tcsetattr(STDIN_FILENO, TCSANOW, &keys);
}

void screen_open(void)
{
    must(tcgetattr(STDIN_FILENO, &before) == 0);
    take_over();
}

void screen_close(void)
{
    (void)tcsetattr(STDIN_FILENO, TCSANOW, &before);
}

/* The length of a control sequence, ESC [ ... LETTER, at the start of the text; 0 for none. */
static size_t sequence(struct bytes text)
{
    size_t n = 2;
    if (text.len < 3 || text.at[0] != '\x1b' || text.at[1] != '[')
        return 0;
    while (n < text.len && (text.at[n] < '@' || text.at[n] > '~'))
        n++;
    return n < text.len ? n + 1 : 0;
}

/* Appends the line without what is behind so many columns, but with all control sequences. */
static void put_line(struct buf *out, struct bytes line, unsigned columns)
{
    unsigned column = 0;
    while (line.len > 0) {
        size_t n = sequence(line);
        bool control = n > 0;
        n += !control;
        while (!control && n < line.len && (line.at[n] & 0xc0) == 0x80)
            n++;
        column += !control;
        if (control || column <= columns)
            buf_put(out, (struct bytes){line.at, n});
        line = bytes_after(line, n);
    }
    buf_put(out, BYTES("\x1b[K"));
}

void screen_draw(struct bytes page, const char *last)
{
    struct winsize size = {0};
    struct buf out = {0};
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0;
    unsigned rows = known ? size.ws_row : ROWS_DEFAULT;
    unsigned columns = known ? size.ws_col : COLUMNS_DEFAULT;
    buf_put(&out, BYTES("\x1b[H"));
    /* The last line, and one below it for errors. */
    for (unsigned row = 2; row < rows && page.len > 0; row++) {
        const uint8_t *end_of_line = memchr(page.at, '\n', page.len);
        size_t len = end_of_line != NULL ? (size_t)(end_of_line - page.at) : page.len;
        put_line(&out, (struct bytes){page.at, len}, columns);
        buf_put_u8(&out, '\n');
        len += end_of_line != NULL;
        page = bytes_after(page, len);
    }
    buf_put(&out, BYTES("\x1b[0m"));
    put_line(&out, bytes_of(last), columns);
    buf_put(&out, BYTES("\x1b[J\n"));
    fwrite(out.at, 1, out.len, stdout);
    fflush(stdout);
    buf_free(&out);
}

bool screen_wait(int ms)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    char key = '\0';
    take_over();
    int ready = ended ? 0 : poll(&input, 1, ms);
    if (ready > 0 && (read(STDIN_FILENO, &key, 1) <= 0 || key == 'q' || key == 'Q'))
        return false;
    return !ended;
}
