#include "fake/disk.h"

#include <errno.h>
#include <string.h>

#include "err.h"
#include "fake/disk_internal.h"
#include "mem.h"

struct handle {
    int number;
    struct file *file;
    bool reads, writes;
};

struct fake_disk {
    struct disk disk;
    struct file *files;
    struct names now, synced;
    struct change *changes;
    size_t change_count, change_cap;
    struct handle *handles;
    size_t handle_count, handle_cap;
    int last_handle; /* handles are never reused */
    uint64_t calls, fail_in;
    int code;
    bool then_all, killed, failed, dead;
};

/* --- files and names ------------------------------------------------------------ */

static void change(struct fake_disk *d, const char *removed, const char *made, struct file *file)
{
    struct change c = change_new(removed, made, file);
    change_apply(&c, &d->now);
    d->changes = mem_room(d->changes, d->change_count, &d->change_cap, sizeof(*d->changes));
    d->changes[d->change_count++] = c;
}

static struct file *file_new(struct fake_disk *d)
{
    struct file *f = mem_take(sizeof(*f));
    f->next = d->files;
    d->files = f;
    return f;
}

/* The file that a path leads to, over symbolic links; NULL if there is none.  Appends the path at
 * which it is, or would be created, with its NUL. */
static struct file *follow(struct fake_disk *d, const char *path, struct buf *target)
{
    int code = names_resolve(&d->now, path, target);
    buf_put_u8(target, 0);
    struct name *n = code == 0 ? name_find(&d->now, (const char *)target->at) : NULL;
    return n != NULL ? n->file : NULL;
}

static bool is_used(const struct fake_disk *d, const struct file *f)
{
    for (size_t i = 0; i < d->change_count; i++)
        if (d->changes[i].file == f)
            return true;
    for (size_t i = 0; i < d->handle_count; i++)
        if (d->handles[i].file == f)
            return true;
    return names_have(&d->now, f) || names_have(&d->synced, f);
}

/* Frees the files that are unreachable, even after a crash. */
static void sweep(struct fake_disk *d)
{
    for (struct file **at = &d->files; *at != NULL;) {
        struct file *f = *at;
        if (is_used(d, f)) {
            at = &f->next;
            continue;
        }
        *at = f->next;
        file_free(f);
    }
}

/* --- handles and errors ------------------------------------------------------------------- */

static struct handle *handle_find(struct fake_disk *d, int number)
{
    for (size_t i = 0; i < d->handle_count; i++)
        if (d->handles[i].number == number)
            return &d->handles[i];
    return NULL;
}

static int handle_new(struct fake_disk *d, struct file *f, bool reads, bool writes)
{
    d->handles = mem_room(d->handles, d->handle_count, &d->handle_cap, sizeof(*d->handles));
    d->handles[d->handle_count++] = (struct handle){++d->last_handle, f, reads, writes};
    return d->last_handle;
}

/* The error that this call is to return; 0: none, it takes effect. */
static int injected_error(struct fake_disk *d)
{
    d->calls++;
    if (d->dead)
        return d->code;
    if (d->fail_in == 0 || --d->fail_in > 0)
        return 0;
    d->failed = true;
    d->dead = d->then_all;
    return d->code;
}

/* The same for a call that only reads. */
static int reading_error(struct fake_disk *d)
{
    int code = injected_error(d);
    return code == -EROFS && d->then_all ? 0 : code;
}

/* --- struct disk ---------------------------------------------------------------------------- */

static int disk_open(void *who, const char *path, enum disk_open how)
{
    struct fake_disk *d = who;
    int code = how == DISK_READ ? reading_error(d) : injected_error(d);
    if (code != 0)
        return code;
    if (how == DISK_CREATE && name_find(&d->now, path) != NULL)
        return -EEXIST;
    struct buf target = {0};
    struct file *f = follow(d, path, &target);
    if (f == NULL && (how == DISK_READ || how == DISK_APPEND)) {
        buf_free(&target);
        return -ENOENT;
    }
    if (f == NULL) {
        f = file_new(d);
        change(d, NULL, (const char *)target.at, f);
    } else if (how == DISK_TRUNCATE) {
        file_truncate(f, 0);
    }
    buf_free(&target);
    return handle_new(d, f, how == DISK_READ, how != DISK_READ);
}

static int disk_close(void *who, int number)
{
    struct fake_disk *d = who;
    int code = reading_error(d);
    struct handle *h = handle_find(d, number);
    if (h == NULL)
        return code != 0 ? code : -EBADF;
    if (h->file->locked == number)
        h->file->locked = 0;
    *h = d->handles[--d->handle_count];
    return code;
}

