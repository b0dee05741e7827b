/* Terms that are costly to put in order, to compare, or to print. */
#include <string.h>

#include "line.h"

/* A last write of what the caller puts as the value. */
static size_t begin_write(uint32_t timestamp)
{
    size_t at = begin_delta();
    put_struct(&rig.out, "Elixir.Grove.Register.LWWRegister", 4);
    put_actor(&rig.out, "actor");
    put_key(&rig.out, "delta_dirty");
    put_bool(&rig.out, false);
    put_key(&rig.out, "timestamp");
    put_uint(&rig.out, timestamp);
    put_key(&rig.out, "value");
    return at;
}

static void unordered_map(unsigned n)
{
    size_t at = begin_write(1);
    put_map(&rig.out, n);
    for (unsigned i = 0; i < n; i++) {
        put_uint(&rig.out, scramble(i));
        put_nil(&rig.out);
    }
    rig_end(at);
}

static void put_alike(uint32_t last)
{
    char text[200];
    memset(text, 'x', sizeof(text));
    memcpy(text + sizeof(text) - sizeof(last), &last, sizeof(last));
    put_binary(&rig.out, (struct bytes){(const uint8_t *)text, sizeof(text)});
}

static void keys_alike(unsigned n)
{
    size_t at = begin_write(1);
    put_map(&rig.out, n);
    for (unsigned i = 0; i < n; i++) {
        put_alike(scramble(i));
        put_nil(&rig.out);
    }
    rig_end(at);
}

/* Integers beyond 64 bits, equal but for their last digits. */
static void put_big(uint32_t n)
{
    uint8_t big[19] = {110, 16, 0};
    memset(big + 3, 0x55, 16);
    memcpy(big + 3, &n, sizeof(n));
    buf_put(&rig.out, (struct bytes){big, sizeof(big)});
}

static void big_keys(unsigned n)
{
    size_t at = begin_write(1);
    put_map(&rig.out, n);
    for (unsigned i = 0; i < n; i++) {
        put_tuple(&rig.out, 1);
        put_big(scramble(i));
        put_nil(&rig.out);
    }
    rig_end(at);
}

/* Each is equal to an integer that is a key, too. */
static void equal_keys(unsigned n)
{
    size_t at = begin_write(1);
    put_map(&rig.out, 2 * n);
    for (unsigned i = 0; i < n; i++) {
        put_float(&rig.out, scramble(i));
        put_nil(&rig.out);
        put_uint(&rig.out, scramble(i));
        put_nil(&rig.out);
    }
    rig_end(at);
}

/* Each of n keys is a map of two unordered keys. */
static void maps_as_keys(unsigned n)
{
    size_t at = begin_write(1);
    put_map(&rig.out, n);
    for (unsigned i = 0; i < n; i++) {
        put_map(&rig.out, 2);
        put_uint(&rig.out, 7);
        put_uint(&rig.out, scramble(i));
        put_uint(&rig.out, 3);
        put_uint(&rig.out, 1);
        put_nil(&rig.out);
    }
    rig_end(at);
}

/* An unordered map inside of 400 others, of which each has to be put in order around it. */
static void maps_in_maps(unsigned n)
{
    size_t at = begin_write(1);
    for (unsigned i = 0; i < 400; i++) {
        put_map(&rig.out, 2);
        put_uint(&rig.out, 2);
        put_nil(&rig.out);
        put_uint(&rig.out, 1);
    }
    put_map(&rig.out, n);
    for (unsigned i = 0; i < n; i++) {
        put_uint(&rig.out, scramble(i));
        put_nil(&rig.out);
    }
    rig_end(at);
}

/* An exit signal to nobody whose reason is such a map. */
static void reason(unsigned n)
{
    size_t at = rig_begin_control();
    put_tuple(&rig.out, 3);
    put_uint(&rig.out, 26); /* PAYLOAD_EXIT2 */
    put_own_pid(&rig.out, 1);
    put_pid(&rig.out, BYTES("a@h"), 30000, 0, 1);
    put_map(&rig.out, n);
    for (unsigned i = 0; i < n; i++) {
        put_uint(&rig.out, scramble(i));
        put_nil(&rig.out);
    }
    rig_end(at);
}

/* Deep terms, one after the other. */
static void deep_terms(unsigned n)
{
    size_t at = begin_write(1);
    put_list(&rig.out, n);
    for (unsigned i = 0; i < n; i++) {
        for (unsigned depth = 0; depth < 450; depth++)
            put_tuple(&rig.out, 1);
        put_uint(&rig.out, i);
    }
    put_nil(&rig.out);
    rig_end(at);
}

