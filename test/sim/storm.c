/* Storms: random faults and requests for a while, then healing.  Invariants are checked after
 * every step (check.c), convergence at the end (storm_converge.c).
 *
 *     storm [SEED=N] [FIRST=N] [SEEDS=N] [EVERY=N] [CRDT=Name] [TRACE=1]
 *
 * or the same in the environment.  Runs the one storm with that seed, or SEEDS of them from
 * FIRST on, or every N-th of these.  CRDT: one data type; otherwise the seed chooses it.  TRACE:
 * print everything that happens. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crdt/crdt.h"
#include "err.h"
#include "limits.h"
#include "storm.h"
#include "workload.h"
#include "world.h"

#define SEEDS_BY_DEFAULT 100
/* One storm in this many is run twice, and must give the same hash. */
#define ONE_TWICE_IN 20

/* Enough for the consequences of the faults to end: a dial that backs off, one that is stuck, a
 * scope that asks again. */
#define SETTLE_MS (LIMIT_DIAL_BACKOFF_MAX_MS + LIMIT_HANDSHAKE_MS + LIMIT_DISCOVER_MS)
/* Enough anti-entropy rounds for each member to have been drawn. */
#define REPAIRS 200
#define DAY_MS  86400000

/* --- one storm --------------------------------------------------------------------- */

/* The name of a type: a random one unless one is wanted. */
static const char *type_of(const char *wanted, uint64_t random)
{
    size_t count = 0;
    if (wanted != NULL)
        return wanted;
    while (crdt_type_at(count) != NULL)
        count++;
    return crdt_type_at(random % count)->name;
}

/* Half of all storms have disks, on all nodes or on some.  Returns how often these fail. */
static uint64_t draw_disks(struct sim_options *o, uint64_t random)
{
    random *= 0xbf58476d1ce4e5b9u;
    random ^= random >> 31;
    unsigned all = (1u << (o->nodes - o->beams)) - 1;
    if (random % 2 == 0)
        return 0;
    o->stored = (random >> 1) % 2 ? all : (unsigned)(random >> 2) & all;
    o->interval = (random >> 16) % 3 ? 0 : (unsigned)(random >> 20) & all;
    o->mounted =
        (random >> 50) % 2 ? all : (unsigned)(random >> 51) & (unsigned)(random >> 54) & all;
    o->ruins = (random >> 59) % 3 == 0;
    o->snapshot_ms = 100u << (random >> 32) % (o->mounted != 0 ? 3 : 8);
    o->disk_min_ms = (random >> 36) % 2;
    o->disk_max_ms = o->disk_min_ms + (1u << (random >> 40) % 8) - 1;
    return 50u << (random >> 44) % 4;
}

/* Most are small and short: most bugs need few nodes and few steps. */
static void draw_size(struct storm *st, uint64_t random)
{
    bool large = st->large = random % 16 == 0;
    random >>= 4;
    st->nodes = 2 + (unsigned)random % (large ? SIM_NODES_MAX - 1 : 3);
    st->steps = large ? 50 + (random >> 8) % 200 : 10 + (random >> 8) % 31;
    st->pause_ms = UINT64_C(1) << (random >> 16) % (large ? 10 : 8);
    st->soaks = (random >> 24) % 32 == 0;
}

/* Without anti-entropy, the sync when two members meet must be enough.  It is, unless a request
 * fails too often because of a disk or a link that is slow for too long. */
static void draw_repair(struct storm *st, struct sim_options *o, uint64_t random)
{
    st->repairs = st->beams > 0 || o->stored != 0 || st->large || random % 2 == 0;
    o->repair_ms = st->repairs ? 500u << (random >> 8) % 3 : DAY_MS;
    st->settle_ms = SETTLE_MS + 2 * o->ticktime_ms;
    if (st->repairs)
        st->settle_ms += REPAIRS * o->repair_ms;
    if (o->follows)
        st->settle_ms += 2 * LIMIT_FOLLOW_ASK_MS;
    if (o->discovers)
        st->settle_ms += 2 * LOOK_UP_MS;
}

