#include "output.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "../term/canon.h"
#include "../term/text.h"

void put_term_text(struct buf *out, struct bytes term)
{
    struct buf canonical = {0};
    if (canon_put(&canonical, term) == OK)
        text_print(out, buf_bytes(&canonical));
    buf_free(&canonical);
}

static void print_line(struct buf *text)
{
    buf_put_u8(text, '\n');
    fwrite(text->at, 1, text->len, stdout);
    buf_free(text);
}

void print_term(struct bytes term)
{
    struct buf text = {0};
    put_term_text(&text, term);
    print_line(&text);
}

void print_canonical(struct bytes canonical)
{
    struct buf text = {0};
    text_print(&text, canonical);
    print_line(&text);
}

static void print_message(const char *format, va_list arguments)
{
    fputs("coppice: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
}

void print_error(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_message(format, arguments);
    va_end(arguments);
}

int fail(int code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_message(format, arguments);
    va_end(arguments);
    return code;
}

int fail_to_read(int code, const char *path, enum err e)
{
    return fail(code, "%s: %s", path, e == ERR_LIMIT ? err_text(e) : strerror(errno));
}

int fail_usage(void)
{
    return fail(EX_USAGE, "wrong usage; `coppice help` lists the commands");
}
