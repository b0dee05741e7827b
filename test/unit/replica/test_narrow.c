/* Two coppices whose large states differ in a few entries, and peers that lie about that. */
#include "unit/replica/pair.h"
#include "unit/replica/world.h"

static const char *const dividing[] = {"gcounter", "gset", "or_set", "or_map", "rga"};

#define TYPES (sizeof(dividing) / sizeof(dividing[0]))

static void receive(struct side *s, const char *type, const char *actor, uint32_t first,
                    uint32_t count)
{
    struct buf delta = {0};
    put_delta(&delta, type, actor, first, count);
    side_receives(s, buf_bytes(&delta));
    buf_free(&delta);
}

static void both_receive(const char *type, uint32_t count)
{
    receive(&pair.a, type, "x", 0, count);
    receive(&pair.b, type, "x", 0, count);
}

/* --- costs --------------------------------------------------------------------- */

/* Bytes of both sides until two states of so many elements are equal that differ in 2 * `differ`
 * of them. */
static size_t cost(const char *type, uint32_t elements, uint32_t differ)
{
    pair_open(type, NO_REPAIR);
    both_receive(type, elements);
    receive(&pair.a, type, "y", elements, differ);
    receive(&pair.b, type, "z", elements + differ, differ);
    pair_reset_counts();
    side_sees(&pair.a, &pair.b);
    CU_ASSERT(pair_agrees());
    crdt_check(replica_crdt(pair.a.replica));
    /* Digests, twice narrower ones, entries, and what the other lacks. */
    CU_ASSERT(pair.a.messages == 5 && pair.b.messages == 4);
    size_t bytes = pair.a.bytes + pair.b.bytes;
    pair_close();
    return bytes;
}

/* 8 kB of digests, and a constant for each that differs: itself (100 bytes in its type's struct,
 * 450 in a sequence's or as a nested state), 2 * 8 digests, two bits, and the fingerprints of its
 * bucket. */
static void cost_is_that_of_the_differences(void)
{
    static const uint32_t differ[] = {1, 5, 25, 125};
    for (size_t i = 0; i < TYPES; i++) {
        for (size_t n = 0; n < sizeof(differ) / sizeof(differ[0]); n++) {
            size_t bytes = cost(dividing[i], LARGE, differ[n]);
            CU_ASSERT(bytes > 8192 + 2 * 100 * differ[n]);
            CU_ASSERT(bytes < 12000 + 2 * 700 * differ[n]);
            if (bytes >= 12000 + 2 * 700 * differ[n])
                fprintf(stderr, "%s, %u: %zu bytes\n", dividing[i], 2 * differ[n], bytes);
        }
    }
}

/* Four times as many elements are four times as many fingerprints, of 8 bytes each. */
static void cost_hardly_depends_on_the_size(void)
{
    size_t few = cost("or_set", LARGE, 50), many = cost("or_set", 4 * LARGE, 50);
    CU_ASSERT(many > few && many - few < 100 * (4 * LARGE / PART_BUCKETS + 1) * 8);
}

/* Two that meet ask each other; the second only until it knows that the first compares. */
static void one_comparison_serves_both(void)
{
    pair_open("gset", NO_REPAIR);
    both_receive("gset", LARGE);
    receive(&pair.a, "gset", "y", LARGE, 25);
    receive(&pair.b, "gset", "z", LARGE + 25, 25);
    pair_reset_counts();
    replica_joined(pair.b.replica, process_pid(pair.a.replica), false, &pair.b.turn);
    side_sees(&pair.a, &pair.b);
    CU_ASSERT(pair_agrees());
    CU_ASSERT(pair.a.messages == 5 + 1 && pair.b.messages == 4 + 1);
    pair_reset_counts();
    pair_wait_ms(1000);
    /* A digest and `equal`; and either relays what is new to it, with the next delta. */
    CU_ASSERT(pair.a.messages == 2 && pair.b.messages == 2);
    CU_ASSERT(pair.a.bytes + pair.b.bytes < 2 * 25 * 120 + 1500);
    pair_wait_ms(5000);
    CU_ASSERT(pair.a.messages == 2 && pair.b.messages == 2);
    pair_close();
}

