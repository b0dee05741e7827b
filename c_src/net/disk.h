/* The disk that is really there, behind the functions of store/disk.h. */
#ifndef COPPICE_NET_DISK_H
#define COPPICE_NET_DISK_H

#include "../store/disk.h"

/* Has no state: for any thread, and for copies of the process. */
const struct disk *net_disk(void);

#endif
