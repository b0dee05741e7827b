/* Messages of many megabytes: checked in steps, and sent in fragments that leave room for others.
 */
#include <string.h>

#include "dist/channel.h"
#include "dist/flags.h"
#include "dist/frame.h"
#include "limits.h"
#include "term/etf.h"
#include "term/write.h"
#include "unit/suite.h"

static const struct channel_self self_a = {
    {(const uint8_t *)"a@h", 3}, {(const uint8_t *)"cookie", 6}, DFLAGS_OURS, 11, false};
static const struct channel_self self_b = {
    {(const uint8_t *)"b@h", 3}, {(const uint8_t *)"cookie", 6}, DFLAGS_OURS, 12, false};

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
    CU_ASSERT_EQUAL(channel_next(b, &signal), CHANNEL_QUIET);
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
        unsigned freeing = 0;
        while ((event = channel_next(b, &signal)) == CHANNEL_BUSY)
            freeing++;
        CU_ASSERT(event == CHANNEL_SIGNAL && freeing >= list.len / LIMIT_FREED_BYTES);
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

/* So is the end of one that is not accepted looked for. */
static void measures_a_large_message_in_steps(void)
{
    enum { DEEP = 1000000 };
    struct buf deep = {0}, frame;
    struct signal signal;
    enum channel_event event;
    open_pair(&self_a);
    for (unsigned i = 0; i < DEEP; i++)
        buf_put(&deep, BYTES("h\1"));
    put_nil(&deep);
    frame = whole_frame(buf_bytes(&deep), false);
    channel_feed(b, buf_bytes(&frame));
    CU_ASSERT(busy_steps(&signal, &event) >= deep.len / LIMIT_CHECK_BYTES);
    CU_ASSERT(event == CHANNEL_SIGNAL && signal.unfit == ERR_LIMIT);
    buf_free(&deep);
    buf_free(&frame);
    close_pair();
}

static void reads_ticks_in_steps(void)
{
    static const uint8_t ticks[8 * LIMIT_TICK_BYTES];
    struct signal signal;
    unsigned steps = 0;
    open_pair(&self_a);
    channel_feed(b, (struct bytes){ticks, sizeof(ticks)});
    for (size_t before; before = channel_unread(b), channel_next(b, &signal) == CHANNEL_BUSY;
         steps++)
        CU_ASSERT(before - channel_unread(b) <= LIMIT_TICK_BYTES + 4);
    CU_ASSERT(steps == 7 && channel_unread(b) == 0);
    close_pair();
}

/* --- fragments ------------------------------------------------------------------ */

static void send_as(const struct signal *signal, uint32_t n, size_t bytes)
{
    struct buf payload = {0}, zeros = {0};
    struct signal s = *signal;
    put_tuple(&payload, 2);
    put_uint(&payload, n);
    memset(buf_room(&zeros, bytes), 0, bytes);
    put_binary(&payload, (struct bytes){zeros.at, bytes});
    *(s.kind == SIGNAL_MONITOR_EXIT ? &s.reason : &s.payload) = buf_bytes(&payload);
    channel_send(a, &s);
    channel_check(a);
    buf_free(&payload);
    buf_free(&zeros);
}

/* The numbers of the messages that arrive next, until there is nothing left to be sent. */
static size_t arrive(uint32_t *numbers, size_t most)
{
    struct signal signal;
    size_t count = 0;
    do {
        channel_fill(a, 1);
        channel_check(a);
        pass(a, b);
        for (enum channel_event e; (e = channel_next(b, &signal)) != CHANNEL_QUIET;) {
            if (e == CHANNEL_BUSY)
                continue;
            CU_ASSERT_FATAL(e == CHANNEL_SIGNAL && count < most);
            struct etf_in in =
                etf_open(signal.kind == SIGNAL_MONITOR_EXIT ? signal.reason : signal.payload);
            etf_tuple(&in);
            numbers[count++] = etf_uint32(&in);
        }
    } while (channel_kept(a) > 0);
    return count;
}

static struct signal from_to(const char *from, const char *to)
{
    return (struct signal){.kind = SIGNAL_SEND, .from = term_of(from), .to = term_of(to)};
}

#define LARGE_BYTES (20 * LIMIT_FRAGMENT_BYTES)

