/* The roster against a simple model. */
#include "pg/pg_roster.h"

#include <string.h>

#include "err.h"
#include "limits.h"
#include "mem.h"
#include "term/write.h"
#include "unit/suite.h"

#define SOURCES 6 /* the last two are on the same node */
#define GROUPS  7
#define PIDS    6

/* How many times each has joined, and how many times the visitor saw it removed. */
struct model {
    unsigned joined[SOURCES][GROUPS][PIDS];
    unsigned removed[SOURCES][GROUPS][PIDS];
    struct buf groups[GROUPS];
    struct buf pids[SOURCES][PIDS];
    size_t source; /* whose members are being removed */
};

static const char *const names[SOURCES] = {"m@h", "a@h", "z@h", "b@h", "ab@h", "ab@h"};

/* A pseudorandom sequence, the same on every machine. */
static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

static void model_open(struct model *p)
{
    *p = (struct model){0};
    for (int g = 0; g < GROUPS; g++)
        put_int(&p->groups[g], 300 - 100 * g);
    for (unsigned n = 0; n < SOURCES; n++)
        for (unsigned i = 0; i < PIDS; i++)
            put_pid(&p->pids[n][i], bytes_of(names[n]), i, 0, 1);
}

static void model_close(struct model *p)
{
    for (int g = 0; g < GROUPS; g++)
        buf_free(&p->groups[g]);
    for (int n = 0; n < SOURCES; n++)
        for (int i = 0; i < PIDS; i++)
            buf_free(&p->pids[n][i]);
}

static void on_removed(void *who, struct bytes group, struct bytes pid)
{
    struct model *p = who;
    for (int g = 0; g < GROUPS; g++)
        for (int i = 0; i < PIDS; i++)
            if (bytes_equal(group, buf_bytes(&p->groups[g])) &&
                bytes_equal(pid, buf_bytes(&p->pids[p->source][i])))
                p->removed[p->source][g][i]++;
}

/* Whether another source has told of the same process in the same group. */
static bool elsewhere(const struct model *p, size_t source, size_t g, size_t i)
{
    for (size_t n = 0; n < SOURCES; n++)
        if (n != source && strcmp(names[n], names[source]) == 0 && p->joined[n][g][i] > 0)
            return true;
    return false;
}

/* The processes in a group that no earlier source has told of. */
static size_t first_told_by(const struct model *p, size_t n, int g)
{
    size_t count = 0;
    for (size_t i = 0; i < PIDS; i++)
        count += p->joined[n][g][i] > 0 && !(n == SOURCES - 1 && elsewhere(p, n, (size_t)g, i));
    return count;
}

static size_t members_of(const struct model *p, int n, int g)
{
    size_t count = 0;
    for (int i = 0; i < PIDS; i++)
        count += p->joined[n][g][i] > 0;
    return count;
}

/* Our node, the first, must be walked first, then the others by name; a process of several
 * sources once. */
struct walked {
    const struct model *model;
    int group;
    size_t count;
    int rank; /* of the last one's node */
    bool wrong;
};

static int rank_of(const struct model *p, int group, struct bytes pid)
{
    static const int ranks[SOURCES] = {0, 1, 4, 3, 2, 2};
    for (int n = 0; n < SOURCES; n++)
        for (int i = 0; i < PIDS; i++)
            if (p->joined[n][group][i] > 0 && bytes_equal(pid, buf_bytes(&p->pids[n][i])))
                return ranks[n];
    return -1;
}

static void on_walked(void *who, struct bytes group, struct bytes pid)
{
    struct walked *w = who;
    int rank = rank_of(w->model, w->group, pid);
    w->wrong |= rank < w->rank || !bytes_equal(group, buf_bytes(&w->model->groups[w->group]));
    w->rank = rank;
    w->count++;
}

