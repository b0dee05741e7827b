/* A host of libcoppice, which uses every function of coppice.h from the installed files.
 *
 *     host FOLDER [all]     the folder is for the files of a replica, and empty; all: also what
 *                           takes a while
 *
 * Prints what is wrong, and at the end how many checks passed.  It has to be run with an epmd. */
#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The calls that a node may have open at a time. */
#define CALLS 65536ul

/* Answers that are only counted; `last` is told of another one. */
struct tally {
    unsigned long told, ended;
    struct told last;
};

static void count_answer(void *who, struct coppice_answer *a)
{
    struct tally *t = (struct tally *)who;
    t->told++;
    t->ended += coppice_status(a) == COPPICE_ENDED;
}

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

/* A cookie of NULL is that of the environment, as the port of epmd is. */
static void check_environment(void)
{
    char before[20];
    const char *port = getenv("ERL_EPMD_PORT");
    struct coppice_options options;
    struct coppice *node;
    snprintf(before, sizeof(before), "%s", port != NULL ? port : "4369");
    setenv("ERL_EPMD_PORT", "4369x", 1);
    refuses("{node, 'a@127.0.0.1'}.", "secret", COPPICE_BAD_CONFIG, "$ERL_EPMD_PORT: ");
    setenv("ERL_EPMD_PORT", before, 1);
    memset(&options, 0, sizeof(options));
    options.config = "{node, 'a@127.0.0.1'}.";
    CHECK(coppice_open(&node, &options, NULL) == COPPICE_OK);
    CHECK(coppice_close(node) == COPPICE_OK);
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
    refuses("{node, 'a@127.0.0.1'}.", "", COPPICE_BAD_CONFIG, "the cookie: empty");
    refuses("{node, 'a@127.0.0.1'}. {tls, #{certfile => \"/nowhere\"}}.", "secret",
            COPPICE_BAD_CONFIG, "tls: ");
    check_environment();
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

/* A node that takes connections and does not come to its turn: nothing is answered, and each call
 * is told in the end. */
static void check_unanswered(unsigned long most)
{
    struct heard h;
    struct told late;
    struct tally all;
    unsigned long i;
    memset(&h, 0, sizeof(h));
    memset(&late, 0, sizeof(late));
    memset(&all, 0, sizeof(all));
    struct coppice *a = open_node("{node, 'busy@127.0.0.1'}.", &h);
    UNTIL(h.port != 0, a, NULL);
    struct coppice *b = open_node("{node, 'caller@127.0.0.1'}.", NULL);
    coppice_call(b, "busy@127.0.0.1", "coppice", "replicas", 100, tell, &late);
    UNTIL(late.count == 1, b, NULL);
    CHECK(told(&late, COPPICE_TIMEOUT, "no answer in time"));
    for (i = 0; i < most; i++)
        coppice_call(b, "busy@127.0.0.1", "coppice", "replicas", 60000, count_answer, &all);
    coppice_call(b, "busy@127.0.0.1", "coppice", "replicas", 60000, tell, &all.last);
    for (i = 0; i < 5; i++)
        coppice_turn(b);
    CHECK(all.told == 0);
    if (most == CALLS)
        CHECK(told(&all.last, COPPICE_REFUSED, "too many calls are open on this node"));
    CHECK(coppice_close(b) == COPPICE_OK);
    CHECK(all.told == most && all.ended == most);
    CHECK(all.last.count == 1);
    CHECK(coppice_close(a) == COPPICE_OK);
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
    static char text[1 << 20]; /* after it 64 ms pass until the next is told */
    const int changes = 10;
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
    CHECK(w.status == COPPICE_OK); /* that is the end of the node, not of the replica */
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

int main(int count, char **words)
{
    if (count < 2)
        return 64;
    check_open();
    check_calls();
    check_wrong();
    check_unreachable();
    check_two_nodes();
    check_unanswered(count == 3 ? CALLS : 10);
    check_nested();
    check_watch();
    check_large();
    check_close();
    check_wake();
    check_pipe();
    check_threads();
    check_storage(words[1]);
    if (count == 3)
        check_taken();
    printf("%u passed, %u failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
