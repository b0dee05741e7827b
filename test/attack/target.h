/* The coppice that is attacked: a process of its own, and what the system tells of it. */
#ifndef ATTACK_TARGET_H
#define ATTACK_TARGET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "term/bytes.h"

#define TARGET_NODE   "target@127.0.0.1"
#define TARGET_COOKIE "secret"

struct target {
    pid_t pid;
    uint16_t port, web_port; /* on 127.0.0.1 */
    char log[256];           /* the file with its standard error */
    bool ended;
    int status; /* of waitpid(), when it has ended */
};

struct target_options {
    const char *program, *folder; /* for its files */
    const char *name;             /* of the log */
    const char *more; /* configuration, besides the node, two replicas and the metrics */
    unsigned files;   /* the limit of open files; 0: as it is */
    bool called;      /* by the honest peer: run_before_others() */
};

/* Starts one and waits until it is ready.  It has a counter, `views`, and an OR-set, `set`. */
void target_start(struct target *t, const struct target_options *options);
/* Sends SIGTERM and waits for the end; true if that was orderly. */
bool target_stop(struct target *t);
bool target_is_alive(struct target *t);

/* Resident memory now, and the most since it was last reset, in kB. */
unsigned long target_kb(const struct target *t);
unsigned long target_peak_kb(const struct target *t);
void target_reset_peak(const struct target *t);
/* Open descriptors. */
unsigned target_files(const struct target *t);
/* Seconds of processor time so far. */
double target_cpu_s(const struct target *t);
/* The lines of its log that have this text. */
unsigned target_lines(const struct target *t, const char *text);

/* With AHEAD in the environment, the system runs the calling process before all ordinary ones, with
 * a real-time priority; dies where that is not allowed. */
void run_before_others(void);

/* Milliseconds on a clock that does not go back; and a pause. */
uint64_t now_ms(void);
void pause_ms(unsigned ms);

#endif