static void assert_same_group(const struct roster *r, struct roster_source *const *sources,
                              const struct model *p, int g)
{
    struct bytes name = buf_bytes(&p->groups[g]);
    struct walked w = {p, g, 0, 0, false};
    size_t all = 0;
    for (int n = 0; n < SOURCES; n++) {
        CU_ASSERT_EQUAL(roster_count(r, sources[n], name), members_of(p, n, g));
        all += first_told_by(p, (size_t)n, g);
        for (int i = 0; i < PIDS; i++)
            CU_ASSERT_EQUAL(roster_has(r, sources[n], name, buf_bytes(&p->pids[n][i])),
                            p->joined[n][g][i] > 0);
    }
    roster_walk(r, NULL, name, &(struct roster_visitor){on_walked, &w});
    CU_ASSERT_EQUAL(roster_count(r, NULL, name), all);
    CU_ASSERT_EQUAL(w.count, all);
    CU_ASSERT_FALSE(w.wrong);
}

/* The groups with members in key order, which is the reverse of the order of g. */
static void assert_same_names(const struct roster *r, const struct roster_source *source,
                              const struct model *p, int n)
{
    size_t count, at = 0;
    struct bytes *groups = roster_groups(r, source, &count);
    for (int g = GROUPS - 1; g >= 0; g--) {
        size_t members = 0;
        for (int i = 0; i < SOURCES; i++)
            members += source == NULL || i == n ? members_of(p, i, g) : 0;
        if (members == 0)
            continue;
        CU_ASSERT_FATAL(at < count);
        CU_ASSERT(bytes_equal(groups[at], buf_bytes(&p->groups[g])));
        at++;
    }
    CU_ASSERT_EQUAL(at, count);
    mem_free(groups);
}

/* The groups of our own source's process, in key order as well. */
static void assert_same_groups_of(const struct roster *r, const struct model *p, size_t i)
{
    size_t count, at = 0;
    struct bytes *groups = roster_groups_of(r, buf_bytes(&p->pids[0][i]), &count);
    for (int g = GROUPS - 1; g >= 0; g--)
        if (p->joined[0][g][i] > 0) {
            CU_ASSERT_FATAL(at < count);
            CU_ASSERT(bytes_equal(groups[at++], buf_bytes(&p->groups[g])));
        }
    CU_ASSERT_EQUAL(at, count);
    mem_free(groups);
}

static void assert_same(const struct roster *r, struct roster_source *const *sources,
                        const struct model *p)
{
    for (int g = 0; g < GROUPS; g++)
        assert_same_group(r, sources, p, g);
    for (int n = 0; n < SOURCES; n++)
        assert_same_names(r, sources[n], p, n);
    assert_same_names(r, NULL, p, 0);
    for (size_t i = 0; i < PIDS; i++)
        assert_same_groups_of(r, p, i);
}

static struct roster_source *source_new(const char *name, uint32_t number)
{
    struct buf pid = {0};
    put_pid(&pid, bytes_of(name), number, 0, 1);
    struct roster_source *source = roster_source_new(buf_bytes(&pid), number == 0);
    CU_ASSERT(bytes_equal(roster_source_scope(source), buf_bytes(&pid)));
    buf_free(&pid);
    return source;
}

/* Replaces a source's members, or the source; the visitor must have seen each removed member
 * once. */
