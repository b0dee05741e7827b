/* A connection on which small and large messages are sent, as the input says: from whom to whom, of
 * which size, and when how much of them is passed on.
 *
 * Whatever is sent arrives once, unchanged, and signals between the same two in their order; a
 * signal with a name as receiver or sender in the order of all. */
#include <stddef.h>
#include <stdint.h>

#include "dist/channel.h"
#include "dist/flags.h"
#include "dist/wire.h"
#include "err.h"
#include "limits.h"
#include "mem.h"
#include "term/etf.h"
#include "term/write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SIGNALS 40
#define PIDS    4
#define NAME    PIDS /* a receiver that is a name */

/* What was sent.  Each has its number in front of its payload. */
struct sent {
    unsigned from, to;
    size_t padding;
    bool received;
};

struct run {
    struct channel_self selves[2];
    struct channel *sender, *receiver;
    struct buf pids[PIDS];
    struct sent sent[SIGNALS];
    unsigned count, received;
};

static void pass(struct channel *from, struct channel *to, enum channel_event wanted)
{
    struct signal signal;
    channel_feed(to, buf_bytes(channel_out(from)));
    buf_clear(channel_out(from));
    must(channel_next(to, &signal) == wanted);
}

static void connect(struct run *r, uint64_t flags)
{
    struct signal signal;
    for (int i = 0; i < 2; i++)
        r->selves[i] = (struct channel_self){.name = i == 0 ? BYTES("a@h") : BYTES("b@h"),
                                             .cookie = BYTES("secret"),
                                             .flags = i == 0 ? DFLAGS_OURS : flags,
                                             .creation = 7};
    r->sender = channel_dial(&r->selves[0], BYTES("b@h"), 1);
    r->receiver = channel_accept(&r->selves[1], 2);
    pass(r->sender, r->receiver, CHANNEL_NAMED);
    channel_answer(r->receiver, STATUS_OK);
    must(channel_next(r->receiver, &signal) == CHANNEL_QUIET);
    pass(r->receiver, r->sender, CHANNEL_QUIET);
    pass(r->sender, r->receiver, CHANNEL_UP);
    pass(r->receiver, r->sender, CHANNEL_UP);
}

/* {Number, Padding} */
static void put_payload(struct buf *out, unsigned number, size_t padding)
{
    static uint8_t zeros[4 * LIMIT_FRAGMENT_BYTES];
    put_tuple(out, 2);
    put_uint(out, number);
    put_binary(out, (struct bytes){zeros, padding});
}

static void send(struct run *r, uint8_t who, size_t padding)
{
    struct buf payload = {0}, name = {0};
    struct sent *s = &r->sent[r->count];
    *s = (struct sent){.from = who % PIDS, .to = who / PIDS % (PIDS + 1), .padding = padding};
    put_payload(&payload, r->count++, padding);
    put_atom(&name, "rex");
    bool named = s->to == NAME;
    struct signal signal = {.kind = named ? SIGNAL_REG_SEND : SIGNAL_SEND,
                            .node = BYTES("b@h"),
                            .from = buf_bytes(&r->pids[s->from]),
                            .to = buf_bytes(named ? &name : &r->pids[s->to]),
                            .payload = buf_bytes(&payload)};
    channel_send(r->sender, &signal);
    channel_check(r->sender);
    buf_free(&payload);
    buf_free(&name);
}

static unsigned number_of(struct bytes payload)
{
    struct etf_in in = etf_open(payload);
    etf_tuple_of(&in, 2);
    return etf_uint32(&in);
}

/* Nothing that was sent before it, and must arrive before it, is still under way. */
static void in_order(const struct run *r, unsigned number)
{
    const struct sent *s = &r->sent[number];
    for (unsigned i = 0; i < number; i++) {
        const struct sent *before = &r->sent[i];
        bool same_to = before->to == s->to || before->to == NAME || s->to == NAME;
        must(before->received || before->from != s->from || !same_to);
    }
}

static void receive(struct run *r, const struct signal *signal)
{
    struct buf payload = {0};
    unsigned number = number_of(signal->payload);
    must(number < r->count && signal->unfit == OK);
    struct sent *s = &r->sent[number];
    must(!s->received && signal->kind == (s->to == NAME ? SIGNAL_REG_SEND : SIGNAL_SEND));
    put_payload(&payload, number, s->padding);
    must(bytes_equal(signal->payload, buf_bytes(&payload)));
    in_order(r, number);
    s->received = true;
    r->received++;
    buf_free(&payload);
}

/* Moves about so many bytes, and hands over what the socket took of them. */
static void flow(struct run *r, size_t bytes, size_t taken)
{
    struct signal signal;
    channel_fill(r->sender, bytes);
    struct buf *out = channel_out(r->sender);
    taken = taken < out->len ? taken : out->len;
    channel_feed(r->receiver, (struct bytes){out->at, taken});
    buf_drop(out, taken);
    for (enum channel_event e; (e = channel_next(r->receiver, &signal)) != CHANNEL_QUIET;) {
        must(e == CHANNEL_SIGNAL || e == CHANNEL_BUSY);
        if (e == CHANNEL_SIGNAL)
            receive(r, &signal);
    }
    channel_check(r->sender);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire in = wire_open((struct bytes){data, size});
    struct run *r = mem_take(sizeof(*r));
    for (uint32_t i = 0; i < PIDS; i++)
        put_pid(&r->pids[i], BYTES("a@h"), i + 1, 0, 7);
    connect(r, (wire_u8(&in) & 1) != 0 ? DFLAGS_OURS & ~DFLAG_FRAGMENTS : DFLAGS_OURS);
    while (in.left.len > 0) {
        uint8_t what = wire_u8(&in);
        if (what >= 128)
            flow(r, wire_u16(&in), (size_t)wire_u16(&in) * 2);
        else if (what % 4 != 0 && r->count < SIGNALS)
            send(r, what, (size_t)wire_u8(&in));
        else if (r->count < SIGNALS)
            send(r, what, (size_t)wire_u16(&in) * 3);
    }
    flow(r, SIZE_MAX, SIZE_MAX);
    must(r->received == r->count && channel_kept(r->sender) == 0);
    channel_free(r->sender);
    channel_free(r->receiver);
    for (size_t i = 0; i < PIDS; i++)
        buf_free(&r->pids[i]);
    mem_free(r);
    return 0;
}
