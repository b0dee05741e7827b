/* Prints its port, and echoes every connection: what epoll, read() and write() cost without any
 * work between them. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS 256

static int listening(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(fd, (struct sockaddr *)&address, length) != 0 || listen(fd, EVENTS) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0)
        return -1;
    printf("%u\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static void watch(int epoll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static void accept_one(int epoll, int listener)
{
    int fd = accept(listener, NULL, NULL), on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    watch(epoll, fd);
}

static void echo(int fd)
{
    static char bytes[65536];
    ssize_t n = read(fd, bytes, sizeof(bytes));
    if (n <= 0)
        close(fd);
    for (ssize_t sent = 0, m; sent < n; sent += m) {
        if ((m = write(fd, bytes + sent, (size_t)(n - sent))) <= 0)
            return;
    }
}

int main(void)
{
    struct epoll_event events[EVENTS];
    int listener = listening(), epoll = epoll_create1(0);
    if (listener < 0 || epoll < 0)
        return 1;
    watch(epoll, listener);
    for (;;) {
        int n = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.fd == listener)
                accept_one(epoll, listener);
            else
                echo(events[i].data.fd);
        }
    }
}
