#include "err.h"

#include <stdio.h>
#include <stdlib.h>

const char *err_text(enum err e)
{
    static const char *const text[ERR_COUNT] = {[OK] = "ok",
#define ERR_TEXT(name, string) [name] = string,
                                                ERR_LIST(ERR_TEXT)
#undef ERR_TEXT
    };
    must(e >= OK && e < ERR_COUNT);
    return text[e];
}

_Noreturn void must_fail(const char *condition, const char *file, int line)
{
    fprintf(stderr, "coppice: assertion failed at %s:%d: %s\n", file, line, condition);
    abort();
}
