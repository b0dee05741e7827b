/* The cookie, found and read as OTP does it. */
#ifndef COPPICE_CLI_COOKIE_H
#define COPPICE_CLI_COOKIE_H

#include "../node/config.h"

/* Sets config->cookie, unless that was done before: from $COPPICE_COOKIE, else from cookie_file,
 * else from .erlang.cookie in the home directory, else from erlang/.erlang.cookie in
 * $XDG_CONFIG_HOME (default ~/.config).  It is every printable character, spaces included, up to
 * the first other one, after which only spaces and ends of lines may follow.  Warns where others
 * may read the file.  Returns 0, or the exit code after a message.
 *
 * Source: kernel's auth.erl (read_cookie, check_cookie), tried on OTP 25. */
int cookie_read(struct config *config);

#endif
