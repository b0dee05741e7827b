/* Dialling, with addresses of the loopback interface.  One that does not answer is that of a
 * listener whose queue is full: Linux drops further attempts. */
#include "net/dial.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "limits.h"
#include "mem.h"
#include "unit/suite.h"

#define QUEUE 4

static uv_loop_t loop;
static uint16_t port; /* of all listeners */

/* What was reported. */
static unsigned times;
static bool connected;
static struct sockaddr_in peer;
static enum err err;
static char why[64];

static void on_done(void *who, uv_tcp_t *tcp, enum err e, const char *text)
{
    (void)who;
    times++;
    connected = tcp != NULL;
    err = e;
    snprintf(why, sizeof(why), "%s", text != NULL ? text : "");
    if (tcp == NULL)
        return;
    int length = sizeof(peer);
    uv_tcp_getpeername(tcp, (struct sockaddr *)&peer, &length);
    uv_close((uv_handle_t *)tcp, (uv_close_cb)mem_free);
}

static struct sockaddr_in at(const char *address)
{
    struct sockaddr_in in;
    uv_ip4_addr(address, port, &in);
    return in;
}

static int listen_at(const char *address, int queue)
{
    struct sockaddr_in in = at(address);
    socklen_t length = sizeof(in);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CU_ASSERT_FATAL(bind(fd, (struct sockaddr *)&in, sizeof(in)) == 0);
    CU_ASSERT_FATAL(listen(fd, queue) == 0);
    CU_ASSERT_FATAL(getsockname(fd, (struct sockaddr *)&in, &length) == 0);
    port = ntohs(in.sin_port);
    return fd;
}

/* Listens there, but answers nobody: fds to close. */
static void play_dead(const char *address, int fds[QUEUE + 1])
{
    fds[QUEUE] = listen_at(address, 0);
    for (int i = 0; i < QUEUE; i++) {
        struct sockaddr_in in = at(address);
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(fds[i], (struct sockaddr *)&in, sizeof(in));
    }
}

static void close_dead(const int fds[QUEUE + 1])
{
    for (int i = 0; i <= QUEUE; i++)
        close(fds[i]);
}

/* Dials these addresses; how many milliseconds it took, by the clock of the loop's timers. */
static uint64_t dial(const char *const *addresses, size_t count)
{
    struct addrinfo list[2 * LIMIT_ADDRESSES] = {0};
    struct sockaddr_in in[2 * LIMIT_ADDRESSES];
    for (size_t i = 0; i < count; i++) {
        in[i] = at(addresses[i]);
        list[i] = (struct addrinfo){.ai_family = AF_INET,
                                    .ai_addr = (struct sockaddr *)&in[i],
                                    .ai_addrlen = sizeof(in[i]),
                                    .ai_next = i + 1 < count ? &list[i + 1] : NULL};
    }
    times = 0;
    uv_loop_init(&loop);
    uint64_t start = uv_now(&loop);
    dial_addresses(&loop, count > 0 ? list : NULL, port, on_done, NULL);
    CU_ASSERT_EQUAL(times, 0);
    while (times == 0)
        uv_run(&loop, UV_RUN_ONCE);
    uint64_t took = uv_now(&loop) - start;
    uv_run(&loop, UV_RUN_DEFAULT);
    CU_ASSERT(uv_loop_close(&loop) == 0 && times == 1);
    return took;
}

