/* What is wrong in a DETS file, and where: one line for the user. */
#ifndef COPPICE_DETS_DETS_FAULT_H
#define COPPICE_DETS_DETS_FAULT_H

#include <stddef.h>
#include <stdint.h>

#include "../err.h"

struct dets_fault {
    enum err err;
    uint64_t at;    /* offset in the file of the first byte concerned */
    char what[120]; /* "a collection of 300 bytes, but its slot says 280" */
};

/* Fills in a fault, formatted as by printf.  Returns err, for the caller to return. */
enum err dets_fault(struct dets_fault *fault, enum err err, uint64_t at, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* A list of faults; all zero is empty. */
struct dets_faults {
    struct dets_fault *list; /* the first LIMIT_DETS_FAULTS */
    size_t listed, cap;
    uint64_t count; /* including those not listed */
};

void dets_faults_add(struct dets_faults *faults, const struct dets_fault *fault);
void dets_faults_note(struct dets_faults *faults, enum err err, uint64_t at, const char *format,
                      ...) __attribute__((format(printf, 4, 5)));
void dets_faults_free(struct dets_faults *faults);

#endif
