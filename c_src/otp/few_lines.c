#include "few_lines.h"

#include "../limits.h"
#include "list.h"

static void on_pause(struct wakeup *w, struct turn *t)
{
    struct few_lines *f = CONTAINER_OF(w, struct few_lines, pause);
    f->lines = 0;
    if (f->untold == 0)
        return;
    turn_log(t, LOG_INFO, "and %llu more %s", (unsigned long long)f->untold, f->rest);
    f->untold = 0;
    wakeup_set(f->wakeups, &f->pause, t->now_ms + LIMIT_FEW_LINES_MS);
}

void few_lines_init(struct few_lines *f, struct wakeups *wakeups, unsigned most, const char *rest)
{
    *f = (struct few_lines){.wakeups = wakeups, .most = most, .rest = rest, .pause.ring = on_pause};
}

bool few_lines_may(struct few_lines *f, struct turn *t)
{
    if (f->lines == f->most) {
        f->untold++;
        return false;
    }
    f->lines++;
    if (f->pause.place == 0)
        wakeup_set(f->wakeups, &f->pause, t->now_ms + LIMIT_FEW_LINES_MS);
    return true;
}