/* If the first is cut off, the second compares a tick later. */
static void the_second_comparison_is_not_forgotten(void)
{
    pair_open("gset", NO_REPAIR);
    both_receive("gset", LARGE);
    receive(&pair.b, "gset", "z", LARGE, 25);
    replica_joined(pair.b.replica, process_pid(pair.a.replica), false, &pair.b.turn);
    replica_joined(pair.a.replica, process_pid(pair.b.replica), false, &pair.a.turn);
    pair_deliver_some(4);
    replica_left(pair.a.replica, process_pid(pair.b.replica), &pair.a.turn);
    pair_deliver();
    CU_ASSERT(!pair_agrees());
    pair_wait_ms(1000);
    CU_ASSERT(pair_agrees());
    pair_close();
}

static void remove_from(struct side *s, uint32_t n)
{
    struct buf request = {0};
    put_tuple(&request, 2);
    put_atom(&request, "$gen_cast");
    put_tuple(&request, 2);
    put_atom(&request, "mutate");
    put_tuple(&request, 2);
    put_atom(&request, "remove");
    put_list(&request, 1);
    put_element(&request, n);
    put_nil(&request);
    process_deliver(s->replica, buf_bytes(&request), &s->turn);
    process_deliver(s->replica, term_of("sync_now"), &s->turn);
    pair_deliver();
    buf_free(&request);
}

/* What was removed on one side is neither brought back nor sent again. */
static void removals_are_exchanged(void)
{
    pair_open("or_set", NO_REPAIR);
    both_receive("or_set", LARGE);
    for (uint32_t i = 0; i < 10; i++) {
        remove_from(&pair.a, 100 + i);
        remove_from(&pair.b, 105 + i);
    }
    pair_reset_counts();
    side_sees(&pair.a, &pair.b);
    CU_ASSERT(pair_agrees());
    CU_ASSERT(pair.a.bytes + pair.b.bytes < 12000 + 20 * 700);
    pair_reset_counts();
    side_sees(&pair.b, &pair.a);
    CU_ASSERT(pair.a.messages == 1 && pair.b.messages == 1);
    pair_close();
}

/* {grove_delta, _} with a set of `count` elements whose keys have the same hash, as those of
 * causal/digests.h: the last word of each is what the hash of the others is, so that all end as 0.
 */
static void put_colliding(struct buf *out, uint32_t first, uint32_t count)
{
    struct crdt_options options = {.actor = term_of("y"), .seed = 1};
    struct crdt *set = crdt_make(crdt_type_named(BYTES("gset")), &options);
    for (uint32_t n = first; n < first + count; n++) {
        struct buf element = {0};
        uint64_t words[2], h = 0x9e3779b97f4a7c15u;
        uint8_t text[19] = {0};
        memcpy(text, &n, sizeof(n));
        put_binary(&element, (struct bytes){text, sizeof(text)});
        memcpy(words, element.at, sizeof(words));
        for (size_t i = 0; i < 2; i++) {
            unsigned __int128 product = (unsigned __int128)(h ^ words[i]) * 0xbf58476d1ce4e5b9u;
            h = (uint64_t)product ^ (uint64_t)(product >> 64);
        }
        memcpy(element.at + sizeof(words), &h, sizeof(h));
        CU_ASSERT(digest_bytes(0, buf_bytes(&element)) == 0);
        struct op add = {BYTES("add"), 1, {buf_bytes(&element)}};
        struct mutation_turn t = {.wall_ms = 1};
        CU_ASSERT(crdt_mutate(set, &add, 1, &t) == OK);
        buf_free(&element);
    }
    put_tuple(out, 2);
    put_atom(out, "grove_delta");
    crdt_state(set, out);
    crdt_free(set);
}

static void entries_with_the_same_hash_only_cost_bytes(void)
{
    struct buf one = {0}, all = {0};
    pair_open("gset", NO_REPAIR);
    both_receive("gset", LARGE);
    put_colliding(&one, 3, 1);
    put_colliding(&all, 0, 20);
    side_receives(&pair.a, buf_bytes(&one));
    side_receives(&pair.b, buf_bytes(&all));
    side_sees(&pair.a, &pair.b);
    CU_ASSERT(pair_agrees());
    buf_free(&one);
    buf_free(&all);
    pair_close();
}

/* --- a peer that says what it likes --------------------------------------------------- */

