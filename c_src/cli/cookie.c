#include "cookie.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../limits.h"
#include "../net/file.h"
#include "output.h"

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

static void warn_if_public(const char *path)
{
    struct stat status;
    if (stat(path, &status) == 0 && (status.st_mode & 077) != 0 && !is_credential(path))
        print_error("warning: others may read the cookie in %s: chmod 600 %s", path, path);
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

static int check(struct config *c)
{
    if (!cut(&c->cookie))
        return fail(EX_CONFIG, "the cookie has a character that is not printable ASCII");
    if (c->cookie.len == 0 || c->cookie.len > LIMIT_COOKIE_BYTES)
        return fail(EX_CONFIG, "the cookie must have 1 to 255 characters");
    return 0;
}

int cookie_read(struct config *c)
{
    const char *cookie = getenv("COPPICE_COOKIE");
    struct buf path = {0};
    if (cookie != NULL) {
        buf_put(&c->cookie, bytes_of(cookie));
        return check(c);
    }
    enum err e = read_file(c, &path);
    int code = 0;
    if (e == ERR_CLOSED)
        code =
            fail(EX_CONFIG, "cannot read the cookie from %s: %s; set cookie_file or COPPICE_COOKIE",
                 (const char *)path.at, strerror(errno));
    else if (e != OK)
        code = fail(EX_CONFIG, "the cookie must have 1 to 255 characters");
    else
        warn_if_public((const char *)path.at);
    buf_free(&path);
    return code == 0 ? check(c) : code;
}
