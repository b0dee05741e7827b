#include "workers.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../mem.h"
#include "../sorted.h"
#include "descriptors.h"
#include "disk.h"

/* Something to be done; in the queue of its files, then under way. */
struct job {
    uv_work_t request;       /* in a thread of libuv's, or ... */
    struct pool_job syncing; /* ... of the pool's */
    struct event event;      /* its completion */
    struct job *next;
    struct workers *all;
    struct files *files;
    enum action_kind kind;
    struct buf bytes;
    enum err err;
    struct storage_failure failure;
    struct storage_found found;
    struct storage_note note;
    /* Of ACTION_SAVE without bytes: the child, the pipe for its report, the segment that the
     * snapshot makes superfluous. */
    pid_t child;
    int pipe;
    uint64_t segment;
    struct ongoing_work ongoing;
};

/* The files of one replica. */
struct files {
    uint32_t id;
    struct storage *storage;
    struct buf names; /* path and group: where two have the same, the later one waits */
    struct buf owner; /* the replica's name */
    struct job *first, **end;
    bool working;   /* a thread is */
    bool saving;    /* a child is ... */
    pid_t child;    /* ... this one */
    uint64_t saved; /* the segment up to which a child has saved, until no thread works; or 0 */
    struct ongoing_work joining; /* what was loaded */
    bool closing;
};

/* What a child reports at its end. */
struct report {
    enum err err;
    struct storage_failure failure;
    struct storage_note note;
};

static int compare_id(const void *element, const void *key)
{
    uint32_t id = (*(struct files *const *)element)->id, wanted = *(const uint32_t *)key;
    return (id > wanted) - (id < wanted);
}

static size_t place_of(const struct workers *ws, uint32_t id)
{
    return sorted_place(ws->list, ws->count, sizeof(*ws->list), &id, compare_id);
}

static struct files *files_find(const struct workers *ws, uint32_t id)
{
    size_t place = place_of(ws, id);
    must(place < ws->count && ws->list[place]->id == id);
    return ws->list[place];
}

static void files_add(struct workers *ws, const struct action *a)
{
    struct files *f = mem_take(sizeof(*f));
    f->id = a->store;
    f->storage = storage_new(net_disk(), &a->storage);
    /* One behind the other, in front of what else is there. */
    buf_put(&f->names,
            (struct bytes){a->storage.file.at, a->storage.file.len + a->storage.group.len});
    buf_put(&f->owner, a->storage.owner);
    f->end = &f->first;
    size_t place = place_of(ws, f->id);
    ws->list = sorted_insert(ws->list, &ws->count, &ws->cap, sizeof(*ws->list), place);
    ws->list[place] = f;
}

static void files_remove(struct workers *ws, struct files *f)
{
    sorted_remove(ws->list, &ws->count, sizeof(*ws->list), place_of(ws, f->id));
    ws->closing -= f->closing;
    ongoing_end(&ws->ongoing, &f->joining);
    storage_free(f->storage);
    buf_free(&f->names);
    buf_free(&f->owner);
    mem_free(f);
}

/* A replica that was stopped is still saving, and another has been started in its place. */
static bool must_wait(const struct workers *ws, const struct files *f)
{
    size_t before = ws->closing > 0 ? place_of(ws, f->id) : 0;
    for (size_t i = 0; i < before; i++)
        if (ws->list[i]->closing &&
            bytes_equal(buf_bytes(&ws->list[i]->names), buf_bytes(&f->names)))
            return true;
    return false;
}

static void job_free(struct job *j)
{
    ongoing_end(&j->all->ongoing, &j->ongoing);
    buf_free(&j->bytes);
    storage_found_free(&j->found);
    mem_free(j);
}

/* --- the child that writes a snapshot ---------------------------------------------- */

/* A connection that the parent closes must not be held open by the child. */
static void close_sockets(void)
{
    struct stat status;
    long max = sysconf(_SC_OPEN_MAX);
    int end = max > 0 && max < DESCRIPTORS_MOST ? (int)max : DESCRIPTORS_MOST;
    for (int fd = STDERR_FILENO + 1; fd < end; fd++)
        if (fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode))
            close(fd);
}

/* Runs with every signal blocked: one that ends the parent in good order goes to the whole process
 * group, and handlers of the program that the library is in must not run here.  Of what its other
 * threads were doing nothing is used but the allocator, which the C library keeps usable in a
 * child; no lock of ours is taken. */
