/* Sockets on the loopback interface, with libuv's loop. */
#include "net/descriptors.h"
#include "net/sockets.h"

#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "limits.h"
#include "mem.h"
#include "unit/suite.h"

#define CLIENTS 200
#define HEARD   64

static uv_loop_t loop;
static struct sockets sockets;
static uv_tcp_t listener;
static struct sockaddr_in address;
static uint32_t last_accepted;
static unsigned accepted, closed, gone;
static size_t written;
/* The numbers of those that were read from, in order. */
static uint32_t heard[HEARD];
static unsigned heard_count;

static void on_id(void *who, uint32_t id, const struct certificate *peer)
{
    (void)who;
    (void)id;
    (void)peer;
}

static void on_refused(void *who, const char *from, const char *why)
{
    (void)who;
    (void)from;
    (void)why;
}

static void on_bytes(void *who, uint32_t id, struct bytes bytes)
{
    (void)who;
    (void)bytes;
    if (heard_count < HEARD)
        heard[heard_count++] = id;
}

static void on_written(void *who, uint32_t id, size_t count)
{
    (void)who;
    (void)id;
    written += count;
}

static void on_closed(void *who, uint32_t id, enum err err, const char *why)
{
    (void)why;
    (void)who;
    (void)id;
    (void)err;
    closed++;
}

static void on_gone(void *who)
{
    (void)who;
    gone++;
}

static void on_connection(uv_stream_t *stream, int status)
{
    CU_ASSERT_EQUAL(status, 0);
    last_accepted = socket_accept(&sockets, stream);
    accepted++;
}

static void open_all(void)
{
    const struct socket_events events = {on_id,      on_id,     on_refused, on_bytes,
                                         on_written, on_closed, on_gone,    NULL};
    int length = sizeof(address);
    accepted = closed = gone = heard_count = 0;
    written = 0;
    CU_ASSERT_EQUAL(uv_loop_init(&loop), 0);
    sockets_init(&sockets, &loop, &events);
    CU_ASSERT_EQUAL(uv_tcp_init(&loop, &listener), 0);
    uv_ip4_addr("127.0.0.1", 0, &address);
    CU_ASSERT_EQUAL(uv_tcp_bind(&listener, (const struct sockaddr *)&address, 0), 0);
    CU_ASSERT_EQUAL(uv_listen((uv_stream_t *)&listener, CLIENTS, on_connection), 0);
    uv_tcp_getsockname(&listener, (struct sockaddr *)&address, &length);
}

static void close_all(void)
{
    sockets_close_all(&sockets);
    uv_close((uv_handle_t *)&listener, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    CU_ASSERT_EQUAL(sockets.count, 0);
    CU_ASSERT_EQUAL(uv_loop_close(&loop), 0);
    sockets_free(&sockets);
}

/* A client's socket; the node's number for it. */
static int client(uint32_t *id)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    unsigned before = accepted;
    CU_ASSERT_FATAL(connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0);
    while (accepted == before)
        uv_run(&loop, UV_RUN_ONCE);
    *id = last_accepted;
    return fd;
}

static void run_once(void)
{
    for (int i = 0; i < 3; i++)
        uv_run(&loop, UV_RUN_NOWAIT);
}

static void say_hello(uint32_t id)
{
    struct buf hello = {0};
    buf_put(&hello, BYTES("hello"));
    socket_send(&sockets, id, &hello);
}

static void numbers_come_round(void)
{
    uint32_t first, second, third;
    open_all();
    int a = client(&first);
    sockets.accepted = UINT32_MAX - 3;
    int b = client(&second), c = client(&third);
    CU_ASSERT(first == 2 && second == UINT32_MAX - 1 && third == 4);
    close(a);
    close(b);
    close(c);
    close_all();
}

/* One that is being closed has no number any more. */
static void a_closed_number_is_free(void)
{
    uint32_t first, second;
    open_all();
    int a = client(&first);
    say_hello(first);
    socket_close(&sockets, first);
    sockets.accepted = 0;
    int b = client(&second);
    CU_ASSERT(first == 2 && second == 2 && sockets.count == 2);
    close(a);
    close(b);
    close_all();
}

/* Nothing was written, so there is nothing to wait for. */
static void one_to_which_nothing_was_said_is_closed_at_once(void)
{
    uint32_t id;
    open_all();
    int fd = client(&id);
    socket_close(&sockets, id);
    run_once();
    CU_ASSERT(sockets.count == 0 && gone == 1 && closed == 0);
    close(fd);
    close_all();
}

static void few_linger(void)
{
    int fds[CLIENTS];
    uint32_t ids[CLIENTS];
    open_all();
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = client(&ids[i]);
    for (int i = 0; i < CLIENTS; i++) {
        say_hello(ids[i]);
        socket_close(&sockets, ids[i]);
    }
    run_once();
    CU_ASSERT(sockets.count <= 64 && sockets.count >= 1 && closed == 0);

    /* The last one reads what was written before the end. */
    char text[8];
    CU_ASSERT(read(fds[CLIENTS - 1], text, sizeof(text)) == 5);
    CU_ASSERT(read(fds[CLIENTS - 1], text, sizeof(text)) == 0);
    for (int i = 0; i < CLIENTS; i++)
        close(fds[i]);
    close_all();
}

