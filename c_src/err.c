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
static void (*end)(void) = abort;
static bool has_printed;

void die_by(void (*print_text)(const char *text))
{
    last_words = print_text;
}

void quit_by(void (*end_process)(void))
{
    end = end_process;
}

bool die_has_printed(void)
{
    return has_printed;
}

/* Allocates nothing. */
static void say(const char *format, va_list arguments)
{
    char text[DEATH_BYTES];
    vsnprintf(text, sizeof(text), format, arguments);
    has_printed = true;
    last_words(text);
}

_Noreturn void die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
    abort();
}

_Noreturn void quit(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
    end();
    abort();
}

_Noreturn void must_fail(const char *condition, const char *file, int line)
{
    die("coppice: assertion failed at %s:%d: %s\n", file, line, condition);
}