static void draw(struct storm *st, uint64_t seed, const char *wanted)
{
    /* Independent of the simulation's own generator, which starts from the seed itself. */
    uint64_t random = seed * 0x9e3779b97f4a7c15u;
    random ^= random >> 29;
    uint64_t more = random * 0xbf58476d1ce4e5b9u;
    more ^= more >> 32;
    struct sim_options o = {.seed = seed, .withholds = seed % 7 < 3};
    draw_size(st, more);
    o.pieces = (more >> 50) % 4 == 0;
    st->lossless = seed % 3 == 0;
    o.crdt = type_of(wanted, random >> 40);
    st->counts = strstr(o.crdt, "counter") != NULL;
    o.ticktime_ms = 4000u << (random >> 12) % 3;
    st->faults = st->lossless ? 20 : 50u << (random >> 28) % 4;
    /* With two BEAMs, one could send a delta while the other starts, and the delta be lost. */
    if ((random >> 54) % 3 == 0)
        st->beams = st->lossless ? 1 : 1 + (unsigned)(random >> 56) % (st->nodes - 1);
    /* To wait for others after a restart, a node must know of them. */
    o.dials_lower = !st->lossless && seed % 5 == 0;
    o.without_epmd = (more >> 36) % 4 == 0;
    o.discovers = st->discovers = (more >> 34) % 4 == 0;
    o.follows = st->follows = !st->lossless && st->beams == 0 && (more >> 40) % 8 == 0;
    if ((more >> 52) % 3 == 0)
        o.rex_ms = UINT64_C(1) << (more >> 54) % (st->lossless ? 8 : 12);
    o.funs_hang = (more >> 58) % 4 == 0;
    o.funs_fail = (more >> 30) % 3 == 0;
    o.pubsub = st->pubsub = st->beams > 0 && (more >> 60) % 3 == 0;
    /* A second BEAM would take the reader's deltas, and vouch for them. */
    o.has_reader = st->counts && !st->lossless && st->beams < 2 && (more >> 32) % 4 == 0;
    o.nodes = st->nodes;
    o.beams = st->beams;
    o.peers_remember = st->lossless;
    o.grow_only = (random >> 50) % 3 == 0;
    o.sync_ms = 50u << (random >> 8) % 5;
    o.latency_min_ms = (random >> 32) % 3;
    o.latency_max_ms = o.latency_min_ms + (1u << (random >> 36) % (st->lossless ? 6 : 9));
    st->disk_faults = draw_disks(&o, random);
    draw_repair(st, &o, more >> 44);
    st->sim = sim_new(&o);
}

/* A lossless storm has no crash at a random moment. */
static void fail_disk(struct storm *st)
{
    unsigned node = (unsigned)sim_random(st->sim, st->nodes);
    if (sim_is_stored(st->sim, node))
        (st->lossless ? storm_disk_error : storm_disk_fault)(st->sim, node);
}

static void run_faults(struct storm *st)
{
    for (uint64_t i = 0; i < st->steps; i++) {
        if (sim_random(st->sim, 1000) < st->disk_faults)
            fail_disk(st);
        if (sim_random(st->sim, 1000) >= st->faults)
            workload_request(st->sim, (unsigned)sim_random(st->sim, st->nodes));
        else if (st->lossless)
            storm_restart(st);
        else
            storm_fault(st);
        if (sim_random(st->sim, 4) > 0)
            sim_run(st->sim, sim_random(st->sim, st->pause_ms + 1));
        sim_trace_clear(st->sim);
    }
}

struct outcome {
    uint64_t hash, steps;
    struct sim_disks disks;
};

static struct outcome storm(uint64_t seed, const char *crdt)
{
    struct storm st = {0};
    draw(&st, seed, crdt);
    for (unsigned i = 0; i < st.nodes; i++)
        if (st.lossless || sim_random(st.sim, 3) > 0)
            sim_start(st.sim, i);
    sim_run(st.sim, sim_random(st.sim, 3000));
    run_faults(&st);
    storm_converge(&st);
    storm_check_floors(&st);
    struct outcome outcome = {sim_hash(st.sim), sim_steps(st.sim), sim_disks(st.sim)};
    sim_free(st.sim);
    return outcome;
}

/* --- all of them ------------------------------------------------------------------- */

/* KEY=text among the arguments, else in the environment; NULL for none. */
static const char *text_option(int argc, char **argv, const char *key)
{
    size_t len = strlen(key);
    const char *text = getenv(key);
    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], key, len) == 0 && argv[i][len] == '=')
            text = argv[i] + len + 1;
    return text != NULL && text[0] != '\0' ? text : NULL;
}

static uint64_t option(int argc, char **argv, const char *key, uint64_t otherwise)
{
    const char *text = text_option(argc, argv, key);
    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
    uint64_t seed = option(argc, argv, "SEED", 0);
    uint64_t first = seed != 0 ? seed : option(argc, argv, "FIRST", 1);
    uint64_t seeds = seed != 0 ? 1 : option(argc, argv, "SEEDS", SEEDS_BY_DEFAULT);
    uint64_t every = option(argc, argv, "EVERY", 1);
    uint64_t steps = 0, passed = 0;
    struct sim_disks disks = {0};
    if (option(argc, argv, "TRACE", 0) != 0)
        sim_trace_verbose();
    const char *crdt = text_option(argc, argv, "CRDT");
    char command[200];
    for (uint64_t i = first; i < first + seeds; i += every) {
        snprintf(command, sizeof(command), "%s SEED=%llu%s%s", argv[0], (unsigned long long)i,
                 crdt != NULL ? " CRDT=" : "", crdt != NULL ? crdt : "");
        sim_replay_with(command);
        struct outcome outcome = storm(i, crdt);
        steps += outcome.steps;
        disks.calls += outcome.disks.calls;
        disks.failures += outcome.disks.failures;
        disks.ruins += outcome.disks.ruins;
        passed++;
        if (i % ONE_TWICE_IN == 0 && storm(i, crdt).hash != outcome.hash) {
            fprintf(stderr, "VIOLATED: the same seed gives another run: %s\n", command);
            return EXIT_FAILURE;
        }
    }
    printf("  ok    %llu storms, %llu node steps, %llu disk calls, %llu failed disk jobs, "
           "%llu ruined tables\n",
           (unsigned long long)passed, (unsigned long long)steps, (unsigned long long)disks.calls,
           (unsigned long long)disks.failures, (unsigned long long)disks.ruins);
    printf("%llu passed, 0 failed\n", (unsigned long long)passed);
    return EXIT_SUCCESS;
}
