/* Has a node do the worst that a peer can ask of it within the limits:
 *
 *     worst              n and 2n of each line, below measured() for `run` to count; names them
 *     worst LINE...      the figures at full size, times $MEGABYTES, or of LINE=N
 *
 * A line is what its row in the tables says (line.h). */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "line.h"

static const struct line *const tables[] = {term_lines,    set_lines,   map_lines,     list_lines,
                                            process_lines, group_lines, request_lines, large_lines};

/* Milliseconds of the node's clock in which it finishes what it was given. */
#define WORKS_MS 200

/* By this name `run` knows what is counted. */
void measured(const struct line *line, unsigned n);
__attribute__((noinline)) void measured(const struct line *line, unsigned n)
{
    rig_feed(WORKS_MS);
    if (line->then != NULL)
        line->then(n);
}

static void prepare(const struct line *line, unsigned n)
{
    rig_start(line->config);
    rig_connect(1);
    if (line->prepare != NULL)
        line->prepare(n);
    rig_reset();
    line->put(n);
}

static void count(const struct line *line, unsigned n)
{
    prepare(line, n);
    measured(line, n);
    if (line->check != NULL)
        line->check(n);
    node_check(rig.node);
    rig_finish();
}

/* --- figures ------------------------------------------------------------------------ */

/* kB of the line in /proc/self/status, which glibc's figures do not have. */
static double resident_mb(const char *line)
{
    char text[256];
    double kb = 0;
    FILE *f = fopen("/proc/self/status", "r");
    must(f != NULL);
    while (fgets(text, sizeof(text), f) != NULL)
        if (strncmp(text, line, strlen(line)) == 0)
            kb = atof(text + strlen(line));
    fclose(f);
    return kb / 1024;
}

/* The peak counts from here on. */
static void forget_peak(void)
{
    FILE *f = fopen("/proc/self/clear_refs", "w");
    if (f != NULL) {
        fputs("5", f);
        fclose(f);
    }
}

static double allocated_mb(void)
{
    struct mallinfo2 info = mallinfo2();
    return (double)(info.uordblks + info.hblkhd) / 1048576;
}

static void show(const struct line *line, unsigned n)
{
    prepare(line, n);
    double mb = (double)rig.out.len / 1048576;
    forget_peak();
    double resident = resident_mb("VmRSS:"), kept = allocated_mb();
    measured(line, n);
    if (line->check != NULL)
        line->check(n);
    kept = allocated_mb() - kept;
    double peak = resident_mb("VmHWM:") - resident;
    printf("%-17s %7u %-37s %7.2f %8.1f %8.1f %7.1f %7.1f\n", line->name, n, line->what, mb,
           (double)rig.worst_ns / 1e6, (double)rig.total_ns / 1e6, kept, peak);
    rig_finish();
}

static const struct line *named(const char *name)
{
    size_t len = strcspn(name, "=");
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
        for (const struct line *line = tables[i]; line->name != NULL; line++)
            if (strlen(line->name) == len && strncmp(line->name, name, len) == 0)
                return line;
    die("no such line: %s", name);
}

/* Of the full size. */
static unsigned megabytes(void)
{
    const char *text = getenv("MEGABYTES");
    return text != NULL ? (unsigned)strtoul(text, NULL, 10) : 1;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const struct line *line = named(argv[i]);
        const char *n = strchr(argv[i], '=');
        show(line, n != NULL ? (unsigned)strtoul(n + 1, NULL, 10) : line->full * megabytes());
    }
    for (size_t i = 0; argc == 1 && i < sizeof(tables) / sizeof(tables[0]); i++)
        for (const struct line *line = tables[i]; line->name != NULL; line++) {
            printf("%s\n", line->name);
            count(line, line->counted);
            count(line, 2 * line->counted);
        }
    return 0;
}