static int disk_read(void *who, int number, struct buf *out, size_t limit)
{
    struct fake_disk *d = who;
    int code = reading_error(d);
    struct handle *h = handle_find(d, number);
    if (code != 0)
        return code;
    if (h == NULL || !h->reads)
        return -EBADF;
    if (h->file->bytes.len > limit)
        return -EFBIG;
    buf_put(out, buf_bytes(&h->file->bytes));
    return 0;
}

static int disk_write(void *who, int number, struct bytes bytes)
{
    struct fake_disk *d = who;
    bool alive = !d->dead;
    int code = injected_error(d);
    struct handle *h = handle_find(d, number);
    if (h == NULL || !h->writes)
        return code != 0 ? code : -EBADF;
    uint64_t seed = d->calls;
    if (code != 0)
        bytes.len = alive ? (size_t)(fake_mix(&seed) % (bytes.len + 1)) : 0;
    buf_put(&h->file->bytes, bytes);
    return code;
}

static int disk_sync(void *who, int number)
{
    struct fake_disk *d = who;
    int code = injected_error(d);
    struct handle *h = handle_find(d, number);
    if (h == NULL)
        return code != 0 ? code : -EBADF;
    if (code == 0)
        file_sync(h->file);
    else if (!d->killed)
        file_sync_failed(h->file);
    return code;
}

static int disk_truncate(void *who, int number, uint64_t bytes)
{
    struct fake_disk *d = who;
    int code = injected_error(d);
    struct handle *h = handle_find(d, number);
    if (code != 0)
        return code;
    if (h == NULL || !h->writes)
        return -EBADF;
    must(bytes <= h->file->bytes.len);
    file_truncate(h->file, (size_t)bytes);
    return 0;
}

/* The fake has no permissions. */
static int disk_copy_permissions(void *who, int number, const char *path)
{
    struct fake_disk *d = who;
    int code = injected_error(d);
    (void)path;
    return code == 0 && handle_find(d, number) == NULL ? -EBADF : code;
}

static int disk_resolve(void *who, const char *path, struct buf *out)
{
    struct fake_disk *d = who;
    int code = reading_error(d);
    return code != 0 ? code : names_resolve(&d->now, path, out);
}

static bool is_mounted(const struct fake_disk *d, const char *path)
{
    const struct name *n = name_find(&d->now, path);
    return n != NULL && n->file->mounted;
}

static int disk_is_mount(void *who, const char *path)
{
    struct fake_disk *d = who;
    return injected_error(d) == 0 && is_mounted(d, path);
}

static int disk_rename(void *who, const char *from, const char *to)
{
    struct fake_disk *d = who;
    int code = injected_error(d);
    struct name *n = name_find(&d->now, from);
    if (code != 0 || n == NULL)
        return code != 0 ? code : -ENOENT;
    if (is_mounted(d, from) || is_mounted(d, to))
        return -EBUSY;
    change(d, from, to, n->file);
    return 0;
}

static int disk_remove(void *who, const char *path)
{
    struct fake_disk *d = who;
    int code = injected_error(d);
    if (code != 0 || name_find(&d->now, path) == NULL)
        return code != 0 ? code : -ENOENT;
    if (is_mounted(d, path))
        return -EBUSY;
    change(d, path, NULL, NULL);
    return 0;
}

static int disk_sync_folder(void *who, const char *path)
{
    struct fake_disk *d = who;
    int code = injected_error(d);
    size_t left = 0;
    if (code != 0)
        return code;
    for (size_t i = 0; i < d->change_count; i++) {
        struct change *c = &d->changes[i];
        if (!same_folder(c->made != NULL ? c->made : c->removed, path)) {
            d->changes[left++] = *c;
            continue;
        }
        change_apply(c, &d->synced);
        change_free(c);
    }
    d->change_count = left;
    sweep(d);
    return 0;
}

static int disk_lock(void *who, const char *path, bool waits)
{
    struct fake_disk *d = who;
    int code = injected_error(d);
    if (code != 0)
        return code;
    struct buf target = {0};
    struct file *f = follow(d, path, &target);
    if (f == NULL) {
        f = file_new(d);
        change(d, NULL, (const char *)target.at, f);
    }
    buf_free(&target);
    /* No other process could release it: waiting would never end. */
    must(f->locked == 0 || !waits);
    if (f->locked != 0)
        return -EAGAIN;
    file_truncate(f, 0);
    buf_put(&f->bytes, BYTES("4711\n"));
    return f->locked = handle_new(d, f, false, true);
}

static int disk_list(void *who, const char *path, void (*visit)(void *what, const char *name),
                     void *what)
{
    struct fake_disk *d = who;
    int code = reading_error(d);
    if (code != 0)
        return code;
    for (size_t i = 0; i < d->now.count; i++) {
        const char *name = d->now.at[i].path;
        if (same_folder(name, path) && strncmp(name, path, strlen(path)) == 0)
            visit(what, name + folder_len(name));
    }
    return 0;
}

