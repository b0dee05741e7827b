#include "dets_fault.h"

#include <stdarg.h>
#include <stdio.h>

#include "../limits.h"
#include "../mem.h"

static void fill(struct dets_fault *fault, enum err err, uint64_t at, const char *format,
                 va_list arguments)
{
    must(err != OK);
    fault->err = err;
    fault->at = at;
    vsnprintf(fault->what, sizeof(fault->what), format, arguments);
}

enum err dets_fault(struct dets_fault *fault, enum err err, uint64_t at, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fill(fault, err, at, format, arguments);
    va_end(arguments);
    return err;
}

void dets_faults_add(struct dets_faults *faults, const struct dets_fault *fault)
{
    faults->count++;
    if (faults->listed == LIMIT_DETS_FAULTS)
        return;
    faults->list = mem_room(faults->list, faults->listed, &faults->cap, sizeof(*faults->list));
    faults->list[faults->listed++] = *fault;
}

void dets_faults_note(struct dets_faults *faults, enum err err, uint64_t at, const char *format,
                      ...)
{
    struct dets_fault fault;
    va_list arguments;
    if (faults->listed == LIMIT_DETS_FAULTS) {
        faults->count++;
        return;
    }
    va_start(arguments, format);
    fill(&fault, err, at, format, arguments);
    va_end(arguments);
    dets_faults_add(faults, &fault);
}

void dets_faults_free(struct dets_faults *faults)
{
    mem_free(faults->list);
    *faults = (struct dets_faults){0};
}
