#include "net/ongoing.h"

#include <unistd.h>

#include "unit/suite.h"

/* Waits until something has taken as long as that, and is told. */
static void await_put(struct ongoing *o, struct buf *out)
{
    buf_clear(out);
    while (out->len == 0) {
        usleep(10 * 1000);
        ongoing_put(o, out);
    }
}

static bool begins_with(const struct buf *out, const char *text)
{
    struct bytes start = bytes_of(text);
    return out->len >= start.len && memcmp(out->at, start.at, start.len) == 0;
}

static void the_oldest_is_told_after_a_second(void)
{
    struct ongoing o;
    struct ongoing_work load = {0}, save = {0}, never = {0};
    struct buf out = {0};
    ongoing_open(&o);
    ongoing_put(&o, &out);
    CU_ASSERT_EQUAL(out.len, 0);
    ongoing_begin(&o, &load, "loading", BYTES("views"));
    await_put(&o, &out);
    CU_ASSERT(begins_with(&out, "loading views: "));
    ongoing_begin(&o, &save, "saving", BYTES("likes"));
    await_put(&o, &out);
    CU_ASSERT(begins_with(&out, "loading views (and 1 more): "));
    CU_ASSERT(bytes_equal((struct bytes){out.at + out.len - 2, 2}, BYTES(" s")));
    ongoing_set(&o, &load, 43);
    await_put(&o, &out);
    CU_ASSERT(begins_with(&out, "loading views, 43 % (and 1 more): "));
    ongoing_end(&o, &load);
    await_put(&o, &out);
    CU_ASSERT(begins_with(&out, "saving likes: "));
    ongoing_end(&o, &never);
    ongoing_end(&o, &save);
    buf_clear(&out);
    ongoing_put(&o, &out);
    CU_ASSERT_EQUAL(out.len, 0);
    buf_free(&out);
    ongoing_close(&o);
}

SUITE("ongoing", TEST(the_oldest_is_told_after_a_second))
