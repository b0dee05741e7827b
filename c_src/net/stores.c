#include "stores.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../limits.h"
#include "../mem.h"
#include "disk.h"

/* Something to be done; in the queue of its files, then under way. */
struct work {
    uv_work_t request;
    struct work *next;
    struct stores *all;
    struct store_files *files;
    enum action_kind kind;
    struct buf bytes;
    enum err err;
    struct storage_failure failure;
    struct storage_found found;
    /* Of ACTION_SAVE without bytes: who does it, where it says how it went, and up to where. */
    pid_t copy;
    int outcome;
    uint64_t segment;
};

struct store_files {
    struct store_files *next;
    uint32_t id;
    struct storage *storage;
    struct buf names; /* path and group: where two have the same, the later one waits */
    struct work *first, **end;
    bool working, saving; /* saving: in a copy of the process */
    uint64_t saved;       /* what a copy has saved, for when nobody is working; 0: nothing */
    bool closing;
};

/* What a copy of the process says at its end. */
struct outcome {
    enum err err;
    struct storage_failure failure;
};

static struct store_files *files_find(const struct stores *s, uint32_t id)
{
    struct store_files *f = s->first;
    while (f != NULL && f->id != id)
        f = f->next;
    must(f != NULL);
    return f;
}

static void files_add(struct stores *s, const struct action *a)
{
    struct store_files *f = mem_take(sizeof(*f));
    f->id = a->store;
    f->storage = storage_new(net_disk(), &a->storage);
    buf_put(&f->names, buf_bytes(&a->bytes));
    f->end = &f->first;
    f->next = s->first;
    s->first = f;
}

static void files_remove(struct stores *s, struct store_files *f)
{
    struct store_files **at = &s->first;
    while (*at != f)
        at = &(*at)->next;
    *at = f->next;
    storage_free(f->storage);
    buf_free(&f->names);
    mem_free(f);
}

/* A replica that was stopped still saves, and another has been started in its place. */
static bool has_to_wait(const struct store_files *f)
{
    for (const struct store_files *older = f->next; older != NULL; older = older->next)
        if (older->closing && bytes_equal(buf_bytes(&older->names), buf_bytes(&f->names)))
            return true;
    return false;
}

static void work_free(struct work *w)
{
    buf_free(&w->bytes);
    storage_found_free(&w->found);
    mem_free(w);
}

/* --- a copy of the process ------------------------------------------------------ */

/* A connection that the parent closes must not be held open here. */
static void close_sockets(void)
{
    struct stat status;
    long max = sysconf(_SC_OPEN_MAX);
    int end = max > 0 && max < 2 * LIMIT_CONNECTIONS ? (int)max : 2 * LIMIT_CONNECTIONS;
    for (int fd = STDERR_FILENO + 1; fd < end; fd++)
        if (fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode))
            close(fd);
}

static _Noreturn void save_and_end(const struct stores *s, struct work *w, pid_t parent)
{
    struct outcome o = {0};
    struct buf state = {0};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(EXIT_FAILURE);
    /* What ends the parent in good order reaches the whole group. */
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    close_sockets();
    node_saved_state(s->node, w->files->id, &state);
    o.err = storage_save(w->files->storage, buf_bytes(&state), w->segment, &o.failure);
    ssize_t written = write(w->outcome, &o, sizeof(o));
    _exit(written == sizeof(o) ? EXIT_SUCCESS : EXIT_FAILURE);
}

static void save_in_copy(struct stores *s, struct work *w)
{
    int ends[2];
    w->copy = -1;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        w->err = storage_refused(&w->failure, -errno, "make a pipe for", "a snapshot");
        return;
    }
    w->segment = storage_rotate(w->files->storage);
    pid_t parent = getpid();
    w->copy = fork();
    if (w->copy == 0) {
        w->outcome = ends[1];
        save_and_end(s, w, parent);
    }
    if (w->copy < 0) {
        w->err = storage_refused(&w->failure, -errno, "copy the process for", "a snapshot");
        close(ends[0]);
    }
    w->outcome = ends[0];
    close(ends[1]);
}

/* In a thread: until the copy has ended, whatever ends it. */
static void await_copy(struct work *w)
{
    struct outcome o;
    size_t have = 0;
    ssize_t n = 1;
    if (w->err != OK)
        return;
    while (have < sizeof(o) && (n > 0 || (n < 0 && errno == EINTR))) {
        n = read(w->outcome, (char *)&o + have, sizeof(o) - have);
        have += n > 0 ? (size_t)n : 0;
    }
    close(w->outcome);
    while (waitpid(w->copy, NULL, 0) < 0 && errno == EINTR)
        ;
    w->err = have == sizeof(o) ? o.err : ERR_STORAGE;
    if (have == sizeof(o))
        w->failure = o.failure;
    else
        storage_wrong(&w->failure, "killed", "what was writing a snapshot was killed");
}

