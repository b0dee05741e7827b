#include "page_text.h"

#include "../term/text.h"
#include "../term/utf8.h"

#define REPLACEMENT 0xfffd

/* Whether it is invisible, or changes how others are shown: Unicode's Cc, and the characters of
 * its bidirectional algorithm (UAX #9). */
static bool is_unfit(uint32_t c)
{
    return c < ' ' || (c >= 0x7f && c < 0xa0) || c == 0x61c || c == 0x200e || c == 0x200f ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

static void put_character(struct buf *out, uint32_t c)
{
    if (c == '&' || c == '<' || c == '>' || c == '"' || c == '\'')
        buf_printf(out, "&#%u;", (unsigned)c);
    else
        utf8_put(out, is_unfit(c) ? REPLACEMENT : c);
}

void page_put_short(struct buf *out, struct bytes text, size_t characters)
{
    for (; text.len > 0 && characters > 0; characters--) {
        uint32_t c = REPLACEMENT;
        size_t used = utf8_next(text, &c);
        used += used == 0;
        put_character(out, c);
        text = bytes_after(text, used);
    }
    if (text.len > 0)
        buf_printf(out, "\u2026");
}

void page_put_text(struct buf *out, struct bytes text)
{
    page_put_short(out, text, SIZE_MAX);
}

void page_put_term(struct buf *out, struct bytes canonical, size_t bytes)
{
    struct buf text = {0};
    text_print_short(&text, canonical, bytes);
    page_put_text(out, buf_bytes(&text));
    buf_free(&text);
}

/* --- quantities -------------------------------------------------------------------- */

void page_put_duration(struct buf *out, uint64_t ms)
{
    static const struct {
        uint64_t seconds;
        const char *name;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
    uint64_t seconds = ms / 1000;
    size_t i = 0;
    while (units[i].seconds > 1 && seconds < 2 * units[i].seconds)
        i++;
    buf_printf(out, "%llu %s", (unsigned long long)(seconds / units[i].seconds), units[i].name);
}

void page_put_ago(struct buf *out, uint64_t ms, uint64_t now_ms)
{
    if (ms == 0) {
        buf_printf(out, "never");
        return;
    }
    page_put_duration(out, now_ms > ms ? now_ms - ms : 0);
    buf_printf(out, " ago");
}

void page_put_bytes(struct buf *out, uint64_t bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB"};
    double number = (double)bytes;
    size_t i = 0;
    for (; number >= 1000 && i < sizeof(units) / sizeof(units[0]) - 1; i++)
        number /= 1000;
    buf_printf(out, i > 0 && number < 100 ? "%.1f %s" : "%.0f %s", number, units[i]);
}

void page_put_count(struct buf *out, uint64_t count, const char *noun)
{
    buf_printf(out, "%llu %s%s", (unsigned long long)count, noun, count == 1 ? "" : "s");
}
