#include "writer.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <uv.h>

#include "../err.h"
#include "../limits.h"
#include "../mem.h"
#include "../term/utf8.h"
#include "machine.h"

#define NS_A_MS     1000000u
#define NS_A_SECOND (1000 * NS_A_MS)

/* Of a terminal that does not say how many it has. */
#define COLUMNS_DEFAULT 80

struct writer {
    int descriptor;
    void (*put_lost)(struct buf *out, size_t count);
    uv_thread_t thread;
    bool started; /* the thread */
    int width;    /* of the line that stands; the thread's */
    uv_mutex_t lock;
    uv_cond_t changed;
    /* Under the lock: */
    struct buf queue;
    size_t lost; /* lines that did not fit into the queue after what is in it */
    bool closing, ended;
    void (*put)(void *who, struct buf *out); /* the line that stands, or NULL */
    void *who;
    uint64_t put_at_ns; /* when it is asked next */
};

/* Writes all of text; false if the descriptor refuses it. */
static bool write_all(int descriptor, struct bytes text)
{
    struct pollfd room = {.fd = descriptor, .events = POLLOUT};
    while (text.len > 0) {
        ssize_t n = write(descriptor, text.at, text.len);
        if (n < 0 && errno == EAGAIN)
            poll(&room, 1, -1);
        else if (n < 0 && errno != EINTR)
            return false;
        text = bytes_after(text, n > 0 ? (size_t)n : 0);
    }
    return true;
}

/* Writes them one by one, since a short write is not torn apart by another process's; returns how
 * many were refused. */
static size_t write_lines(int descriptor, struct bytes lines)
{
    size_t refused = 0;
    while (lines.len > 0) {
        const uint8_t *end = memchr(lines.at, '\n', lines.len);
        must(end != NULL);
        struct bytes line = {lines.at, (size_t)(end + 1 - lines.at)};
        refused += !write_all(descriptor, line);
        lines = bytes_after(lines, line.len);
    }
    return refused;
}

/* Reports lost lines; returns how many still have to be reported. */
static size_t report(const struct writer *w, size_t lost)
{
    struct buf line = {0};
    if (lost == 0 || w->put_lost == NULL)
        return 0;
    w->put_lost(&line, lost);
    if (write_all(w->descriptor, buf_bytes(&line)))
        lost = 0;
    buf_free(&line);
    return lost;
}

/* --- the line that stands ------------------------------------------------------------- */

static void wipe(struct writer *w)
{
    struct buf blanks = {0};
    if (w->width == 0)
        return;
    buf_printf(&blanks, "\r%*s\r", w->width, "");
    (void)write_all(w->descriptor, buf_bytes(&blanks));
    buf_free(&blanks);
    w->width = 0;
}

/* Cut to the width of the terminal: what a line wraps is not wiped. */
static void stand(struct writer *w, struct bytes text)
{
    struct winsize size = {0};
    bool known = ioctl(w->descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    text = utf8_front(text, (known ? size.ws_col : COLUMNS_DEFAULT) - 1u);
    (void)write_all(w->descriptor, text);
    w->width = (int)text.len;
}

/* With the lock. */
static void ask(struct writer *w, struct buf *standing)
{
    uint64_t now = uv_hrtime();
    if (w->put == NULL || now < w->put_at_ns)
        return;
    w->put(w->who, standing);
    w->put_at_ns = now + NS_A_SECOND;
}

/* --- the thread ----------------------------------------------------------------------- */

/* With the lock: until there are lines, the line that stands is due, or all is done. */
static void await(struct writer *w)
{
    while (w->queue.len == 0 && w->lost == 0 && !w->closing) {
        uint64_t now = uv_hrtime();
        if (w->put == NULL)
            uv_cond_wait(&w->changed, &w->lock);
        else if (now < w->put_at_ns)
            (void)uv_cond_timedwait(&w->changed, &w->lock, w->put_at_ns - now);
        else
            return;
    }
}

/* Takes what is queued, and what stands below it; false at the end. */
static bool take(struct writer *w, struct buf *lines, size_t *lost, struct buf *standing)
{
    uv_mutex_lock(&w->lock);
    await(w);
    *lines = w->queue;
    *lost = w->lost;
    w->queue = (struct buf){0};
    w->lost = 0;
    ask(w, standing);
    bool more = lines->len > 0 || *lost > 0 || !w->closing || w->width > 0;
    w->ended = !more;
    uv_cond_signal(&w->changed);
    uv_mutex_unlock(&w->lock);
    return more;
}

static void run(void *who)
{
    struct writer *w = who;
    struct buf lines, standing = {0};
    size_t lost, refused = 0;
    while (take(w, &lines, &lost, &standing)) {
        wipe(w);
        refused = report(w, refused);
        refused += write_lines(w->descriptor, buf_bytes(&lines));
        refused = report(w, lost) + refused;
        stand(w, buf_bytes(&standing));
        buf_clear(&standing);
        buf_free(&lines);
    }
    buf_free(&standing);
}

struct writer *writer_new(int descriptor, void (*put_lost)(struct buf *out, size_t count))
{
    struct writer *w = mem_take(sizeof(*w));
    w->descriptor = descriptor;
    w->put_lost = put_lost;
    must(uv_mutex_init(&w->lock) == 0 && uv_cond_init(&w->changed) == 0);
    return w;
}

static void start_thread(struct writer *w)
{
    if (!w->started)
        machine_needs(uv_thread_create(&w->thread, run, w), "start a thread that writes the log");
    w->started = true;
}

void writer_put(struct writer *w, struct bytes line)
{
    must(line.len > 0 && line.at[line.len - 1] == '\n');
    uv_mutex_lock(&w->lock);
    /* After a lost line, the next ones are lost until the thread has taken the queue, so that the
     * report stands where they are missing. */
    if (w->lost > 0 || w->queue.len + line.len > LIMIT_LOG_BYTES)
        w->lost++;
    else
        buf_put(&w->queue, line);
    uv_cond_signal(&w->changed);
    uv_mutex_unlock(&w->lock);
    start_thread(w);
}

void writer_stand(struct writer *w, void (*put)(void *who, struct buf *out), void *who)
{
    uv_mutex_lock(&w->lock);
    w->put = put;
    w->who = who;
    w->put_at_ns = uv_hrtime() + NS_A_SECOND;
    uv_cond_signal(&w->changed);
    uv_mutex_unlock(&w->lock);
    if (put != NULL)
        start_thread(w);
}

/* Whether the thread ended in time. */
static bool await_end(struct writer *w, uint64_t wait_ms)
{
    uint64_t deadline = uv_hrtime() + wait_ms * NS_A_MS, now;
    uv_mutex_lock(&w->lock);
    w->closing = true;
    uv_cond_signal(&w->changed);
    while (!w->ended && (now = uv_hrtime()) < deadline)
        uv_cond_timedwait(&w->changed, &w->lock, deadline - now);
    bool ended = w->ended;
    uv_mutex_unlock(&w->lock);
    return ended;
}

void writer_free(struct writer *w, uint64_t wait_ms)
{
    if (w == NULL || (w->started && !await_end(w, wait_ms)))
        return;
    if (w->started)
        uv_thread_join(&w->thread);
    uv_cond_destroy(&w->changed);
    uv_mutex_destroy(&w->lock);
    buf_free(&w->queue);
    mem_free(w);
}