static void small_signals_overtake_a_large_one(void)
{
    struct signal large = from_to(A(1), B(1)), other = from_to(A(1), B(2));
    struct signal another = from_to(A(2), B(1));
    uint32_t order[4] = {0};
    open_pair(&self_a);
    send_as(&large, 1, LARGE_BYTES);
    CU_ASSERT(channel_out(a)->len == 0 && channel_largest(a) > LARGE_BYTES);
    send_as(&large, 2, 10);
    send_as(&other, 3, 10);
    send_as(&another, 4, 10);
    channel_tick(a);
    CU_ASSERT(arrive(order, 4) == 4);
    CU_ASSERT(order[0] == 3 && order[1] == 4 && order[2] == 1 && order[3] == 2);
    close_pair();
}

/* A shorter message that begins later ends before. */
static void large_messages_take_turns(void)
{
    struct signal one = from_to(A(1), B(1)), two = from_to(A(1), B(2));
    uint32_t order[2] = {0};
    open_pair(&self_a);
    send_as(&one, 1, LARGE_BYTES);
    send_as(&two, 2, LARGE_BYTES / 4);
    CU_ASSERT(arrive(order, 2) == 2 && order[0] == 2 && order[1] == 1);
    close_pair();
}

/* An alias is its maker's; DOWN of a process that is monitored by name comes from its name; a
 * name may be any process's. */
static void what_may_be_of_the_same_processes_waits(void)
{
    const struct signal waiting[] = {
        {.kind = SIGNAL_ALIAS_SEND, .from = term_of(A(1)), .to = term_of("#Ref<'b@h'.12.1.0.0>")},
        {.kind = SIGNAL_ALIAS_SEND,
         .from = term_of(A(1)),
         .to = term_of("#Ref<'b@h'.12.1.0.0>"),
         .owner = term_of(B(1))},
        {.kind = SIGNAL_REG_SEND, .from = term_of(A(1)), .to = term_of("name")},
        {.kind = SIGNAL_MONITOR_EXIT,
         .from = term_of("name"),
         .to = term_of(B(1)),
         .ref = term_of("#Ref<'b@h'.12.1.0.0>")},
    };
    struct signal large = from_to(A(1), B(1));
    for (size_t i = 0; i < sizeof(waiting) / sizeof(waiting[0]); i++) {
        uint32_t order[2] = {0};
        open_pair(&self_a);
        send_as(&large, 1, LARGE_BYTES);
        send_as(&waiting[i], 2, 10);
        CU_ASSERT(arrive(order, 2) == 2 && order[0] == 1 && order[1] == 2);
        close_pair();
    }
    struct signal elsewhere = waiting[1];
    uint32_t order[2] = {0};
    elsewhere.owner = term_of(B(2));
    open_pair(&self_a);
    send_as(&large, 1, LARGE_BYTES);
    send_as(&elsewhere, 2, 10);
    CU_ASSERT(arrive(order, 2) == 2 && order[0] == 2);
    close_pair();
}

static void a_peer_without_fragments_gets_one_frame(void)
{
    struct channel_self plain = self_a;
    struct signal large = from_to(A(1), B(1));
    plain.flags = DFLAGS_MANDATORY_25;
    open_pair(&plain);
    send_as(&large, 1, LARGE_BYTES);
    CU_ASSERT(channel_kept(a) == 0 && channel_out(a)->len > LARGE_BYTES);
    close_pair();
}

/* {Front, Rest} in two parts. */
static void send_shared(struct bytes front, struct shared *rest)
{
    struct signal s = from_to(A(1), B(1));
    struct buf payload = {0};
    put_tuple(&payload, 2);
    put_term(&payload, front);
    s.payload = buf_bytes(&payload);
    s.rest = (struct share){rest, shared_bytes(rest)};
    channel_send(a, &s);
    channel_check(a);
    buf_free(&payload);
}

/* The message that arrives; it must be {Front, Rest}. */
static void expect_shared(struct bytes front, struct bytes rest)
{
    struct signal signal;
    enum channel_event event = CHANNEL_QUIET;
    while (event == CHANNEL_QUIET || event == CHANNEL_BUSY) {
        channel_fill(a, 1);
        pass(a, b);
        event = channel_next(b, &signal);
        CU_ASSERT_FATAL(event != CHANNEL_QUIET || channel_kept(a) > 0);
    }
    CU_ASSERT_FATAL(event == CHANNEL_SIGNAL);
    struct etf_in in = etf_open(signal.payload);
    etf_tuple_of(&in, 2);
    CU_ASSERT(bytes_equal(etf_any(&in), front));
    CU_ASSERT(bytes_equal(etf_any(&in), rest));
    CU_ASSERT(etf_finish(&in) == OK);
}

