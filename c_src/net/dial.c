#include "dial.h"

#include <stdbool.h>
#include <string.h>

#include "../limits.h"
#include "../mem.h"

/* The "Connection Attempt Delay" of RFC 8305. */
#define NEXT_MS 250

struct attempt {
    uv_tcp_t tcp; /* first: it is what is handed out and freed */
    uv_connect_t connecting;
    struct dial *dial;
    size_t place; /* in dial.attempts */
};

struct dial {
    uv_loop_t *loop;
    dial_done *done;
    void *who;
    uint16_t port;
    uv_getaddrinfo_t resolving;
    uv_timer_t next;
    struct sockaddr_storage addresses[LIMIT_ADDRESSES];
    struct attempt *attempts[LIMIT_ADDRESSES]; /* NULL: failed, or not begun */
    size_t count, begun, pending;
    bool resolves; /* the name */
    bool over;
    enum err err; /* should no attempt succeed */
    const char *why;
    unsigned holds; /* handles and requests of libuv that still point here */
};

static void dial_release(struct dial *d)
{
    if (--d->holds == 0)
        mem_free(d);
}

static void on_timer_closed(uv_handle_t *timer)
{
    dial_release(timer->data);
}

static void on_attempt_closed(uv_handle_t *tcp)
{
    struct attempt *a = (struct attempt *)(void *)tcp;
    struct dial *d = a->dial;
    mem_free(a);
    dial_release(d);
}

static void attempt_close(struct attempt *a)
{
    struct dial *d = a->dial;
    d->attempts[a->place] = NULL;
    d->pending--;
    uv_close((uv_handle_t *)&a->tcp, on_attempt_closed);
}

/* Frees the dial once libuv has let go of it. */
void dial_stop(struct dial *d)
{
    must(!d->over);
    d->over = true;
    if (d->resolves)
        uv_cancel((uv_req_t *)&d->resolving);
    for (size_t i = 0; i < d->begun; i++)
        if (d->attempts[i] != NULL)
            attempt_close(d->attempts[i]);
    uv_close((uv_handle_t *)&d->next, on_timer_closed);
}

static void dial_end(struct dial *d, uv_tcp_t *tcp)
{
    dial_done *done = d->done;
    void *who = d->who;
    enum err err = tcp != NULL ? OK : d->err;
    const char *why = d->why;
    dial_stop(d);
    done(who, tcp, err, why);
}

static void on_next(uv_timer_t *next);

static void on_connected(uv_connect_t *connecting, int status)
{
    struct attempt *a = connecting->data;
    struct dial *d = a->dial;
    if (d->over)
        return;
    if (status != 0) {
        d->why = uv_strerror(status);
        attempt_close(a);
        on_next(&d->next);
        return;
    }
    d->attempts[a->place] = NULL;
    d->pending--;
    d->holds--;
    dial_end(d, &a->tcp);
}

static void attempt_begin(struct dial *d)
{
    struct attempt *a = mem_take(sizeof(*a));
    const struct sockaddr *address = (const struct sockaddr *)&d->addresses[d->begun];
    a->dial = d;
    a->place = d->begun;
    a->connecting.data = a;
    d->attempts[d->begun++] = a;
    d->pending++;
    d->holds++;
    must(uv_tcp_init(d->loop, &a->tcp) == 0);
    int e = uv_tcp_connect(&a->connecting, &a->tcp, address, on_connected);
    if (e != 0) {
        d->why = uv_strerror(e);
        attempt_close(a);
    }
}

/* Begins with the next address, and waits for the one after it; ends where there is none, and
 * nothing to wait for. */
static void on_next(uv_timer_t *next)
{
    struct dial *d = next->data;
    size_t pending = d->pending;
    while (d->begun < d->count && d->pending == pending)
        attempt_begin(d);
    if (d->pending == 0)
        dial_end(d, NULL);
    else if (d->begun < d->count)
        uv_timer_start(next, on_next, NEXT_MS, 0);
    else
        uv_timer_stop(next);
}