#define ELEMENTS (LARGE / 5 * 2)
#define GSET(elements)                                                                             \
    "#{'__struct__' => 'Elixir.Grove.Set.GSet', delta_buffer => nil, elements => "                 \
    "#{'__struct__' => 'Elixir.MapSet', map => #{" elements "}}}"
#define NOTHING GSET("")

static void put_ok(struct buf *answer, const char *ref)
{
    put_tuple(answer, 2);
    put_term(answer, term_of(ref));
    put_tuple(answer, 2);
    put_atom(answer, "ok");
}

/* {ok, {Name, Binary}} with so many bytes, none of them 0. */
static void reply_digests(const char *ref, const char *name, size_t len)
{
    struct buf answer = {0}, digests = {0};
    memset(buf_room(&digests, len), 0xa5, len);
    digests.len += len;
    put_ok(&answer, ref);
    put_tuple(&answer, 2);
    put_atom(&answer, name);
    put_binary(&answer, buf_bytes(&digests));
    deliver_bytes(buf_bytes(&answer));
    buf_free(&answer);
    buf_free(&digests);
}

static void deliver_reply(const char *ref, const char *answer)
{
    char message[400];
    snprintf(message, sizeof(message), "{%s, %s}", ref, answer);
    deliver(message);
}

#define ASKED_NARROW(to, ref)  expect_request(to, ref, "narrow", __FILE__, __LINE__)
#define ASKED_ENTRIES(to, ref) expect_request(to, ref, "entries", __FILE__, __LINE__)

/* The replica has been told that all of its ranges differ. */
static void open_narrowing(void)
{
    struct buf delta = {0};
    world_open("#{crdt => gset, sync_interval => 1000, " NO_REPAIR "}");
    replica_settled(world.replica, true, &world.turn);
    put_delta(&delta, "gset", "x", 0, ELEMENTS);
    deliver_bytes(buf_bytes(&delta));
    deliver(CAST("sync_now"));
    buf_free(&delta);
    joined(OTHERS(5), false);
    skip_sent();
    reply_digests(OUR_REF(1), "ranges", 1024 * 8);
    ASKED_NARROW(OTHERS(5), OUR_REF(2));
    SENT_NOTHING();
}

/* And that all of its buckets do: it asks about a piece of them. */
static void open_entries(void)
{
    open_narrowing();
    reply_digests(OUR_REF(2), "narrow", 1024 * 8 * 4);
    ASKED_NARROW(OTHERS(5), OUR_REF(3));
    reply_digests(OUR_REF(3), "narrow", 8192 * 8 * 4);
    ASKED_ENTRIES(OTHERS(5), OUR_REF(4));
    SENT_NOTHING();
}

static void no_pull_is_open(void)
{
    skip_sent();
    wait_ms(20 * SYNC_MS);
    SENT_NOTHING();
    for (int i = 0; i < LIMIT_PULLS; i++) {
        char pid[60];
        snprintf(pid, sizeof(pid), "#Pid<'b@h'.%d.0.3>", 10 + i);
        joined(pid, false);
        SENT_PREFIX(pid, "{'$gen_call',");
    }
    SENT_NOTHING();
}

static void refuses_malformed_digests(void)
{
    static const char *const answers[] = {
        "ok",
        "{ok, equal}",
        "{ok, {narrow, <<>>}}",
        "{ok, {narrow, <<1,2,3,4>>}}",
        "{ok, {narrow, 7}}",
        "{ok, {narrow}}",
        "{ok, {ranges, <<>>}}",
        "{ok, {64, " NOTHING "}}",
        "{ok, {1, <<>>, " NOTHING "}}",
        "{error, bad_ranges}",
    };
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        open_narrowing();
        deliver_reply(OUR_REF(2), answers[i]);
        no_pull_is_open();
        world_close();
    }
    for (size_t more = 0; more < 8; more++) {
        open_narrowing();
        reply_digests(OUR_REF(2), "narrow", 1024 * 8 * 4 + more);
        if (more == 0)
            ASKED_NARROW(OTHERS(5), OUR_REF(3));
        else
            no_pull_is_open();
        world_close();
    }
}

