#include "follow.h"

#include "../dist/command_name.h"
#include "../dist/handshake.h"
#include "../limits.h"
#include "../mem.h"
#include "../otp/list.h"
#include "../otp/names.h"
#include "../otp/rex.h"
#include "../otp/watch.h"
#include "../term/etf.h"
#include "../term/write.h"
#include "asker.h"

#define ASK_MS 5000

/* A connected node that is asked. */
struct asked {
    struct buf name;
    struct follow *follow;
    bool beam;
    uint64_t call; /* 0: not open */
    struct wakeup again;
};

/* A node that is dialled for no other reason than that a peer has named it. */
struct followed {
    struct buf name;
    struct follow *follow;
    struct buf by;     /* the peer that named it first */
    bool met;          /* it has been connected */
    uint64_t named_ms; /* when a peer last named it, or it was lost */
    struct wakeup forget;
};

struct follow {
    struct processes *table;
    struct wakeups *wakeups;
    struct cluster *cluster;
    struct follow_options options;
    struct process *process;
    struct names asked, followed;
    bool crowded; /* it was logged that peers name more nodes than are followed */
};

struct follow *follow_new(struct processes *table, struct wakeups *wakeups, struct cluster *cluster,
                          const struct follow_options *options)
{
    struct follow *f = mem_take(sizeof(*f));
    *f = (struct follow){
        .table = table, .wakeups = wakeups, .cluster = cluster, .options = *options};
    f->asked.secret = f->followed.secret = processes_seed(table);
    return f;
}

static void followed_remove(struct followed *x)
{
    buf_free(&x->by);
    names_remove(&x->follow->followed, x);
}

void follow_free(struct follow *f)
{
    names_free(&f->asked);
    while (f->followed.count > 0)
        followed_remove(f->followed.list[f->followed.count - 1]);
    names_free(&f->followed);
    mem_free(f);
}

/* --- asking ------------------------------------------------------------------ */

static uint64_t ask_beam(const struct asked *x, struct turn *t)
{
    struct buf arguments = {0};
    put_list(&arguments, 1);
    put_atom(&arguments, "connected");
    put_nil(&arguments);
    uint64_t call = rex_start(x->follow->process, buf_bytes(&x->name), "erlang", "nodes",
                              buf_bytes(&arguments), ASK_MS, t);
    buf_free(&arguments);
    return call;
}

static uint64_t ask_coppice(const struct asked *x, struct turn *t)
{
    struct address server = {.name = BYTES("coppice"), .node = buf_bytes(&x->name)};
    struct buf request = {0};
    put_atom(&request, "peers");
    uint64_t call = call_start(x->follow->process, &server, buf_bytes(&request), ASK_MS, t);
    buf_free(&request);
    return call;
}

static void ask(struct asked *x, struct turn *t)
{
    /* Between half of the pause and all of it: a cluster that came up at once does not answer at
     * once. */
    uint64_t half = LIMIT_FOLLOW_ASK_MS / 2;
    wakeup_set(x->follow->wakeups, &x->again, t->now_ms + half + turn_random(t) % (half + 1));
    x->call = x->beam ? ask_beam(x, t) : ask_coppice(x, t);
}

static void stop_call(struct asked *x, struct turn *t)
{
    if (x->call != 0)
        call_stop(x->follow->process, x->call, t);
    x->call = 0;
}

static void on_again(struct wakeup *w, struct turn *t)
{
    struct asked *x = CONTAINER_OF(w, struct asked, again);
    /* A process that has ended took its calls along. */
    stop_call(x, t);
    ask(x, t);
}

void follow_learned(struct follow *f, struct bytes node, bool beam, struct turn *t)
{
    if (!f->options.follows)
        return;
    struct asked *x = names_add(&f->asked, node, sizeof(*x));
    x->follow = f;
    x->beam = beam;
    x->again.ring = on_again;
    ask(x, t);
}

bool follow_is_asking(const struct follow *f, struct bytes node)
{
    const struct asked *x = names_find(&f->asked, node);
    return x != NULL && x->call != 0;
}

/* --- following ---------------------------------------------------------------- */

static void forget(struct followed *x)
{
    struct follow *f = x->follow;
    cluster_release(f->cluster, buf_bytes(&x->name));
    wakeup_stop(f->wakeups, &x->forget);
    followed_remove(x);
}

static void forget_later(struct followed *x)
{
    const struct follow *f = x->follow;
    wakeup_set(f->wakeups, &x->forget,
               x->named_ms + LIMIT_FOLLOW_TICKTIMES * f->options.ticktime_ms);
}

/* The timer is not moved whenever the node is named. */
static void on_forget(struct wakeup *w, struct turn *t)
{
    struct followed *x = CONTAINER_OF(w, struct followed, forget);
    const struct follow *f = x->follow;
    struct cluster_peer peer;
    if (cluster_find(f->cluster, buf_bytes(&x->name), &peer))
        return; /* set again when it is down */
    if (x->named_ms + LIMIT_FOLLOW_TICKTIMES * f->options.ticktime_ms > t->now_ms) {
        forget_later(x);
        return;
    }
    turn_log(t, LOG_INFO, "%.*s is forgotten: nobody is connected to it", TEXT(x->name));
    forget(x);
}

/* How many that a peer has named were never met. */
static size_t count_named_by(const struct follow *f, struct bytes peer)
{
    size_t count = 0;
    for (size_t i = 0; i < f->followed.count; i++) {
        const struct followed *x = f->followed.list[i];
        count += !x->met && bytes_equal(buf_bytes(&x->by), peer);
    }
    return count;
}