/* --- works ------------------------------------------------------------------------ */

static void run(uv_work_t *request)
{
    struct work *w = request->data;
    struct storage *storage = w->files->storage;
    switch (w->kind) {
    case ACTION_LOAD:
        w->err = storage_load(storage, &w->found, &w->failure);
        break;
    case ACTION_BEGIN:
        w->err = storage_begin(storage, &w->failure);
        break;
    case ACTION_APPEND:
        w->err = storage_append(storage, buf_bytes(&w->bytes), &w->failure);
        break;
    default:
        if (w->copy != 0)
            await_copy(w);
        else
            w->err =
                storage_save(storage, buf_bytes(&w->bytes), storage_rotate(storage), &w->failure);
        break;
    }
}

static void start(struct stores *s, struct work *w);

/* Begins what may begin: one at a time, but for a copy that saves. */
static void begin(struct stores *s, struct store_files *f)
{
    struct work *w = f->first;
    if (w == NULL || f->working || has_to_wait(f) || (w->kind == ACTION_SAVE && f->saving))
        return;
    f->first = w->next;
    if (f->first == NULL)
        f->end = &f->first;
    start(s, w);
}

static void go_on(struct stores *s, struct store_files *f)
{
    if (f->saved != 0 && !f->working) {
        storage_saved(f->storage, f->saved);
        f->saved = 0;
    }
    begin(s, f);
    if (f->first != NULL || !f->closing || f->working || f->saving)
        return;
    files_remove(s, f);
    for (struct store_files *other = s->first; other != NULL; other = other->next)
        begin(s, other);
}

static enum event_kind event_of(enum action_kind kind)
{
    switch (kind) {
    case ACTION_LOAD:
        return EVENT_LOADED;
    case ACTION_BEGIN:
        return EVENT_BEGUN;
    case ACTION_APPEND:
        return EVENT_APPENDED;
    default:
        return EVENT_SAVED;
    }
}

static void after(uv_work_t *request, int status)
{
    struct work *w = request->data;
    struct stores *s = w->all;
    struct store_files *f = w->files;
    must(status == 0);
    if (w->copy != 0)
        f->saving = false;
    else
        f->working = false;
    if (w->copy != 0 && w->err == OK)
        f->saved = w->segment;
    struct event e = {
        .kind = event_of(w->kind),
        .store = f->id,
        .failure = w->err != OK ? &w->failure : NULL,
        .found = w->kind == ACTION_LOAD && w->err == OK ? &w->found : NULL,
        .journal_bytes = w->kind == ACTION_APPEND ? storage_journal_bytes(f->storage) : 0,
    };
    go_on(s, f);
    s->done(s->who, &e);
    work_free(w);
}

static void start(struct stores *s, struct work *w)
{
    if (w->copy != 0)
        w->files->saving = true;
    else
        w->files->working = true;
    must(uv_queue_work(s->loop, &w->request, run, after) == 0);
}

static struct work *work_new(struct stores *s, struct store_files *f, struct action *a)
{
    struct work *w = mem_take(sizeof(*w));
    *w = (struct work){.all = s, .files = f, .kind = a->kind, .bytes = a->bytes};
    w->request.data = w;
    a->bytes = (struct buf){0};
    return w;
}

void stores_perform(struct stores *s, struct action *a)
{
    if (a->kind == ACTION_STORE) {
        files_add(s, a);
        return;
    }
    struct store_files *f = files_find(s, a->store);
    if (a->kind == ACTION_UNSTORE) {
        f->closing = true;
    } else {
        struct work *w = work_new(s, f, a);
        if (w->kind == ACTION_SAVE && w->bytes.len == 0) {
            must(!f->working && !f->saving && f->first == NULL);
            save_in_copy(s, w);
            start(s, w);
            return;
        }
        *f->end = w;
        f->end = &w->next;
    }
    go_on(s, f);
}

bool stores_busy(const struct stores *s)
{
    for (const struct store_files *f = s->first; f != NULL; f = f->next)
        if (f->working || f->saving || f->first != NULL)
            return true;
    return false;
}

void stores_free(struct stores *s)
{
    must(!stores_busy(s));
    while (s->first != NULL)
        files_remove(s, s->first);
}