static void replace(struct roster *r, struct roster_source **sources, struct model *p,
                    uint64_t *state)
{
    unsigned was[GROUPS][PIDS];
    size_t n = p->source;
    struct roster_source **source = &sources[n];
    bool clear = next_random(state) % 4 == 0 && n > 0;
    memcpy(was, p->joined[n], sizeof(was));
    memset(p->joined[n], 0, sizeof(was));
    memset(p->removed[n], 0, sizeof(was));
    struct roster_visitor removed = {on_removed, p};
    if (clear) {
        roster_source_leave(r, *source, sources[0], SIZE_MAX, &removed);
        CU_ASSERT_FALSE(roster_is_leaving(r));
        *source = source_new(names[n], (uint32_t)n);
    } else {
        roster_replace_begin(*source);
        for (uint64_t left = next_random(state) % 30; left > 0; left--) {
            size_t g = next_random(state) % GROUPS, i = next_random(state) % PIDS;
            bool fresh = was[g][i] == 0 && p->joined[n][g][i] == 0;
            enum roster_change change =
                roster_add(r, *source, buf_bytes(&p->groups[g]), buf_bytes(&p->pids[n][i]));
            CU_ASSERT_EQUAL(change, fresh && !elsewhere(p, n, g, i) ? ROSTER_NEW : ROSTER_SAME);
            p->joined[n][g][i]++;
        }
        for (bool more = true; more; more = roster_is_replacing(*source))
            CU_ASSERT(roster_replace_end(r, *source, 3, &removed) <= 3);
    }
    for (size_t g = 0; g < GROUPS; g++)
        for (size_t i = 0; i < PIDS; i++)
            CU_ASSERT_EQUAL(p->removed[n][g][i],
                            was[g][i] > 0 && p->joined[n][g][i] == 0 && !elsewhere(p, n, g, i));
}

static void step(struct roster *r, struct roster_source **sources, struct model *p, uint64_t *state)
{
    size_t n = next_random(state) % SOURCES, g = next_random(state) % GROUPS,
           i = next_random(state) % PIDS;
    struct bytes group = buf_bytes(&p->groups[g]), pid = buf_bytes(&p->pids[n][i]);
    unsigned *joined = &p->joined[n][g][i];
    uint64_t action = next_random(state) % 20;
    p->source = n;
    if (action == 0) {
        replace(r, sources, p, state);
    } else if (action < 11) {
        CU_ASSERT_EQUAL(roster_add(r, sources[n], group, pid),
                        *joined == 0 && !elsewhere(p, n, g, i) ? ROSTER_NEW : ROSTER_SAME);
        ++*joined;
    } else {
        CU_ASSERT_EQUAL(roster_remove(r, sources[n], group, pid),
                        *joined == 1 && !elsewhere(p, n, g, i));
        *joined -= *joined > 0;
    }
}

static void matches_the_model(void)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct model model;
        struct roster_source *sources[SOURCES];
        struct roster *r = roster_new(seed);
        uint64_t state = seed;
        model_open(&model);
        for (int n = 0; n < SOURCES; n++)
            sources[n] = source_new(names[n], (uint32_t)n);
        for (int i = 0; i < 500; i++) {
            step(r, sources, &model, &state);
            if (i % 10 == 0)
                assert_same(r, sources, &model);
        }
        roster_free(r);
        for (int n = 0; n < SOURCES; n++)
            roster_source_free(sources[n]);
        model_close(&model);
    }
}

/* --- scopes that end --------------------------------------------------- */

/* What a listener was told of: who is in which group, of the pids of one node.  Our own source is
 * in the group OURS. */
#define OURS 3
struct told {
    struct model *model;
    struct roster_source *ours;
    bool in[GROUPS][PIDS];
};

static void told_left(void *who, struct bytes group, struct bytes pid)
{
    struct told *told = who;
    for (int g = 0; g < GROUPS; g++)
        for (int i = 0; i < PIDS; i++)
            if (bytes_equal(group, buf_bytes(&told->model->groups[g])) &&
                bytes_equal(pid, buf_bytes(&told->model->pids[4][i]))) {
                CU_ASSERT(told->in[g][i]);
                told->in[g][i] = false;
            }
}

static void count_member(void *who, struct bytes group, struct bytes pid)
{
    (void)group;
    (void)pid;
    ++*(size_t *)who;
}

/* Members are those that were told of, and among them those of the sources that have not ended; no
 * others in our group, nor once nothing leaves any more. */
