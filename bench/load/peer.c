#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "dist/channel.h"
#include "dist/flags.h"
#include "mem.h"
#include "term/etf.h"
#include "term/write.h"

#define CREATION   1
#define PID_ID     1
#define SCOPE_ID   2
#define READ_BYTES (256u * 1024)
#define WORD_BYTES 4

/* A call in flight.  The words of its reference are its number and its slot. */
struct slot {
    uint64_t sent_ns;
    uint32_t number, replica;
    enum call_kind kind;
    bool open;
};

struct peer {
    const struct peer_options *options;
    int fd;
    struct buf name, pid;
    struct channel_self self;
    struct channel *channel; /* NULL: an echo */
    struct buf echo_out, echo_in;
    uint32_t number; /* of the last call */
    bool calls, member, joined;
    uint64_t deltas;
    struct slot *slots;
    uint32_t *free; /* the first free_count are slots that are free */
    uint32_t free_count;
    /* A call up to its request, and where in it the tag's reference and the words of that begin. */
    struct buf call;
    size_t head_bytes, ref_at, words_at;
};

uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int peer_fd(const struct peer *p)
{
    return p->fd;
}

uint32_t peer_in_flight(const struct peer *p)
{
    return p->options->depth - p->free_count;
}

/* --- connecting ------------------------------------------------------------------- */