static _Noreturn void child_main(const struct workers *ws, struct job *j, pid_t parent)
{
    struct report r = {0};
    struct buf state = {0};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(EXIT_FAILURE);
    close_sockets();
    node_saved_state(ws->node, j->files->id, &state);
    r.err = storage_save(j->files->storage, buf_bytes(&state), j->segment, &r.note, &r.failure);
    ssize_t written = write(j->pipe, &r, sizeof(r));
    _exit(written == sizeof(r) ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* The child of fork_blocked() has every signal blocked. */
static pid_t fork_blocked(void)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t child = fork();
    int e = errno;
    if (child != 0)
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = e;
    return child;
}

static void save_in_child(struct workers *ws, struct job *j)
{
    int ends[2];
    j->child = -1;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        j->err = storage_refused(&j->failure, -errno, "make a pipe for", "a snapshot");
        return;
    }
    j->segment = storage_rotate(j->files->storage);
    pid_t parent = getpid();
    j->child = fork_blocked();
    if (j->child == 0) {
        j->pipe = ends[1];
        child_main(ws, j, parent);
    }
    if (j->child < 0) {
        j->err = storage_refused(&j->failure, -errno, "fork for", "a snapshot");
        close(ends[0]);
    }
    j->pipe = ends[0];
    close(ends[1]);
}

/* In a thread: until the child has ended, whatever ends it. */
static void await_child(struct job *j)
{
    struct report r;
    size_t have = 0;
    ssize_t n = 1;
    if (j->err != OK)
        return;
    while (have < sizeof(r) && (n > 0 || (n < 0 && errno == EINTR))) {
        n = read(j->pipe, (char *)&r + have, sizeof(r) - have);
        have += n > 0 ? (size_t)n : 0;
    }
    close(j->pipe);
    while (waitpid(j->child, NULL, 0) < 0 && errno == EINTR)
        ;
    j->err = have == sizeof(r) ? r.err : ERR_STORAGE;
    if (have == sizeof(r)) {
        j->failure = r.failure;
        j->note = r.note;
    } else {
        storage_wrong(&j->failure, "killed", "the child that wrote a snapshot was killed");
    }
}

/* --- jobs ------------------------------------------------------------------------ */

static void run(void *job)
{
    struct job *j = job;
    struct storage *storage = j->files->storage;
    switch (j->kind) {
    case ACTION_LOAD:
        j->err = storage_load(storage, &j->found, &j->failure);
        break;
    case ACTION_BEGIN:
        j->err = storage_begin(storage, &j->failure);
        break;
    case ACTION_APPEND:
        j->err = storage_append(storage, buf_bytes(&j->bytes), &j->failure);
        break;
    default:
        if (j->child != 0)
            await_child(j);
        else
            j->err = storage_save(storage, buf_bytes(&j->bytes), storage_rotate(storage), &j->note,
                                  &j->failure);
        break;
    }
}

static void start(struct workers *ws, struct job *j);

/* Starts the next job, if it may start: one at a time, but for a child that saves. */
static void begin(struct workers *ws, struct files *f)
{
    struct job *j = f->first;
    if (j == NULL || f->working || must_wait(ws, f) || (j->kind == ACTION_SAVE && f->saving))
        return;
    f->first = j->next;
    if (f->first == NULL)
        f->end = &f->first;
    start(ws, j);
}

