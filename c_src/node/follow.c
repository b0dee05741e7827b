#include "../dist/handshake.h"
#include "../otp/rex.h"
#include "../otp/watch.h"
#include "../term/etf.h"
#include "../term/write.h"
#include "inside.h"

/* Following: connecting to the nodes that peers are connected to.
 *
 * A peer is asked for them when it is known what it is, and then again and again.  A BEAM
 * is asked for erlang:nodes(connected), for a coppice is hidden by default, and two of them
 * that only share a BEAM have to find each other: nodes() names visible ones alone, and
 * nodes(known) those, too, that have gone.  A coppice is asked for its `peers`.
 *
 * Whoever names a node is connected to it.  So a name that left for good, or came back as
 * another, is soon named by nobody, and forgotten; were nodes named that somebody only
 * wants to be connected to, two who follow would remind each other of them for ever. */

#define ASK_MS 5000

void follow_ask(struct node *n, struct peer *p)
{
    if (!n->config->follow)
        return;
    /* Between half of the pause and all of it: a cluster that came up at once does not
     * answer at once. */
    uint64_t half = LIMIT_FOLLOW_ASK_MS / 2;
    p->learned.nodes_ms = n->turn.now_ms + half + turn_random(&n->turn) % (half + 1);
    struct bytes node = buf_bytes(&p->name);
    struct buf term = {0};
    if (p->learned.beam) {
        put_list(&term, 1);
        put_atom(&term, "connected");
        put_nil(&term);
        p->learned.nodes_call =
            rex_start(n->asker, node, "erlang", "nodes", buf_bytes(&term), ASK_MS, &n->turn);
    } else {
        struct address server = {.name = BYTES("coppice"), .node = node};
        put_atom(&term, "peers");
        p->learned.nodes_call = call_start(n->asker, &server, buf_bytes(&term), ASK_MS, &n->turn);
    }
    buf_free(&term);
}

/* The list in an answer; empty when it has none. */
static struct bytes named_nodes(const struct peer *p, const struct answer *a)
{
    struct bytes list = {0};
    if (p->learned.beam)
        return rex_read(a, &list) == REX_VALUE ? list : (struct bytes){0};
    struct etf_in in = etf_open(a->reply);
    if (a->err != OK || etf_peek(&in) != ETF_TUPLE)
        return list;
    etf_tuple_of(&in, 2);
    etf_expect(&in, "ok");
    list = etf_any(&in);
    return etf_finish(&in) == OK ? list : (struct bytes){0};
}

static size_t count_followed(const struct node *n)
{
    size_t count = 0;
    for (size_t i = 0; i < n->peer_count; i++)
        count += n->peers[i]->followed;
    return count;
}

static void follow(struct node *n, struct bytes name)
{
    struct peer *p = peer_named(n, name);
    p->named_ms = n->turn.now_ms;
    peer_want(n, p);
    p->followed = true;
}

/* Any term from outside; false for what is not another node's name. */
static bool is_other_node(const struct node *n, struct bytes term, struct atom *atom)
{
    struct etf_in in = etf_open(term);
    etf_atom(&in, atom);
    struct bytes name = {atom->text, atom->len};
    return etf_finish(&in) == OK && node_name_valid(name) && !bytes_equal(name, n->self.name);
}

static void follow_all(struct node *n, struct bytes list, const struct peer *by)
{
    size_t room = LIMIT_FOLLOWED - count_followed(n), looks = LIMIT_FOLLOWED;
    bool crowded = false;
    struct etf_in in = etf_open(list);
    struct bytes element;
    struct atom atom;
    for (struct etf_list l = etf_list(&in); looks > 0 && etf_next(&l, &element); looks--) {
        if (!is_other_node(n, element, &atom))
            continue;
        struct bytes name = {atom.text, atom.len};
        struct peer *p = peer_find(n, name);
        if (p != NULL && p->wanted) {
            p->named_ms = n->turn.now_ms;
        } else if (room > 0) {
            follow(n, name);
            room--;
        } else {
            crowded = true;
        }
    }
    if (crowded && !n->crowded)
        node_log(n, LOG_WARNING, "%.*s names more nodes than the %d that are followed",
                 TEXT(by->name), LIMIT_FOLLOWED);
    n->crowded |= crowded;
}

void follow_heard(struct node *n, struct peer *p, const struct answer *a)
{
    n->settling = true;
    struct bytes list = named_nodes(p, a);
    if (list.len > 0)
        follow_all(n, list, p);
}

void follow_drop(struct node *n, struct peer *p)
{
    if (!p->followed)
        return;
    p->followed = p->wanted = false;
    p->dial_ms = 0;
    n->untidy = n->settling = true;
}

/* When a followed node that is away is forgotten. */
static uint64_t forget_ms(const struct node *n, const struct peer *p)
{
    if (!p->followed || p->up != NULL || p->attempt != NULL)
        return UINT64_MAX;
    return p->named_ms + LIMIT_FOLLOW_TICKTIMES * n->config->ticktime_ms;
}

uint64_t follow_due(const struct node *n)
{
    uint64_t due = UINT64_MAX;
    for (size_t i = 0; i < n->peer_count; i++) {
        const struct peer *p = n->peers[i];
        uint64_t ask = p->learned.nodes_ms != 0 ? p->learned.nodes_ms : UINT64_MAX;
        uint64_t forget = forget_ms(n, p);
        due = ask < due ? ask : due;
        due = forget < due ? forget : due;
    }
    return due;
}

void follow_wake(struct node *n)
{
    for (size_t i = 0; i < n->peer_count; i++) {
        struct peer *p = n->peers[i];
        uint64_t ask = p->learned.nodes_ms;
        if (ask != 0 && ask <= n->turn.now_ms) {
            /* Where the process that asks has been ended, no answer came. */
            if (p->learned.nodes_call != 0)
                call_stop(n->asker, p->learned.nodes_call, &n->turn);
            follow_ask(n, p);
        }
        if (forget_ms(n, p) <= n->turn.now_ms) {
            node_log(n, LOG_INFO, "%.*s is forgotten: nobody is connected to it", TEXT(p->name));
            follow_drop(n, p);
        }
    }
}
