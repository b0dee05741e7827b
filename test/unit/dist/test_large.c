/* Messages of many megabytes: checked in steps, and sent in fragments that leave room for others.
 */
#include <string.h>

#include "dist/channel.h"
#include "dist/flags.h"
#include "limits.h"
#include "term/write.h"
#include "unit/suite.h"

static const struct channel_self self_a = {
    {(const uint8_t *)"a@h", 3}, {(const uint8_t *)"cookie", 6}, DFLAGS_OURS, 11};
static const struct channel_self self_b = {
    {(const uint8_t *)"b@h", 3}, {(const uint8_t *)"cookie", 6}, DFLAGS_OURS, 12};

#define A(n) "#Pid<'a@h'." #n ".0.11>"
#define B(n) "#Pid<'b@h'." #n ".0.12>"

static struct channel *a, *b;

/* Passes what one has to send to the other. */
static void pass(struct channel *from, struct channel *to)
{
    channel_feed(to, buf_bytes(channel_out(from)));
    buf_clear(channel_out(from));
}

static void open_pair(const struct channel_self *of_a)
{
    struct signal signal;
    a = channel_dial(of_a, BYTES("b@h"), 1);
    b = channel_accept(&self_b, 2);
    pass(a, b);
    CU_ASSERT_EQUAL(channel_next(b, &signal), CHANNEL_NAMED);
    channel_answer(b, STATUS_OK);
    pass(b, a);
    CU_ASSERT_EQUAL(channel_next(a, &signal), CHANNEL_QUIET);
    pass(a, b);
    CU_ASSERT_EQUAL(channel_next(b, &signal), CHANNEL_UP);
    pass(b, a);
    CU_ASSERT_EQUAL(channel_next(a, &signal), CHANNEL_UP);
}

static void close_pair(void)
{
    channel_free(a);
    channel_free(b);
}

/* A list of n integers. */
static struct buf list_of(uint32_t n)
{
    struct buf list = {0};
    put_list(&list, n);
    for (uint32_t i = 0; i < n; i++)
        put_uint(&list, 1000 + i);
    put_nil(&list);
    return list;
}

/* Steps until the message is checked; ticks come meanwhile. */
static unsigned busy_steps(struct signal *signal, enum channel_event *event)
{
    unsigned steps = 0;
    while ((*event = channel_next(b, signal)) == CHANNEL_BUSY) {
        steps++;
        CU_ASSERT(channel_unread(b) > LIMIT_CHECK_BYTES);
        channel_feed(b, BYTES("\0\0\0\0"));
    }
    return steps;
}

static struct buf whole_frame(struct bytes payload, bool versioned)
{
    struct buf frame = {0}, control = {0};
    put_tuple(&control, 3);
    put_uint(&control, 22);
    put_term(&control, term_of(A(1)));
    put_term(&control, term_of(B(1)));
    buf_put_u32(&frame, (uint32_t)(3 + control.len + payload.len));
    buf_put(&frame, versioned ? BYTES("p\x83") : BYTES("\x83\x44\0"));
    buf_put(&frame, buf_bytes(&control));
    if (versioned)
        put_version(&frame);
    buf_put(&frame, payload);
    buf_free(&control);
    return frame;
}

/* One frame, in either form. */
static void checks_a_large_message_in_steps(void)
{
    struct buf list = list_of(1000000);
    struct signal signal;
    enum channel_event event;
    for (unsigned versioned = 0; versioned < 2; versioned++) {
        open_pair(&self_a);
        struct buf frame = whole_frame(buf_bytes(&list), versioned);
        struct buf next = whole_frame(term_of("next"), versioned);
        channel_feed(b, buf_bytes(&frame));
        unsigned steps = busy_steps(&signal, &event);
        CU_ASSERT(steps >= list.len / LIMIT_CHECK_BYTES);
        CU_ASSERT(event == CHANNEL_SIGNAL && signal.unfit == OK);
        CU_ASSERT(bytes_equal(signal.payload, buf_bytes(&list)));
        channel_feed(b, buf_bytes(&next));
        CU_ASSERT_EQUAL(channel_next(b, &signal), CHANNEL_SIGNAL);
        CU_ASSERT(bytes_equal(signal.payload, term_of("next")));
        CU_ASSERT(channel_next(b, &signal) == CHANNEL_QUIET && channel_unread(b) == 0);
        buf_free(&frame);
        buf_free(&next);
        close_pair();
    }
    buf_free(&list);
}

/* A mistake near the end is found in a later step. */
static void refuses_a_large_message_after_some_steps(void)
{
    struct buf list = list_of(1000000), frame;
    struct signal signal;
    enum channel_event event;
    open_pair(&self_a);
    list.at[list.len - 6] = 99; /* a float in text, of which this is none */
    frame = whole_frame(buf_bytes(&list), false);
    channel_feed(b, buf_bytes(&frame));
    CU_ASSERT(busy_steps(&signal, &event) > 3);
    CU_ASSERT(event == CHANNEL_BAD && channel_error(b) == ERR_SHORT);
    buf_free(&list);
    buf_free(&frame);
    close_pair();
}

SUITE("large messages", TEST(checks_a_large_message_in_steps),
      TEST(refuses_a_large_message_after_some_steps))
