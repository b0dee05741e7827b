/* Process groups. */
#include "err.h"
#include "line.h"

static void put_scope(void)
{
    put_own_pid(&rig.out, 5);
}

/* {'$gen_cast', {sync, Scope, [...]}}: n groups follow, then put_nil(). */
static size_t begin_sync(unsigned n)
{
    size_t at = rig_begin("grove");
    put_tuple(&rig.out, 2);
    put_atom(&rig.out, "$gen_cast");
    put_tuple(&rig.out, 3);
    put_atom(&rig.out, "sync");
    put_scope();
    if (n > 0)
        put_list(&rig.out, n);
    return at;
}

static void put_group(uint32_t name, uint32_t members)
{
    put_tuple(&rig.out, 2);
    put_uint(&rig.out, name);
    put_list(&rig.out, members);
    for (uint32_t i = 0; i < members; i++)
        put_own_pid(&rig.out, i);
    put_nil(&rig.out);
}

static void groups_once(unsigned n)
{
    size_t at = begin_sync(n);
    for (unsigned i = 0; i < n; i++)
        put_group(i, 1);
    put_nil(&rig.out);
    rig_end(at);
}

/* Twice, and then none. */
static void groups(unsigned n)
{
    groups_once(n);
    groups_once(n);
    size_t at = begin_sync(0);
    put_nil(&rig.out);
    rig_end(at);
}

/* {join, Scope, N, Pid} of each. */
static void lone_groups(unsigned n)
{
    size_t at = begin_sync(0);
    put_nil(&rig.out);
    rig_end(at);
    for (unsigned i = 0; i < n; i++) {
        at = rig_begin("grove");
        put_tuple(&rig.out, 4);
        put_atom(&rig.out, "join");
        put_scope();
        put_uint(&rig.out, i);
        put_own_pid(&rig.out, i);
        rig_end(at);
    }
}

static void members(unsigned n)
{
    size_t at = begin_sync(1);
    put_group(1, n);
    put_nil(&rig.out);
    rig_end(at);
}

/* A group with n members, whose name is as long as the list of them. */
static void long_name(unsigned n)
{
    struct buf name = {0};
    for (unsigned i = 0; i < 30 * n; i++)
        buf_put_u8(&name, 'n');
    size_t at = begin_sync(1);
    put_tuple(&rig.out, 2);
    put_binary(&rig.out, buf_bytes(&name));
    put_list(&rig.out, n);
    for (unsigned i = 0; i < n; i++)
        put_own_pid(&rig.out, i);
    put_nil(&rig.out);
    put_nil(&rig.out);
    rig_end(at);
    buf_free(&name);
}

static void no_groups(unsigned n)
{
    size_t at = begin_sync(0);
    put_nil(&rig.out);
    rig_end(at);
    rig_feed(0);
    (void)n;
}

/* The group of the replica r, whose members these processes claim to be. */
static void members_of_r(unsigned n)
{
    size_t at = begin_sync(1);
    put_tuple(&rig.out, 2);
    put_atom(&rig.out, "r");
    put_list(&rig.out, n);
    for (uint32_t i = 0; i < n; i++)
        put_own_pid(&rig.out, i);
    put_nil(&rig.out);
    put_nil(&rig.out);
    rig_end(at);
}

static void peer_goes(unsigned n)
{
    (void)n;
    rig_disconnect(rig.peer);
}

/* n processes leave n groups of none: their product is bounded. */
static void leaves(unsigned n)
{
    members(10);
    rig_feed(0);
    size_t at = rig_begin("grove");
    put_tuple(&rig.out, 4);
    put_atom(&rig.out, "leave");
    put_scope();
    put_list(&rig.out, 300);
    for (unsigned i = 0; i < 300; i++)
        put_own_pid(&rig.out, i);
    put_nil(&rig.out);
    put_list(&rig.out, n);
    for (unsigned i = 0; i < n; i++)
        put_uint(&rig.out, i);
    put_nil(&rig.out);
    rig_end(at);
}

/* n processes that say that they are scopes. */
static void scopes(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        size_t at = rig_begin("grove");
        put_tuple(&rig.out, 2);
        put_atom(&rig.out, "discover");
        put_own_pid(&rig.out, i);
        rig_end(at);
    }
}

static void thousand_replicas(unsigned n)
{
    (void)n;
    for (unsigned i = 0; i < 1000; i++)
        start_replica("r", i);
    rig_feed(0);
}

#define COUNTER "{scope, grove}. " REPLICA("gcounter")

const struct line group_lines[] = {
    {"groups", "groups, twice", COUNTER, 500, 12000, .put = groups},
    {"groups_replicas", "groups, 1000 replicas", COUNTER, 500, 12000, .prepare = thousand_replicas,
     .put = groups},
    {"groups_left", "groups of a node that goes", COUNTER, 1000, 24000, .put = groups_once,
     .then = peer_goes},
    {"lone_groups", "groups, a join of each", COUNTER, 500, 12000, .put = lone_groups},
    {"members", "members of a group", COUNTER, 1000, 32000, .put = members, .then = no_groups},
    {"long_name", "members of a group, and its name", COUNTER, 1000, 17000, .put = long_name,
     .then = no_groups},
    {"members_of_r", "members of a replica's group", COUNTER, 1000, 32000, .put = members_of_r,
     .then = peer_goes},
    {"leaves", "groups left by 300 processes", COUNTER, 100, 3000, .put = leaves},
    {"scopes", "scopes", COUNTER, 500, 17000, .put = scopes},
    {NULL},
};
