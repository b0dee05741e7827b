/* `coppice status`. */
#include <stdio.h>

#include "../term/canon.h"
#include "../term/write.h"
#include "client.h"
#include "commands.h"
#include "output.h"
#include "report.h"

/* A term that is no status is printed as it is: another program may have the name `coppice`. */
static void show(struct bytes value, void *who)
{
    struct buf canonical = {0}, page = {0};
    (void)who;
    if (canon_put(&canonical, value) == OK &&
        report_put(&page, buf_bytes(&canonical), output_has_colour()))
        fwrite(page.at, 1, page.len, stdout);
    else
        print_term(value);
    buf_free(&canonical);
    buf_free(&page);
}

int command_status(struct args *args)
{
    struct buf term = {0};
    put_atom(&term, "status");
    int code =
        client_run(args, &(struct client_request){.kind = REQUEST_CALL,
                                                  .node = args->operands[0],
                                                  .server = "coppice",
                                                  .term = buf_bytes(&term),
                                                  .format = FORMAT_RESULT,
                                                  .show = args->term || args->json ? NULL : show});
    buf_free(&term);
    return code;
}
