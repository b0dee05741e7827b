#include "cookie.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../limits.h"
#include "file.h"

/* A line end or two behind the cookie. */
#define FILE_BYTES (LIMIT_COOKIE_BYTES + 16)

static void put_default_path(struct buf *path, bool in_home)
{
    const char *home = getenv("HOME"), *config = getenv("XDG_CONFIG_HOME");
    home = home != NULL ? home : "";
    if (in_home)
        buf_printf(path, "%s/.erlang.cookie", home);
    else if (config != NULL && config[0] != '\0')
        buf_printf(path, "%s/erlang/.erlang.cookie", config);
    else
        buf_printf(path, "%s/.config/erlang/.erlang.cookie", home);
    buf_put_u8(path, 0);
}

/* A file that systemd shows to this service alone (LoadCredential=), by an access list, which is
 * seen in the mode as rights of the group. */
static bool is_credential(const char *path)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    size_t len = folder != NULL ? strlen(folder) : 0;
    return len > 0 && strncmp(path, folder, len) == 0 && path[len] == '/';
}

static void warn_if_public(const char *path, struct buf *said)
{
    struct stat status;
    if (stat(path, &status) == 0 && (status.st_mode & 077) != 0 && !is_credential(path))
        buf_printf(said, "warning: others may read the cookie in %s: chmod 600 %s", path, path);
}

/* The first of the default files that exists.  Fails with the path of the first one. */
static enum err read_default(struct buf *cookie, struct buf *path)
{
    struct buf second = {0};
    put_default_path(path, true);
    enum err e = file_read(cookie, (const char *)path->at, FILE_BYTES);
    if (e != ERR_CLOSED || errno != ENOENT)
        return e;
    put_default_path(&second, false);
    e = file_read(cookie, (const char *)second.at, FILE_BYTES);
    if (e == ERR_CLOSED && errno == ENOENT) {
        buf_free(&second);
        return e;
    }
    buf_free(path);
    *path = second;
    return e;
}

static enum err read_file(struct config *c, struct buf *path)
{
    if (c->cookie_file.len == 0)
        return read_default(&c->cookie, path);
    buf_put(path, buf_bytes(&c->cookie_file));
    buf_put_u8(path, 0);
    return file_read(&c->cookie, (const char *)path->at, FILE_BYTES);
}

/* False for a character that a cookie cannot have. */
static bool cut(struct buf *cookie)
{
    size_t len = 0;
    while (len < cookie->len && cookie->at[len] >= ' ' && cookie->at[len] <= '~')
        len++;
    for (size_t i = len; i < cookie->len; i++)
        if (strchr(" \r\n", cookie->at[i]) == NULL || cookie->at[i] == '\0')
            return false;
    cookie->len = len;
    return true;
}

/* where: what is wrong is said of. */
static bool check(struct config *c, const char *where, struct buf *said)
{
    if (cut(&c->cookie) && c->cookie.len > 0 && c->cookie.len <= LIMIT_COOKIE_BYTES)
        return true;
    buf_clear(said);
    if (!cut(&c->cookie))
        buf_printf(said, "%s: a character is not printable ASCII; is it the cookie of the cluster?",
                   where);
    else if (c->cookie.len == 0)
        buf_printf(said, "%s: empty; write the cookie of the cluster there", where);
    else
        buf_printf(said, "%s: expected at most %d characters, found %zu", where, LIMIT_COOKIE_BYTES,
                   c->cookie.len);
    return false;
}

bool cookie_check(struct config *c, struct buf *said)
{
    return check(c, "the cookie", said);
}

static bool check_file(struct config *c, enum err e, const char *path, struct buf *said)
{
    char where[PATH_MAX + 40];
    if (e == ERR_CLOSED) {
        buf_printf(said, "cannot read the cookie from %s: %s; set cookie_file or COPPICE_COOKIE",
                   path, strerror(errno));
        return false;
    }
    snprintf(where, sizeof(where), "the cookie in %s", path);
    if (e != OK) {
        buf_printf(said, "%s: expected at most %d characters, found more; is it another file?",
                   where, LIMIT_COOKIE_BYTES);
        return false;
    }
    warn_if_public(path, said);
    return check(c, where, said);
}

bool cookie_find(struct config *c, struct buf *said)
{
    const char *cookie = getenv("COPPICE_COOKIE");
    struct buf path = {0};
    if (c->cookie.len > 0)
        return true;
    if (cookie != NULL) {
        buf_put(&c->cookie, bytes_of(cookie));
        return check(c, "$COPPICE_COOKIE", said);
    }
    enum err e = read_file(c, &path);
    bool good = check_file(c, e, (const char *)path.at, said);
    buf_free(&path);
    return good;
}