#define DIAL(...)                                                                                  \
    dial((const char *const[]){__VA_ARGS__},                                                       \
         sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static bool reached(const char *address)
{
    struct sockaddr_in in = at(address);
    return connected && peer.sin_addr.s_addr == in.sin_addr.s_addr;
}

static void a_dead_address_does_not_hold_up_the_next(void)
{
    int dead[QUEUE + 1];
    port = 0;
    int alive = listen_at("127.0.0.1", 10);
    play_dead("127.0.0.2", dead);
    uint64_t ms = DIAL("127.0.0.2", "127.0.0.1");
    CU_ASSERT(reached("127.0.0.1") && err == OK && ms >= 250 && ms < 2000);
    ms = DIAL("127.0.0.2", "127.0.0.2", "127.0.0.1");
    CU_ASSERT(reached("127.0.0.1") && ms >= 500);
    close_dead(dead);
    close(alive);
}

static void a_refused_one_is_followed_at_once(void)
{
    port = 0;
    int alive = listen_at("127.0.0.1", 10);
    CU_ASSERT(DIAL("127.0.0.3", "127.0.0.4", "127.0.0.1") < 250);
    CU_ASSERT(reached("127.0.0.1"));
    close(alive);
}

static void the_first_is_taken_when_it_answers(void)
{
    port = 0;
    int one = listen_at("127.0.0.1", 10);
    int two = listen_at("127.0.0.2", 10);
    CU_ASSERT(DIAL("127.0.0.2", "127.0.0.1") < 250);
    CU_ASSERT(reached("127.0.0.2"));
    close(one);
    close(two);
}

static void all_refused_or_none(void)
{
    port = 0;
    close(listen_at("127.0.0.1", 1)); /* a port that is free */
    DIAL("127.0.0.1", "127.0.0.2");
    CU_ASSERT(!connected && err == ERR_REFUSED && strcmp(why, "connection refused") == 0);
    dial(NULL, 0);
    CU_ASSERT(!connected && err == ERR_REFUSED && strcmp(why, "no address") == 0);
}

static void only_so_many_are_tried(void)
{
    const char *many[LIMIT_ADDRESSES + 1];
    port = 0;
    int alive = listen_at("127.0.0.1", 10);
    for (size_t i = 0; i < LIMIT_ADDRESSES; i++)
        many[i] = "127.0.0.5";
    many[LIMIT_ADDRESSES] = "127.0.0.1";
    dial(many, LIMIT_ADDRESSES + 1);
    CU_ASSERT(!connected);
    dial(many + 1, LIMIT_ADDRESSES);
    CU_ASSERT(connected);
    close(alive);
}

static void resolve(const char *host)
{
    times = 0;
    uv_loop_init(&loop);
    dial_host(&loop, host, port, on_done, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    CU_ASSERT(uv_loop_close(&loop) == 0 && times == 1);
}

static void names_are_resolved(void)
{
    port = 0;
    int alive = listen_at("127.0.0.1", 10);
    resolve("127.0.0.1");
    CU_ASSERT(reached("127.0.0.1"));
    resolve("127.0.0.1.");
    CU_ASSERT(!connected && err == ERR_HOST && why[0] != '\0');
    resolve("..");
    CU_ASSERT(!connected && err == ERR_HOST);
    close(alive);
}

static void localhost_is_both_loopback_addresses(void)
{
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    socklen_t length = sizeof(six);
    int only = 1, fd = socket(AF_INET6, SOCK_STREAM, 0);
    CU_ASSERT_FATAL(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only)) == 0);
    CU_ASSERT_FATAL(bind(fd, (struct sockaddr *)&six, sizeof(six)) == 0 && listen(fd, 1) == 0);
    CU_ASSERT_FATAL(getsockname(fd, (struct sockaddr *)&six, &length) == 0);
    times = 0;
    uv_loop_init(&loop);
    dial_host(&loop, "localhost", ntohs(six.sin6_port), on_done, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    CU_ASSERT(uv_loop_close(&loop) == 0 && times == 1 && connected);
    close(fd);
}

static void may_be_stopped(void)
{
    int dead[QUEUE + 1];
    port = 0;
    play_dead("127.0.0.2", dead);
    uv_loop_init(&loop);
    times = 0;
    struct sockaddr_in in = at("127.0.0.2");
    struct addrinfo list = {
        .ai_family = AF_INET, .ai_addr = (struct sockaddr *)&in, .ai_addrlen = sizeof(in)};
    struct dial *d = dial_addresses(&loop, &list, port, on_done, NULL);
    uv_run(&loop, UV_RUN_NOWAIT);
    dial_stop(d);
    dial_stop(dial_host(&loop, "localhost", port, on_done, NULL));
    dial_stop(dial_host(&loop, "127.0.0.1", port, on_done, NULL));
    uv_run(&loop, UV_RUN_DEFAULT);
    CU_ASSERT(uv_loop_close(&loop) == 0 && times == 0);
    close_dead(dead);
}

SUITE("dial", TEST(a_dead_address_does_not_hold_up_the_next),
      TEST(a_refused_one_is_followed_at_once), TEST(the_first_is_taken_when_it_answers),
      TEST(all_refused_or_none), TEST(only_so_many_are_tried), TEST(names_are_resolved),
      TEST(localhost_is_both_loopback_addresses), TEST(may_be_stopped))