/* One may have several times what is sent, and need not keep it until it has been sent; the first
 * part may itself be of more than one fragment, or end at the end of one. */
static void shares_what_is_large(void)
{
    const size_t fronts[] = {1, LIMIT_FRAGMENT_BYTES - 7, LIMIT_FRAGMENT_BYTES - 6,
                             LIMIT_FRAGMENT_BYTES - 5, 3 * LIMIT_FRAGMENT_BYTES};
    const size_t rests[] = {1, LIMIT_FRAGMENT_BYTES, LARGE_BYTES};
    for (size_t i = 0; i < sizeof(fronts) / sizeof(fronts[0]); i++) {
        for (size_t j = 0; j < sizeof(rests) / sizeof(rests[0]); j++) {
            struct buf text = {0}, front = {0}, rest = {0}, kept = {0};
            memset(buf_room(&text, LARGE_BYTES), 'x', LARGE_BYTES);
            put_binary(&front, (struct bytes){text.at, fronts[i]});
            put_binary(&rest, (struct bytes){text.at, rests[j]});
            buf_put(&kept, buf_bytes(&rest));
            struct shared *shared = shared_new(&rest);
            open_pair(&self_a);
            send_shared(buf_bytes(&front), shared);
            send_shared(buf_bytes(&front), shared);
            shared_release(shared);
            expect_shared(buf_bytes(&front), buf_bytes(&kept));
            expect_shared(buf_bytes(&front), buf_bytes(&kept));
            close_pair();
            buf_free(&text);
            buf_free(&front);
            buf_free(&kept);
        }
    }
}

/* A shared message that waits until it is known in which stream it belongs counts whole. */
static void shares_what_waits_for_streams(void)
{
    struct signal one = from_to(A(1), B(1)), two = from_to(A(1), B(2)), any = one;
    struct buf zeros = {0}, rest = {0};
    uint32_t order[4] = {0};
    any.kind = SIGNAL_REG_SEND;
    any.to = term_of("name");
    memset(buf_room(&zeros, LARGE_BYTES), 0, LARGE_BYTES);
    put_binary(&rest, (struct bytes){zeros.at, LARGE_BYTES});
    struct shared *shared = shared_new(&rest);
    open_pair(&self_a);
    send_as(&one, 1, LARGE_BYTES);
    send_as(&two, 2, LARGE_BYTES);
    send_as(&any, 3, 10);
    size_t before = channel_kept(a);
    send_shared(term_of("4"), shared);
    CU_ASSERT(channel_kept(a) > before + LARGE_BYTES);
    shared_release(shared);
    CU_ASSERT(arrive(order, 4) == 4);
    for (uint32_t i = 0; i < 4; i++)
        CU_ASSERT(order[i] == i + 1);
    close_pair();
    buf_free(&zeros);
}

static void shares_nothing_after_the_end(void)
{
    struct buf rest = {0}, zeros = {0};
    memset(buf_room(&zeros, LARGE_BYTES), 0, LARGE_BYTES);
    put_binary(&rest, (struct bytes){zeros.at, LARGE_BYTES});
    struct shared *shared = shared_new(&rest);
    open_pair(&self_a);
    send_shared(term_of("first"), shared);
    channel_fill(a, LIMIT_FRAGMENT_BYTES);
    close_pair(); /* nothing is lost, says the sanitizer */
    shared_release(shared);
    shared_release(NULL);
    buf_free(&zeros);
}

#define MANY 400