/* Two writes at the same time, whose values differ at their ends. */
static void same_time(unsigned n)
{
    for (unsigned k = 0; k < 4; k++) {
        size_t at = begin_write(1);
        put_list(&rig.out, n);
        for (unsigned i = 0; i < n; i++)
            put_uint(&rig.out, 1000 + (i + 1 == n ? k : 0));
        put_nil(&rig.out);
        rig_end(at);
    }
}

static void unknown_fields(unsigned n)
{
    static const char *const names[] = {"u1", "u2", "u3", "u4", "u5", "u6", "u7", "u8",
                                        "u9", "ua", "ub", "uc", "ud", "ue", "uf"};
    for (unsigned i = 0; i < n; i++) {
        size_t at = begin_delta();
        put_struct(&rig.out, "Elixir.Grove.Register.LWWRegister", 5);
        put_actor(&rig.out, "actor");
        put_key(&rig.out, "delta_dirty");
        put_bool(&rig.out, false);
        put_key(&rig.out, "timestamp");
        put_uint(&rig.out, 1);
        put_key(&rig.out, "value");
        put_uint(&rig.out, 1);
        put_key(&rig.out, names[i % 15]);
        for (unsigned k = 0; k < 20; k++) {
            put_map(&rig.out, 2);
            put_uint(&rig.out, i);
            put_alike(i);
            put_uint(&rig.out, 1);
        }
        put_nil(&rig.out);
        rig_end(at);
    }
}

/* Counts of as many bytes as there may be. */
static void large_counts(unsigned n)
{
    size_t at = begin_delta();
    put_struct(&rig.out, "Elixir.Grove.Counter.GCounter", 3);
    put_actor(&rig.out, "actor");
    put_key(&rig.out, "counts");
    put_map(&rig.out, n);
    for (unsigned i = 0; i < n; i++) {
        put_uint(&rig.out, i);
        buf_put(&rig.out, BYTES("\157\0\0\377\0\0")); /* 65,280 bytes */
        memset(buf_room(&rig.out, 65280), 0x77, 65280);
        rig.out.len += 65280;
    }
    put_key(&rig.out, "delta_buffer");
    put_map(&rig.out, 0);
    rig_end(at);
}

static void page(unsigned n)
{
    (void)n;
    struct buf out = {0};
    node_put_page(rig.node, 1, &out);
    buf_free(&out);
}

/* Shorter than LIMIT_PAGE_STATE_BYTES, so that its value is on the page. */
static void printed_count(unsigned n)
{
    size_t at = begin_delta();
    put_struct(&rig.out, "Elixir.Grove.Counter.GCounter", 3);
    put_actor(&rig.out, "actor");
    put_key(&rig.out, "counts");
    put_map(&rig.out, 1);
    put_uint(&rig.out, 1);
    buf_put_u8(&rig.out, 111);
    buf_put_u32(&rig.out, n);
    buf_put_u8(&rig.out, 0);
    memset(buf_room(&rig.out, n), 0x77, n);
    rig.out.len += n;
    put_key(&rig.out, "delta_buffer");
    put_map(&rig.out, 0);
    rig_end(at);
}

#define REGISTER REPLICA("lww_register")
#define COUNTER  REPLICA("gcounter")

const struct line term_lines[] = {
    {"unordered_map", "keys of a map", REGISTER, 4000, 150000, .put = unordered_map},
    {"keys_alike", "keys that begin alike", REGISTER, 300, 5000, .put = keys_alike},
    {"big_keys", "keys of 128 bits", REGISTER, 2000, 45000, .put = big_keys},
    {"equal_keys", "keys equal to another", REGISTER, 2000, 70000, .put = equal_keys},
    {"maps_as_keys", "maps as keys", REGISTER, 2000, 60000, .put = maps_as_keys},
    {"maps_in_maps", "keys inside of 400 maps", REGISTER, 2000, 150000, .put = maps_in_maps},
    {"reason", "keys in a reason, to nobody", REGISTER, 4000, 150000, .put = reason},
    {"deep_terms", "terms 450 deep", REGISTER, 20, 1100, .put = deep_terms},
    {"same_time", "elements alike at one time", REGISTER, 3000, 50000, .put = same_time},
    {"unknown_fields", "deltas with a field", REGISTER, 30, 250, .put = unknown_fields},
    {"large_counts", "counts of 64 kB, on the page", COUNTER, 4, 16, .put = large_counts,
     .then = page},
    {"printed_count", "bytes of a count, on the page", COUNTER, 2000, 30000, .put = printed_count,
     .then = page},
    {NULL},
};