static void follow(struct follow *f, struct bytes name, struct bytes by, struct turn *t)
{
    struct followed *x = names_add(&f->followed, name, sizeof(*x));
    struct cluster_peer peer;
    x->follow = f;
    buf_put(&x->by, by);
    x->met = cluster_find(f->cluster, name, &peer);
    x->named_ms = t->now_ms;
    x->forget.ring = on_forget;
    forget_later(x);
    cluster_connect(f->cluster, name, t);
}

/* False for what is not the name of another node, or is that of a command or of a node that is not
 * allowed; any term. */
static bool is_other_node(const struct follow *f, struct bytes term, struct atom *atom)
{
    struct etf_in in = etf_open(term);
    etf_atom(&in, atom);
    struct bytes name = {atom->text, atom->len};
    return etf_finish(&in) == OK && node_name_valid(name) && !command_name_is(name) &&
           !bytes_equal(name, f->options.node) && cluster_allows(f->cluster, name);
}

static void follow_all(struct follow *f, struct bytes list, struct bytes by, struct turn *t)
{
    size_t looks = LIMIT_FOLLOWED, named = count_named_by(f, by);
    bool crowded = false;
    struct etf_in in = etf_open(list);
    struct bytes element;
    struct atom atom;
    for (struct etf_list l = etf_list(&in); looks > 0 && etf_next(&l, &element); looks--) {
        if (!is_other_node(f, element, &atom))
            continue;
        struct bytes name = {atom.text, atom.len};
        struct followed *x = names_find(&f->followed, name);
        if (x != NULL)
            x->named_ms = t->now_ms;
        else if (cluster_is_wanted(f->cluster, name))
            continue;
        else if (f->followed.count < LIMIT_FOLLOWED && named++ < LIMIT_FOLLOWED / LIMIT_NODE_PART)
            follow(f, name, by, t);
        else
            crowded = true;
    }
    if (crowded && !f->crowded)
        turn_log(t, LOG_WARNING, "%.*s names more nodes than the %d that are followed", TEXT(by),
                 LIMIT_FOLLOWED / LIMIT_NODE_PART);
    f->crowded |= crowded;
}

/* The list in an answer; empty when it has none. */
static struct bytes named_nodes(bool beam, const struct answer *a)
{
    struct bytes list = {0};
    if (beam)
        return rex_read(a, &list) == REX_VALUE ? list : (struct bytes){0};
    struct etf_in in = etf_open(a->reply);
    if (a->err != OK || etf_peek(&in) != ETF_TUPLE)
        return list;
    etf_tuple_of(&in, 2);
    etf_expect(&in, "ok");
    list = etf_any(&in);
    return etf_finish(&in) == OK ? list : (struct bytes){0};
}

static struct asked *asked_by_call(const struct follow *f, uint64_t call)
{
    size_t i = 0;
    while (i < f->asked.count && ((const struct asked *)f->asked.list[i])->call != call)
        i++;
    must(i < f->asked.count); /* else its call was stopped */
    return f->asked.list[i];
}

static void take_answer(struct process *p, uint64_t call, const struct answer *a, struct turn *t)
{
    struct follow *f = process_self(p);
    struct asked *x = asked_by_call(f, call);
    struct bytes list = named_nodes(x->beam, a);
    x->call = 0;
    if (list.len > 0)
        follow_all(f, list, buf_bytes(&x->name), t);
    f->options.answered(f->options.who);
}

/* --- what the owner tells --------------------------------------------------------- */

void follow_up(struct follow *f, struct bytes node)
{
    struct followed *x = names_find(&f->followed, node);
    if (x != NULL)
        x->met = true;
}

void follow_down(struct follow *f, struct bytes node, struct turn *t)
{
    struct asked *asked = names_find(&f->asked, node);
    if (asked != NULL) {
        stop_call(asked, t);
        wakeup_stop(f->wakeups, &asked->again);
        names_remove(&f->asked, asked);
    }
    struct followed *x = names_find(&f->followed, node);
    if (x == NULL)
        return;
    x->named_ms = t->now_ms;
    forget_later(x);
}

void follow_unreachable(struct follow *f, struct bytes node, bool unknown)
{
    struct followed *x = names_find(&f->followed, node);
    if (x != NULL && unknown && !x->met)
        forget(x);
}

void follow_keep(struct follow *f, struct bytes node)
{
    struct followed *x = names_find(&f->followed, node);
    if (x == NULL)
        return;
    wakeup_stop(f->wakeups, &x->forget);
    followed_remove(x);
}

/* --- the process that asks --------------------------------------------------------- */

static const struct process_kind kind = {
    .module = "coppice_follow",
    .message = asker_message,
    .answer = take_answer,
    .state = asker_state,
    .free = asker_free,
};

void follow_start(struct follow *f)
{
    if (!f->options.follows)
        return;
    f->process = process_start(f->table, &kind, f, (struct bytes){0});
    must(f->process != NULL);
}

void follow_ended(struct follow *f, const struct process *p, struct turn *t)
{
    if (f->process == NULL || p != f->process)
        return;
    follow_start(f);
    for (size_t i = 0; i < f->asked.count; i++) {
        struct asked *x = f->asked.list[i];
        if (x->call != 0)
            ask(x, t);
    }
}
