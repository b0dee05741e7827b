/* Arbitrary text as Erlang terms with dots between them: what is parsed is canonical, is printed,
 * and is parsed again to the same bytes; an error leaves nothing behind, and has its place in the
 * text. */
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "term/canon.h"
#include "term/etf.h"
#include "term/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void canonical(struct bytes term)
{
    struct buf again = {0};
    size_t len;
    must(etf_check(term, &len) == OK && len == term.len);
    must(canon_put(&again, term) == OK && bytes_equal(buf_bytes(&again), term));
    buf_free(&again);
}

static void printed(struct bytes term)
{
    struct buf text = {0}, again = {0}, twice = {0};
    struct text_error wrong;
    text_print(&text, term);
    must(text_single(buf_bytes(&text), &again, &wrong) == OK);
    must(bytes_equal(buf_bytes(&again), term));
    text_print(&twice, buf_bytes(&again));
    must(bytes_equal(buf_bytes(&text), buf_bytes(&twice)));
    buf_free(&text);
    buf_free(&again);
    buf_free(&twice);
}

static void placed(const struct text_error *wrong, struct bytes text)
{
    unsigned lines = 1;
    for (size_t i = 0; i < text.len; i++)
        lines += text.at[i] == '\n';
    must(wrong->line >= 1 && wrong->line <= lines);
    must(wrong->column >= 1 && wrong->column <= text.len + 1);
    must(memchr(wrong->what, '\0', sizeof(wrong->what)) != NULL && wrong->what[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes text = {data, size};
    struct text_in in = text_open(text);
    struct text_error wrong = {0};
    struct buf term = {0}, single = {0};
    bool alone = text_single(text, &single, &wrong) == OK;
    if (!alone)
        placed(&wrong, text);
    must(alone || single.len == 0);
    for (size_t n = 0; !text_at_end(&in); n++) {
        buf_clear(&term);
        if (text_term(&in, &term, &wrong) != OK) {
            placed(&wrong, text);
            must(term.len == 0 && !alone);
            break;
        }
        canonical(buf_bytes(&term));
        printed(buf_bytes(&term));
        must(!alone || (n == 0 && bytes_equal(buf_bytes(&term), buf_bytes(&single))));
        if (text_dot(&in, &wrong) != OK) {
            placed(&wrong, text);
            break;
        }
    }
    buf_free(&term);
    buf_free(&single);
    return 0;
}
