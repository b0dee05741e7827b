#include <string.h>

#include "../err.h"
#include "../mem.h"
#include "../term/etf.h"
#include "../term/text.h"
#include "../term/write.h"
#include "internal.h"

struct call *call_new(const char *server, coppice_callback *told, void *who)
{
    struct call *call = mem_take(sizeof(*call));
    *call = (struct call){.timeout_ms = UINT64_MAX, .told = told, .who = who};
    if (is_atom_text(bytes_of(server)))
        buf_put(&call->server, bytes_of(server));
    else
        answer_set_text(&call->answer, COPPICE_BAD_TERM,
                        "the name: expected UTF-8 text of at most 255 characters");
    return call;
}

void call_give(struct coppice *c, struct call *call)
{
    list_append(&c->waiting, &call->entry);
    do_soon(c);
}

/* Takes it out of its list, tells it and frees it. */
static void finish(struct call *call)
{
    list_remove(&call->entry);
    answer_tell(&call->answer, call->told, call->who);
    place_free(&call->at);
    buf_free(&call->server);
    buf_free(&call->term);
    mem_free(call);
}

static void begin(struct coppice *c, struct call *call)
{
    const struct request request = {
        .kind = REQUEST_CALL,
        .node = buf_bytes(&call->at.name),
        .port = call->at.port,
        .name = buf_bytes(&call->server),
        .term = buf_bytes(&call->term),
        .timeout_ms = call->timeout_ms,
    };
    call->number = ++c->last_number;
    list_remove(&call->entry);
    list_append(&c->open, &call->entry);
    hash_table_put(&c->by_number, &call->link, call->number);
    loop_step(c->loop,
              &(struct event){.kind = EVENT_CALL, .call = call->number, .request = &request});
}

/* Those that are given meanwhile wait for the next turn. */
void calls_begin(struct coppice *c)
{
    const struct list *last = c->waiting.prev;
    bool more = !list_empty(&c->waiting);
    for (struct list *entry = c->waiting.next; more;) {
        struct call *call = CONTAINER_OF(entry, struct call, entry);
        more = entry != last;
        entry = entry->next;
        if (call->answer.status != COPPICE_OK)
            finish(call);
        else if (c->ready && !loop_has_ended(c->loop))
            begin(c, call);
    }
}

/* {ok, Value}, ok or {error, Reason}. */
static void set_answer(struct coppice_answer *a, struct bytes term)
{
    struct etf_in in = etf_open(term);
    bool pair = etf_peek(&in) == ETF_TUPLE && etf_tuple(&in) == 2;
    if (pair && etf_accept(&in, "ok"))
        answer_set_term(a, COPPICE_OK, etf_any(&in));
    else if (pair && etf_accept(&in, "error"))
        answer_set_term(a, COPPICE_REFUSED, etf_any(&in));
    else
        answer_set_term(a, COPPICE_OK, term);
}

/* Why a process, or the way to it, has ended. */
static void set_down(struct call *call, struct bytes reason)
{
    struct coppice_answer *a = &call->answer;
    struct bytes server = buf_bytes(&call->server), node = buf_bytes(&call->at.name);
    struct etf_in in = etf_open(reason);
    if (etf_accept(&in, "noproc")) {
        if (node.len == 0)
            node = BYTES("this node");
        answer_set_text(a, COPPICE_DOWN, "there is no %.*s on %.*s", TEXT(server), TEXT(node));
    } else if (etf_accept(&in, "noconnection")) {
        answer_set_text(a, COPPICE_DOWN, "%.*s cannot be reached, or the connection was lost",
                        TEXT(node));
    } else {
        /* As text, without the version byte. */
        struct coppice_answer why = {0};
        answer_set_term(&why, COPPICE_OK, reason);
        answer_set_text(a, COPPICE_DOWN, "%.*s has ended: %s", TEXT(server), coppice_text(&why));
        answer_tell(&why, NULL, NULL);
    }
}

void calls_replied(void *who, uint64_t number, enum err err, struct bytes term)
{
    struct coppice *c = who;
    struct hash_link *link = hash_table_find(&c->by_number, number);
    must(link != NULL);
    struct call *call = CONTAINER_OF(link, struct call, link);
    hash_table_remove(&c->by_number, link);
    if (err == OK && call->plain)
        answer_set_term(&call->answer, COPPICE_OK, term);
    else if (err == OK)
        set_answer(&call->answer, term);
    else if (err == ERR_FULL)
        answer_set_term(&call->answer, COPPICE_REFUSED, term);
    else if (err == ERR_TIMEOUT)
        answer_set_text(&call->answer, COPPICE_TIMEOUT, "no answer in time");
    else if (err == ERR_STOPPED)
        answer_set_text(&call->answer, COPPICE_ENDED, "this node has ended");
    else
        set_down(call, term);
    finish(call);
}

/* Likewise. */
void calls_end(struct coppice *c)
{
    for (struct list *e = c->waiting.next; e != &c->waiting; e = e->next) {
        struct call *call = CONTAINER_OF(e, struct call, entry);
        if (call->answer.status == COPPICE_OK)
            answer_set_text(&call->answer, COPPICE_ENDED, "this node has ended");
    }
    calls_begin(c);
}

void calls_free(struct coppice *c)
{
    must(list_empty(&c->open));
    while (!list_empty(&c->waiting)) {
        struct call *call = CONTAINER_OF(c->waiting.next, struct call, entry);
        call->told = NULL;
        finish(call);
    }
    hash_table_free(&c->by_number);
}
