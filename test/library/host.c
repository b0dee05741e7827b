/* A host of libcoppice, which uses every function of coppice.h from the installed files.
 *
 *     host FOLDER [all]     the folder is for the files of a replica, and empty; all: also what
 *                           takes a while
 *
 * Prints what is wrong, and at the end how many checks passed.  It has to be run with an epmd. */
#include <coppice.h>
#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static unsigned passed, failed;

#define CHECK(condition) check(condition, #condition, __LINE__)

static int check(int good, const char *what, int line)
{
    if (good)
        passed++;
    else
        failed++;
    if (!good)
        printf("  FAIL  test/library/host.c:%d: %s\n", line, what);
    return good;
}

/* --- what was told --------------------------------------------------------------------- */

struct told {
    unsigned count;
    enum coppice_status status; /* of the last answer */
    int64_t number;             /* -1: it was no integer */
    char text[400];
    unsigned char term[64];
    size_t size;
};

static void tell(void *who, struct coppice_answer *a)
{
    struct told *t = (struct told *)who;
    const void *term = coppice_term(a, &t->size);
    t->count++;
    t->status = coppice_status(a);
    t->number = -1;
    coppice_integer(a, &t->number);
    snprintf(t->text, sizeof(t->text), "%s", coppice_text(a));
    if (term != NULL)
        memcpy(t->term, term, t->size < sizeof(t->term) ? t->size : sizeof(t->term));
}

static int told(const struct told *t, enum coppice_status status, const char *text)
{
    if (t->count == 1 && t->status == status && strcmp(t->text, text) == 0)
        return 1;
    printf("  told %u times, last: %d %s\n", t->count, (int)t->status, t->text);
    return 0;
}

struct heard {
    char log[8192], ready[256];
    unsigned port, wakes;
};

static void on_log(void *who, enum coppice_level level, const char *line)
{
    struct heard *h = (struct heard *)who;
    size_t len = strlen(h->log);
    snprintf(h->log + len, sizeof(h->log) - len, "%d %s\n", (int)level, line);
}

static void on_ready(void *who, const char *node, unsigned port)
{
    struct heard *h = (struct heard *)who;
    snprintf(h->ready, sizeof(h->ready), "%s", node);
    h->port = port;
}

static void on_wake(void *who)
{
    ((struct heard *)who)->wakes++;
}

/* --- nodes ------------------------------------------------------------------------------- */

static struct coppice *open_node(const char *config, struct heard *heard)
{
    char error[COPPICE_ERROR_SIZE] = "";
    struct coppice_options options;
    struct coppice *node;
    memset(&options, 0, sizeof(options));
    options.config = config;
    options.cookie = "secret";
    if (heard != NULL) {
        options.on_log = on_log;
        options.on_ready = on_ready;
        options.on_wake = on_wake;
        options.who = heard;
    }
    if (coppice_open(&node, &options, error) == COPPICE_OK)
        return node;
    printf("  FAIL  %s\n", error);
    exit(1);
}

/* A turn of each of two nodes, or of one, as soon as one has something to do. */
static void turn(struct coppice *a, struct coppice *b)
{
    struct pollfd fds[2];
    int wait = coppice_timeout_ms(a), other = b != NULL ? coppice_timeout_ms(b) : -1;
    fds[0].fd = coppice_fd(a);
    fds[1].fd = b != NULL ? coppice_fd(b) : -1;
    fds[0].events = fds[1].events = POLLIN;
    if (wait < 0 || (other >= 0 && other < wait))
        wait = other;
    poll(fds, 2, wait);
    coppice_turn(a);
    if (b != NULL)
        coppice_turn(b);
}

/* Until the condition holds. */
#define UNTIL(condition, a, b)                                                                     \
    while (!(condition))                                                                           \
    turn(a, b)

