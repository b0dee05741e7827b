#include "err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define DEATH_BYTES 512

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

const char *err_name(enum err e)
{
    static const char *const names[ERR_COUNT] = {[OK] = "OK",
#define ERR_WORD(name, string) [name] = #name,
                                                 ERR_LIST(ERR_WORD)
#undef ERR_WORD
    };
    must(e >= OK && e < ERR_COUNT);
    return names[e];
}

static void print(const char *text)
{
    fputs(text, stderr);
}

static void (*last_words)(const char *text) = print;

void die_by(void (*print_text)(const char *text))
{
    last_words = print_text;
}

_Noreturn void die(const char *format, ...)
{
    char text[DEATH_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    last_words(text);
    abort();
}

_Noreturn void must_fail(const char *condition, const char *file, int line)
{
    die("coppice: assertion failed at %s:%d: %s\n", file, line, condition);
}
