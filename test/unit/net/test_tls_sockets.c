/* Sockets with TLS on the loopback interface; their peers are written by hand. */
#include "net/sockets.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "certificate.h"
#include "limits.h"
#include "net/tls.h"

#define CLIENTS 200

static uv_loop_t loop;
static struct sockets sockets;
static uv_tcp_t listener;
static struct sockaddr_in address;
static struct buf events; /* what was reported, a letter each */
static char why[400];
static uint32_t last;

static void note(char what)
{
    buf_put_u8(&events, (uint8_t)what);
}

static void on_opened(void *who, uint32_t id, const struct certificate *peer)
{
    (void)who;
    CU_ASSERT(peer != NULL && id % 2 == 1);
    note('o');
}

static void on_accepted(void *who, uint32_t id, const struct certificate *peer)
{
    (void)who;
    CU_ASSERT(peer != NULL && id % 2 == 0);
    last = id;
    note('a');
}

static void on_refused(void *who, const char *from, const char *text)
{
    (void)who;
    CU_ASSERT_EQUAL(strncmp(from, "127.0.0.1 port ", 15), 0);
    snprintf(why, sizeof(why), "%s", text);
    note('r');
}

static void on_bytes(void *who, uint32_t id, struct bytes bytes)
{
    (void)who;
    (void)id;
    CU_ASSERT_TRUE(bytes_equal(bytes, BYTES("hello")));
    note('b');
}

static void on_written(void *who, uint32_t id, size_t count)
{
    (void)who;
    (void)id;
    CU_ASSERT_EQUAL(count, 5);
    note('w');
}

static void on_closed(void *who, uint32_t id, enum err err, const char *text)
{
    (void)who;
    (void)id;
    CU_ASSERT_NOT_EQUAL(err, OK);
    snprintf(why, sizeof(why), "%s", text);
    note('c');
}

static void on_gone(void *who)
{
    (void)who;
}

static void on_connection(uv_stream_t *stream, int status)
{
    CU_ASSERT_EQUAL(status, 0);
    CU_ASSERT_EQUAL(socket_accept(&sockets, stream), 0);
}

static void open_all(size_t most)
{
    const struct socket_events callbacks = {on_opened,  on_accepted, on_refused, on_bytes,
                                            on_written, on_closed,   on_gone,    NULL};
    int length = sizeof(address);
    buf_room(&events, CLIENTS);
    CU_ASSERT_EQUAL(uv_loop_init(&loop), 0);
    sockets_init(&sockets, &loop, &callbacks);
    open_contexts("");
    sockets_use_tls(&sockets, &contexts, most);
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
    CU_ASSERT(sockets.count == 0 && sockets.shaking_count == 0 && sockets.draining_count == 0);
    CU_ASSERT_EQUAL(uv_loop_close(&loop), 0);
    sockets_free(&sockets);
    tls_contexts_free(&contexts);
    buf_free(&events);
}

static bool are(const char *wanted)
{
    return bytes_equal(buf_bytes(&events), bytes_of(wanted));
}

/* Runs the loop until that was reported, or something else. */
static void until(const char *wanted)
{
    while (events.len < strlen(wanted) && memcmp(events.at, wanted, events.len) == 0)
        uv_run(&loop, UV_RUN_ONCE);
    CU_ASSERT_TRUE(are(wanted));
    if (!are(wanted))
        fprintf(stderr, "\nwanted %s, got %.*s: %s\n", wanted, TEXT(events), why);
}

/* --- peers ------------------------------------------------------------------------- */

static int connect_plain(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CU_ASSERT_FATAL(connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0);
    return fd;
}

/* Sends what t has to say, in one write. */
static void flush(struct tls *t, int fd)
{
    struct buf *out = tls_out(t);
    if (out->len > 0)
        CU_ASSERT_EQUAL(send(fd, out->at, out->len, MSG_NOSIGNAL), (ssize_t)out->len);
    buf_free(out);
}

/* Lets both go on until t is open; what it then has to say is kept. */
static void shake(struct tls *t, int fd)
{
    uint8_t room[20000];
    while (tls_state(t) == TLS_SHAKING) {
        flush(t, fd);
        uv_run(&loop, UV_RUN_NOWAIT);
        ssize_t count = recv(fd, room, sizeof(room), MSG_DONTWAIT);
        if (count > 0) {
            tls_feed(t, (struct bytes){room, (size_t)count});
            tls_read(t, NULL, 0);
        }
    }
    CU_ASSERT_EQUAL(tls_state(t), TLS_OPEN);
}

/* A server that a socket dials: its connection. */
static int be_dialled(int server)
{
    struct sockaddr_in at;
    socklen_t length = sizeof(at);
    CU_ASSERT_FATAL(getsockname(server, (struct sockaddr *)&at, &length) == 0);
    socket_dial(&sockets, 1, "127.0.0.1", ntohs(at.sin_port), true);
    struct pollfd ready = {.fd = server, .events = POLLIN};
    while (poll(&ready, 1, 0) == 0)
        uv_run(&loop, UV_RUN_NOWAIT);
    return accept(server, NULL, NULL);
}