static unsigned descriptors(void)
{
    unsigned count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

/* --- checks -------------------------------------------------------------------------------- */

static void refuses(const char *config, const char *cookie, enum coppice_status status,
                    const char *why)
{
    char error[COPPICE_ERROR_SIZE] = "";
    struct coppice_options options;
    struct coppice *node;
    memset(&options, 0, sizeof(options));
    options.config = config;
    options.cookie = cookie;
    CHECK(coppice_open(&node, &options, error) == status);
    CHECK(node == NULL);
    CHECK(coppice_open(&node, &options, NULL) == status);
    if (!CHECK(strstr(error, why) != NULL))
        printf("  %s\n", error);
}

static void check_open(void)
{
    struct heard h;
    char config[200];
    memset(&h, 0, sizeof(h));
    refuses(NULL, "secret", COPPICE_BAD_CONFIG, "config: expected a text");
    refuses("{node, 'a@127.0.0.1'}.\n{nod, b}.", "secret", COPPICE_BAD_CONFIG, "line 2, column 1");
    refuses("{node, 'a@127.0.0.1'", "secret", COPPICE_BAD_CONFIG, "is not closed");
    refuses("{follow, true}.", "secret", COPPICE_BAD_CONFIG, "node: missing");
    refuses("{node, 'a@127.0.0.1'}.", "", COPPICE_BAD_CONFIG, "the cookie must have");
    refuses("{node, 'a@127.0.0.1'}. {tls, #{certfile => \"/nowhere\"}}.", "secret",
            COPPICE_BAD_CONFIG, "tls: ");
    struct coppice *node = open_node("{node, 'first@127.0.0.1'}.", &h);
    UNTIL(h.port != 0, node, NULL);
    CHECK(strcmp(h.ready, "first@127.0.0.1") == 0);
    CHECK(strstr(h.log, "listening on") != NULL);
    snprintf(config, sizeof(config), "{node, 'second@127.0.0.1'}. {listen, #{port => %u}}.",
             h.port);
    refuses(config, "secret", COPPICE_SYSTEM, "cannot listen on");
    coppice_stop(node);
    CHECK(coppice_run(node) == COPPICE_OK);
    CHECK(coppice_turn(node) == 0);
    CHECK(coppice_close(node) == COPPICE_OK);
    CHECK(coppice_close(NULL) == COPPICE_OK);
    CHECK(strcmp(coppice_version(), VERSION) == 0);
}

static void check_calls(void)
{
    /* {increment, [5]} as `ei` writes it. */
    static const unsigned char five[] = {131, 104, 2,   100, 0, 9, 'i', 'n', 'c', 'r', 'e', 'm',
                                         'e', 'n', 't', 108, 0, 0, 0,   1,   97,  5,   106};
    static const unsigned char atom_ok[] = {131, 119, 2, 'o', 'k'};
    struct coppice *node =
        open_node("{node, 'calls@127.0.0.1'}. {replica, hits, #{crdt => gcounter}}.", NULL);
    struct told t[9];
    memset(t, 0, sizeof(t));
    coppice_mutate(node, "hits", "increment", tell, &t[0]);
    coppice_mutate_term(node, "hits", five, sizeof(five), tell, &t[1]);
    coppice_mutate(node, "hits", "[increment, {increment, [10]}]", NULL, NULL);
    coppice_value(node, "hits", tell, &t[2]);
    coppice_state(node, "hits", tell, &t[3]);
    coppice_start_replica(node, "tags", "#{crdt => or_set}", tell, &t[4]);
    coppice_stop_replica(node, "tags", tell, &t[5]);
    coppice_call(node, NULL, "coppice", "replicas", 5000, tell, &t[6]);
    coppice_call(node, NULL, "coppice", "what", 5000, tell, &t[7]);
    coppice_call_term(node, "calls@127.0.0.1", "hits", atom_ok, sizeof(atom_ok), 5000, tell, &t[8]);
    CHECK(t[0].count == 0);
    UNTIL(t[8].count == 1, node, NULL);
    CHECK(told(&t[0], COPPICE_OK, "ok"));
    CHECK(t[0].size == sizeof(atom_ok) && memcmp(t[0].term, atom_ok, sizeof(atom_ok)) == 0);
    CHECK(told(&t[1], COPPICE_OK, "ok"));
    CHECK(told(&t[2], COPPICE_OK, "17") && t[2].number == 17);
    CHECK(t[3].status == COPPICE_OK && strstr(t[3].text, "Elixir.Grove.Counter.GCounter") != NULL);
    CHECK(t[4].status == COPPICE_OK && strstr(t[4].text, "#Pid<'calls@127.0.0.1'.") != NULL);
    CHECK(told(&t[5], COPPICE_OK, "ok"));
    CHECK(told(&t[6], COPPICE_OK, "{ok,[hits]}"));
    CHECK(told(&t[7], COPPICE_OK, "{error,{unknown_request,what}}"));
    CHECK(told(&t[8], COPPICE_OK, "{error,{unknown_request,ok}}"));
    CHECK(coppice_close(node) == COPPICE_OK);
}

/* A text that is wrong costs its call, and nothing else. */
static void check_wrong(void)
{
    static const unsigned char half[] = {131, 104, 2, 119, 1, 'a'};
    struct coppice *node =
        open_node("{node, 'wrong@127.0.0.1'}. {replica, hits, #{crdt => gcounter}}.", NULL);
    struct told t[11];
    memset(t, 0, sizeof(t));
    coppice_mutate(node, "hits", "{increment, [-1]}", tell, &t[0]);
    coppice_mutate(node, "hits", "{increment, [1}", tell, &t[1]);
    coppice_mutate_term(node, "hits", half, sizeof(half), tell, &t[2]);
    coppice_mutate_term(node, "hits", NULL, 0, tell, &t[3]);
    coppice_value(node, "\xff", tell, &t[4]);
    coppice_value(node, "misses", tell, &t[5]);
    coppice_start_replica(node, "hits", "#{crdt => or_set}", tell, &t[6]);
    coppice_start_replica(node, "more", "#{crdt => bag}", tell, &t[7]);
    coppice_stop_replica(node, "tags", tell, &t[8]);
    coppice_call(node, "nobody", "coppice", "replicas", 5000, tell, &t[9]);
    coppice_call(node, NULL, "coppice", "replicas", 0, tell, &t[10]);
    UNTIL(t[8].count == 1 && t[10].count == 1, node, NULL);
    CHECK(told(&t[0], COPPICE_REFUSED,
               "not an operation of this type, or not possible now: {increment,[-1]}"));
    CHECK(t[0].size > 1 && t[0].number == -1);
    CHECK(t[1].status == COPPICE_BAD_TERM && strstr(t[1].text, "line 1, column 15: ") != NULL);
    CHECK(t[1].size == 0);
    CHECK(told(&t[2], COPPICE_BAD_TERM, "not one external term: truncated data"));
    CHECK(t[3].status == COPPICE_BAD_TERM);
    CHECK(told(&t[4], COPPICE_BAD_TERM, "the name: expected UTF-8 text of at most 255 characters"));
    CHECK(told(&t[5], COPPICE_DOWN, "there is no misses on this node"));
    CHECK(told(&t[6], COPPICE_REFUSED, "a process of this node has that name"));
    CHECK(t[7].status == COPPICE_REFUSED && strstr(t[7].text, "crdt: ") != NULL);
    CHECK(told(&t[8], COPPICE_REFUSED, "there is no such replica"));
    CHECK(t[9].status == COPPICE_BAD_TERM && strstr(t[9].text, "the node: expected name@") != NULL);
    CHECK(t[10].status == COPPICE_BAD_TERM && strstr(t[10].text, "timeout_ms: ") != NULL);
    CHECK(coppice_close(node) == COPPICE_OK);
}

static void check_unreachable(void)
{
    struct coppice *node = open_node("{node, 'lonely@127.0.0.1'}.", NULL);
    struct told t;
    memset(&t, 0, sizeof(t));
    coppice_call(node, "nobody@127.0.0.1:1", "coppice", "replicas", 60000, tell, &t);
    UNTIL(t.count == 1, node, NULL);
    CHECK(told(&t, COPPICE_DOWN, "nobody@127.0.0.1 cannot be reached, or the connection was lost"));
    CHECK(coppice_close(node) == COPPICE_OK);
}

static void check_two_nodes(void)
{
    struct heard h;
    struct told seen, at_a, there, unanswered;
    memset(&h, 0, sizeof(h));
    memset(&seen, 0, sizeof(seen));
    memset(&at_a, 0, sizeof(at_a));
    memset(&there, 0, sizeof(there));
    memset(&unanswered, 0, sizeof(unanswered));
    struct coppice *a =
        open_node("{node, 'a@127.0.0.1'}. {replica, hits, #{crdt => gcounter}}.", &h);
    UNTIL(h.port != 0, a, NULL);
    struct coppice *b = open_node("{node, 'b@127.0.0.1'}. {connect, ['a@127.0.0.1']}. "
                                  "{replica, hits, #{crdt => gcounter}}.",
                                  NULL);
    struct coppice_watch *watch = coppice_watch(b, "hits", tell, &seen);
    coppice_mutate(a, "hits", "{increment, [40]}", NULL, NULL);
    coppice_mutate(b, "hits", "{increment, [2]}", NULL, NULL);
    coppice_watch(a, "hits", tell, &at_a);
    UNTIL(seen.number == 42 && at_a.number == 42, a, b);
    coppice_call(b, "a@127.0.0.1", "hits", "value", 60000, tell, &there);
    UNTIL(there.count == 1, a, b);
    CHECK(told(&there, COPPICE_OK, "{ok,42}"));
    /* Stays open until one of the two ends. */
    coppice_call(b, "a@127.0.0.1", "hits", "nothing", 60000, tell, &unanswered);
    coppice_unwatch(watch);
    CHECK(coppice_close(a) == COPPICE_OK);
    UNTIL(unanswered.count == 1, b, NULL);
    CHECK(coppice_close(b) == COPPICE_OK);
}

/* A callback that calls everything that a callback may. */
struct nested {
    struct coppice *node;
    struct coppice_watch *watches[2];
    struct told watched[2], last;
    unsigned depth;
};

static void on_nested(void *who, struct coppice_answer *a)
{
    struct nested *n = (struct nested *)who;
    CHECK(coppice_status(a) == COPPICE_OK);
    if (++n->depth < 5) {
        coppice_mutate(n->node, "hits", "increment", on_nested, n);
        return;
    }
    coppice_unwatch(n->watches[0]);
    n->watches[0] = NULL;
    coppice_wake(n->node);
    coppice_value(n->node, "hits", tell, &n->last);
    coppice_stop(n->node);
}

/* Ends the other watch, and itself. */
static void on_change(void *who, struct coppice_answer *a)
{
    struct nested *n = (struct nested *)who;
    tell(&n->watched[1], a);
    if (n->watched[1].number < 2)
        return;
    coppice_unwatch(n->watches[1]);
    n->watches[1] = NULL;
}

static void check_nested(void)
{
    struct heard h;
    struct nested n;
    memset(&h, 0, sizeof(h));
    memset(&n, 0, sizeof(n));
    n.node = open_node("{node, 'nested@127.0.0.1'}. {replica, hits, #{crdt => gcounter}}.", &h);
    n.watches[0] = coppice_watch(n.node, "hits", tell, &n.watched[0]);
    n.watches[1] = coppice_watch(n.node, "hits", on_change, &n);
    coppice_mutate(n.node, "hits", "increment", on_nested, &n);
    CHECK(coppice_run(n.node) == COPPICE_OK);
    CHECK(n.depth == 5 && n.watches[0] == NULL && n.watches[1] == NULL);
    CHECK(n.watched[0].count > 0 && n.watched[1].count > 0);
    CHECK(told(&n.last, COPPICE_OK, "5"));
    CHECK(coppice_close(n.node) == COPPICE_OK);
}

static void check_watch(void)
{
    struct told w;
    struct coppice *node = open_node("{node, 'watch@127.0.0.1'}.", NULL);
    memset(&w, 0, sizeof(w));
    coppice_watch(node, "late", tell, &w);
    UNTIL(w.count == 1, node, NULL);
    CHECK(told(&w, COPPICE_DOWN, "there is no replica late on this node"));
    coppice_start_replica(node, "late", "#{crdt => pncounter}", NULL, NULL);
    UNTIL(w.count == 2, node, NULL);
    CHECK(w.status == COPPICE_OK && w.number == 0);
    coppice_mutate(node, "late", "{decrement, [3]}", NULL, NULL);
    UNTIL(w.count == 3, node, NULL);
    CHECK(w.number == -3);
    /* Nothing to tell: the value is what it was. */
    coppice_mutate(node, "late", "[increment, decrement]", NULL, NULL);
    coppice_stop_replica(node, "late", NULL, NULL);
    UNTIL(w.status == COPPICE_DOWN, node, NULL);
    CHECK(w.count == 4);
    CHECK(coppice_close(node) == COPPICE_OK);
}

/* A large value that changes again and again: at last it is told as it is then. */
static void check_large(void)
{
    static char text[1 << 20];
    const int changes = 20;
    struct told w;
    struct coppice *node =
        open_node("{node, 'large@127.0.0.1'}. {replica, title, #{crdt => lww_register}}.", NULL);
    char first[40];
    int i;
    memset(&w, 0, sizeof(w));
    coppice_watch(node, "title", tell, &w);
    for (i = 1; i <= changes; i++) {
        int len = snprintf(text, sizeof(text), "{set, [<<\"%04d", i);
        memset(text + len, 'x', sizeof(text) - 50 - (size_t)len);
        snprintf(text + sizeof(text) - 50, 50, "\">>]}");
        coppice_mutate(node, "title", text, NULL, NULL);
        turn(node, NULL);
    }
    snprintf(first, sizeof(first), "<<\"%04dxxx", changes);
    UNTIL(strncmp(w.text, first, strlen(first)) == 0, node, NULL);
    CHECK(w.count <= (unsigned)changes + 1);
    CHECK(w.size > sizeof(text) / 2);
    CHECK(coppice_close(node) == COPPICE_OK);
}

/* Every call is told, also those that were not made yet. */
static void check_close(void)
{
    struct told t[3];
    struct coppice *node =
        open_node("{node, 'close@127.0.0.1'}. {replica, hits, #{crdt => gcounter}}.", NULL);
    memset(t, 0, sizeof(t));
    coppice_value(node, "hits", tell, &t[0]);
    coppice_value(node, "hits", tell, &t[1]);
    coppice_mutate(node, "hits", "}", tell, &t[2]);
    coppice_watch(node, "hits", tell, &t[0]);
    CHECK(coppice_close(node) == COPPICE_OK);
    CHECK(told(&t[0], COPPICE_ENDED, "this node has ended"));
    CHECK(told(&t[1], COPPICE_ENDED, "this node has ended"));
    CHECK(t[2].status == COPPICE_BAD_TERM);
}

static void check_taken(void)
{
    struct heard h;
    memset(&h, 0, sizeof(h));
    struct coppice *node = open_node("{node, 'hyphens-and_more@127.0.0.1'}.", &h);
    UNTIL(h.port != 0, node, NULL);
    struct coppice *other = open_node("{node, 'hyphens-and_more@127.0.0.1'}.", NULL);
    CHECK(coppice_run(other) == COPPICE_TAKEN);
    CHECK(coppice_close(other) == COPPICE_TAKEN);
    CHECK(coppice_close(node) == COPPICE_OK);
}

/* --- threads and signals --------------------------------------------------------------------- */

static struct coppice *to_wake;

static void *wake_from_thread(void *who)
{
    coppice_wake((struct coppice *)who);
    return NULL;
}

static void wake_from_handler(int number)
{
    (void)number;
    coppice_wake(to_wake);
}

static void check_wake(void)
{
    struct heard h;
    pthread_t thread;
    memset(&h, 0, sizeof(h));
    struct coppice *node = to_wake = open_node("{node, 'wake@127.0.0.1'}.", &h);
    pthread_create(&thread, NULL, wake_from_thread, node);
    UNTIL(h.wakes == 1, node, NULL);
    pthread_join(thread, NULL);
    signal(SIGUSR1, wake_from_handler);
    raise(SIGUSR1);
    UNTIL(h.wakes == 2, node, NULL);
    signal(SIGUSR1, SIG_DFL);
    CHECK(coppice_close(node) == COPPICE_OK);
}

/* A node for each thread. */
static void *run_own(void *config)
{
    struct told *t = (struct told *)calloc(1, sizeof(*t));
    struct coppice *node = open_node((const char *)config, NULL);
    int i;
    for (i = 0; i < 200; i++)
        coppice_mutate(node, "hits", "increment", NULL, NULL);
    coppice_value(node, "hits", tell, t);
    UNTIL(t->count == 1, node, NULL);
    coppice_close(node);
    return t;
}

static void check_threads(void)
{
    static const char *const configs[] = {
        "{node, 'thread1@127.0.0.1'}. {replica, hits, #{crdt => gcounter}}.",
        "{node, 'thread2@127.0.0.1'}. {replica, hits, #{crdt => gcounter}}."};
    pthread_t threads[2];
    int i;
    for (i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, run_own, (void *)configs[i]);
    for (i = 0; i < 2; i++) {
        void *result;
        pthread_join(threads[i], &result);
        CHECK(told((struct told *)result, COPPICE_OK, "200"));
        free(result);
    }
}

/* Takes signals for as long as the process lives, to show that the library's threads take none and
 * that the child which writes a snapshot runs no handler. */
static pthread_t main_thread;
static pid_t main_process;
static volatile sig_atomic_t alarms, astray;

static void on_alarm(int number)
{
    (void)number;
    alarms++;
    if (!pthread_equal(pthread_self(), main_thread) || getpid() != main_process)
        astray++;
}

static int has_snapshot(const char *folder)
{
    char path[500];
    snprintf(path, sizeof(path), "%s/hits.dets", folder);
    return access(path, F_OK) == 0;
}

static void check_storage(const char *folder)
{
    struct told t, again;
    struct sigaction actions[65], now;
    sigset_t before, after;
    char config[800];
    unsigned count = descriptors();
    int i;
    memset(&t, 0, sizeof(t));
    memset(&again, 0, sizeof(again));
    for (i = 1; i < 65; i++)
        sigaction(i, NULL, &actions[i]);
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    snprintf(
        config, sizeof(config),
        "{node, 'stored@127.0.0.1'}. {replica, hits, #{crdt => gcounter, snapshot_interval => 100,"
        " storage => #{file => \"%s/hits.dets\"}}}.",
        folder);
    struct coppice *node = open_node(config, NULL);
    coppice_mutate(node, "hits", "{increment, [7]}", tell, &t);
    while (t.count == 0 || !has_snapshot(folder)) {
        kill(0, SIGALRM);
        turn(node, NULL);
    }
    CHECK(told(&t, COPPICE_OK, "ok"));
    CHECK(coppice_close(node) == COPPICE_OK);
    node = open_node(config, NULL);
    coppice_value(node, "hits", tell, &again);
    UNTIL(again.count == 1, node, NULL);
    CHECK(told(&again, COPPICE_OK, "7"));
    CHECK(coppice_close(node) == COPPICE_OK);
    CHECK(alarms > 0 && astray == 0);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    for (i = 1; i < 65; i++) {
        if (sigaction(i, NULL, &now) == 0)
            CHECK(actions[i].sa_handler == now.sa_handler);
        CHECK(sigismember(&before, i) == sigismember(&after, i));
    }
    CHECK(descriptors() == count);
}

int main(int count, char **words)
{
    main_thread = pthread_self();
    main_process = getpid();
    signal(SIGALRM, on_alarm);
    if (count < 2)
        return 64;
    setpgid(0, 0);
    check_open();
    check_calls();
    check_wrong();
    check_unreachable();
    check_two_nodes();
    check_nested();
    check_watch();
    check_large();
    check_close();
    check_wake();
    check_threads();
    check_storage(words[1]);
    if (count == 3)
        check_taken();
    printf("%u passed, %u failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
