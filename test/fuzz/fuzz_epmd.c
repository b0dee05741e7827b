/* Arbitrary bytes as what epmd answers to a registration and to a look-up, in pieces; and as the
 * name in a request.
 *
 * More bytes turn "incomplete" into something else, but nothing else into "incomplete"; a refusal
 * or an answer with something behind it is none.  A request names its own length. */
#include <stddef.h>
#include <stdint.h>

#include "dist/epmd.h"
#include "dist/wire.h"
#include "err.h"
#include "limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of longer inputs only the last prefixes are tried. */
#define PREFIXES 64

static void answers(struct bytes all)
{
    enum epmd_answer registered = EPMD_MORE, found = EPMD_MORE;
    for (size_t n = all.len > PREFIXES ? all.len - PREFIXES : 0; n <= all.len; n++) {
        /* Where nothing is set, what was there is left. */
        uint32_t creation = 1u << 31;
        uint16_t port = 0;
        struct bytes front = {all.at, n};
        enum epmd_answer last_registered = registered, last_found = found;
        registered = epmd_registered(front, &creation);
        found = epmd_found(front, &port);
        must(last_registered == EPMD_MORE || registered == EPMD_NONSENSE);
        must(last_found == EPMD_MORE || found == EPMD_NONSENSE);
        must((found == EPMD_DONE) == (port != 0));
        must(registered == EPMD_DONE || creation == 1u << 31);
        must(registered != EPMD_MORE || n < 6);
        must(found != EPMD_MORE || n < LIMIT_EPMD_BYTES);
    }
}

static void requests(struct bytes name)
{
    struct buf out = {0};
    if (name.len > LIMIT_NODE_NAME_BYTES)
        name.len = LIMIT_NODE_NAME_BYTES;
    epmd_put_register(&out, name, 4369, name.len % 2 == 0);
    struct wire in = wire_open(buf_bytes(&out));
    must(wire_u16(&in) == in.left.len);
    wire_bytes(&in, 9);
    must(bytes_equal(wire_bytes(&in, wire_u16(&in)), name));
    must(wire_u16(&in) == 0 && in.left.len == 0 && !in.truncated);
    buf_clear(&out);
    epmd_put_lookup(&out, name);
    in = wire_open(buf_bytes(&out));
    must(wire_u16(&in) == in.left.len && wire_bytes(&in, 1).len == 1);
    must(bytes_equal(in.left, name));
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    answers((struct bytes){data, size});
    requests((struct bytes){data, size});
    return 0;
}
