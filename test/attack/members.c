/* Attacks by peers that know the cookie: too much of what is allowed. */
#include <stdio.h>

#include "attack.h"
#include "dist/frame.h"
#include "err.h"
#include "flood.h"
#include "term/write.h"

#define ROUND     500
#define CREATION  1
#define ANSWER_MS 20000
/* Elements of the set, of which the state is then 1 MB. */
#define ELEMENTS     20000
#define STATES_ROUND 2000

/* --- floods of signals --------------------------------------------------------------------- */

static void put_reference_numbered(const struct link *l, struct buf *out, uint32_t number)
{
    const uint32_t words[3] = {number, 1, 1};
    put_reference(out, bytes_of(l->name), CREATION, words, 3);
}

static void monitors_round(struct link *l, uint32_t round)
{
    struct buf to = {0}, ref = {0};
    put_atom(&to, "views");
    for (uint32_t i = 0; i < ROUND; i++) {
        buf_clear(&ref);
        put_reference_numbered(l, &ref, round * ROUND + i);
        link_signal(l, &(struct signal){
                           .kind = SIGNAL_MONITOR, .to = buf_bytes(&to), .ref = buf_bytes(&ref)});
    }
    buf_free(&to);
    buf_free(&ref);
}

/* From one of its processes to one of the target's, which may be there or not. */
static void links_round(struct link *l, uint32_t round)
{
    struct buf from = {0}, to = {0};
    for (uint32_t i = 0; i < ROUND; i++) {
        buf_clear(&from);
        buf_clear(&to);
        put_pid(&from, bytes_of(l->name), round * ROUND + i, 0, CREATION);
        put_pid(&to, BYTES(TARGET_NODE), i % 16, 0, CREATION);
        link_signal(l, &(struct signal){
                           .kind = SIGNAL_LINK, .from = buf_bytes(&from), .to = buf_bytes(&to)});
    }
    buf_free(&from);
    buf_free(&to);
}

/* {29, Ref, Pid, GroupLeader, {os, cmd, 1}, []} and the arguments, [[]]. */
static void spawns_round(struct link *l, uint32_t round)
{
    struct buf frame = {0}, mfa = {0};
    bool versioned;
    term_of(&mfa, "{os, cmd, 1}");
    for (uint32_t i = 0; i < ROUND; i++) {
        buf_clear(&frame);
        size_t start = frame_open(&frame, channel_flags(l->channel), &versioned);
        put_tuple(&frame, 6);
        put_uint(&frame, 29);
        put_reference_numbered(l, &frame, round * ROUND + i);
        put_term(&frame, buf_bytes(&l->pid));
        put_term(&frame, buf_bytes(&l->pid));
        put_term(&frame, buf_bytes(&mfa));
        put_nil(&frame);
        put_list(&frame, 1);
        put_nil(&frame);
        put_nil(&frame);
        frame_close(&frame, start);
        link_raw(l, buf_bytes(&frame));
    }
    buf_free(&frame);
    buf_free(&mfa);
}

static void ticks_round(struct link *l, uint32_t round)
{
    static const uint8_t ticks[65536];
    (void)round;
    link_raw(l, (struct bytes){ticks, sizeof(ticks)});
}

static void monitors(struct scene *s)
{
    flood(s, monitors_round, READS);
}

static void links(struct scene *s)
{
    flood(s, links_round, READS);
}

static void spawns(struct scene *s)
{
    flood(s, spawns_round, READS);
}

static void ticks(struct scene *s)
{
    expect(s, !flood(s, ticks_round, READS), "it was disconnected");
}

/* --- floods of calls ------------------------------------------------------------------------- */

/* A round of calls, whose requests differ in a number, or not. */
static void calls_round(struct link *l, const char *server, const char *format, uint32_t round)
{
    struct buf request = {0};
    char text[256];
    for (uint32_t i = 0; i < ROUND; i++) {
        uint32_t number = round * ROUND + i;
        snprintf(text, sizeof(text), format, number);
        link_call(l, server, number, term_of(&request, text));
    }
    buf_free(&request);
}

static void connects_round(struct link *l, uint32_t round)
{
    calls_round(l, "coppice", "{connect, 'n%u@127.0.0.1:9'}", round);
}

static void subscriptions_round(struct link *l, uint32_t round)
{
    calls_round(l, "views", "{subscribe, #Pid<'attacker@127.0.0.1'.%u.0.1>}", round);
}

static void unknown_round(struct link *l, uint32_t round)
{
    calls_round(l, "views", "{unknown, %u}", round);
    calls_round(l, "coppice", "{unknown, %u}", round);
    calls_round(l, "nobody", "{unknown, %u}", round);
    calls_round(l, "rex", "{call, os, cmd, [[%u]], user}", round);
}

static void starts_round(struct link *l, uint32_t round)
{
    struct buf request = {0};
    char text[128];
    for (uint32_t i = 0; i < ROUND / 10; i++) {
        uint32_t number = round * ROUND + i;
        snprintf(text, sizeof(text), "{start_replica, r%u, #{crdt => gcounter}}", number);
        link_call(l, "coppice", number, term_of(&request, text));
        snprintf(text, sizeof(text), "{stop_replica, r%u}", number);
        link_call(l, "coppice", number, term_of(&request, text));
    }
    buf_free(&request);
}

static void connects(struct scene *s)
{
    flood(s, connects_round, READS);
}

static void subscriptions(struct scene *s)
{
    flood(s, subscriptions_round, READS);
}

static void unknown(struct scene *s)
{
    flood(s, unknown_round, READS);
}

static void starts(struct scene *s)
{
    flood(s, starts_round, READS);
}