/* Random signals between a few processes: all arrive, in order for each pair. */
static void keeps_the_order_of_each_pair(void)
{
    static const char *const froms[] = {A(1), A(2), "name"};
    static const char *const tos[] = {B(1), B(2), B(3), "name"};
    uint64_t random = 1;
    for (unsigned round = 0; round < 20; round++) {
        unsigned pair_of[MANY], last[12] = {0};
        uint32_t order[MANY];
        open_pair(&self_a);
        size_t count = 0, got = 0;
        while (count < MANY) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            unsigned from = random >> 33 & 1, to = (unsigned)(random >> 40) % 4;
            bool exit = to < 3 && (random >> 50) % 8 == 0;
            struct signal s = from_to(froms[exit ? 2 : from], tos[to]);
            s.kind = exit ? SIGNAL_MONITOR_EXIT : to == 3 ? SIGNAL_REG_SEND : SIGNAL_SEND;
            s.ref = exit ? term_of("#Ref<'b@h'.12.1.0.0>") : (struct bytes){0};
            pair_of[count] = (exit ? 2 : from) * 4 + to;
            bool large = (random >> 55) % 10 == 0;
            send_as(&s, (uint32_t)count++, large ? LIMIT_FRAGMENT_BYTES * (random >> 61) + 1 : 10);
            if ((random >> 58) % 8 == 0)
                channel_fill(a, LIMIT_FRAGMENT_BYTES);
        }
        got = arrive(order, MANY);
        CU_ASSERT_FATAL(got == MANY);
        for (size_t i = 0; i < got; i++) {
            unsigned *before = &last[pair_of[order[i]]];
            CU_ASSERT(order[i] + 1 > *before);
            *before = order[i] + 1;
        }
        close_pair();
    }
}

/* A call of more than a frame's size is passed on as one that is refused, with its caller. */
static void passes_on_who_has_sent_too_much(void)
{
    enum { FRAGMENTS = LIMIT_FRAME_BYTES / (4u << 20) + 2 };
    struct signal signal = {0};
    struct buf zeros = {0}, first = {0}, body = {0};
    enum channel_event event = CHANNEL_QUIET;
    open_pair(&self_a);
    memset(buf_room(&zeros, 4u << 20), 0, 4u << 20);
    zeros.len = 4u << 20;
    put_tuple(&first, 4);
    put_uint(&first, 6);
    put_term(&first, term_of(A(1)));
    put_atom(&first, "");
    put_atom(&first, "name");
    put_tuple(&first, 3);
    put_atom(&first, "$gen_call");
    put_term(&first, term_of("{" A(1) ", tag}"));
    buf_put_u8(&first, 109); /* a binary that never ends */
    buf_put_u32(&first, UINT32_MAX);
    for (uint64_t number = FRAGMENTS; number > 0; number--) {
        bool is_first = number == FRAGMENTS;
        CU_ASSERT_EQUAL(event, CHANNEL_QUIET);
        buf_clear(&body);
        size_t start = fragment_open(&body, is_first, 7, number);
        buf_put(&body, is_first ? buf_bytes(&first) : buf_bytes(&zeros));
        frame_close(&body, start);
        channel_feed(b, buf_bytes(&body));
        while ((event = channel_next(b, &signal)) == CHANNEL_BUSY)
            ;
    }
    CU_ASSERT_FATAL(event == CHANNEL_SIGNAL && signal.unfit == ERR_LIMIT);
    CU_ASSERT(signal.kind == SIGNAL_REG_SEND && bytes_equal(signal.to, term_of("name")));
    struct etf_in in = etf_open(signal.payload);
    etf_tuple_of(&in, 3);
    etf_expect(&in, "$gen_call");
    CU_ASSERT(bytes_equal(etf_any(&in), term_of("{" A(1) ", tag}")));
    CU_ASSERT(etf_any(&in).len == 0 && in.err != OK);
    CU_ASSERT(channel_next(b, &signal) == CHANNEL_QUIET && channel_is_up(b));
    buf_free(&zeros);
    buf_free(&first);
    buf_free(&body);
    close_pair();
}

SUITE("large messages", TEST(checks_a_large_message_in_steps),
      TEST(refuses_a_large_message_after_some_steps), TEST(measures_a_large_message_in_steps),
      TEST(reads_ticks_in_steps), TEST(small_signals_overtake_a_large_one),
      TEST(large_messages_take_turns), TEST(what_may_be_of_the_same_processes_waits),
      TEST(a_peer_without_fragments_gets_one_frame), TEST(shares_what_is_large),
      TEST(shares_what_waits_for_streams), TEST(shares_nothing_after_the_end),
      TEST(keeps_the_order_of_each_pair), TEST(passes_on_who_has_sent_too_much))