/* What the kernel takes at once, and what has to wait for the reader. */
static void what_is_written_is_reported_from_the_loop(void)
{
    uint32_t id;
    struct buf large = {0};
    size_t len = 64u * 1024 * 1024, got = 0;
    static char text[1 << 20];
    open_all();
    int fd = client(&id);
    say_hello(id);
    CU_ASSERT(written == 0);
    run_once();
    CU_ASSERT(written == 5);
    memset(buf_room(&large, len), 'x', len);
    large.len = len;
    socket_send(&sockets, id, &large);
    say_hello(id);
    run_once();
    CU_ASSERT(written == 5 && large.at == NULL);
    while (got < 5 + len + 5) {
        ssize_t n = recv(fd, text, sizeof(text), MSG_DONTWAIT);
        got += n > 0 ? (size_t)n : 0;
        run_once();
    }
    CU_ASSERT(got == 5 + len + 5);
    while (written < 5 + len + 5)
        uv_run(&loop, UV_RUN_ONCE);
    CU_ASSERT(written == 5 + len + 5);
    close(fd);
    close_all();
}

static void the_soft_limit_of_descriptors_is_raised(void)
{
    struct rlimit limit;
    CU_ASSERT_FATAL(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){256, limit.rlim_max});
    uint64_t raised = descriptors_raise(0);
    CU_ASSERT_FATAL(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    CU_ASSERT(raised == limit.rlim_cur);
    CU_ASSERT(raised == DESCRIPTORS_MAX(0) || raised == limit.rlim_max);
}

/* However much one sends, each round of the loop reads from it once, and from the others, too. */
static void one_that_sends_much_delays_nobody(void)
{
    static const uint8_t much[65536];
    uint32_t a, b;
    open_all();
    int sends_much = client(&a), sends_little = client(&b);
    ssize_t sent = 1, all = 0;
    for (; sent > 0; all += sent > 0 ? sent : 0)
        sent = send(sends_much, much, sizeof(much), MSG_DONTWAIT);
    CU_ASSERT_FATAL(all > (ssize_t)(8 * sizeof(much)));
    CU_ASSERT_EQUAL(send(sends_little, "x", 1, 0), 1);
    while (heard_count < 3)
        uv_run(&loop, UV_RUN_NOWAIT);
    CU_ASSERT(heard[0] == b || heard[1] == b);
    CU_ASSERT_EQUAL(heard[2], a);
    close(sends_much);
    close(sends_little);
    close_all();
}

static void turn(void)
{
    heard_count = 0;
    uv_run(&loop, UV_RUN_NOWAIT);
}

/* Of those whose handshake is not over a few are read in a round; a peer is always. */
static void many_strangers_delay_nobody(void)
{
    enum { STRANGERS = 40, MOST = 4 };
    int fds[STRANGERS];
    uint32_t id, known;
    unsigned heard_of = 0, rounds = 0;
    open_all();
    for (unsigned i = 0; i < STRANGERS; i++)
        fds[i] = client(&id);
    int peer = client(&known);
    socket_trust(&sockets, known);
    for (unsigned i = 0; i < STRANGERS; i++)
        CU_ASSERT_EQUAL(send(fds[i], "x", 1, 0), 1);
    for (; heard_of < STRANGERS && rounds < 2 * STRANGERS; rounds++) {
        CU_ASSERT_EQUAL(send(peer, "x", 1, 0), 1);
        turn();
        unsigned of_peer = 0;
        for (unsigned i = 0; i < heard_count; i++)
            of_peer += heard[i] == known;
        CU_ASSERT(of_peer == 1 && heard_count <= MOST + 1);
        heard_of += heard_count - of_peer;
    }
    CU_ASSERT_EQUAL(heard_of, STRANGERS);
    for (unsigned i = 0; i < STRANGERS; i++)
        close(fds[i]);
    close(peer);
    close_all();
}

/* Nothing more is read from one, but what its peer sends is not lost, and others are read. */
static void one_that_rests_is_read_later(void)
{
    uint32_t a, b;
    char hello[5];
    open_all();
    int resting = client(&a), other = client(&b);
    socket_rest(&sockets, a, true);
    CU_ASSERT_EQUAL(send(resting, "x", 1, 0), 1);
    for (unsigned i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(send(other, "x", 1, 0), 1);
        turn();
        CU_ASSERT(heard_count == 1 && heard[0] == b);
    }
    socket_rest(&sockets, a, false);
    turn();
    CU_ASSERT(heard_count == 1 && heard[0] == a);
    /* One that is closed meanwhile is closed when its peer is. */
    say_hello(a);
    socket_rest(&sockets, a, true);
    run_once();
    CU_ASSERT_EQUAL(recv(resting, hello, sizeof(hello), MSG_WAITALL), sizeof(hello));
    socket_close(&sockets, a);
    close(resting);
    for (unsigned i = 0; i < 1000 && gone == 0; i++)
        run_once();
    CU_ASSERT_EQUAL(gone, 1);
    close(other);
    close_all();
}

SUITE("sockets", TEST(numbers_come_round), TEST(a_closed_number_is_free),
      TEST(one_that_sends_much_delays_nobody), TEST(many_strangers_delay_nobody),
      TEST(one_that_rests_is_read_later), TEST(one_to_which_nothing_was_said_is_closed_at_once),
      TEST(few_linger), TEST(what_is_written_is_reported_from_the_loop),
      TEST(the_soft_limit_of_descriptors_is_raised))
