/* Processes that other nodes ask for, as erlang:spawn_request/5 does and, with it, erpc and rpc.
 *
 * Each is answered with a SPAWN_REPLY, without which a caller would wait for ever, and ends before
 * the next signal is handled: there is no code to be run here, only an answer to be given, and that
 * is the reason of its exit (erpc.erl, execute_call/4).
 *
 * Source: erl_dist_protocol, SPAWN_REQUEST. */
#include "../err.h"
#include "../term/etf.h"
#include "../term/write.h"
#include "table.h"

/* Nothing reaches it: it ends in the step in which it starts. */
static void spawned_message(struct process *p, struct bytes message, struct turn *t)
{
    (void)message;
    (void)t;
    must(p->ended);
}

static void spawned_state(const struct process *p, struct buf *out)
{
    (void)out;
    must(p->ended);
}

static void spawned_free(void *self)
{
    (void)self;
}

static const struct process_kind spawned = {
    .module = "coppice_spawned",
    .message = spawned_message,
    .state = spawned_state,
    .free = spawned_free,
};

/* {Module, Function, Arity}, and a list of as many arguments.  names is what spawn borrows from. */
static bool read_request(const struct signal *request, struct spawn *spawn, struct atom names[2])
{
    struct etf_in in = etf_open(request->mfa), args = etf_open(request->payload);
    struct bytes argument;
    etf_tuple_of(&in, 3);
    etf_atom(&in, &names[0]);
    etf_atom(&in, &names[1]);
    uint32_t arity = etf_uint32(&in), count = 0;
    if (etf_finish(&in) != OK)
        return false;
    for (struct etf_list list = etf_list(&args); etf_next(&list, &argument);)
        count++;
    *spawn = (struct spawn){.module = {names[0].text, names[0].len},
                            .function = {names[1].text, names[1].len},
                            .args = request->payload};
    return etf_finish(&args) == OK && count == arity;
}

static bool has_option(struct bytes options, const char *name)
{
    struct etf_in in = etf_open(options);
    struct bytes option;
    bool found = false;
    for (struct etf_list list = etf_list(&in); etf_next(&list, &option);) {
        struct etf_in at_option = etf_open(option);
        /* {monitor, _} of later releases */
        if (etf_peek(&at_option) == ETF_TUPLE)
            etf_tuple(&at_option);
        found = found || etf_accept(&at_option, name);
    }
    return found;
}

static void reply(const struct signal *request, struct bytes node, struct bytes result,
                  unsigned bits, struct turn *t)
{
    t->post->send(t->post, &(struct signal){.kind = SIGNAL_SPAWN_REPLY,
                                            .node = node,
                                            .from = result,
                                            .to = request->from,
                                            .ref = request->ref,
                                            .id = bits});
}

static void refuse(const struct signal *request, struct bytes node, const char *why, struct turn *t)
{
    struct buf atom = {0};
    put_atom(&atom, why);
    reply(request, node, buf_bytes(&atom), 0, t);
    buf_free(&atom);
}

/* Why there is no process for the request, or NULL. */
static const char *refusal(const struct processes *table, const struct signal *request,
                           struct spawn *spawn, struct atom names[2])
{
    if (table->on_spawn == NULL)
        return "notsup";
    if (request->unfit != OK || !processes_have_room(table))
        return "system_limit";
    return read_request(request, spawn, names) ? NULL : "badarg";
}

void spawn_handle(struct processes *table, struct bytes node, const struct signal *request,
                  struct turn *t)
{
    struct spawn spawn;
    struct atom names[2];
    const char *why = refusal(table, request, &spawn, names);
    if (why != NULL) {
        refuse(request, node, why, t);
        return;
    }
    struct process *p = process_start(table, &spawned, NULL, (struct bytes){0});
    must(p != NULL);
    bool links = has_option(request->options, "link");
    bool monitors = has_option(request->options, "monitor");
    if (links)
        watchers_add(p, &(struct watcher_id){.pid = request->from}, t);
    if (monitors)
        watchers_add(p, &(struct watcher_id){.pid = request->from, .ref = request->ref}, t);
    reply(request, node, process_pid(p),
          (links ? SPAWN_LINKED : 0) | (monitors ? SPAWN_MONITORED : 0), t);
    struct buf reason = {0};
    table->on_spawn(table->on_spawn_who, &spawn, &reason, t);
    process_exit(p, buf_bytes(&reason), t);
    buf_free(&reason);
}
