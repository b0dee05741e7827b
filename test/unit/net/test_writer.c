#include "net/writer.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "limits.h"
#include "unit/suite.h"

/* What is written to a pipe, a full one too, and what its reader gets. */

#define WAIT_MS  20000
#define SHORT_MS 20
#define COUNT    500000

static void put_lost(struct buf *out, size_t count)
{
    buf_printf(out, "%zu lost\n", count);
}

struct fixture {
    int from, to;
    struct writer *w;
};

static struct fixture start(int flags)
{
    int ends[2];
    CU_ASSERT_FATAL(pipe2(ends, flags) == 0);
    return (struct fixture){ends[0], ends[1], writer_new(ends[1], put_lost)};
}

/* Fills the pipe to the last byte; returns how many. */
static size_t fill(const struct fixture *f)
{
    size_t count = 0;
    int flags = fcntl(f->to, F_GETFL);
    fcntl(f->to, F_SETFL, flags | O_NONBLOCK);
    while (write(f->to, ".", 1) == 1)
        count++;
    fcntl(f->to, F_SETFL, flags);
    return count;
}

static void put_number(struct writer *w, int number)
{
    char line[16];
    snprintf(line, sizeof(line), "%d\n", number);
    writer_put(w, bytes_of(line));
}

static void put_numbers(struct writer *w, int from, int end)
{
    for (int i = from; i < end; i++)
        put_number(w, i);
}

/* In a thread: reads until the end. */
static void *drain(void *file)
{
    int *from = file;
    struct buf *got = calloc(1, sizeof(*got));
    uint8_t part[4096];
    ssize_t n;
    while ((n = read(*from, part, sizeof(part))) != 0)
        if (n > 0)
            buf_put(got, (struct bytes){part, (size_t)n});
    buf_put_u8(got, 0);
    return got;
}

/* Closes the writer while somebody reads; returns all that was read, to be freed. */
static struct buf *finish(struct fixture *f)
{
    pthread_t reader;
    void *got;
    fcntl(f->from, F_SETFL, 0);
    CU_ASSERT_FATAL(pthread_create(&reader, NULL, drain, &f->from) == 0);
    writer_free(f->w, WAIT_MS);
    close(f->to);
    CU_ASSERT_FATAL(pthread_join(reader, &got) == 0);
    close(f->from);
    return got;
}

static void release(struct buf *got)
{
    buf_free(got);
    free(got);
}

/* Asserts that the text has the numbers from `from` to end in order, or reports of how many are
 * missing; returns how many. */
static int assert_numbers(const char *text, int from, int end)
{
    int missing = 0, next = from, length, number;
    for (; sscanf(text, "%d%n", &number, &length) == 1; text = strchr(text, '\n') + 1)
        if (strncmp(text + length, " lost\n", 6) == 0) {
            missing += number;
            next += number;
        } else {
            CU_ASSERT_EQUAL(number, next);
            next = number + 1;
        }
    CU_ASSERT_EQUAL(next, end);
    return missing;
}

static void writes_lines_in_order(void)
{
    struct fixture f = start(0);
    put_numbers(f.w, 0, 5000);
    struct buf *got = finish(&f);
    CU_ASSERT_EQUAL(assert_numbers((const char *)got->at, 0, 5000), 0);
    release(got);
}

/* Also where somebody else made it non-blocking. */
static void loses_nothing_in_a_full_pipe(int flags)
{
    struct fixture f = start(flags);
    size_t filled = fill(&f);
    put_numbers(f.w, 0, 1000);
    CU_ASSERT_EQUAL(fcntl(f.to, F_GETFL) & O_NONBLOCK, flags & O_NONBLOCK);
    struct buf *got = finish(&f);
    CU_ASSERT_EQUAL(assert_numbers((const char *)got->at + filled, 0, 1000), 0);
    release(got);
}

static void waits_for_a_full_pipe(void)
{
    loses_nothing_in_a_full_pipe(0);
    loses_nothing_in_a_full_pipe(O_NONBLOCK);
}

static void counts_lines_that_do_not_fit(void)
{
    struct fixture f = start(0);
    size_t filled = fill(&f);
    put_numbers(f.w, 0, COUNT);
    /* The report does not need another line. */
    struct buf *got = finish(&f);
    int missing = assert_numbers((const char *)got->at + filled, 0, COUNT);
    CU_ASSERT(missing > 0);
    /* What waits is bounded, once in the queue and once in the thread's hands. */
    CU_ASSERT(got->len >= filled + LIMIT_LOG_BYTES - 16);
    CU_ASSERT(got->len <= filled + 2 * LIMIT_LOG_BYTES + 64);
    release(got);
}