static void refuses_malformed_entries(void)
{
    static const char *const answers[] = {
        "{ok, {0, <<>>, " NOTHING "}}",
        "{ok, {65537, <<>>, " NOTHING "}}",
        "{ok, {-1, <<>>, " NOTHING "}}",
        "{ok, {1, <<1>>, " NOTHING "}}",
        "{ok, {1, [], " NOTHING "}}",
        "{ok, {1, <<>>, nonsense}}",
        "{ok, {1, <<>>, " GCOUNTER("b", "#{}") "}}",
        "{ok, {1, <<>>}}",
        "{ok, {1, <<>>, " NOTHING ", more}}",
        "{ok, {64, " NOTHING "}}",
        "{error, {unknown_request, entries}}",
    };
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        open_entries();
        deliver_reply(OUR_REF(4), answers[i]);
        no_pull_is_open();
        world_close();
    }
}

/* A coppice of version 0.1.0 does not know the request. */
static void asks_for_parts_of_an_older_coppice(void)
{
    open_narrowing();
    deliver_reply(OUR_REF(2), "{error, {unknown_request, {narrow, 1, 64, <<>>}}}");
    ASKED_PART(OTHERS(5), OUR_REF(3));
    deliver_reply(OUR_REF(3), "{ok, {32768, " NOTHING "}}");
    SENT_DELTA(OTHERS(5));
    ASKED_PART(OTHERS(5), OUR_REF(4));
    world_close();
}

/* Each reply settles a thousand buckets of 65,536. */
static void ends_when_all_buckets_are_settled(void)
{
    unsigned asked = 0;
    open_entries();
    for (bool more = true; more && asked < 100; asked++) {
        char ref[40];
        snprintf(ref, sizeof(ref), "#Ref<'a@h'.7.%u.0.0>", 4 + asked);
        deliver_reply(ref, "{ok, {1000, <<>>, " NOTHING "}}");
        more = memmem(world.sent.at + world.read, world.sent.len - world.read, "{entries,", 9);
        skip_sent();
    }
    CU_ASSERT(asked == 66);
    no_pull_is_open();
    world_close();
}

/* The fingerprints in the last request. */
static struct buf prints_asked(void)
{
    struct buf prints = {0};
    struct etf_in in = etf_open(buf_bytes(&world.payload));
    etf_tuple_of(&in, 3);
    etf_expect(&in, "$gen_call");
    etf_any(&in);
    etf_tuple_of(&in, 4);
    etf_expect(&in, "entries");
    etf_uint64(&in);
    etf_binary(&in);
    buf_put(&prints, etf_binary(&in));
    CU_ASSERT_FATAL(etf_finish(&in) == OK && prints.len > ELEMENTS / 3 * 8);
    return prints;
}

/* As if the coppice lacked the entries with these fingerprints, and had none. */
static void reply_wanted(const char *ref, struct bytes wanted)
{
    struct buf answer = {0};
    put_ok(&answer, ref);
    put_tuple(&answer, 3);
    put_uint(&answer, 32768);
    put_binary(&answer, wanted);
    put_term(&answer, term_of(NOTHING));
    deliver_bytes(buf_bytes(&answer));
    buf_free(&answer);
}

static void sends_what_is_wanted_and_was_offered(void)
{
    static const uint8_t others[] = {0, 0, 0, 0, 0, 0, 0, 7, 0xff, 0, 0, 0, 0, 0, 0, 0};
    for (unsigned way = 0; way < 2; way++) {
        open_entries();
        struct buf prints = prints_asked();
        struct bytes three = {prints.at + 80, 24}, none = {others, sizeof(others)};
        reply_wanted(OUR_REF(4), way == 0 ? three : none);
        size_t from = world.read;
        if (way == 0)
            SENT_DELTA(OTHERS(5));
        CU_ASSERT(way == 1 || (world.read - from > 3 * 100 && world.read - from < 3 * 100 + 300));
        ASKED_ENTRIES(OTHERS(5), OUR_REF(5));
        SENT_NOTHING();
        buf_free(&prints);
        world_close();
    }
}

/* More than was offered. */
static void refuses_too_many_wishes(void)
{
    open_entries();
    struct buf prints = prints_asked();
    buf_put_u64(&prints, UINT64_MAX);
    reply_wanted(OUR_REF(4), buf_bytes(&prints));
    no_pull_is_open();
    buf_free(&prints);
    world_close();
}