static void assert_told(const struct roster *r, const struct told *told)
{
    for (size_t g = 0; g < GROUPS; g++) {
        size_t members = g == OURS, visited = 0;
        bool may_leave = g != OURS && roster_is_leaving(r);
        struct bytes group = buf_bytes(&told->model->groups[g]);
        for (size_t i = 0; i < PIDS; i++) {
            bool joined = told->model->joined[4][g][i] + told->model->joined[5][g][i] > 0;
            members += told->in[g][i];
            CU_ASSERT(joined ? told->in[g][i] : !told->in[g][i] || may_leave);
        }
        roster_walk(r, NULL, group, &(struct roster_visitor){count_member, &visited});
        CU_ASSERT_EQUAL(visited, members);
        CU_ASSERT_EQUAL(roster_count(r, NULL, group), members);
    }
}

static void add_told(struct roster *r, struct roster_source *source, struct told *told, size_t n,
                     uint64_t *state)
{
    size_t g = next_random(state) % GROUPS, i = next_random(state) % PIDS;
    struct bytes group = buf_bytes(&told->model->groups[g]);
    struct roster_visitor removed = {told_left, told};
    roster_make_room(r, source, group, &removed);
    enum roster_change change = roster_add(r, source, group, buf_bytes(&told->model->pids[4][i]));
    CU_ASSERT_EQUAL(change, told->in[g][i] ? ROSTER_SAME : ROSTER_NEW);
    told->in[g][i] = true;
    told->model->joined[n][g][i]++;
}

static void end_told(struct roster *r, struct roster_source **source, struct told *told, size_t n)
{
    struct roster_visitor removed = {told_left, told};
    roster_source_leave(r, *source, told->ours, 2, &removed);
    *source = source_new(names[n], (uint32_t)n);
    memset(told->model->joined[n], 0, sizeof(told->model->joined[n]));
}

/* Two scopes of one node end and come back with the same pid, while the members of those before are
 * leaving; they have the same members. */
static void leaves_in_parts(void)
{
    struct model model;
    struct told told = {.model = &model, .ours = source_new(names[0], 0)};
    struct roster *r = roster_new(1);
    struct roster_source *sources[2] = {source_new(names[4], 4), source_new(names[5], 5)};
    uint64_t state = 7;
    model_open(&model);
    roster_add(r, told.ours, buf_bytes(&model.groups[OURS]), buf_bytes(&model.pids[0][0]));
    for (int k = 0; k < 5000; k++) {
        size_t n = next_random(&state) % 2;
        uint64_t action = next_random(&state) % 16;
        if (action == 0)
            end_told(r, &sources[n], &told, 4 + n);
        else if (action == 1)
            CU_ASSERT(roster_leave_more(r, 3, &(struct roster_visitor){told_left, &told}) <= 3);
        if (action > 1)
            add_told(r, sources[n], &told, 4 + n, &state);
        assert_told(r, &told);
    }
    while (roster_is_leaving(r))
        roster_leave_more(r, 1, &(struct roster_visitor){told_left, &told});
    assert_told(r, &told);
    end_told(r, &sources[0], &told, 4);
    CU_ASSERT(roster_is_leaving(r));
    roster_free(r);
    for (int n = 0; n < 2; n++)
        roster_source_free(sources[n]);
    roster_source_free(told.ours);
    model_close(&model);
}

/* The room of those that leave is not lost to others. */
static void those_that_leave_make_room(void)
{
    struct roster *r = roster_new(1);
    struct bytes g = term_of("g");
    struct roster_source *ours = source_new("a@h", 0);
    struct roster_source *old = source_new("b@h", 7), *fresh = source_new("b@h", 7);
    for (uint32_t id = 0; id < LIMIT_MEMBERS / LIMIT_NODE_PART; id++) {
        struct buf pid = {0};
        put_pid(&pid, BYTES("b@h"), id, 0, 1);
        CU_ASSERT_EQUAL(roster_add(r, old, g, buf_bytes(&pid)), ROSTER_NEW);
        buf_free(&pid);
    }
    size_t left = 0;
    struct roster_visitor removed = {count_member, &left};
    struct bytes another = term_of("#Pid<'b@h'.99999.0.1>");
    roster_source_leave(r, old, ours, 1, &removed);
    roster_make_room(r, fresh, term_of("h"), &removed);
    CU_ASSERT_EQUAL(left, 1);
    roster_make_room(r, fresh, g, &removed);
    CU_ASSERT_EQUAL(left, LIMIT_MEMBERS / LIMIT_NODE_PART);
    CU_ASSERT_EQUAL(roster_add(r, fresh, g, another), ROSTER_NEW);
    roster_leave_more(r, 1, &removed);
    CU_ASSERT_FALSE(roster_is_leaving(r));
    roster_free(r);
    roster_source_free(fresh);
    roster_source_free(ours);
}

