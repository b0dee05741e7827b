/* The cookie of a command. */
#ifndef COPPICE_CLI_COOKIE_H
#define COPPICE_CLI_COOKIE_H

#include "../node/config.h"

/* Sets config->cookie as cookie_find() does (net/cookie.h).  Returns 0, or the exit code after a
 * message; a warning may be printed in both cases. */
int cookie_read(struct config *config);

#endif
