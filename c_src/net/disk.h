/* The real disk behind the functions of store/disk.h. */
#ifndef COPPICE_NET_DISK_H
#define COPPICE_NET_DISK_H

#include "../store/disk.h"

/* Stateless: for any thread, and for forked children. */
const struct disk *net_disk(void);

#endif
