#include "cookie.h"

#include "../net/cookie.h"
#include "output.h"

int cookie_read(struct config *c)
{
    struct buf said = {0};
    bool good = cookie_find(c, &said);
    if (said.len > 0)
        print_error("%.*s", TEXT(said));
    buf_free(&said);
    return good ? 0 : EX_CONFIG;
}