/* With the whole of their ranges, once it has read. */
static void sends_what_is_wanted_when_the_node_is_no_longer_slow(void)
{
    open_entries();
    struct buf prints = prints_asked();
    world.slow = BYTES("c@h");
    reply_wanted(OUR_REF(4), (struct bytes){prints.at, 8});
    ASKED_ENTRIES(OTHERS(5), OUR_REF(5));
    wait_ms(3 * SYNC_MS);
    SENT_NOTHING();
    world.slow = BYTES("");
    wait_ms(SYNC_MS);
    SENT_DELTA(OTHERS(5));
    SENT_NOTHING();
    buf_free(&prints);
    world_close();
}

/* --- a peer that asks what it likes --------------------------------------------------- */

static void refuses_malformed_requests(void)
{
    static const char *const requests[] = {
        "{narrow, 1, 64, <<>>}",
        "{narrow, 1, 1, <<>>}",
        "{narrow, 1, 0, <<>>}",
        "{narrow, 1, 4294967360, <<>>}",
        "{narrow, -1, 64, <<>>}",
        "{narrow, a, b, c}",
        "{entries, 1, <<>>, <<>>}",
        "{entries, 1, <<1>>, <<>>}",
        "{entries, 1, <<0,2,0,1>>, <<>>}",
        "{entries, 1, <<0,1,0,1>>, <<>>}",
        "{entries, 1, <<0,1>>, <<1>>}",
        "{entries, 1, <<0,1>>, <<0,0,0,0,0,0,0,2,0,0,0,0,0,0,0,1>>}",
        "{entries, 1, [], <<>>}",
        "{entries, a, <<0,1>>, <<>>}",
    };
    for (size_t way = 0; way < 2; way++) {
        world_open(way == 0 ? "#{crdt => or_set, " NO_REPAIR "}"
                            : "#{crdt => lww_register, " NO_REPAIR "}");
        replica_settled(world.replica, true, &world.turn);
        for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
            char call[300];
            snprintf(call, sizeof(call), "{'$gen_call', {" THEM(1) ", t1}, %s}", requests[i]);
            deliver(call);
            SENT(THEM(1), requests[i][1] == 'n' ? REPLY(1, "{error, bad_ranges}")
                                                : REPLY(1, "{error, bad_entries}"));
        }
        world_close();
    }
    world_open("#{crdt => lww_register, " NO_REPAIR "}");
    replica_settled(world.replica, true, &world.turn);
    deliver(CALL(1, "{entries, 1, <<0,1>>, <<>>}")); /* which cannot be divided */
    SENT(THEM(1), REPLY(1, "{error, bad_entries}"));
    world_close();
}

/* Also those in buckets that were not asked for. */
static void answers_about_the_buckets_asked_for(void)
{
    world_open("#{crdt => gset, " NO_REPAIR "}");
    replica_settled(world.replica, true, &world.turn);
    deliver(CALL(1, "{entries, 1, <<0,0,255,255>>, <<0,0,1,1,1,1,1,1,0,9,0,0,0,0,0,0>>}"));
    SENT(THEM(1), REPLY(1, "{ok, {2, <<0,0,1,1,1,1,1,1,0,9,0,0,0,0,0,0>>, "
                           "#{'__struct__' => 'Elixir.Grove.Set.GSet', actor => <<\"c1\">>, "
                           "delta_buffer => #{'__struct__' => 'Elixir.MapSet', map => #{}}, "
                           "elements => #{'__struct__' => 'Elixir.MapSet', map => #{}}}}}"));
    world_close();
}

SUITE("narrow", TEST(cost_is_that_of_the_differences), TEST(cost_hardly_depends_on_the_size),
      TEST(one_comparison_serves_both), TEST(the_second_comparison_is_not_forgotten),
      TEST(removals_are_exchanged), TEST(entries_with_the_same_hash_only_cost_bytes),
      TEST(refuses_malformed_digests), TEST(refuses_malformed_entries),
      TEST(asks_for_parts_of_an_older_coppice), TEST(ends_when_all_buckets_are_settled),
      TEST(sends_what_is_wanted_and_was_offered), TEST(refuses_too_many_wishes),
      TEST(sends_what_is_wanted_when_the_node_is_no_longer_slow), TEST(refuses_malformed_requests),
      TEST(answers_about_the_buckets_asked_for))
