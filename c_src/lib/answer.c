#include <stdarg.h>
#include <stdio.h>

#include "../err.h"
#include "../term/canon.h"
#include "../term/etf.h"
#include "../term/text.h"
#include "../term/write.h"
#include "internal.h"

/* Bytes of a line for people. */
#define LINE_BYTES 1200

void answer_set_term(struct coppice_answer *a, enum coppice_status status, struct bytes term)
{
    a->status = status;
    buf_clear(&a->term);
    put_version(&a->term);
    buf_put(&a->term, term);
}

void answer_set_text(struct coppice_answer *a, enum coppice_status status, const char *format, ...)
{
    char line[LINE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    a->status = status;
    buf_clear(&a->text);
    buf_put(&a->text, bytes_of(line));
    buf_put_u8(&a->text, 0);
}

void answer_tell(struct coppice_answer *a, coppice_callback *told, void *who)
{
    if (told != NULL)
        told(who, a);
    buf_free(&a->term);
    buf_free(&a->text);
}

/* Without the version byte. */
static struct bytes term_of(const struct coppice_answer *a)
{
    return bytes_after(buf_bytes(&a->term), 1);
}

static void put_term_text(struct buf *text, struct bytes term)
{
    struct buf canonical = {0};
    if (canon_put(&canonical, term) == OK)
        text_print(text, buf_bytes(&canonical));
    buf_free(&canonical);
}

/* The Reason of {error, Reason}, for people. */
static void put_reason(struct buf *text, struct bytes reason)
{
    static const struct {
        const char *atom, *text;
    } known[] = {
        {"not_found", "there is no such replica"},
        {"name_taken", "a process of this node has that name"},
        {"overloaded", "too many changes wait for this replica"},
    };
    struct etf_in in = etf_open(reason);
    bool pair = etf_peek(&in) == ETF_TUPLE && etf_tuple(&in) == 2;
    for (size_t i = 0; !pair && i < sizeof(known) / sizeof(known[0]); i++)
        if (etf_accept(&in, known[i].atom)) {
            buf_put(text, bytes_of(known[i].text));
            return;
        }
    if (pair && etf_accept(&in, "bad_op")) {
        buf_put(text, BYTES("not an operation of this type, or not possible now: "));
        reason = etf_any(&in);
    } else if (pair && etf_accept(&in, "bad_options")) {
        reason = etf_any(&in);
    }
    in = etf_open(reason);
    if (etf_peek(&in) == ETF_BINARY)
        buf_put(text, etf_binary(&in));
    else
        put_term_text(text, reason);
}

enum coppice_status coppice_status(const struct coppice_answer *a)
{
    return a->status;
}

const char *coppice_text(struct coppice_answer *a)
{
    if (a->text.len > 0)
        return (const char *)a->text.at;
    if (a->status == COPPICE_REFUSED)
        put_reason(&a->text, term_of(a));
    else
        put_term_text(&a->text, term_of(a));
    buf_put_u8(&a->text, 0);
    return (const char *)a->text.at;
}

const void *coppice_term(struct coppice_answer *a, size_t *size)
{
    *size = a->term.len;
    return a->term.len > 0 ? a->term.at : NULL;
}

int coppice_integer(struct coppice_answer *a, int64_t *value)
{
    if (a->status != COPPICE_OK)
        return 0;
    struct etf_in in = etf_open(term_of(a));
    int64_t found = etf_int64(&in);
    if (etf_finish(&in) != OK)
        return 0;
    *value = found;
    return 1;
}
