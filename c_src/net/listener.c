#include "listener.h"

#include <errno.h>
#include <unistd.h>

/* Connections that wait to be accepted.  Where there is no room the kernel drops attempts, and
 * those who connect try again after a second; so many strangers cost some 20 ms. */
#define BACKLOG 1024

static int address_of(struct bytes text, uint16_t port, struct sockaddr_storage *address)
{
    struct buf zeroed = {0};
    buf_put(&zeroed, text);
    buf_put_u8(&zeroed, 0);
    int e = uv_ip4_addr((const char *)zeroed.at, port, (struct sockaddr_in *)address);
    if (e != 0)
        e = uv_ip6_addr((const char *)zeroed.at, port, (struct sockaddr_in6 *)address);
    buf_free(&zeroed);
    return e;
}

/* A socket that is bound and listens, or an error of libuv.  libuv would keep a port that is bound
 * and cannot be listened on, so a handle of its is good for one port only. */
static int socket_on(const struct sockaddr_storage *address)
{
    int on = 1, off = 0;
    bool six = address->ss_family == AF_INET6;
    socklen_t length = six ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return uv_translate_sys_error(errno);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (six)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    if (bind(fd, (const struct sockaddr *)address, length) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int e = uv_translate_sys_error(errno);
    close(fd);
    return e;
}

/* The same for the first port that is free. */
static int socket_in_range(const struct config *config, struct bytes host, uint16_t *port)
{
    struct sockaddr_storage address = {0};
    int fd = UV_EADDRINUSE;
    for (uint32_t p = config->port; fd == UV_EADDRINUSE && p <= config->port_last; p++) {
        *port = (uint16_t)p;
        int e = address_of(host, *port, &address);
        fd = e != 0 ? e : socket_on(&address);
    }
    return fd;
}

static bool is_without_ipv6(int e)
{
    return e == UV_EAFNOSUPPORT || e == UV_EADDRNOTAVAIL;
}

int listener_open(uv_tcp_t *tcp, const struct config *config, uv_connection_cb callback,
                  struct buf *address, uint16_t *port)
{
    struct sockaddr_storage bound;
    int length = sizeof(bound);
    struct bytes host = buf_bytes(&config->address);
    int fd = socket_in_range(config, host, port);
    if (is_without_ipv6(fd) && bytes_equal(host, BYTES("::"))) {
        host = BYTES("0.0.0.0");
        fd = socket_in_range(config, host, port);
    }
    buf_put(address, host);
    if (fd < 0)
        return fd;
    int e = uv_tcp_open(tcp, fd);
    if (e != 0) {
        close(fd);
        return e;
    }
    e = uv_listen((uv_stream_t *)tcp, BACKLOG, callback);
    if (e == 0)
        e = uv_tcp_getsockname(tcp, (struct sockaddr *)&bound, &length);
    /* The port is at the same offset in both kinds of address. */
    if (e == 0)
        *port = ntohs(((struct sockaddr_in *)&bound)->sin_port);
    return e;
}

/* With %s for the key. */
static const char *what_to_do(int error)
{
    switch (error) {
    case UV_EADDRINUSE:
        return "choose another port in %s, or 0 for any free one";
    case UV_EADDRNOTAVAIL:
        return "choose an address of this machine in %s, or \"::\" for all";
    case UV_EACCES:
        return "choose a port from 1024 on in %s";
    default:
        return "choose another address or port in %s";
    }
}

void listener_put_failure(struct buf *line, const char *key, struct bytes address, uint16_t first,
                          uint16_t last, int error)
{
    buf_printf(line, "cannot listen on %.*s ", TEXT(address));
    if (error == UV_EADDRINUSE && last > first)
        buf_printf(line, "ports %u to %u: all are in use; ", first, last);
    else
        buf_printf(line, "port %u: %s; ", last, uv_strerror(error));
    buf_printf(line, what_to_do(error), key);
}

int listener_socket(struct bytes host, uint16_t *port)
{
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof(address);
    int e = address_of(host, *port, &address);
    int fd = e != 0 ? e : socket_on(&address);
    if (fd < 0)
        return fd;
    if (getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
        e = uv_translate_sys_error(errno);
        close(fd);
        return e;
    }
    *port = ntohs(((struct sockaddr_in *)&address)->sin_port);
    return fd;
}