static int listen_plain(void)
{
    struct sockaddr_in at;
    uv_ip4_addr("127.0.0.1", 0, &at);
    int server = socket(AF_INET, SOCK_STREAM, 0);
    CU_ASSERT_FATAL(bind(server, (const struct sockaddr *)&at, sizeof(at)) == 0);
    CU_ASSERT_FATAL(listen(server, 1) == 0);
    return server;
}

/* --- tests ------------------------------------------------------------------------- */

static void is_accepted_after_the_handshake(void)
{
    open_all(4);
    int fd = connect_plain();
    struct tls *t = tls_new_client(contexts.client, "127.0.0.1");
    shake(t, fd);
    CU_ASSERT_TRUE(are(""));
    flush(t, fd);
    until("a");
    CU_ASSERT_TRUE(tls_write(t, BYTES("hello")));
    flush(t, fd);
    until("ab");
    struct buf hello = {0};
    buf_put(&hello, BYTES("hello"));
    socket_send(&sockets, last, &hello);
    until("abw");
    tls_end(t);
    flush(t, fd);
    until("abwc");
    tls_free(t);
    close(fd);
    close_all();
}

/* All that a client has to say comes at once: nothing is reported of a connection that was not. */
static void a_hasty_client_is_accepted_first(void)
{
    open_all(4);
    int fd = connect_plain();
    struct tls *t = tls_new_client(contexts.client, "127.0.0.1");
    shake(t, fd);
    CU_ASSERT_TRUE(tls_write(t, BYTES("hello")));
    tls_end(t);
    flush(t, fd);
    until("abc");
    tls_free(t);
    close(fd);
    close_all();
}

/* With TLS 1.2 the server's message is the last of the handshake. */
static void a_hasty_server_is_opened_first(void)
{
    open_all(4);
    tls_contexts_free(&contexts);
    open_contexts(", {versions, ['tlsv1.2']}");
    int server = listen_plain(), fd = be_dialled(server);
    struct tls *t = tls_new_server(contexts.server);
    shake(t, fd);
    CU_ASSERT_TRUE(tls_write(t, BYTES("hello")));
    tls_end(t);
    flush(t, fd);
    until("obc");
    tls_free(t);
    close(fd);
    close(server);
    close_all();
}

static void a_server_without_tls_is_told_at_once(void)
{
    open_all(4);
    int server = listen_plain(), fd = be_dialled(server);
    CU_ASSERT_EQUAL(send(fd, "\0\3sok", 5, MSG_NOSIGNAL), 5);
    until("c");
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "it does not speak TLS"));
    close(fd);
    close(server);
    close_all();
}

static void the_oldest_handshake_makes_room(void)
{
    int fds[6];
    open_all(4);
    for (int i = 0; i < 6; i++)
        fds[i] = connect_plain();
    until("rr");
    CU_ASSERT_STRING_EQUAL(why, "too many connections are in the TLS handshake");
    CU_ASSERT(sockets.shaking_count == 4 && sockets.count == 4);
    uint8_t byte;
    CU_ASSERT(recv(fds[0], &byte, 1, 0) <= 0 && recv(fds[1], &byte, 1, 0) <= 0);
    for (int i = 0; i < 6; i++)
        close(fds[i]);
    close_all();
}

/* Those that are refused get an alert, and then only so many may linger. */
static void refused_ones_do_not_pile_up(void)
{
    int fds[CLIENTS];
    open_all(4);
    for (unsigned i = 0; i < CLIENTS; i++) {
        fds[i] = connect_plain();
        CU_ASSERT_EQUAL(send(fds[i], "GET / HTTP/1.1\r\n", 16, MSG_NOSIGNAL), 16);
        while (events.len <= i)
            uv_run(&loop, UV_RUN_ONCE);
        CU_ASSERT(sockets.count < 100);
    }
    uint8_t alert[8];
    CU_ASSERT_EQUAL(recv(fds[CLIENTS - 1], alert, sizeof(alert), 0), 7);
    CU_ASSERT_EQUAL(alert[0], 0x15);
    for (unsigned i = 0; i < CLIENTS; i++)
        close(fds[i]);
    close_all();
}

static void one_that_says_nothing_is_no_news(void)
{
    open_all(4);
    close(connect_plain());
    while (sockets.count == 0)
        uv_run(&loop, UV_RUN_ONCE);
    while (sockets.count > 0)
        uv_run(&loop, UV_RUN_ONCE);
    CU_ASSERT_TRUE(are(""));
    close_all();
    unlink(pem);
}

SUITE("tls sockets", TEST(is_accepted_after_the_handshake), TEST(a_hasty_client_is_accepted_first),
      TEST(a_hasty_server_is_opened_first), TEST(a_server_without_tls_is_told_at_once),
      TEST(the_oldest_handshake_makes_room), TEST(refused_ones_do_not_pile_up),
      TEST(one_that_says_nothing_is_no_news))