/* --- lifetime and faults -------------------------------------------------------------------- */

struct fake_disk *fake_disk_new(void)
{
    struct fake_disk *d = mem_take(sizeof(*d));
    d->disk = (struct disk){
        .who = d,
        .open = disk_open,
        .close = disk_close,
        .read = disk_read,
        .write = disk_write,
        .sync = disk_sync,
        .truncate = disk_truncate,
        .copy_permissions = disk_copy_permissions,
        .resolve = disk_resolve,
        .is_mount = disk_is_mount,
        .rename = disk_rename,
        .remove = disk_remove,
        .sync_folder = disk_sync_folder,
        .lock = disk_lock,
        .list = disk_list,
    };
    return d;
}

static void forget_changes(struct fake_disk *d)
{
    while (d->change_count > 0)
        change_free(&d->changes[--d->change_count]);
}

void fake_disk_free(struct fake_disk *d)
{
    d->handle_count = 0;
    names_clear(&d->now);
    names_clear(&d->synced);
    forget_changes(d);
    sweep(d);
    mem_free(d->now.at);
    mem_free(d->synced.at);
    mem_free(d->changes);
    mem_free(d->handles);
    mem_free(d);
}

const struct disk *fake_disk(struct fake_disk *d)
{
    return &d->disk;
}

void fake_disk_fail(struct fake_disk *d, uint64_t n, int code, bool then_all)
{
    must(n > 0 && code < 0);
    fake_disk_heal(d);
    d->fail_in = n;
    d->code = code;
    d->then_all = then_all;
}

void fake_disk_kill_at(struct fake_disk *d, uint64_t n)
{
    fake_disk_fail(d, n, -EIO, true);
    d->killed = true;
}

bool fake_disk_failed(const struct fake_disk *d)
{
    return d->failed;
}

bool fake_disk_is_sound(const struct fake_disk *d)
{
    return d->fail_in == 0 && !d->dead;
}

void fake_disk_heal(struct fake_disk *d)
{
    d->fail_in = 0;
    d->then_all = d->killed = d->failed = d->dead = false;
}

void fake_disk_unlock(struct fake_disk *d)
{
    for (struct file *f = d->files; f != NULL; f = f->next)
        f->locked = 0;
}

void fake_disk_kill(struct fake_disk *d)
{
    fake_disk_heal(d);
    fake_disk_unlock(d);
    d->handle_count = 0;
    sweep(d);
}

void fake_disk_crash(struct fake_disk *d, uint64_t seed)
{
    fake_disk_kill(d);
    for (size_t i = 0; i < d->change_count; i++)
        if (fake_mix(&seed) % 2 == 0)
            change_apply(&d->changes[i], &d->synced);
    forget_changes(d);
    names_clear(&d->now);
    for (size_t i = 0; i < d->synced.count; i++)
        name_make(&d->now, d->synced.at[i].path, d->synced.at[i].file);
    sweep(d);
    for (struct file *f = d->files; f != NULL; f = f->next)
        file_crash(f, &seed);
}

/* --- inspection ------------------------------------------------------------------------------- */

uint64_t fake_disk_calls(const struct fake_disk *d)
{
    return d->calls;
}

size_t fake_disk_handles(const struct fake_disk *d)
{
    return d->handle_count;
}

bool fake_disk_has(const struct fake_disk *d, const char *path)
{
    return name_find(&d->now, path) != NULL;
}

struct bytes fake_disk_bytes(const struct fake_disk *d, const char *path)
{
    const struct name *n = name_find(&d->now, path);
    return n != NULL ? buf_bytes(&n->file->bytes) : (struct bytes){NULL, 0};
}

static struct file *put(struct fake_disk *d, const char *path, struct bytes bytes)
{
    struct file *f = file_new(d);
    buf_put(&f->bytes, bytes);
    file_sync(f);
    name_make(&d->now, path, f);
    name_make(&d->synced, path, f);
    sweep(d);
    return f;
}

void fake_disk_put(struct fake_disk *d, const char *path, struct bytes bytes)
{
    (void)put(d, path, bytes);
}

void fake_disk_overwrite(struct fake_disk *d, const char *path, struct bytes bytes)
{
    const struct name *n = name_find(&d->now, path);
    must(n != NULL);
    file_truncate(n->file, 0);
    buf_put(&n->file->bytes, bytes);
    file_sync(n->file);
}

void fake_disk_symlink(struct fake_disk *d, const char *target, const char *path)
{
    must(*target != 0);
    put(d, path, bytes_of(target))->link = true;
}

void fake_disk_mount(struct fake_disk *d, const char *path)
{
    struct name *n = name_find(&d->now, path);
    struct file *f = n != NULL ? n->file : put(d, path, (struct bytes){NULL, 0});
    f->mounted = true;
}
