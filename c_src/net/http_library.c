#include "http_library.h"

#include <dlfcn.h>

#include "../err.h"

/* The number changes with the library's binary interface. */
#define FILE_NAME "libmicrohttpd.so.12"

const struct http_library *http_library(struct buf *why)
{
    static struct http_library library;
    void *file = dlopen(FILE_NAME, RTLD_NOW | RTLD_LOCAL);
    if (file == NULL) {
        buf_printf(why, "%s: install it (Debian's package libmicrohttpd12)", dlerror());
        return NULL;
    }
    /* ISO C has no conversion from dlsym()'s result to a function's address; POSIX has it. */
#define FIND(name)                                                                                 \
    *(void **)&library.name = dlsym(file, #name);                                                  \
    must(library.name != NULL);
    HTTP_LIBRARY_FUNCTIONS(FIND)
#undef FIND
    return &library;
}