static void next_job(struct workers *ws, struct files *f)
{
    if (f->saved != 0 && !f->working) {
        storage_saved(f->storage, f->saved);
        f->saved = 0;
    }
    begin(ws, f);
    if (f->first != NULL || !f->closing || f->working || f->saving)
        return;
    files_remove(ws, f);
    for (size_t i = 0; i < ws->count; i++)
        begin(ws, ws->list[i]);
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

/* The job is done, but for telling so. */
static void settle(struct job *j)
{
    struct files *f = j->files;
    if (j->child != 0)
        f->saving = false;
    else
        f->working = false;
    if (j->child != 0 && j->err == OK)
        f->saved = j->segment;
    j->event = (struct event){
        .kind = event_of(j->kind),
        .store = f->id,
        .failure = j->err != OK ? &j->failure : NULL,
        .found = j->kind == ACTION_LOAD && j->err == OK ? &j->found : NULL,
        .note = j->note.text,
        .journal_bytes = j->kind == ACTION_APPEND ? storage_journal_bytes(f->storage) : 0,
    };
    next_job(j->all, f);
}

static void run_request(uv_work_t *request)
{
    run(request->data);
}

static void on_done(uv_work_t *request, int status)
{
    struct job *j = request->data;
    must(status == 0);
    settle(j);
    j->all->done(j->all->who, &j->event);
    job_free(j);
}

/* Told together: one step answers all callers. */
static void on_finished(void *workers, struct pool_job *first)
{
    const struct workers *ws = workers;
    struct pool_job *next;
    for (struct pool_job *p = first; p != NULL; p = next) {
        struct job *j = p->what;
        next = p->next;
        settle(j);
        j->event.also = next != NULL ? &((struct job *)next->what)->event : NULL;
    }
    ws->done(ws->who, &((struct job *)first->what)->event);
    for (struct pool_job *p = first; p != NULL; p = next) {
        next = p->next;
        job_free(p->what);
    }
}

/* Loads and saves hold whole tables in memory: libuv has four threads, and so many at a time are
 * enough.  Appends hold little, and never wait for a load. */
static void start(struct workers *ws, struct job *j)
{
    if (j->child != 0) {
        j->files->saving = true;
        j->files->child = j->child;
    } else {
        j->files->working = true;
    }
    if (j->kind == ACTION_APPEND || j->kind == ACTION_BEGIN) {
        pool_run(&ws->pool, &j->syncing);
        return;
    }
    ongoing_begin(&ws->ongoing, &j->ongoing, j->kind == ACTION_LOAD ? "loading" : "saving",
                  buf_bytes(&j->files->owner));
    must(uv_queue_work(ws->loop, &j->request, run_request, on_done) == 0);
}

static struct job *job_new(struct workers *ws, struct files *f, struct action *a)
{
    struct job *j = mem_take(sizeof(*j));
    *j = (struct job){.all = ws, .files = f, .kind = a->kind, .bytes = a->bytes};
    j->request.data = j;
    j->syncing = (struct pool_job){.what = j};
    a->bytes = (struct buf){0};
    return j;
}

static void show_joined(struct workers *ws, struct files *f, unsigned percent)
{
    if (!f->joining.begun && percent < 100)
        ongoing_begin(&ws->ongoing, &f->joining, "loading", buf_bytes(&f->owner));
    if (percent < 100)
        ongoing_set(&ws->ongoing, &f->joining, percent);
    else
        ongoing_end(&ws->ongoing, &f->joining);
}

void workers_perform(struct workers *ws, struct action *a)
{
    if (a->kind == ACTION_OPEN_STORE) {
        files_add(ws, a);
        return;
    }
    struct files *f = files_find(ws, a->store);
    if (a->kind == ACTION_JOINED) {
        show_joined(ws, f, a->percent);
        return;
    }
    if (a->kind == ACTION_CLOSE_STORE) {
        f->closing = true;
        ws->closing++;
    } else {
        struct job *j = job_new(ws, f, a);
        if (j->kind == ACTION_SAVE && j->bytes.len == 0) {
            must(!f->working && !f->saving && f->first == NULL);
            save_in_child(ws, j);
            start(ws, j);
            return;
        }
        *f->end = j;
        f->end = &j->next;
    }
    next_job(ws, f);
}

bool workers_busy(const struct workers *ws)
{
    for (size_t i = 0; i < ws->count; i++)
        if (ws->list[i]->working || ws->list[i]->saving || ws->list[i]->first != NULL)
            return true;
    return false;
}

bool workers_await(const struct workers *ws, pid_t pid)
{
    for (size_t i = 0; i < ws->count; i++)
        if (ws->list[i]->saving && ws->list[i]->child == pid)
            return true;
    return false;
}

void workers_open(struct workers *ws, uv_loop_t *loop, const struct node *node,
                  void (*done)(void *who, struct event *e), void *who)
{
    *ws = (struct workers){.loop = loop, .node = node, .done = done, .who = who};
    ongoing_open(&ws->ongoing);
    pool_open(&ws->pool, loop, &(struct pool_calls){run, on_finished, ws});
}

void workers_free(struct workers *ws)
{
    must(!workers_busy(ws));
    pool_close(&ws->pool);
    ongoing_close(&ws->ongoing);
    while (ws->count > 0)
        files_remove(ws, ws->list[0]);
    mem_free(ws->list);
}
