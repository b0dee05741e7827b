/* The cookie, found and read as OTP does it: from $COPPICE_COOKIE, else from cookie_file, else from
 * .erlang.cookie in the home directory, else from erlang/.erlang.cookie in $XDG_CONFIG_HOME
 * (default ~/.config).  It is every printable character, spaces included, up to the first other
 * one, after which only spaces and ends of lines may follow.
 *
 * Source: kernel's auth.erl (read_cookie, check_cookie), tried on OTP 25. */
#ifndef COPPICE_NET_COOKIE_H
#define COPPICE_NET_COOKIE_H

#include "../node/config.h"

/* Sets c->cookie, unless that was done before.  False when there is none that can be used.  said is
 * what to tell the user: why, or a warning, where others may read the file; empty if all is well.
 */
must_use bool cookie_find(struct config *c, struct buf *said);

/* Cuts off the line end behind c->cookie; false, with said, if what is left is no cookie. */
must_use bool cookie_check(struct config *c, struct buf *said);

#endif