/* --- addresses ------------------------------------------------------------------- */

static const struct addrinfo *next_of_family(const struct addrinfo *list, int family, bool same)
{
    while (list != NULL && (list->ai_family == family) != same)
        list = list->ai_next;
    return list;
}

static void add_address(struct dial *d, const struct addrinfo *found)
{
    struct sockaddr_storage *to = &d->addresses[d->count++];
    memcpy(to, found->ai_addr, found->ai_addrlen);
    if (found->ai_family == AF_INET6)
        ((struct sockaddr_in6 *)to)->sin6_port = htons(d->port);
    else
        ((struct sockaddr_in *)to)->sin_port = htons(d->port);
}

/* Those of the first one's family and the others in turn. */
static void take_addresses(struct dial *d, const struct addrinfo *list)
{
    int family = list != NULL ? list->ai_family : AF_UNSPEC;
    const struct addrinfo *of[] = {list, next_of_family(list, family, false)};
    for (int turn = 0; of[0] != NULL || of[1] != NULL; turn = 1 - turn) {
        const struct addrinfo *found = of[turn];
        if (found == NULL)
            continue;
        if (d->count == LIMIT_ADDRESSES)
            return;
        add_address(d, found);
        of[turn] = next_of_family(found->ai_next, family, turn == 0);
    }
}

static void on_resolved(uv_getaddrinfo_t *resolving, int status, struct addrinfo *found)
{
    struct dial *d = resolving->data;
    d->resolves = false;
    if (!d->over) {
        d->err = status != 0 ? ERR_HOST : ERR_REFUSED;
        d->why = status != 0 ? uv_strerror(status) : "no address";
        take_addresses(d, found);
        on_next(&d->next);
    }
    uv_freeaddrinfo(found);
    dial_release(d);
}

static struct dial *dial_new(uv_loop_t *loop, uint16_t port, dial_done *done, void *who)
{
    struct dial *d = mem_take(sizeof(*d));
    *d = (struct dial){.loop = loop, .done = done, .who = who, .port = port, .holds = 1};
    must(uv_timer_init(loop, &d->next) == 0);
    d->next.data = d->resolving.data = d;
    return d;
}

struct dial *dial_addresses(uv_loop_t *loop, const struct addrinfo *addresses, uint16_t port,
                            dial_done *done, void *who)
{
    struct dial *d = dial_new(loop, port, done, who);
    d->err = ERR_REFUSED;
    d->why = "no address";
    take_addresses(d, addresses);
    uv_timer_start(&d->next, on_next, 0, 0);
    return d;
}

/* The IPv4 one first, where a BEAM's epmd is as a rule. */
static struct dial *dial_localhost(uv_loop_t *loop, uint16_t port, dial_done *done, void *who)
{
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct addrinfo second = {
        .ai_family = AF_INET6, .ai_addr = (struct sockaddr *)&six, .ai_addrlen = sizeof(six)};
    struct addrinfo first = {.ai_family = AF_INET,
                             .ai_addr = (struct sockaddr *)&four,
                             .ai_addrlen = sizeof(four),
                             .ai_next = &second};
    return dial_addresses(loop, &first, port, done, who);
}

struct dial *dial_host(uv_loop_t *loop, const char *host, uint16_t port, dial_done *done, void *who)
{
    if (strcmp(host, "localhost") == 0)
        return dial_localhost(loop, port, done, who);
    static const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct dial *d = dial_new(loop, port, done, who);
    int e = uv_getaddrinfo(loop, &d->resolving, on_resolved, host, NULL, &hints);
    if (e == 0) {
        d->resolves = true;
        d->holds++;
    } else {
        d->err = ERR_HOST;
        d->why = uv_strerror(e);
        uv_timer_start(&d->next, on_next, 0, 0);
    }
    return d;
}
