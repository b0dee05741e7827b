#include "target.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "err.h"

#define START_MS 60000

uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void pause_ms(unsigned ms)
{
    nanosleep(&(struct timespec){ms / 1000, (long)(ms % 1000) * 1000000}, NULL);
}

void run_before_others(void)
{
    if (getenv("AHEAD") != NULL &&
        sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 1}) != 0)
        die("AHEAD: %s: this needs the right to real-time priorities (root has it)",
            strerror(errno));
}

/* --- start and end ------------------------------------------------------------------- */

static void write_config(const char *path, const struct target_options *options)
{
    FILE *file = fopen(path, "w");
    must(file != NULL);
    fprintf(file,
            "{node, '" TARGET_NODE "'}.\n{epmd, false}.\n"
            "{listen, #{port => 0, address => \"127.0.0.1\"}}.\n"
            "{metrics, #{port => 0}}.\n"
            "{replica, views, #{crdt => gcounter}}.\n{replica, set, #{crdt => or_set}}.\n%s",
            options->more != NULL ? options->more : "");
    must(fclose(file) == 0);
}

_Noreturn static void become(const struct target *t, const struct target_options *options,
                             const char *config, int out)
{
    struct rlimit files = {options->files, options->files};
    int log = open(t->log, O_WRONLY | O_CREAT | O_TRUNC, 0644), none = open("/dev/null", O_RDONLY);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setenv("COPPICE_COOKIE", TARGET_COOKIE, 1);
    dup2(none, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    for (int fd = STDERR_FILENO + 1; fd < 64; fd++)
        close(fd);
    must(chdir(options->folder) == 0);
    if (options->files > 0)
        setrlimit(RLIMIT_NOFILE, &files);
    if (options->called)
        run_before_others();
    execl(options->program, "coppice", "run", "-c", config, NULL);
    _exit(127);
}

/* The port in a line of the log, behind this text; 0 if there is none. */
static uint16_t port_in_log(const struct target *t, const char *text)
{
    char line[1024];
    unsigned port = 0;
    FILE *file = fopen(t->log, "r");
    while (file != NULL && port == 0 && fgets(line, sizeof(line), file) != NULL) {
        const char *at = strstr(line, text);
        port = at != NULL ? (unsigned)strtoul(at + strlen(text), NULL, 10) : 0;
    }
    if (file != NULL)
        fclose(file);
    return (uint16_t)port;
}

void target_start(struct target *t, const struct target_options *options)
{
    char path[512], config[128], line[256] = "";
    int out[2];
    *t = (struct target){0};
    snprintf(t->log, sizeof(t->log), "%s/%s.log", options->folder, options->name);
    snprintf(config, sizeof(config), "%s.config", options->name);
    snprintf(path, sizeof(path), "%s/%s", options->folder, config);
    write_config(path, options);
    must(pipe(out) == 0);
    t->pid = fork();
    must(t->pid >= 0);
    if (t->pid == 0)
        become(t, options, config, out[1]);
    close(out[1]);
    FILE *lines = fdopen(out[0], "r");
    unsigned port = 0;
    if (fgets(line, sizeof(line), lines) == NULL ||
        sscanf(line, "ready " TARGET_NODE " %u", &port) != 1)
        die("the coppice did not start, see %s", t->log);
    fclose(lines);
    t->port = (uint16_t)port;
    for (uint64_t end = now_ms() + START_MS; t->web_port == 0 && now_ms() < end; pause_ms(1))
        t->web_port = port_in_log(t, "status page at http://127.0.0.1:");
}

bool target_is_alive(struct target *t)
{
    if (!t->ended)
        t->ended = waitpid(t->pid, &t->status, WNOHANG) == t->pid;
    return !t->ended;
}

bool target_stop(struct target *t)
{
    if (target_is_alive(t)) {
        kill(t->pid, SIGTERM);
        for (uint64_t end = now_ms() + START_MS; target_is_alive(t) && now_ms() < end;)
            pause_ms(5);
    }
    if (target_is_alive(t)) {
        kill(t->pid, SIGKILL);
        waitpid(t->pid, &t->status, 0);
        t->ended = true;
    }
    return WIFEXITED(t->status) && WEXITSTATUS(t->status) == 0;
}

/* --- what the system tells ------------------------------------------------------------- */

static unsigned long status_kb(const struct target *t, const char *key)
{
    char path[64], line[256];
    unsigned long kb = 0;
    snprintf(path, sizeof(path), "/proc/%d/status", (int)t->pid);
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        if (strncmp(line, key, strlen(key)) == 0)
            kb = strtoul(line + strlen(key), NULL, 10);
    if (file != NULL)
        fclose(file);
    return kb;
}

unsigned long target_kb(const struct target *t)
{
    return status_kb(t, "VmRSS:");
}

unsigned long target_peak_kb(const struct target *t)
{
    return status_kb(t, "VmHWM:");
}

void target_reset_peak(const struct target *t)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/clear_refs", (int)t->pid);
    int fd = open(path, O_WRONLY);
    if (fd >= 0) {
        must(write(fd, "5", 1) == 1);
        close(fd);
    }
}

unsigned target_files(const struct target *t)
{
    char path[64];
    unsigned count = 0;
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)t->pid);
    DIR *folder = opendir(path);
    for (struct dirent *e; folder != NULL && (e = readdir(folder)) != NULL;)
        count += e->d_name[0] != '.';
    if (folder != NULL)
        closedir(folder);
    return count;
}

double target_cpu_s(const struct target *t)
{
    clockid_t clock;
    struct timespec used = {0};
    if (clock_getcpuclockid(t->pid, &clock) == 0)
        clock_gettime(clock, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

unsigned target_lines(const struct target *t, const char *text)
{
    char line[4096];
    unsigned count = 0;
    FILE *file = fopen(t->log, "r");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        count += strstr(line, text) != NULL;
    if (file != NULL)
        fclose(file);
    return count;
}
