#include "command_name.h"

#include <string.h>

#include "../err.h"

#define PREFIX "-coppice_"

void command_name_put(struct buf *out, unsigned i, struct bytes host)
{
    must(i < 2 * COMMAND_NAMES);
    buf_printf(out, PREFIX "%u@%.*s", i + 1, TEXT(host));
}

bool command_name_is(struct bytes node)
{
    struct bytes prefix = BYTES(PREFIX);
    return node.len > prefix.len && memcmp(node.at, prefix.at, prefix.len) == 0;
}