/* --- order ------------------------------------------------------------- */

static void append_id(void *who, struct bytes group, struct bytes pid)
{
    (void)group;
    buf_put_u8(who, pid.at[pid.len - 9]); /* the last byte of the id */
}

static void replacing_keeps_the_order(void)
{
    struct roster *r = roster_new(1);
    struct roster_source *source = source_new("b@h", 7);
    struct bytes g = term_of("g");
    struct buf order = {0};
    struct roster_visitor append = {append_id, &order};
    for (const char *id = "3124"; *id != '\0'; id++) {
        struct buf pid = {0};
        put_pid(&pid, BYTES("b@h"), (uint32_t)*id, 0, 1);
        roster_add(r, source, g, buf_bytes(&pid));
        buf_free(&pid);
    }
    roster_replace_begin(source);
    for (const char *id = "5423"; *id != '\0'; id++) {
        struct buf pid = {0};
        put_pid(&pid, BYTES("b@h"), (uint32_t)*id, 0, 1);
        roster_add(r, source, g, buf_bytes(&pid));
        buf_free(&pid);
    }
    roster_replace_end(r, source, SIZE_MAX, &append);
    CU_ASSERT(bytes_equal(buf_bytes(&order), BYTES("1")));
    buf_clear(&order);
    roster_walk(r, source, g, &append);
    CU_ASSERT(bytes_equal(buf_bytes(&order), BYTES("3245")));
    buf_free(&order);
    roster_free(r);
    roster_source_free(source);
}

/* A visitor of removed members reads a roster without them. */
struct reader {
    const struct roster *roster;
    size_t left;
};

static void count_left(void *who, struct bytes group, struct bytes pid)
{
    struct reader *reader = who;
    size_t count;
    (void)pid;
    reader->left--;
    CU_ASSERT_EQUAL(roster_count(reader->roster, NULL, group), reader->left);
    mem_free(roster_groups(reader->roster, NULL, &count));
    CU_ASSERT_EQUAL(count, reader->left > 0 ? 1 : 0);
}

static void visits_after_removal(void)
{
    struct roster *r = roster_new(1);
    struct roster_source *source = source_new("b@h", 7), *ours = source_new("a@h", 0);
    struct reader reader = {r, 3};
    for (uint32_t id = 0; id < 3; id++) {
        struct buf pid = {0};
        put_pid(&pid, BYTES("b@h"), id, 0, 1);
        roster_add(r, source, term_of("g"), buf_bytes(&pid));
        buf_free(&pid);
    }
    struct roster_visitor removed = {count_left, &reader};
    roster_source_leave(r, source, ours, 2, &removed);
    CU_ASSERT_EQUAL(reader.left, 1);
    CU_ASSERT_EQUAL(roster_leave_more(r, 2, &removed), 1);
    CU_ASSERT_EQUAL(reader.left, 0);
    CU_ASSERT_FALSE(roster_is_leaving(r));
    roster_free(r);
    roster_source_free(ours);
}

SUITE("pg roster", TEST(matches_the_model), TEST(leaves_in_parts), TEST(those_that_leave_make_room),
      TEST(replacing_keeps_the_order), TEST(visits_after_removal))
