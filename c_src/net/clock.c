#include "clock.h"

#include <time.h>

#include "../err.h"

#define NS_A_MS 1000000u

uint64_t clock_wall_ms(void)
{
    struct timespec now;
    must(clock_gettime(CLOCK_REALTIME, &now) == 0);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / NS_A_MS;
}
