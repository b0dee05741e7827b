/* Included in front of each file of c_src in the flavour `cover`: what a process has run is written
 * down even if it ends without exit(), as the child that writes a snapshot does. */
#ifndef COPPICE_TEST_COVER_EXIT_H
#define COPPICE_TEST_COVER_EXIT_H

#include <stdlib.h>
#include <unistd.h>

void __gcov_dump(void);

static inline _Noreturn void cover_exit(int code)
{
    __gcov_dump();
    _exit(code);
}

static inline _Noreturn void cover_abort(void)
{
    __gcov_dump();
    abort();
}

#define _exit cover_exit
#define abort cover_abort

#endif
