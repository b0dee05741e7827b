/* The command that prints a replica's values as they change. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../term/etf.h"
#include "../term/write.h"
#include "client.h"
#include "commands.h"
#include "output.h"

/* The value in #{value => _, version => _}; empty if it has none. */
static struct bytes value_of(struct bytes change)
{
    struct etf_in in = etf_open(change);
    struct bytes value = {0};
    for (uint32_t pairs = etf_map(&in); pairs > 0; pairs--) {
        bool found = etf_accept(&in, "value");
        if (!found)
            etf_any(&in);
        struct bytes term = etf_any(&in);
        value = found ? term : value;
    }
    return value;
}

static int print_change(const struct client_request *r, struct bytes change)
{
    struct bytes value = value_of(change);
    if (value.len == 0)
        return fail(EXIT_FAILURE,
                    "%s at %s: its value is too large to be sent with each change; "
                    "`coppice value` prints it once",
                    r->server, r->node);
    if (r->plain)
        print_plain(value);
    else
        print_term(value);
    if (fflush(stdout) != 0)
        return fail(EX_IOERR, "standard output: %s", strerror(errno));
    return 0;
}

int command_watch(struct args *args)
{
    struct buf options = {0};
    put_map(&options, 0);
    int code = client_run(args, &(struct client_request){.kind = REQUEST_SUBSCRIBE,
                                                         .node = args->operands[0],
                                                         .server = args->operands[1],
                                                         .term = buf_bytes(&options),
                                                         .format = FORMAT_RESULT,
                                                         .changed = print_change,
                                                         .plain = args->plain,
                                                         .to_replica = true});
    buf_free(&options);
    return code;
}
