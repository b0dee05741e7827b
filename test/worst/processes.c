/* Signals between processes: monitors, links, names, fragments. */
#include <string.h>

#include "dist/flags.h"
#include "err.h"
#include "line.h"
#include "otp/process.h"

/* Up to the name that is monitored. */
static size_t begin_monitor(uint32_t from)
{
    size_t at = rig_begin_control();
    put_tuple(&rig.out, 4);
    put_uint(&rig.out, 19); /* MONITOR_P */
    put_own_pid(&rig.out, from);
    return at;
}

static void put_monitor(uint32_t from, uint32_t ref)
{
    size_t at = begin_monitor(from);
    put_atom(&rig.out, "r");
    put_own_reference(&rig.out, ref);
    rig_end(at);
}

/* By different processes, with one reference. */
static void one_reference(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        put_monitor(i, 1);
}

static void one_process(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        put_monitor(1, i);
}

static void peer_goes(unsigned n)
{
    (void)n;
    rig_disconnect(rig.peer);
}

/* Each ends a monitor that is not there. */
static void no_monitors(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        size_t at = rig_begin_control();
        put_tuple(&rig.out, 4);
        put_uint(&rig.out, 20); /* DEMONITOR_P */
        put_own_pid(&rig.out, i);
        put_atom(&rig.out, "r");
        put_own_reference(&rig.out, 1);
        rig_end(at);
    }
}

static void names_of_nobody(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        size_t at = begin_monitor(i);
        put_numbered(&rig.out, "nobody", i, "");
        put_own_reference(&rig.out, i);
        rig_end(at);
    }
}

static void links(unsigned n)
{
    struct bytes to = process_pid(process_named(node_processes(rig.node), BYTES("r")));
    for (unsigned i = 0; i < n; i++) {
        size_t at = rig_begin_control();
        put_tuple(&rig.out, 3);
        put_uint(&rig.out, 1); /* LINK */
        put_own_pid(&rig.out, i);
        put_term(&rig.out, to);
        rig_end(at);
    }
}

/* Monitors of as many processes as there are, which all end: half of them by name. */
static void end_of_monitored(unsigned n)
{
    (void)n;
    size_t at = rig_begin_control();
    put_tuple(&rig.out, 3);
    put_uint(&rig.out, 26); /* PAYLOAD_EXIT2 */
    put_own_pid(&rig.out, 1);
    put_term(&rig.out, process_pid(process_named(node_processes(rig.node), BYTES("r"))));
    put_atom(&rig.out, "kill");
    rig_end(at);
    rig_feed(0);
}

static void put_fragment(uint8_t kind, uint64_t id, uint64_t number, bool control)
{
    size_t at = rig.out.len;
    buf_put(&rig.out, BYTES("\0\0\0\0\203"));
    buf_put_u8(&rig.out, kind);
    buf_put_u64(&rig.out, id);
    buf_put_u64(&rig.out, number);
    if (kind == 69)
        buf_put_u8(&rig.out, 0);
    if (control) {
        put_tuple(&rig.out, 4);
        put_uint(&rig.out, 6);
        put_own_pid(&rig.out, 1);
        put_atom(&rig.out, "");
        put_atom(&rig.out, "r");
    }
    rig_end(at);
}

/* n messages that begin and never end. */
static void begun(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        put_fragment(69, i, 1000, false);
}

/* Empty fragments of a thousand messages in turn. */
static void interleaved(unsigned n)
{
    for (unsigned i = 0; i < 1000; i++)
        put_fragment(69, i, 100000, false);
    for (unsigned i = 0; i < n; i++)
        put_fragment(70, i % 1000, 99999 - i / 1000, false);
}

/* Remote calls of what there is not, with a large argument each. */
static void undefined_calls(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        size_t at = rig_begin("rex");
        put_call(&rig.out, i);
        put_tuple(&rig.out, 5);
        put_atom(&rig.out, "call");
        put_atom(&rig.out, "m");
        put_atom(&rig.out, "f");
        put_nil(&rig.out);
        put_own_pid(&rig.out, 1);
        rig_end(at);
    }
}

/* Messages that no process here understands. */
static void junk(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        size_t at = rig_begin(i % 2 == 0 ? "grove" : "r");
        put_tuple(&rig.out, 2);
        put_atom(&rig.out, "discover");
        put_uint(&rig.out, i);
        rig_end(at);
    }
}

static void few_lines(unsigned n)
{
    must(rig.lines < 40);
    (void)n;
}

static void put_lock(uint32_t resource)
{
    size_t at = rig_begin("global_name_server");
    put_call(&rig.out, resource);
    put_tuple(&rig.out, 2);
    put_atom(&rig.out, "set_lock");
    put_tuple(&rig.out, 2);
    put_uint(&rig.out, resource);
    put_own_pid(&rig.out, resource);
    rig_end(at);
}

/* Locks of n resources, each by another requester. */
static void locks(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        put_lock(i);
}

/* However many another peer has. */
static void another_gets_a_lock(unsigned n)
{
    (void)n;
    rig_connect(2);
    rig.keeps = true;
    put_lock(1000000);
    rig_feed(0);
    rig.keeps = false;
    must(memmem(rig.read.at, rig.read.len, "\4true", 5) != NULL);
}

#define COUNTER "{scope, grove}. " REPLICA("gcounter")

const struct line process_lines[] = {
    {"one_reference", "monitors, one reference", COUNTER, 1000, 17000, .put = one_reference,
     .then = peer_goes},
    {"one_process", "monitors of one process", COUNTER, 1000, 17000, .put = one_process,
     .then = peer_goes},
    {"end_of_monitored", "monitors of a process that ends", COUNTER, 1000, 17000,
     .put = one_process, .then = end_of_monitored},
    {"no_monitors", "ends of no monitor", COUNTER, 1000, 17000, .put = no_monitors},
    {"names_of_nobody", "monitors of names of nobody", COUNTER, 1000, 17000,
     .put = names_of_nobody},
    {"links", "links", COUNTER, 1000, 17000, .put = links, .then = peer_goes},
    {"begun", "messages begun and never ended", COUNTER, 5000, 40000, .put = begun},
    {"interleaved", "fragments of 1000 messages", COUNTER, 2000, 40000, .put = interleaved},
    {"undefined_calls", "remote calls of nothing", COUNTER, 500, 8000, .put = undefined_calls},
    {"junk", "messages of no sense", COUNTER, 1000, 17000, .put = junk, .check = few_lines},
    {"locks", "locks", COUNTER, 300, 8000, .put = locks, .check = another_gets_a_lock},
    {NULL},
};
