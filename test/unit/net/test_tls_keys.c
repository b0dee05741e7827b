/* New keys within a connection (TLS 1.3): what a peer that asks for them gets, and costs. */
#include "net/sockets.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "certificate.h"
#include "net/tls_reason.h"

/* Requests in one go, each of 27 bytes, and at most. */
#define BATCH    1000
#define REQUESTS 100000
/* Of the sockets of both sides: so that what is not read is soon seen. */
#define BUFFER_BYTES 4096

static uv_loop_t loop;
static struct sockets sockets;
static uv_tcp_t listener;
static struct buf read_bytes;
static uint32_t last;
static bool is_closed;
static char why[200];

static void on_opened(void *who, uint32_t id, const struct certificate *peer)
{
    (void)who;
    (void)id;
    (void)peer;
    CU_FAIL("nothing is dialled");
}

static void on_accepted(void *who, uint32_t id, const struct certificate *peer)
{
    (void)who;
    (void)peer;
    last = id;
}

static void on_refused(void *who, const char *from, const char *text)
{
    (void)who;
    (void)from;
    CU_FAIL("it is accepted");
    fprintf(stderr, "%s\n", text);
}

static void on_bytes(void *who, uint32_t id, struct bytes bytes)
{
    (void)who;
    (void)id;
    buf_put(&read_bytes, bytes);
}

static void on_written(void *who, uint32_t id, size_t count)
{
    (void)who;
    (void)id;
    CU_ASSERT_EQUAL(count, 5);
}

static void on_closed(void *who, uint32_t id, enum err err, const char *text)
{
    (void)who;
    CU_ASSERT(id == last && err == ERR_TLS);
    is_closed = true;
    snprintf(why, sizeof(why), "%s", text);
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

/* A socket whose buffers are small, connected to the listener. */
static int connect_small(void)
{
    struct sockaddr_in address;
    int bytes = BUFFER_BYTES, length = sizeof(address), fd = socket(AF_INET, SOCK_STREAM, 0);
    uv_tcp_getsockname(&listener, (struct sockaddr *)&address, &length);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
    CU_ASSERT_FATAL(connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    return fd;
}

static void open_all(void)
{
    const struct socket_events callbacks = {on_opened,  on_accepted, on_refused, on_bytes,
                                            on_written, on_closed,   on_gone,    NULL};
    struct sockaddr_in address;
    int bytes = BUFFER_BYTES;
    last = 0;
    is_closed = false;
    CU_ASSERT_EQUAL(uv_loop_init(&loop), 0);
    sockets_init(&sockets, &loop, &callbacks);
    open_contexts("");
    sockets_use_tls(&sockets, &contexts, 4);
    CU_ASSERT_EQUAL(uv_tcp_init(&loop, &listener), 0);
    uv_ip4_addr("127.0.0.1", 0, &address);
    CU_ASSERT_EQUAL(uv_tcp_bind(&listener, (const struct sockaddr *)&address, 0), 0);
    /* Accepted ones inherit it. */
    CU_ASSERT_EQUAL(uv_send_buffer_size((uv_handle_t *)&listener, &bytes), 0);
    CU_ASSERT_EQUAL(uv_listen((uv_stream_t *)&listener, 1, on_connection), 0);
}

static void close_all(void)
{
    sockets_close_all(&sockets);
    uv_close((uv_handle_t *)&listener, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    CU_ASSERT_EQUAL(uv_loop_close(&loop), 0);
    sockets_free(&sockets);
    tls_contexts_free(&contexts);
    buf_free(&read_bytes);
}

/* A client of OpenSSL's own, after the handshake. */
static SSL *connect_client(int *fd, struct tls_check *check)
{
    SSL *ssl = SSL_new(contexts.client->ssl);
    *check = (struct tls_check){.context = contexts.client};
    tls_check_with(ssl, check);
    *fd = connect_small();
    SSL_set_fd(ssl, *fd);
    SSL_set_connect_state(ssl);
    while (last == 0) {
        SSL_do_handshake(ssl);
        uv_run(&loop, UV_RUN_NOWAIT);
    }
    CU_ASSERT_EQUAL(SSL_version(ssl), TLS1_3_VERSION);
    return ssl;
}

static void close_client(SSL *ssl, int fd)
{
    SSL_free(ssl);
    close(fd);
}

static void say(SSL *ssl)
{
    size_t before = read_bytes.len;
    CU_ASSERT_EQUAL(SSL_write(ssl, "hello", 5), 5);
    while (read_bytes.len < before + 5 && !is_closed)
        uv_run(&loop, UV_RUN_NOWAIT);
    CU_ASSERT_EQUAL(read_bytes.len, before + 5);
}

static void hear(SSL *ssl)
{
    char room[6];
    struct buf hello = {0};
    int count = -1;
    buf_put(&hello, BYTES("hello"));
    socket_send(&sockets, last, &hello);
    while (count < 0 && !is_closed) {
        uv_run(&loop, UV_RUN_NOWAIT);
        count = SSL_read(ssl, room, sizeof(room));
    }
    CU_ASSERT(count == 5 && memcmp(room, "hello", 5) == 0);
}

static void both_sides_go_on_with_new_keys(void)
{
    int fd;
    struct tls_check check;
    open_all();
    SSL *ssl = connect_client(&fd, &check);
    for (int i = 0; i < 100; i++) {
        int kind = i % 2 == 0 ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED;
        CU_ASSERT_EQUAL(SSL_key_update(ssl, kind), 1);
        say(ssl);
        hear(ssl);
    }
    CU_ASSERT_FALSE(is_closed);
    close_client(ssl, fd);
    close_all();
}

/* Many at once are answered, while the answers are read. */
static void whoever_reads_may_ask_often(void)
{
    int fd;
    struct tls_check check;
    open_all();
    SSL *ssl = connect_client(&fd, &check);
    for (int i = 0; i < 15000 && !is_closed; i++) {
        SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED);
        CU_ASSERT_EQUAL(SSL_do_handshake(ssl), 1);
        if (i % 100 == 0) {
            say(ssl);
            hear(ssl);
        }
    }
    CU_ASSERT_FALSE(is_closed);
    close_client(ssl, fd);
    close_all();
}

/* Each request of a peer is answered with as many bytes: they must not pile up. */
static void whoever_does_not_read_is_closed(void)
{
    int fd, requests = 0;
    struct tls_check check;
    open_all();
    SSL *ssl = connect_client(&fd, &check);
    while (!is_closed && requests < REQUESTS) {
        for (int i = 0; i < BATCH; i++, requests++) {
            SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED);
            while (SSL_do_handshake(ssl) != 1 && !is_closed)
                uv_run(&loop, UV_RUN_NOWAIT);
        }
        uv_run(&loop, UV_RUN_NOWAIT);
    }
    CU_ASSERT_TRUE(is_closed);
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "does not read"));
    close_client(ssl, fd);
    close_all();
    unlink(pem);
}

SUITE("tls keys", TEST(both_sides_go_on_with_new_keys), TEST(whoever_reads_may_ask_often),
      TEST(whoever_does_not_read_is_closed))