/* The descriptor refuses lines for a while, as a full disk does. */
static void counts_lines_that_are_refused(void)
{
    char path[] = "/tmp/test_writer.XXXXXX";
    int file = mkstemp(path), refusing = open(path, O_RDONLY);
    int descriptor = dup(refusing);
    struct writer *w = writer_new(descriptor, put_lost);
    put_numbers(w, 0, 10);
    /* Waits until the thread has nothing more to do, by its report that is refused, too. */
    usleep(100 * 1000);
    dup2(file, descriptor);
    put_number(w, 10);
    writer_free(w, WAIT_MS);
    char got[64] = {0};
    CU_ASSERT(pread(file, got, sizeof(got) - 1, 0) >= 0);
    CU_ASSERT_STRING_EQUAL(got, "10 lost\n10\n");
    close(file);
    close(refusing);
    close(descriptor);
    unlink(path);
}

static void a_reader_that_has_ended_costs_nothing(void)
{
    struct fixture f = start(0);
    signal(SIGPIPE, SIG_IGN);
    close(f.from);
    put_numbers(f.w, 0, 1000);
    writer_free(f.w, WAIT_MS);
    close(f.to);
}

static void the_end_waits_for_a_bounded_time(void)
{
    /* Static: the thread that is blocked keeps them. */
    static struct fixture f;
    f = start(0);
    fill(&f);
    put_numbers(f.w, 0, 10);
    writer_free(f.w, SHORT_MS);
    writer_free(writer_new(f.to, NULL), WAIT_MS);
    writer_free(NULL, WAIT_MS);
}

static void put_text(void *who, struct buf *out)
{
    buf_put(out, bytes_of(who));
}

/* Appends what can be read until the text is in it. */
static void read_until(const struct fixture *f, struct buf *got, const char *text)
{
    char part[64];
    while (got->len == 0 || memmem(got->at, got->len, text, strlen(text)) == NULL) {
        ssize_t n = read(f->from, part, sizeof(part));
        CU_ASSERT_FATAL(n > 0);
        buf_put(got, (struct bytes){(uint8_t *)part, (size_t)n});
    }
}

/* Wiped by as many blanks, so that lines begin where it began. */
static void a_line_stands_below_the_others(void)
{
    struct fixture f = start(0);
    struct buf got = {0};
    writer_stand(f.w, put_text, "busy");
    read_until(&f, &got, "busy");
    put_number(f.w, 1);
    read_until(&f, &got, "1\n");
    CU_ASSERT(got.len >= 12 && memcmp(got.at + got.len - 12, "busy\r    \r1\n", 12) == 0);
    read_until(&f, &got, "1\nbusy");
    writer_stand(f.w, NULL, NULL);
    struct buf *rest = finish(&f);
    CU_ASSERT_STRING_EQUAL((const char *)rest->at, "\r    \r");
    release(rest);
    buf_free(&got);
}

/* What a terminal wraps could not be wiped; a pipe has the width of most. */
static void a_line_that_stands_is_cut(void)
{
    struct fixture f = start(0);
    char *text = calloc(1, 1001);
    struct buf got = {0};
    memset(text, 'x', 1000);
    writer_stand(f.w, put_text, text);
    read_until(&f, &got, "xxx");
    writer_stand(f.w, NULL, NULL);
    struct buf *rest = finish(&f);
    buf_put(&got, (struct bytes){rest->at, rest->len - 1});
    CU_ASSERT_EQUAL(got.len, 79 + 1 + 79 + 1);
    CU_ASSERT(memchr(got.at, '\r', got.len) == got.at + 79);
    release(rest);
    buf_free(&got);
    free(text);
}

SUITE("writer", TEST(writes_lines_in_order), TEST(waits_for_a_full_pipe),
      TEST(counts_lines_that_do_not_fit), TEST(counts_lines_that_are_refused),
      TEST(a_reader_that_has_ended_costs_nothing), TEST(the_end_waits_for_a_bounded_time),
      TEST(a_line_stands_below_the_others), TEST(a_line_that_stands_is_cut))
