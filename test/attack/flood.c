#include "flood.h"

#include "err.h"

#define STEP_MS 10

struct link *let_in(struct scene *s, const char *name)
{
    struct link *l = link_open(&s->target, name, TARGET_COOKIE);
    if (l == NULL)
        die("the coppice does not let %s in, see %s", name, s->target.log);
    return l;
}

bool flood_by(struct scene *s, struct link *l, flood_round *round, enum reading reading)
{
    unsigned long sent = 0;
    for (uint32_t n = 0; time_is_left(s) && !l->cut; n++) {
        round(l, n);
        sent += channel_out(l->channel)->len;
        while (!link_flush(l, STEP_MS) && !l->cut && time_is_left(s))
            if (reading == READS)
                link_drop(l);
        if (reading == READS)
            link_drop(l);
    }
    figure(s, "%.1f MB%s", (double)sent / 1e6, l->cut ? ", cut off" : "");
    return l->cut;
}

bool flood(struct scene *s, flood_round *round, enum reading reading)
{
    struct link *l = let_in(s, "attacker");
    bool cut = flood_by(s, l, round, reading);
    link_close(l);
    return cut;
}
