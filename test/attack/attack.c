/* Attacks a coppice in every way of the lists of attack.h, or in those whose name has one of
 * the texts that are given, and checks that it costs nobody else anything:
 *
 *     build/gcc/attack PROGRAM FOLDER [TEXT...]        (from run)
 *
 * Reads MS, how long each lasts (default 1500); AHEAD: if it is set, coppice and honest peer run
 * before everything else (root only); and BESIDE: if it is set, the honest peer calls another
 * coppice, which tells what the machine alone makes of the calls.  Prints a line for each: its
 * outcome, what it did, the most memory and descriptors, log lines, and how long the calls of an
 * honest peer took before and meanwhile.  Times are printed, and pass or fail nothing. */
#include "attack.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "err.h"
#include "honest.h"

#define BEFORE_MS 300
/* How long to wait for what is to happen after an attack. */
#define AFTER_MS 30000
/* Of these milliseconds the coppice may be busy for half, once it is left alone. */
#define QUIET_MS 500
/* Descriptors of strangers that are being closed. */
#define SPARE_FILES 2

bool time_is_left(const struct scene *s)
{
    return now_ms() < s->end_ms;
}

static void append(char *text, size_t room, const char *format, va_list args)
{
    size_t len = strlen(text);
    vsnprintf(text + len, room - len, format, args);
}

void expect(struct scene *s, bool good, const char *format, ...)
{
    va_list args;
    if (good)
        return;
    va_start(args, format);
    append(s->failures, sizeof(s->failures), "\n        ", args);
    append(s->failures, sizeof(s->failures), format, args);
    va_end(args);
}

void figure(struct scene *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    append(s->figures, sizeof(s->figures), format, args);
    va_end(args);
}

/* --- after an attack ------------------------------------------------------------------------ */

static void expect_files(struct scene *s, unsigned before)
{
    uint64_t end = now_ms() + AFTER_MS;
    unsigned after;
    while ((after = target_files(&s->target)) > before + SPARE_FILES && now_ms() < end)
        pause_ms(10);
    expect(s, after <= before + SPARE_FILES, "%u descriptors were open before, %u are", before,
           after);
}

static void expect_quiet(struct scene *s)
{
    uint64_t end = now_ms() + AFTER_MS;
    double used = 1;
    while (used > QUIET_MS / 2e3 && now_ms() < end) {
        used = -target_cpu_s(&s->target);
        pause_ms(QUIET_MS);
        used += target_cpu_s(&s->target);
    }
    expect(s, used <= QUIET_MS / 2e3, "it is busy after the attack: %.2f s of %.2f", used,
           QUIET_MS / 1e3);
}

static void expect_lines(struct scene *s, unsigned before)
{
    const struct attack *a = s->attack;
    unsigned lines = target_lines(&s->target, "") - before;
    expect(s, lines <= a->lines, "%u lines of the log, at most %u", lines, a->lines);
    if (a->says != NULL) {
        unsigned said = target_lines(&s->target, a->says);
        expect(s, said == 1, "%u lines with \"%s\"", said, a->says);
    }
    figure(s, "; %u lines", lines);
}

/* --- the attacks ------------------------------------------------------------------------------ */

static void attack(struct scene *s, struct honest *h)
{
    uint64_t end = now_ms() + AFTER_MS;
    while (target_lines(s->called, "connected to honest") == 0 && now_ms() < end)
        pause_ms(1);
    unsigned lines = target_lines(&s->target, ""), files = target_files(&s->target);
    pause_ms(BEFORE_MS);
    target_reset_peak(&s->target);
    honest_enter(h, DURING);
    s->end_ms = now_ms() + s->ms;
    s->attack->run(s);
    honest_enter(h, AFTER);
    unsigned long mb = target_peak_kb(&s->target) / 1024;
    expect(s, target_is_alive(&s->target), "it has ended");
    expect(s, mb <= s->attack->mb, "%lu MB of memory, at most %u", mb, s->attack->mb);
    figure(s, "; %lu MB", mb);
    expect_quiet(s); /* by now all that waited have been accepted */
    expect_files(s, files);
    expect_lines(s, lines);
}

static void print(const struct scene *s, const struct honest *h)
{
    printf("  %-5s %s: %s\n        calls before: %.2f ms (p50) %.2f (p99); meanwhile: %.2f (p50) "
           "%.2f (p99) %.1f (longest of %u)%s\n",
           s->failures[0] == '\0' ? "ok" : "FAIL", s->attack->name, s->figures,
           honest_percentile(h, BEFORE, 50), honest_percentile(h, BEFORE, 99),
           honest_percentile(h, DURING, 50), honest_percentile(h, DURING, 99),
           honest_percentile(h, DURING, 100), honest_calls(h, DURING), s->failures);
    fflush(stdout);
}

/* Whether all was as it should be. */
static bool try_attack(const struct attack *a, const char *program, const char *folder, unsigned ms)
{
    char name[64];
    struct scene s = {.attack = a, .folder = folder, .ms = ms, .called = &s.target};
    bool beside = getenv("BESIDE") != NULL;
    snprintf(name, sizeof(name), "%s", a->name);
    for (char *c = name; *c != '\0'; c++)
        *c = strchr(" :,", *c) != NULL ? '_' : *c;
    struct target_options options = {.program = program,
                                     .folder = folder,
                                     .name = name,
                                     .more = a->more,
                                     .files = a->files,
                                     .called = !beside};
    target_start(&s.target, &options);
    struct target other;
    if (beside) {
        options = (struct target_options){
            .program = program, .folder = folder, .name = "beside", .called = true};
        target_start(&other, &options);
        s.called = &other;
    }
    struct honest *h = honest_start(s.called);
    attack(&s, h);
    const char *wrong = honest_stop(h);
    expect(&s, wrong == NULL, "%s", wrong);
    expect(&s, target_stop(&s.target), "it did not end in order, see %s", s.target.log);
    if (beside)
        target_stop(&other);
    print(&s, h);
    honest_free(h);
    return s.failures[0] == '\0';
}

static bool is_wanted(const struct attack *a, int argc, char **argv)
{
    for (int i = 3; i < argc; i++)
        if (strstr(a->name, argv[i]) != NULL)
            return true;
    return argc <= 3;
}

int main(int argc, char **argv)
{
    const struct attack *const lists[] = {stranger_attacks, member_attacks, frame_attacks,
                                          web_attacks};
    const char *ms = getenv("MS");
    unsigned count[2] = {0};
    struct rlimit files;
    must(argc > 2);
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    for (unsigned i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        for (const struct attack *a = lists[i]; a->name != NULL; a++)
            if (is_wanted(a, argc, argv))
                count[try_attack(a, argv[1], argv[2], ms != NULL ? (unsigned)atoi(ms) : 1500)]++;
    printf("%u passed, %u failed\n", count[true], count[false]);
    return count[false] > 0;
}
