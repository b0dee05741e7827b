#include "descriptors.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../err.h"

void descriptors_fill(void)
{
    int opened;
    /* Opening gives the lowest number that is free. */
    do
        opened = open("/dev/null", O_RDWR);
    while (opened >= 0 && opened <= STDERR_FILENO);
    if (opened >= 0)
        close(opened);
}

uint64_t descriptors_limit(void)
{
    struct rlimit limit;
    must(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    return limit.rlim_cur;
}

uint64_t descriptors_raise(size_t stores)
{
    struct rlimit limit;
    must(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    rlim_t most = DESCRIPTORS_MAX(stores);
    rlim_t wanted = limit.rlim_max < most ? limit.rlim_max : most;
    rlim_t before = limit.rlim_cur;
    if (before >= wanted)
        return before;
    limit.rlim_cur = wanted;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? wanted : before;
}

/* A connection may briefly be there twice, once from each side. */
bool descriptors_suffice(uint64_t limit, size_t nodes, size_t stores, struct buf *line)
{
    size_t needed = DESCRIPTORS_OWN + 2 * nodes + DESCRIPTORS_STORE * stores;
    if (needed <= limit)
        return true;
    buf_printf(line,
               "the limit of open files is %llu, but the nodes and the stored replicas that are "
               "configured may need %zu: raise the hard limit (ulimit -n, LimitNOFILE)",
               (unsigned long long)limit, needed);
    return false;
}
