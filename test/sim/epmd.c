
#include "dist/wire.h"
#include "mem.h"
#include "world.h"

/* epmd with its real protocol (erl_dist_protocol, "EPMD Protocol"): a name stays registered as
 * long as the connection that registered it is open; after any other request the connection is
 * closed. */

enum { ALIVE2_REQ = 120, ALIVE2_X_RESP = 118, PORT_PLEASE2_REQ = 122, PORT2_RESP = 119 };

static struct epmd_client *client_find(struct epmd *e, uint32_t conn)
{
    for (size_t i = 0; i < e->count; i++)
        if (e->clients[i].conn == conn)
            return &e->clients[i];
    return NULL;
}

static struct epmd_client *name_find(struct epmd *e, struct bytes name)
{
    for (size_t i = 0; i < e->count; i++)
        if (e->clients[i].registered && bytes_equal(buf_bytes(&e->clients[i].name), name))
            return &e->clients[i];
    return NULL;
}

bool epmd_listens(const struct sim *s, unsigned machine)
{
    return s->epmds[machine].up;
}

void epmd_start(struct sim *s, unsigned machine)
{
    if (s->epmds[machine].up || !s->machines[machine].up)
        return;
    s->epmds[machine].up = true;
    trace_log(s, "epmd runs on %s", s->machines[machine].name);
}

static void client_drop(struct epmd *e, struct epmd_client *c)
{
    buf_free(&c->in);
    buf_free(&c->name);
    *c = e->clients[--e->count];
}

void epmd_end(struct sim *s, unsigned machine)
{
    struct epmd *e = &s->epmds[machine];
    e->up = false;
    while (e->count > 0)
        client_drop(e, &e->clients[0]);
    network_reset(s, PARTY_EPMD, machine);
}

uint32_t epmd_accepted(struct sim *s, unsigned machine)
{
    struct epmd *e = &s->epmds[machine];
    e->clients = mem_room(e->clients, e->count, &e->cap, sizeof(*e->clients));
    e->clients[e->count++] = (struct epmd_client){.conn = ++e->accepted};
    return e->accepted;
}

static void answer(struct sim *s, unsigned machine, uint32_t conn, struct buf *out)
{
    network_send(s, PARTY_EPMD, machine, conn, buf_bytes(out));
    buf_free(out);
}

static void hang_up(struct sim *s, unsigned machine, uint32_t conn)
{
    struct epmd *e = &s->epmds[machine];
    client_drop(e, client_find(e, conn));
    network_close(s, PARTY_EPMD, machine, conn);
}

static void register_name(struct sim *s, unsigned machine, struct epmd_client *c, struct wire *in)
{
    uint16_t port = wire_u16(in);
    wire_bytes(in, 6); /* type, protocol, versions */
    struct bytes name = wire_bytes(in, wire_u16(in));
    wire_bytes(in, wire_u16(in)); /* extra */
    must(!in->truncated && in->left.len == 0);
    bool taken = name_find(&s->epmds[machine], name) != NULL;
    struct buf out = {0};
    buf_put_u8(&out, ALIVE2_X_RESP);
    buf_put_u8(&out, taken);
    buf_put_u32(&out, taken ? 0 : ++s->creation);
    answer(s, machine, c->conn, &out);
    if (taken) {
        hang_up(s, machine, c->conn);
        return;
    }
    c->registered = true;
    c->port = port;
    buf_put(&c->name, name);
}

static void look_up(struct sim *s, unsigned machine, struct epmd_client *c, struct wire *in)
{
    struct bytes name = in->left;
    const struct epmd_client *found = name_find(&s->epmds[machine], name);
    struct buf out = {0};
    buf_put_u8(&out, PORT2_RESP);
    buf_put_u8(&out, found == NULL);
    if (found != NULL) {
        buf_put_u16(&out, found->port);
        buf_put(&out, BYTES("H\0\0\6\0\6")); /* hidden, TCP, version 6 to 6 */
        buf_put_u16(&out, (uint16_t)name.len);
        buf_put(&out, name);
        buf_put_u16(&out, 0);
    }
    answer(s, machine, c->conn, &out);
    hang_up(s, machine, c->conn);
}

void epmd_bytes(struct sim *s, unsigned machine, uint32_t conn, struct bytes bytes)
{
    struct epmd_client *c = client_find(&s->epmds[machine], conn);
    buf_put(&c->in, bytes);
    struct wire in = wire_open(buf_bytes(&c->in));
    in = wire_open(wire_bytes(&in, wire_u16(&in)));
    if (in.left.len == 0)
        return;
    switch (wire_u8(&in)) {
    case ALIVE2_REQ:
        register_name(s, machine, c, &in);
        break;
    case PORT_PLEASE2_REQ:
        look_up(s, machine, c, &in);
        break;
    default:
        sim_violated(s, "epmd on %s got an unknown request", s->machines[machine].name);
    }
}

void epmd_closed(struct sim *s, unsigned machine, uint32_t conn)
{
    struct epmd *e = &s->epmds[machine];
    struct epmd_client *c = client_find(e, conn);
    if (c != NULL)
        client_drop(e, c);
}
