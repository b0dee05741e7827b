/* A step that does less where the machine is slow. */
#include "dist/channel.h"
#include "dist/flags.h"
#include "limits.h"
#include "node/node.h"
#include "term/text.h"
#include "term/write.h"
#include "unit/suite.h"

#define CALLER "caller@h"
#define NOW_MS 1000
#define CALLS  500

static struct node *node;
static struct channel *caller;
static uint64_t slowness, work;
static unsigned answered;

static void step(struct event e)
{
    struct outbox out = {0};
    e.conn = 2;
    e.now_ms = NOW_MS;
    e.slowness = slowness;
    node_step(node, &e, &out);
    work += node_work(node);
    for (size_t i = 0; i < out.count; i++)
        if (out.list[i].kind == ACTION_SEND)
            channel_feed(caller, buf_bytes(&out.list[i].bytes));
    outbox_free(&out);
    struct signal signal;
    for (enum channel_event c; (c = channel_next(caller, &signal)) != CHANNEL_QUIET;) {
        CU_ASSERT_FATAL(c != CHANNEL_BAD);
        answered += c == CHANNEL_SIGNAL && signal.kind == SIGNAL_SEND;
    }
}

static void say(void)
{
    struct buf said = *channel_out(caller);
    *channel_out(caller) = (struct buf){0};
    step((struct event){.kind = EVENT_BYTES, .bytes = buf_bytes(&said)});
    buf_free(&said);
}

static void put_calls(void)
{
    struct signal s = {.kind = SIGNAL_REG_SEND,
                       .from = term_of("#Pid<'" CALLER "'.1.0.1>"),
                       .to = term_of("net_kernel"),
                       .payload = term_of("{'$gen_call', {#Pid<'" CALLER "'.1.0.1>, tag}, "
                                          "{is_auth, 'caller@h'}}")};
    for (unsigned i = 0; i < CALLS; i++)
        channel_send(caller, &s);
}

/* Steps until all calls that were read at once are answered. */
static unsigned steps_where(uint64_t machine)
{
    struct config config;
    struct config_error error;
    struct channel_self self = {
        .name = BYTES(CALLER), .cookie = BYTES("cookie"), .flags = DFLAGS_OURS, .creation = 1};
    slowness = 0;
    answered = 0;
    config_init(&config);
    buf_put(&config.cookie, BYTES("cookie"));
    buf_put(&config.node, BYTES("a@h"));
    CU_ASSERT_FATAL(config_read(&config, BYTES("{epmd, false}."), &error) == OK);
    node = node_new(&config);
    caller = channel_dial(&self, BYTES("a@h"), 5);
    step((struct event){.kind = EVENT_START, .port = 9100});
    step((struct event){.kind = EVENT_ACCEPTED});
    while (!channel_is_up(caller))
        say();
    slowness = machine;
    work = 0;
    put_calls();
    unsigned steps = 1;
    for (say(); node_due(node) <= NOW_MS; steps++)
        step((struct event){.kind = EVENT_WAKE});
    CU_ASSERT_EQUAL(answered, CALLS);
    node_free(node);
    channel_free(caller);
    config_free(&config);
    return steps;
}

static void a_step_does_less_of_it(void)
{
    unsigned steps = steps_where(0);
    uint64_t price = work;
    CU_ASSERT(steps >= price / LIMIT_STEP_WORK && price > LIMIT_STEP_WORK);
    CU_ASSERT(steps_where(3 * 256) > 3 * steps);
    /* The price is that of a machine without slowness. */
    CU_ASSERT(work > price - price / 10 && work < price + price / 10);
}

SUITE("slow machine", TEST(a_step_does_less_of_it))
