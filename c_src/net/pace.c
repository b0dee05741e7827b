#include "pace.h"

#include "../limits.h"

/* Below, the step's own cost and the clock's are too much of it. */
#define WORK_LEAST (LIMIT_STEP_WORK / 4)

void pace_note(struct pace *p, uint64_t work, uint64_t ns)
{
    if (work < WORK_LEAST)
        return;
    uint64_t found = ns * 256 / work;
    found = found > 256 ? found - 256 : 0;
    uint32_t now = found < PACE_SLOWEST ? (uint32_t)found : PACE_SLOWEST;
    if (now > p->slowness)
        p->slowness += (now - p->slowness + 3) / 4;
    else
        p->slowness -= (p->slowness - now + 31) / 32;
}
