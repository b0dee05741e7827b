#include "honest.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "err.h"
#include "link.h"
#include "term/etf.h"

#define CALLS_MAX 65536
/* An answer that takes longer is none. */
#define ANSWER_MS 30000
/* One call in so many is a mutation. */
#define MUTATION_EVERY 8

/* Shared with the process that calls. */
struct honest {
    atomic_int phase;
    atomic_bool ending, started;
    pid_t pid;
    atomic_uint calls[PHASES];
    uint32_t took_us[PHASES][CALLS_MAX];
    char wrong[128]; /* empty: nothing */
};

static uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void note(struct honest *h, uint64_t took_us)
{
    int phase = h->phase;
    if (h->calls[phase] < CALLS_MAX)
        h->took_us[phase][h->calls[phase]++] = (uint32_t)took_us;
}

/* {Reference, ok} or {Reference, {ok, Count}}, for the call with this number. */
static bool is_right(struct bytes reply, uint32_t number, uint64_t *count)
{
    struct etf_in in = etf_open(reply);
    etf_tuple_of(&in, 2);
    struct etf_reference r = etf_reference(&in);
    if (in.err != OK || r.words[0] != number)
        return false;
    if (count == NULL)
        return etf_accept(&in, "ok");
    return etf_tuple(&in) == 2 && etf_accept(&in, "ok") && (*count = etf_uint64(&in), in.err == OK);
}

static bool call(struct honest *h, struct link *l, uint32_t number, uint64_t *increments)
{
    struct buf request = {0};
    struct bytes reply;
    bool mutates = number % MUTATION_EVERY == 0;
    uint64_t count, began = now_us();
    term_of(&request, mutates ? "{mutate, {increment, [1]}}" : "value");
    link_call(l, "views", number, buf_bytes(&request));
    buf_free(&request);
    if (!link_flush(l, ANSWER_MS) || !link_reply(l, ANSWER_MS, &reply)) {
        snprintf(h->wrong, sizeof(h->wrong),
                 l->cut ? "the honest peer's connection was closed"
                        : "an honest call was not answered");
        return false;
    }
    *increments += mutates;
    if (!is_right(reply, number, mutates ? NULL : &count) || (!mutates && count != *increments)) {
        snprintf(h->wrong, sizeof(h->wrong), "an honest call was answered wrongly");
        return false;
    }
    note(h, now_us() - began);
    return true;
}

static void call_until_told(struct honest *h, const struct target *t)
{
    uint64_t increments = 0;
    struct link *l = link_open(t, "honest", TARGET_COOKIE);
    must(l != NULL);
    h->started = true;
    for (uint32_t number = 1; !h->ending && call(h, l, number, &increments); number++)
        pause_ms(1);
    link_close(l);
}

struct honest *honest_start(const struct target *t)
{
    struct honest *h =
        mmap(NULL, sizeof(*h), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(h != MAP_FAILED);
    h->pid = fork();
    must(h->pid >= 0);
    if (h->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        run_before_others();
        call_until_told(h, t);
        _exit(0);
    }
    while (!h->started && waitpid(h->pid, NULL, WNOHANG) == 0)
        pause_ms(1);
    return h;
}

void honest_enter(struct honest *h, enum phase phase)
{
    h->phase = (int)phase;
}

const char *honest_stop(struct honest *h)
{
    int status = -1;
    h->ending = true;
    waitpid(h->pid, &status, 0);
    if (status != 0 && h->wrong[0] == '\0')
        snprintf(h->wrong, sizeof(h->wrong), "the honest peer has ended");
    return h->wrong[0] != '\0' ? h->wrong : NULL;
}

static int by_time(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

double honest_percentile(const struct honest *h, enum phase phase, double percent)
{
    static uint32_t sorted[CALLS_MAX];
    unsigned count = h->calls[phase];
    if (count == 0)
        return 0;
    memcpy(sorted, h->took_us[phase], count * sizeof(sorted[0]));
    qsort(sorted, count, sizeof(sorted[0]), by_time);
    unsigned place = (unsigned)(percent / 100 * count);
    return sorted[place < count ? place : count - 1] / 1e3;
}

unsigned honest_calls(const struct honest *h, enum phase phase)
{
    return h->calls[phase];
}

void honest_free(struct honest *h)
{
    munmap(h, sizeof(*h));
}
