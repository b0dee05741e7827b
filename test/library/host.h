/* What the host's files share: checks, what was told, and nodes.  support.c has the functions. */
#ifndef COPPICE_TEST_LIBRARY_HOST_H
#define COPPICE_TEST_LIBRARY_HOST_H

#include <coppice.h>
#include <stdint.h>

extern unsigned passed, failed;

/* Counts it, and prints it if it does not hold. */
int check(int good, const char *what, const char *file, int line);
#define CHECK(condition) check(condition, #condition, __FILE__, __LINE__)

struct told {
    unsigned count;
    enum coppice_status status; /* of the last answer */
    int64_t number;             /* -1: it was no integer */
    char text[400];
    unsigned char term[64];
    size_t size;
};

/* A callback; who is a struct told. */
void tell(void *who, struct coppice_answer *answer);
/* Whether it was told once, this. */
int told(const struct told *t, enum coppice_status status, const char *text);

struct heard {
    char log[8192], ready[256];
    unsigned port, wakes;
};

/* For coppice_options; who is a struct heard. */
void on_log(void *who, enum coppice_level level, const char *line);
void on_ready(void *who, const char *node, unsigned port);
void on_wake(void *who);

/* heard may be NULL.  Ends the program if it cannot. */
struct coppice *open_node(const char *config, struct heard *heard);

/* A turn of each of two nodes, or of one (b is NULL), as soon as one has something to do. */
void turn(struct coppice *a, struct coppice *b);

/* Until the condition holds. */
#define UNTIL(condition, a, b)                                                                     \
    while (!(condition))                                                                           \
    turn(a, b)

/* What happens to the process: process.c. */
void check_wake(void);
void check_pipe(void);
void check_threads(void);
void check_storage(const char *folder);

#endif