static int connected(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        die("cannot connect to port %u: %s", port, strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

static uint32_t random_number(void)
{
    uint32_t number;
    must(getrandom(&number, sizeof(number), 0) == sizeof(number));
    return number;
}

/* While the socket still blocks. */
static void shake_hands(struct peer *p)
{
    uint8_t bytes[4096];
    struct signal signal;
    enum channel_event event;
    p->channel = channel_dial(&p->self, p->options->node, random_number());
    peer_flush(p);
    while ((event = channel_next(p->channel, &signal)) != CHANNEL_UP) {
        if (event == CHANNEL_BAD)
            die("the node refused us: %s", err_text(channel_error(p->channel)));
        if (event == CHANNEL_ALIVE)
            channel_replace(p->channel, true);
        peer_flush(p);
        ssize_t n = event == CHANNEL_QUIET ? read(p->fd, bytes, sizeof(bytes)) : 1;
        if (n <= 0)
            die("the node has closed the connection in the handshake");
        if (event == CHANNEL_QUIET)
            channel_feed(p->channel, (struct bytes){bytes, (size_t)n});
    }
    peer_flush(p);
}

/* {'$gen_call', {Pid, [alias | Reference]}, and the request is to follow. */
static void put_call_head(struct peer *p)
{
    const uint32_t words[3] = {0};
    put_tuple(&p->call, 3);
    put_atom(&p->call, "$gen_call");
    put_tuple(&p->call, 2);
    put_term(&p->call, buf_bytes(&p->pid));
    put_list(&p->call, 1);
    put_atom(&p->call, "alias");
    p->ref_at = p->call.len;
    put_reference(&p->call, buf_bytes(&p->name), CREATION, words, 3);
    p->head_bytes = p->call.len;
    p->words_at = p->head_bytes - sizeof(words);
}

struct peer *peer_connect(const struct peer_options *options, unsigned number, bool calls)
{
    struct peer *p = mem_take(sizeof(*p));
    p->options = options;
    p->calls = calls;
    p->slots = mem_take(options->depth * sizeof(*p->slots));
    p->free = mem_take(options->depth * sizeof(*p->free));
    p->free_count = options->depth;
    for (uint32_t i = 0; i < options->depth; i++)
        p->free[i] = options->depth - 1 - i;
    p->fd = connected(options->port);
    if (options->node.len > 0) {
        buf_printf(&p->name, "load_%d_%u@127.0.0.1", (int)getpid(), number);
        put_pid(&p->pid, buf_bytes(&p->name), PID_ID, 0, CREATION);
        put_call_head(p);
        p->self = (struct channel_self){.name = buf_bytes(&p->name),
                                        .cookie = options->cookie,
                                        .flags = DFLAGS_OURS,
                                        .creation = CREATION};
        shake_hands(p);
    }
    must(fcntl(p->fd, F_SETFL, O_NONBLOCK) == 0);
    return p;
}

void peer_free(struct peer *p)
{
    close(p->fd);
    if (p->channel != NULL)
        channel_free(p->channel);
    buf_free(&p->name);
    buf_free(&p->pid);
    buf_free(&p->call);
    buf_free(&p->echo_out);
    buf_free(&p->echo_in);
    mem_free(p->slots);
    mem_free(p->free);
    mem_free(p);
}

/* --- groups ------------------------------------------------------------------------- */

static void put_pid_of(const struct peer *p, struct buf *out, uint32_t id)
{
    put_pid(out, buf_bytes(&p->name), id, 0, CREATION);
}

static void send_to_scope(struct peer *p, const char *scope, const struct buf *message)
{
    struct buf name = {0}, from = {0};
    put_atom(&name, scope);
    put_pid_of(p, &from, SCOPE_ID);
    channel_send(p->channel, &(struct signal){.kind = SIGNAL_REG_SEND,
                                              .node = p->options->node,
                                              .from = buf_bytes(&from),
                                              .to = buf_bytes(&name),
                                              .payload = buf_bytes(message)});
    buf_free(&name);
    buf_free(&from);
}

/* As pg does: {'$gen_cast', {sync, Scope, [{Group, [Pid]}]}} and {discover, Scope}.  The answer to
 * the latter comes when both were handled. */
void peer_join(struct peer *p, const char *scope, const char *group)
{
    struct buf message = {0};
    p->member = true;
    put_tuple(&message, 2);
    put_atom(&message, "$gen_cast");
    put_tuple(&message, 3);
    put_atom(&message, "sync");
    put_pid_of(p, &message, SCOPE_ID);
    put_list(&message, 1);
    put_tuple(&message, 2);
    put_binary(&message, bytes_of(group));
    put_list(&message, 1);
    put_term(&message, buf_bytes(&p->pid));
    put_nil(&message);
    put_nil(&message);
    send_to_scope(p, scope, &message);
    buf_clear(&message);
    put_tuple(&message, 2);
    put_atom(&message, "discover");
    put_pid_of(p, &message, SCOPE_ID);
    send_to_scope(p, scope, &message);
    buf_free(&message);
    peer_flush(p);
}

bool peer_has_joined(const struct peer *p)
{
    return p->joined;
}

/* --- sending ---------------------------------------------------------------------- */

static struct buf *outgoing(struct peer *p)
{
    return p->channel != NULL ? channel_out(p->channel) : &p->echo_out;
}

bool peer_is_blocked(const struct peer *p)
{
    return outgoing((struct peer *)p)->len > 0;
}

void peer_flush(struct peer *p)
{
    struct buf *out = outgoing(p);
    size_t sent = 0;
    while (sent < out->len) {
        ssize_t n = write(p->fd, out->at + sent, out->len - sent);
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0)
            die("cannot write to the node: %s", strerror(errno));
        sent += (size_t)n;
    }
    buf_drop(out, sent);
}

static void set_word(uint8_t *at, uint32_t word)
{
    uint32_t big_endian = htonl(word);
    memcpy(at, &big_endian, WORD_BYTES);
}

static struct bytes reference_of(const struct peer *p)
{
    return (struct bytes){p->call.at + p->ref_at, p->head_bytes - p->ref_at};
}

/* The first words of a reference are the number of its call and its slot. */
static void send_call(struct peer *p, uint32_t slot, const struct work_call *call)
{
    struct bytes pid = buf_bytes(&p->pid);
    p->call.len = p->head_bytes;
    set_word(p->call.at + p->words_at, p->slots[slot].number);
    set_word(p->call.at + p->words_at + WORD_BYTES, slot);
    if (p->options->monitors)
        channel_send(p->channel, &(struct signal){.kind = SIGNAL_MONITOR,
                                                  .node = p->options->node,
                                                  .from = pid,
                                                  .to = call->server,
                                                  .ref = reference_of(p)});
    buf_put(&p->call, call->request);
    channel_send(p->channel, &(struct signal){.kind = SIGNAL_REG_SEND,
                                              .node = p->options->node,
                                              .from = pid,
                                              .to = call->server,
                                              .payload = buf_bytes(&p->call)});
}

/* A message to an echo begins with its number and its slot. */
static void send_echo(struct peer *p, uint32_t slot)
{
    uint8_t *at = buf_room(&p->echo_out, p->options->echo_bytes);
    memset(at, 'x', p->options->echo_bytes);
    set_word(at, p->slots[slot].number);
    set_word(at + WORD_BYTES, slot);
    p->echo_out.len += p->options->echo_bytes;
}

void peer_send(struct peer *p)
{
    struct work_call call;
    while (p->calls && p->free_count > 0 && work_next(p->options->work, &call)) {
        uint32_t slot = p->free[--p->free_count];
        p->slots[slot] = (struct slot){.sent_ns = now_ns(),
                                       .number = ++p->number,
                                       .replica = call.replica,
                                       .kind = call.kind,
                                       .open = true};
        if (p->channel != NULL)
            send_call(p, slot, &call);
        else
            send_echo(p, slot);
    }
    peer_flush(p);
}

/* --- receiving -------------------------------------------------------------------- */

static const struct slot *close_slot(struct peer *p, uint32_t number, uint32_t slot)
{
    if (slot >= p->options->depth || !p->slots[slot].open || p->slots[slot].number != number)
        die("a reply to a call that was not made");
    p->slots[slot].open = false;
    p->free[p->free_count++] = slot;
    p->options->replied(now_ns() - p->slots[slot].sent_ns);
    return &p->slots[slot];
}

static void end_monitor(struct peer *p, struct bytes server, const struct etf_reference *r)
{
    set_word(p->call.at + p->words_at, r->words[0]);
    set_word(p->call.at + p->words_at + WORD_BYTES, r->words[1]);
    channel_send(p->channel, &(struct signal){.kind = SIGNAL_DEMONITOR,
                                              .node = p->options->node,
                                              .from = buf_bytes(&p->pid),
                                              .to = server,
                                              .ref = reference_of(p)});
}

/* {grove_delta, Delta, Pid}, or what else a member is sent; or what its scope is sent. */
static void member_received(struct peer *p, struct bytes to, struct bytes message)
{
    struct etf_in pid = etf_open(to), in = etf_open(message);
    p->joined = p->joined || etf_pid(&pid).id == SCOPE_ID;
    if (etf_tuple(&in) == 3 && etf_accept(&in, "grove_delta"))
        p->deltas++;
}

uint64_t peer_deltas(struct peer *p)
{
    uint64_t deltas = p->deltas;
    p->deltas = 0;
    return deltas;
}

/* {[alias | Reference], Reply} */
static void reply_received(struct peer *p, struct bytes message)
{
    struct etf_in in = etf_open(message);
    struct bytes head, tail;
    etf_tuple_of(&in, 2);
    if (!etf_cons(&in, &head, &tail))
        die("a message that is no reply");
    struct etf_in tag = etf_open(tail);
    struct etf_reference r = etf_reference(&tag);
    if (etf_finish(&tag) != OK || r.count != 3)
        die("a reply with a tag that is not ours");
    const struct slot *slot = close_slot(p, r.words[0], r.words[1]);
    work_check(p->options->work, slot->replica, slot->kind, etf_last(&in));
    if (p->options->monitors)
        end_monitor(p, work_server(p->options->work, slot->replica), &r);
}

static bool receive_signals(struct peer *p)
{
    struct signal signal;
    for (;;) {
        switch (channel_next(p->channel, &signal)) {
        case CHANNEL_SIGNAL:
            if (p->member && signal.kind == SIGNAL_SEND)
                member_received(p, signal.to, signal.payload);
            else if (signal.kind == SIGNAL_ALIAS_SEND || signal.kind == SIGNAL_SEND)
                reply_received(p, signal.payload);
            else if (signal.kind == SIGNAL_MONITOR_EXIT)
                die("a replica is not there");
            break;
        case CHANNEL_BUSY:
            break;
        case CHANNEL_QUIET:
            return true;
        default:
            return false;
        }
    }
}

static void receive_echoes(struct peer *p)
{
    size_t bytes = p->options->echo_bytes, at = 0;
    for (; p->echo_in.len - at >= bytes; at += bytes) {
        uint32_t words[2];
        memcpy(words, p->echo_in.at + at, sizeof(words));
        for (size_t i = sizeof(words); i < bytes; i++) {
            if (p->echo_in.at[at + i] != 'x')
                die("an echo of something else");
        }
        close_slot(p, ntohl(words[0]), ntohl(words[1]));
    }
    buf_drop(&p->echo_in, at);
}

void peer_receive(struct peer *p)
{
    static uint8_t bytes[READ_BYTES];
    ssize_t n = read(p->fd, bytes, sizeof(bytes));
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0)
        die("the node has closed the connection");
    struct bytes read = {bytes, (size_t)n};
    if (p->channel == NULL) {
        buf_put(&p->echo_in, read);
        receive_echoes(p);
        return;
    }
    channel_feed(p->channel, read);
    if (!receive_signals(p))
        die("the node breaks the protocol: %s", err_text(channel_error(p->channel)));
}
