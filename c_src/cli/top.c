/* `coppice top`: the page of `coppice status`, kept up to date. */
#include <stdio.h>
#include <time.h>

#include "../term/canon.h"
#include "../term/write.h"
#include "client.h"
#include "commands.h"
#include "output.h"
#include "report.h"
#include "screen.h"

/* Milliseconds between two looks. */
#define PAUSE_MS 1000

struct top {
    struct buf page; /* the last one */
    char last[40];   /* line below it */
    bool colour, taken;
};

static void set_last(struct top *top)
{
    time_t now = time(NULL);
    struct tm local;
    if (localtime_r(&now, &local) == NULL ||
        strftime(top->last, sizeof(top->last), "%H:%M:%S  q ends", &local) == 0)
        top->last[0] = '\0';
}

static void take(struct bytes value, void *who)
{
    struct top *top = who;
    struct buf canonical = {0}, page = {0};
    top->taken =
        canon_put(&canonical, value) == OK && report_put(&page, buf_bytes(&canonical), top->colour);
    if (top->taken) {
        buf_clear(&top->page);
        buf_put(&top->page, buf_bytes(&page));
        set_last(top);
    }
    buf_free(&canonical);
    buf_free(&page);
}

/* Under the name of one of the commands, as any other: nothing is left on the node in between. */
static int ask(struct args *args, struct top *top)
{
    struct buf term = {0};
    put_atom(&term, "status");
    top->taken = false;
    int code = client_run(args, &(struct client_request){.kind = REQUEST_CALL,
                                                         .node = args->operands[0],
                                                         .server = "coppice",
                                                         .term = buf_bytes(&term),
                                                         .format = FORMAT_RESULT,
                                                         .show = take,
                                                         .who = top});
    buf_free(&term);
    return code;
}

static void draw(const struct top *top)
{
    screen_draw(buf_bytes(&top->page), top->last);
}

/* Until the user ends it: a node that does not answer may be one that is started again. */
static void watch(struct args *args, struct top *top)
{
    int code = 0;
    draw(top);
    while (code != EXIT_INTERRUPTED && screen_wait(PAUSE_MS)) {
        /* Wipes the error below the page. */
        if (code != 0)
            draw(top);
        code = ask(args, top);
        if (top->taken)
            draw(top);
    }
}

int command_top(struct args *args)
{
    struct top top = {.colour = output_has_colour()};
    if (!screen_possible())
        return fail(EX_USAGE, "top needs a terminal; `coppice status` prints the same once");
    int code = ask(args, &top);
    if (code == 0 && !top.taken)
        code = fail(EX_UNAVAILABLE, "%s runs no coppice", args->operands[0]);
    if (code == 0) {
        screen_open();
        watch(args, &top);
        screen_close();
    }
    buf_free(&top.page);
    return code;
}