/* --- pg -----------------------------------------------------------------------------------------
 */

/* {'$gen_cast', {sync, Scope, []}}, so that the scope is known, and then {join, Scope, Group,
 * Pids}. */
static void join(struct link *l, const char *group, uint32_t first, uint32_t count)
{
    struct buf message = {0};
    put_tuple(&message, 4);
    put_atom(&message, "join");
    put_term(&message, buf_bytes(&l->pid));
    put_binary(&message, bytes_of(group));
    put_list(&message, count);
    for (uint32_t i = 0; i < count; i++)
        put_pid(&message, bytes_of(l->name), first + i, 0, CREATION);
    put_nil(&message);
    link_send(l, "grove", buf_bytes(&message));
    buf_free(&message);
}

static void greet(struct link *l)
{
    struct buf message = {0};
    put_tuple(&message, 2);
    put_atom(&message, "$gen_cast");
    put_tuple(&message, 3);
    put_atom(&message, "sync");
    put_term(&message, buf_bytes(&l->pid));
    put_nil(&message);
    link_send(l, "grove", buf_bytes(&message));
    buf_free(&message);
}

static void joins_round(struct link *l, uint32_t round)
{
    if (round == 0)
        greet(l);
    for (uint32_t i = 0; i < ROUND / 10; i++)
        join(l, "views", (round * ROUND + i) * 20, 20);
}

static void groups_round(struct link *l, uint32_t round)
{
    char name[32];
    if (round == 0)
        greet(l);
    for (uint32_t i = 0; i < ROUND; i++) {
        snprintf(name, sizeof(name), "g%u", round * ROUND + i);
        join(l, name, i, 1);
    }
}

static void scope_junk_round(struct link *l, uint32_t round)
{
    struct buf message = {0};
    for (uint32_t i = 0; i < ROUND; i++) {
        buf_clear(&message);
        put_uint(&message, round * ROUND + i);
        link_send(l, "grove", buf_bytes(&message));
    }
    buf_free(&message);
}

static void joins(struct scene *s)
{
    flood(s, joins_round, READS);
}

static void groups(struct scene *s)
{
    flood(s, groups_round, READS);
}

static void scope_junk(struct scene *s)
{
    flood(s, scope_junk_round, READS);
}

/* --- answers that nobody reads
 * --------------------------------------------------------------------- */

/* Makes the state of the set large. */
static void fill_set(struct scene *s)
{
    struct link *l = let_in(s, "writer");
    struct buf request = {0};
    struct bytes reply;
    put_tuple(&request, 2);
    put_atom(&request, "mutate");
    put_list(&request, ELEMENTS);
    for (uint32_t i = 0; i < ELEMENTS; i++) {
        put_tuple(&request, 2);
        put_atom(&request, "add");
        put_list(&request, 1);
        put_uint(&request, i + 1000);
        put_nil(&request);
    }
    put_nil(&request);
    link_call(l, "set", 1, buf_bytes(&request));
    expect(s, link_flush(l, ANSWER_MS) && link_reply(l, ANSWER_MS, &reply),
           "the set could not be filled");
    link_close(l);
    buf_free(&request);
}

static void states_round(struct link *l, uint32_t round)
{
    struct buf request = {0};
    for (uint32_t i = 0; i < STATES_ROUND; i++)
        link_call(l, "set", round + i, term_of(&request, "state"));
    buf_free(&request);
}

/* Its requests are kept up to a limit, at which it is cut off. */
static void unread(struct scene *s)
{
    fill_set(s);
    s->end_ms = now_ms() + ANSWER_MS;
    expect(s, flood(s, states_round, READS_NOTHING), "it was not cut off");
}

/* --- peers that come and go
 * ------------------------------------------------------------------------ */

static void churn(struct scene *s)
{
    unsigned count = 0;
    char name[32];
    for (; time_is_left(s); count++) {
        snprintf(name, sizeof(name), "n%u", count);
        link_close(let_in(s, name));
    }
    figure(s, "%u peers", count);
}

/* The same name again and again, each with the connection before still open. */
static void reconnects(struct scene *s)
{
    unsigned count = 0;
    struct link *before = NULL;
    for (; time_is_left(s); count++) {
        struct link *l = let_in(s, "attacker");
        link_close(before);
        before = l;
    }
    link_close(before);
    figure(s, "%u connections", count);
}

#define SCOPE "{scope, grove}.\n"

const struct attack member_attacks[] = {
    {"monitors", monitors, 64, 12, NULL, NULL, 0},
    {"links", links, 64, 12, NULL, NULL, 0},
    {"spawn requests", spawns, 64, 12, NULL, NULL, 0},
    {"ticks", ticks, 32, 12, NULL, NULL, 0},
    {"connect requests", connects, 64, 300, NULL, NULL, 0},
    {"subscriptions", subscriptions, 64, 12, NULL, NULL, 0},
    {"unknown requests", unknown, 64, 30, NULL, NULL, 0},
    {"replicas started and stopped", starts, 128, 510, NULL, NULL, 0},
    {"members of a group", joins, 64, 30, NULL, SCOPE, 0},
    {"groups", groups, 400, 30, NULL, SCOPE, 0},
    {"junk for a scope", scope_junk, 64, 30, NULL, SCOPE, 0},
    {"states that nobody reads", unread, 500, 12,
     "attacker@127.0.0.1 disconnected: it sends requests and does not read the answers", NULL, 0},
    {"peers that come and go", churn, 64, 1010, NULL, NULL, 0},
    {"a peer that reconnects", reconnects, 64, 1010, NULL, NULL, 0},
    {NULL, NULL, 0, 0, NULL, NULL, 0},
};
