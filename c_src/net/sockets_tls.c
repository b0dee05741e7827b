#include "../limits.h"
#include "sockets_internal.h"
#include "tls.h"

void socket_tls_flush(struct socket *s)
{
    size_t count = tls_out(s->tls)->len;
    if (count == 0 || s->closed)
        return;
    s->said += count;
    socket_write(s, tls_out(s->tls), 0);
    if (s->said <= LIMIT_TLS_SAID_BYTES)
        return;
    s->why = "it asks for new keys all the time, and does not read the answers";
    socket_end(s, ERR_TLS);
}

/* The peer gets the reason, as an alert, and the node. */
static void tls_fail(struct socket *s)
{
    s->why = tls_why(s->tls);
    socket_tls_flush(s);
    socket_settle(s);
    socket_report(s, ERR_TLS);
    socket_drain_few(s);
}

static void tls_opened(struct socket *s)
{
    const struct socket_events *events = &s->all->events;
    socket_settle(s);
    s->opened = true;
    if (s->id % 2 == 1)
        events->opened(events->who, s->id, tls_peer(s->tls));
    else
        events->accepted(events->who, s->id, tls_peer(s->tls));
}

void socket_tls_say_end(struct socket *s)
{
    tls_end(s->tls);
    socket_tls_flush(s);
}

void socket_tls_receive(struct socket *s)
{
    struct sockets *all = s->all;
    size_t count = 1;
    while (count > 0 && !s->closing && !s->closed) {
        count = tls_read(s->tls, all->plain, SOCKET_READ_BYTES);
        socket_tls_flush(s);
        if (!s->opened && tls_was_open(s->tls))
            tls_opened(s);
        if (count > 0 && !s->closing)
            all->events.bytes(all->events.who, s->id, (struct bytes){all->plain, count});
    }
    if (s->closing || s->closed)
        return;
    if (tls_state(s->tls) == TLS_FAILED)
        tls_fail(s);
    else if (tls_state(s->tls) == TLS_ENDED)
        socket_end(s, ERR_CLOSED);
}
