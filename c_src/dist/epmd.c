#include "epmd.h"

#include "../limits.h"
#include "wire.h"

enum { ALIVE2_REQ = 120, ALIVE2_RESP = 121, ALIVE2_X_RESP = 118 };
enum { PORT_PLEASE2_REQ = 122, PORT2_RESP = 119 };
enum { NODE_VISIBLE = 77, NODE_HIDDEN = 72 };
enum { PROTOCOL_TCP = 0 };
enum { DIST_VERSION = 6 };

/* Bytes of a registration without the name. */
#define REGISTER_BYTES 13

void epmd_put_register(struct buf *out, struct bytes name, uint16_t port, bool visible)
{
    must(name.len <= LIMIT_NODE_NAME_BYTES);
    buf_put_u16(out, (uint16_t)(REGISTER_BYTES + name.len));
    buf_put_u8(out, ALIVE2_REQ);
    buf_put_u16(out, port);
    buf_put_u8(out, visible ? NODE_VISIBLE : NODE_HIDDEN);
    buf_put_u8(out, PROTOCOL_TCP);
    buf_put_u16(out, DIST_VERSION); /* highest */
    buf_put_u16(out, DIST_VERSION); /* lowest */
    buf_put_u16(out, (uint16_t)name.len);
    buf_put(out, name);
    buf_put_u16(out, 0); /* extra */
}

enum epmd_answer epmd_registered(struct bytes answer, uint32_t *creation)
{
    struct wire in = wire_open(answer);
    uint8_t tag = wire_u8(&in);
    uint8_t result = wire_u8(&in);
    if (answer.len > 0 && tag != ALIVE2_RESP && tag != ALIVE2_X_RESP)
        return EPMD_NONSENSE;
    uint32_t given = tag == ALIVE2_X_RESP ? wire_u32(&in) : wire_u16(&in);
    if (in.truncated)
        return EPMD_MORE;
    if (in.left.len > 0)
        return EPMD_NONSENSE;
    if (result != 0)
        return EPMD_NO;
    *creation = given;
    return EPMD_DONE;
}

void epmd_put_lookup(struct buf *out, struct bytes name)
{
    must(name.len <= LIMIT_NODE_NAME_BYTES);
    buf_put_u16(out, (uint16_t)(1 + name.len));
    buf_put_u8(out, PORT_PLEASE2_REQ);
    buf_put(out, name);
}

enum epmd_answer epmd_found(struct bytes answer, uint16_t *port)
{
    struct wire in = wire_open(answer);
    uint8_t tag = wire_u8(&in);
    uint8_t result = wire_u8(&in);
    if (answer.len > 0 && (tag != PORT2_RESP || answer.len > LIMIT_EPMD_BYTES))
        return EPMD_NONSENSE;
    /* A negative answer has these two bytes and nothing else. */
    if (!in.truncated && result != 0)
        return in.left.len > 0 ? EPMD_NONSENSE : EPMD_NO;
    uint16_t given = wire_u16(&in);
    wire_bytes(&in, 2); /* type and protocol */
    uint16_t highest = wire_u16(&in);
    uint16_t lowest = wire_u16(&in);
    wire_bytes(&in, wire_u16(&in)); /* name */
    wire_bytes(&in, wire_u16(&in)); /* extra */
    if (in.truncated)
        return answer.len < LIMIT_EPMD_BYTES ? EPMD_MORE : EPMD_NONSENSE;
    if (in.left.len > 0 || given == 0)
        return EPMD_NONSENSE;
    if (lowest > DIST_VERSION || highest < DIST_VERSION)
        return EPMD_NO;
    *port = given;
    return EPMD_DONE;
}
