/* How far monitors and links are searched for: a peer chooses their references and pids, so no
 * choice may put many of them into one chain of the hash table. */
#include "otp/table.h"
#include "unit/otp/spy.h"

#define PROCESSES 4

/* One monitor by the pid with this number; or a link where ref is 0. */
struct choice {
    uint32_t pid, ref, process;
};

/* What the i-th of count monitors differs in from the others. */
static struct choice references_differ(uint32_t i)
{
    return (struct choice){1, 1 + i, 1};
}

static struct choice pids_differ(uint32_t i)
{
    return (struct choice){1 + i, 1, 1};
}

static struct choice links(uint32_t i)
{
    return (struct choice){1 + i, 0, 1};
}

static struct choice processes_and_pids_differ(uint32_t i)
{
    return (struct choice){1 + i / PROCESSES, 1, 1 + i % PROCESSES};
}

static void put_choice(const struct choice *c, struct buf *pid, struct buf *ref, struct buf *to)
{
    buf_clear(pid);
    buf_clear(ref);
    buf_clear(to);
    put_pid(pid, BYTES("b@h"), c->pid, 0, 3);
    put_pid(to, BYTES("a@h"), c->process, 0, 7);
    if (c->ref != 0)
        put_reference(ref, BYTES("b@h"), 3, (const uint32_t[]){c->ref, 1, 2}, 3);
}

static void signal_all(bool add, uint32_t count, struct choice (*choose)(uint32_t))
{
    struct buf pid = {0}, ref = {0}, to = {0};
    for (uint32_t i = 0; i < count; i++) {
        struct choice c = choose(i);
        put_choice(&c, &pid, &ref, &to);
        bool link = c.ref == 0;
        struct signal s = {.kind = add ? (link ? SIGNAL_LINK : SIGNAL_MONITOR)
                                       : (link ? SIGNAL_UNLINK : SIGNAL_DEMONITOR),
                           .from = buf_bytes(&pid),
                           .ref = buf_bytes(&ref),
                           .to = buf_bytes(&to)};
        processes_signal(world.table, BYTES("b@h"), &s, &world.turn);
    }
    buf_free(&pid);
    buf_free(&ref);
    buf_free(&to);
}

/* The links that are passed when each is searched for once. */
static uint64_t probes(const struct hash_table *table)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < table->size; i++) {
        uint64_t length = 0;
        for (const struct hash_link *at = table->slots[i]; at != NULL; at = at->next)
            sum += ++length;
    }
    return sum;
}

/* Two probes a search at most, on average, in tables of any size. */
static void cost_is_linear(void)
{
    struct choice (*const choices[])(uint32_t) = {references_differ, pids_differ, links,
                                                  processes_and_pids_differ};
    for (size_t c = 0; c < sizeof(choices) / sizeof(choices[0]); c++)
        for (uint32_t count = 2000; count <= 16000; count *= 2) {
            world_open();
            for (int i = 0; i < PROCESSES; i++)
                spy_start(NULL);
            signal_all(true, count, choices[c]);
            CU_ASSERT_EQUAL(world.table->watchers.count, count);
            uint64_t cost = probes(&world.table->watchers);
            CU_ASSERT(cost < 2 * count);
            if (cost >= 2 * count)
                fprintf(stderr, "\n%zu, %u: %llu probes\n", c, count, (unsigned long long)cost);
            processes_check(world.table);
            signal_all(false, count, choices[c]);
            CU_ASSERT_EQUAL(world.table->watchers.count, 0);
            SENT_NO_MORE();
            world_close();
        }
}

/* A monitor belongs to a process, a pid and a reference. */
static void each_is_another(void)
{
    world_open();
    struct process *one = spy_start("one"), *two = spy_start("two");
    RECEIVE(SIGNAL_MONITOR, THEM(4), "one", REF(1));
    RECEIVE(SIGNAL_MONITOR, THEM(5), "one", REF(1));
    RECEIVE(SIGNAL_MONITOR, THEM(4), US(2), REF(1));
    RECEIVE(SIGNAL_MONITOR, THEM(4), US(1), REF(2));
    CU_ASSERT_EQUAL(process_watchers(one), 3);
    CU_ASSERT_EQUAL(process_watchers(two), 1);
    RECEIVE(SIGNAL_DEMONITOR, THEM(4), "nobody", REF(1));
    RECEIVE(SIGNAL_DEMONITOR, THEM(4), US(9), REF(1));
    RECEIVE(SIGNAL_DEMONITOR, THEM(5), "two", REF(1));
    CU_ASSERT_EQUAL(process_watchers(one), 3);
    RECEIVE(SIGNAL_DEMONITOR, THEM(4), "one", REF(1));
    CU_ASSERT_EQUAL(process_watchers(one), 2);
    CU_ASSERT_EQUAL(process_watchers(two), 1);
    RECEIVE(SIGNAL_DEMONITOR, THEM(4), "two", REF(1));
    CU_ASSERT_EQUAL(process_watchers(two), 0);
    process_exit(one, term_of("over"), &world.turn);
    SENT("MONITOR_EXIT b@h one -> " THEM(5) " " REF(1) " because over");
    SENT("MONITOR_EXIT b@h " US(1) " -> " THEM(4) " " REF(2) " because over");
    SENT_NO_MORE();
    world_close();
}

SUITE("watchers", TEST(cost_is_linear), TEST(each_is_another))
