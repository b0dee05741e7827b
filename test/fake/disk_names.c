#include <errno.h>
#include <string.h>

#include "fake/disk_internal.h"
#include "limits.h"
#include "mem.h"

static char *copy_of(const char *path)
{
    size_t len = strlen(path) + 1;
    return memcpy(mem_take(len), path, len);
}

struct name *name_find(const struct names *names, const char *path)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->at[i].path, path) == 0)
            return &names->at[i];
    return NULL;
}

void name_remove(struct names *names, const char *path)
{
    struct name *n = name_find(names, path);
    if (n == NULL)
        return;
    mem_free(n->path);
    *n = names->at[--names->count];
}

void name_make(struct names *names, const char *path, struct file *file)
{
    name_remove(names, path);
    names->at = mem_room(names->at, names->count, &names->cap, sizeof(*names->at));
    names->at[names->count++] = (struct name){copy_of(path), file};
}

void names_clear(struct names *names)
{
    while (names->count > 0)
        name_remove(names, names->at[0].path);
}

bool names_have(const struct names *names, const struct file *f)
{
    for (size_t i = 0; i < names->count; i++)
        if (names->at[i].file == f)
            return true;
    return false;
}

int names_resolve(const struct names *names, const char *path, struct buf *out)
{
    size_t before = out->len;
    buf_printf(out, "%s", path);
    for (unsigned links = 0; links <= LIMIT_LINKS; links++) {
        buf_put_u8(out, 0);
        const char *at = (const char *)out->at + before;
        const struct name *n = name_find(names, at);
        size_t folder = folder_len(at);
        out->len--;
        if (n == NULL || !n->file->link)
            return 0;
        out->len = before + (n->file->bytes.at[0] == '/' ? 0 : folder);
        buf_put(out, buf_bytes(&n->file->bytes));
    }
    return -ELOOP;
}

struct change change_new(const char *removed, const char *made, struct file *file)
{
    struct change c = {.file = file};
    c.removed = removed != NULL ? copy_of(removed) : NULL;
    c.made = made != NULL ? copy_of(made) : NULL;
    return c;
}

void change_apply(const struct change *c, struct names *names)
{
    if (c->removed != NULL)
        name_remove(names, c->removed);
    if (c->made != NULL)
        name_make(names, c->made, c->file);
}

void change_free(struct change *c)
{
    mem_free(c->removed);
    mem_free(c->made);
}

size_t folder_len(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? 0 : (size_t)(slash - path) + 1;
}

bool same_folder(const char *a, const char *b)
{
    size_t len = folder_len(a);
    return len == folder_len(b) && memcmp(a, b, len) == 0;
}
