#include "sides.h"

static void connects_and_lists_its_peers(void)
{
    connect_both();
    struct cluster_peer peer = {0};
    CU_ASSERT(cluster_next(a.cluster, &peer) && bytes_equal(peer.name, BYTES("b@h")));
    CU_ASSERT(peer.creation == 9 && peer.flags != 0 && !peer.slow);
    CU_ASSERT(!cluster_next(a.cluster, &peer));
    CU_ASSERT(cluster_find(b.cluster, BYTES("a@h"), &peer));
    CU_ASSERT(!cluster_find(b.cluster, BYTES("b@h"), &peer) && peer.flags == 0);
    CU_ASSERT(cluster_has_tried_all(a.cluster));
    close_both();
}

static void is_ready_at_once_where_it_does_not_serve(void)
{
    open_side(&a, BYTES("a@h"), false);
    cluster_start(a.cluster, 0, 0, &a.turn);
    CU_ASSERT(a.creation != 0 && a.dials == 0);
    close_side(&a);
}

static void accepts_nobody_before_it_is_registered(void)
{
    open_side(&a, BYTES("a@h"), true);
    cluster_start(a.cluster, PORT, 0, &a.turn);
    event(&a, (struct connection_event){CONNECTION_ACCEPTED, 2, .written = 0});
    CU_ASSERT(a.closed == 2 && a.creation == 0);
    registers(&a, "\0");
    event(&a, (struct connection_event){CONNECTION_ACCEPTED, 4, .written = 0});
    CU_ASSERT_EQUAL(a.closed, 2);
    cluster_stop(a.cluster);
    event(&a, (struct connection_event){CONNECTION_ACCEPTED, 6, .written = 0});
    CU_ASSERT_EQUAL(a.closed, 6);
    close_side(&a);
}

static void dials_again_with_growing_pauses(void)
{
    uint64_t dialled_ms = 1000, most = LIMIT_DIAL_BACKOFF_MIN_MS;
    serve(&a, BYTES("a@h"));
    cluster_connect(a.cluster, BYTES("b@h"), &a.turn);
    for (unsigned i = 0; i < 12; i++) {
        is_closed(&a, a.dialled, ERR_REFUSED);
        uint64_t pause = wakeups_due(&a.wakeups) - a.turn.now_ms;
        CU_ASSERT(pause >= most / 2 && pause <= most);
        passes(&a, pause);
        CU_ASSERT(a.turn.now_ms == dialled_ms + pause);
        dialled_ms = a.turn.now_ms;
        most = most * 2 < LIMIT_DIAL_BACKOFF_MAX_MS ? most * 2 : LIMIT_DIAL_BACKOFF_MAX_MS;
    }
    CU_ASSERT(are(&a.log, "cannot connect to b@h: no epmd answers there;"));
    close_side(&a);
}

/* The log and the listener name what the dial has met. */
static void names_why_a_node_is_not_reached(void)
{
    serve(&a, BYTES("a@h"));
    cluster_connect_once(a.cluster, BYTES("b@h"), &a.turn);
    event(&a, (struct connection_event){CONNECTION_CLOSED, a.dialled, BYTES("no such name"),
                                        .err = ERR_HOST});
    cluster_connect_once(a.cluster, BYTES("c@h"), &a.turn);
    event(&a, (struct connection_event){CONNECTION_CLOSED, a.dialled, BYTES("refused"),
                                        .err = ERR_REFUSED});
    cluster_connect_once(a.cluster, BYTES("d@h"), &a.turn);
    looks_up(&a, true);
    event(&a, (struct connection_event){CONNECTION_CLOSED, a.dialled, BYTES("refused"),
                                        .err = ERR_REFUSED});
    cluster_connect_once(a.cluster, BYTES("e@h"), &a.turn);
    passes(&a, LIMIT_EPMD_MS);
    CU_ASSERT(are(&a.log,
                  "cannot connect to b@h: the host's name cannot be resolved (no such name);"
                  "cannot connect to c@h: no epmd answers there (refused);"
                  "cannot connect to d@h: its port cannot be reached (refused);"
                  "cannot connect to e@h: its host does not answer;"));
    close_side(&a);
}

/* It may say anything, for as long as it likes. */
static void what_answers_a_lookup_need_not_be_epmd(void)
{
    uint8_t endless[LIMIT_EPMD_BYTES - 1] = "w\0\x4e\x20H\0\0\6\0\6\xff\xff";
    serve(&a, BYTES("a@h"));
    cluster_connect_once(a.cluster, BYTES("b@h"), &a.turn);
    opened(&a, a.dialled);
    reads(&a, a.dialled, BYTES("HTTP/1.1 400 Bad Request\r\n\r\n"));
    CU_ASSERT(are(&a.events, "unreachable b@h;") && a.closed == a.dialled);
    cluster_connect_once(a.cluster, BYTES("c@h"), &a.turn);
    opened(&a, a.dialled);
    reads(&a, a.dialled, (struct bytes){endless, sizeof(endless)});
    CU_ASSERT_EQUAL(a.events.len, 0);
    reads(&a, a.dialled, BYTES("xx"));
    CU_ASSERT(are(&a.events, "unreachable c@h;") && a.closed == a.dialled);
    CU_ASSERT(are(&a.log, "cannot connect to b@h: what answers there is not epmd;"
                          "cannot connect to c@h: what answers there is not epmd;"));
    close_side(&a);
}

/* a dials b@h by another name of its host. */
static void says_what_the_node_there_is_called(void)
{
    serve(&a, BYTES("a@h"));
    serve(&b, BYTES("b@h"));
    cluster_connect(a.cluster, BYTES("b@alias"), &a.turn);
    looks_up(&a, true);
    event(&b, (struct connection_event){CONNECTION_ACCEPTED, AT_B, .written = 0});
    opened(&a, a.dialled);
    carry(a.dialled, AT_B);
    CU_ASSERT(are(&a.events, "unreachable b@alias;"));
    CU_ASSERT(are(&a.log, "cannot connect to b@alias: the node there is called b@h;"));
    close_both();
}

static void dials_once_where_it_is_told_so(void)
{
    open_side(&a, BYTES("a@h"), false);
    cluster_start(a.cluster, 0, 0, &a.turn);
    cluster_connect_once(a.cluster, BYTES("b@h"), &a.turn);
    looks_up(&a, false);
    CU_ASSERT(are(&a.events, "unknown b@h;"));
    CU_ASSERT(wakeups_due(&a.wakeups) == UINT64_MAX && a.dials == 1);
    close_side(&a);
}

static void releases_a_node(void)
{
    uint32_t at_a = connect_both();
    struct cluster_peer peer;
    cluster_release(a.cluster, BYTES("b@h"));
    CU_ASSERT(cluster_find(a.cluster, BYTES("b@h"), &peer));
    is_closed(&a, at_a, ERR_CLOSED);
    CU_ASSERT(are(&a.events, "down b@h;") && !cluster_is_wanted(a.cluster, BYTES("b@h")));
    passes(&a, LIMIT_FEW_LINES_MS);
    CU_ASSERT_EQUAL(wakeups_due(&a.wakeups), UINT64_MAX);
    close_both();
}

/* Whether or not there was anything to release. */
static void releases_one_that_it_does_not_know(void)
{
    serve(&a, BYTES("a@h"));
    cluster_release(a.cluster, BYTES("b@h"));
    cluster_check(a.cluster);
    cluster_connect(a.cluster, BYTES("b@h"), &a.turn);
    CU_ASSERT(cluster_is_wanted(a.cluster, BYTES("b@h")));
    close_side(&a);
}

static void gives_a_lookup_and_a_handshake_up(void)
{
    serve(&a, BYTES("a@h"));
    cluster_connect(a.cluster, BYTES("b@h"), &a.turn);
    passes(&a, LIMIT_EPMD_MS - 1);
    CU_ASSERT_EQUAL(a.events.len, 0);
    passes(&a, 1);
    CU_ASSERT(are(&a.events, "unreachable b@h;"));
    passes(&a, LIMIT_DIAL_BACKOFF_MIN_MS);
    looks_up(&a, true);
    opened(&a, a.dialled);
    passes(&a, LIMIT_HANDSHAKE_MS - 1);
    CU_ASSERT_EQUAL(a.events.len, 0);
    passes(&a, 1);
    CU_ASSERT(are(&a.events, "unreachable b@h;") && a.closed == a.dialled);
    close_side(&a);
}

static void passes_signals_on(void)
{
    uint32_t at_a = connect_both();
    send_from(&a, "b@h");
    send_from(&b, "a@h");
    carry(at_a, AT_B);
    CU_ASSERT(are(&a.events, "signal b@h;") && are(&b.events, "signal a@h;"));
    struct signal none = {.kind = SIGNAL_SEND};
    CU_ASSERT(!cluster_send(a.cluster, BYTES("c@h"), &none, &a.turn));
    close_both();
}

/* No peer could read it; those before and after it arrive. */
static void sends_no_message_larger_than_a_frame(void)
{
    uint32_t at_a = connect_both();
    struct buf large = {0};
    buf_room(&large, LIMIT_FRAME_BYTES + 1);
    const struct signal signal = {.kind = SIGNAL_REG_SEND,
                                  .node = BYTES("b@h"),
                                  .from = term_of("#Pid<'a@h'.1.0.9>"),
                                  .to = term_of("name"),
                                  .payload = {large.at, LIMIT_FRAME_BYTES + 1}};
    send_from(&a, "b@h");
    CU_ASSERT(cluster_send(a.cluster, BYTES("b@h"), &signal, &a.turn));
    send_from(&a, "b@h");
    carry(at_a, AT_B);
    CU_ASSERT(are(&b.events, "signal a@h;signal a@h;"));
    CU_ASSERT(are(&a.log, "a message of 268435457 bytes for b@h is too large to be sent: at most "
                          "268435456 are;"));
    buf_free(&large);
    close_both();
}

/* A tick is sent a quarter of the ticktime after the last bytes, and none before. */
static void ticks_when_it_has_sent_nothing_else(void)
{
    uint32_t at_a = connect_both();
    a.ticks = 0; /* the handshake has a message of 4 bytes */
    passes(&a, TICKTIME_MS / 8);
    send_from(&a, "b@h");
    passes(&a, TICKTIME_MS / 8);
    CU_ASSERT_EQUAL(a.ticks, 0);
    struct buf sent = take_sent(&a, at_a);
    passes(&a, TICKTIME_MS / 8);
    CU_ASSERT_EQUAL(a.ticks, 1);
    passes(&a, TICKTIME_MS / 8);
    CU_ASSERT_EQUAL(a.ticks, 1);
    buf_free(&sent);
    close_both();
}

static void drops_a_silent_peer(void)
{
    uint32_t at_a = connect_both();
    for (unsigned i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(a.events.len, 0);
        struct buf sent = take_sent(&a, at_a);
        buf_free(&sent);
        passes(&a, TICKTIME_MS / 4);
    }
    CU_ASSERT(are(&a.events, "down b@h;"));
    CU_ASSERT(are(&a.log, "b@h disconnected: silent for longer than net_ticktime;"));
    close_both();
}

/* The peer sends ticks but reads nothing for 4 ticktimes. */
static void drops_a_peer_that_reads_nothing(void)
{
    uint32_t at_a = connect_both();
    passes(&a, 1);
    send_from(&a, "b@h");
    for (unsigned i = 0; i < 16; i++) {
        CU_ASSERT_EQUAL(a.events.len, 0);
        reads(&a, at_a, BYTES("\0\0\0\0"));
        passes(&a, TICKTIME_MS / 4);
    }
    CU_ASSERT(are(&a.events, "down b@h;"));
    close_both();
}

static void calls_a_stuck_peer_slow_until_it_has_drained(void)
{
    uint32_t at_a = connect_both();
    struct cluster_peer peer;
    send_from(&a, "b@h");
    CU_ASSERT(cluster_find(a.cluster, BYTES("b@h"), &peer) && !peer.slow);
    for (unsigned i = 0; i < 4; i++) {
        reads(&a, at_a, BYTES("\0\0\0\0"));
        passes(&a, TICKTIME_MS / 4);
    }
    send_from(&a, "b@h");
    CU_ASSERT(cluster_find(a.cluster, BYTES("b@h"), &peer) && peer.slow && peer.queued > 0);
    struct buf sent = take_sent(&a, at_a);
    CU_ASSERT(are(&a.events, "drained b@h;"));
    buf_free(&sent);
    close_both();
}

/* What is not flushed yet counts.  Who has not asked is not told. */
static void tells_when_a_busy_peer_is_idle(void)
{
    uint32_t at_a = connect_both();
    for (unsigned asks = 0; asks < 2; asks++) {
        CU_ASSERT(!cluster_is_busy(a.cluster, BYTES("b@h")));
        send_bytes(&a, BYTES("b@h"), LIMIT_CHANGE_QUEUE_BYTES);
        CU_ASSERT(asks == 0 || cluster_is_busy(a.cluster, BYTES("b@h")));
        cluster_flush(a.cluster, &a.turn);
        CU_ASSERT(asks == 0 || cluster_is_busy(a.cluster, BYTES("b@h")));
        struct buf sent = take_sent(&a, at_a);
        CU_ASSERT(are(&a.events, asks == 0 ? "" : "idle b@h;"));
        buf_free(&sent);
    }
    CU_ASSERT(!cluster_is_busy(a.cluster, BYTES("nobody@h")));
    close_both();
}

/* Sixty callers of one node, each of 5 MB: all are answered, and little is queued at once. */
static void answers_no_faster_than_the_peer_reads(void)
{
    uint32_t at_a = connect_both();
    b.answers = 1;
    b.answer_bytes = 5u << 20;
    for (unsigned i = 0; i < 60; i++)
        send_bytes(&a, BYTES("b@h"), 10);
    cluster_flush(a.cluster, &a.turn);
    carry(at_a, AT_B);
    CU_ASSERT(a.signals == 60 && b.signals == 60);
    CU_ASSERT(b.most_queued <= LIMIT_QUEUE_SLOW_BYTES + (6u << 20));
    struct cluster_peer peer;
    CU_ASSERT(cluster_find(b.cluster, BYTES("a@h"), &peer));
    close_both();
}

/* While a large message of a peer is worked off, nothing else of it is handled. */
static void holds_back_what_a_peer_sends(void)
{
    uint32_t at_a = connect_both();
    CU_ASSERT(cluster_hold(b.cluster, BYTES("c@h")) == 0);
    uint64_t hold = cluster_hold(b.cluster, BYTES("a@h")),
             other = cluster_hold(b.cluster, BYTES("a@h"));
    for (unsigned i = 0; i < 3; i++)
        send_from(&a, "b@h");
    carry(at_a, AT_B);
    CU_ASSERT(b.signals == 0 && cluster_is_held(b.cluster, hold));
    cluster_resume(b.cluster, other, &b.turn);
    carry(at_a, AT_B);
    CU_ASSERT(b.signals == 0);
    cluster_resume(b.cluster, hold, &b.turn);
    CU_ASSERT(b.signals == 0 && !cluster_is_held(b.cluster, hold));
    carry(at_a, AT_B);
    CU_ASSERT(b.signals == 3);
    cluster_resume(b.cluster, hold, &b.turn);
    hold = cluster_hold(b.cluster, BYTES("a@h"));
    is_closed(&b, AT_B, OK);
    CU_ASSERT(!cluster_is_held(b.cluster, hold));
    cluster_resume(b.cluster, hold, &b.turn);
    close_both();
}

/* So many messages of so many bytes, as they are sent. */
static struct buf requests(unsigned count, size_t bytes)
{
    for (unsigned i = 0; i < count; i++)
        send_bytes(&a, BYTES("b@h"), bytes);
    cluster_flush(a.cluster, &a.turn);
    struct buf sent = a.sent;
    a.sent = (struct buf){0};
    return sent;
}

static struct buf one_request(size_t bytes)
{
    return requests(1, bytes);
}

/* What comes at once is handled in several steps, and nothing more is read meanwhile. */
static void does_a_limited_amount_of_work_in_one_step(void)
{
    enum { MESSAGES = 3000, MOST = LIMIT_STEP_WORK / 500 + 1 };
    connect_both();
    b.answers = 1;
    b.answer_bytes = 10;
    struct buf all = requests(MESSAGES, 10);
    CU_ASSERT_FATAL(all.len > 2 * LIMIT_AHEAD_BYTES);
    reads(&b, AT_B, buf_bytes(&all));
    CU_ASSERT(b.rests);
    for (unsigned before = 0; b.signals > before;) {
        CU_ASSERT(b.signals <= before + MOST);
        CU_ASSERT(b.rests == (all.len * (MESSAGES - b.signals) / MESSAGES > LIMIT_AHEAD_BYTES));
        before = b.signals;
        continues(&b);
    }
    CU_ASSERT(b.signals == MESSAGES && !b.rests);
    buf_free(&all);
    close_both();
}

/* Where a message takes four times its price. */
static void does_less_of_it_on_a_slow_machine(void)
{
    enum { MESSAGES = 1000, MOST = LIMIT_STEP_WORK / 500 / 4 + 1 };
    connect_both();
    b.answers = 1;
    b.answer_bytes = 10;
    b.turn.slowness = 3 * 256;
    struct buf all = requests(MESSAGES, 10);
    reads(&b, AT_B, buf_bytes(&all));
    for (unsigned before = 0; b.signals > before;) {
        CU_ASSERT(b.signals <= before + MOST);
        before = b.signals;
        continues(&b);
    }
    CU_ASSERT(b.signals == MESSAGES);
    buf_free(&all);
    close_both();
}

static void one_that_is_not_read_is_not_silent(void)
{
    connect_both();
    struct buf all = requests(3000, 10);
    reads(&b, AT_B, buf_bytes(&all));
    CU_ASSERT(b.rests);
    b.turn.now_ms += 2 * TICKTIME_MS;
    while (continues(&b))
        ;
    CU_ASSERT(b.signals == 3000 && !b.rests);
    CU_ASSERT_EQUAL(b.log.len, 0);
    passes(&b, TICKTIME_MS / 2);
    buf_clear(&b.events);
    passes(&b, TICKTIME_MS / 2);
    CU_ASSERT(are(&b.events, "down a@h;"));
    buf_free(&all);
    close_both();
}

/* It is read on: two that each waited for the other to read would wait for ever. */
static void reads_on_while_it_waits_to_be_read(void)
{
    connect_both();
    b.answers = 1;
    b.answer_bytes = LIMIT_QUEUE_SLOW_BYTES;
    struct buf all = requests(3000, 10);
    reads(&b, AT_B, buf_bytes(&all));
    CU_ASSERT(b.signals > 0 && b.signals < 10 && !b.rests && !continues(&b));
    buf_free(&all);
    close_both();
}

/* One that is held back and sends ever more is not lost: what holds it back is finished. */
static void slows_down_a_peer_that_is_held_back(void)
{
    connect_both();
    struct buf request = one_request(LIMIT_FRAGMENT_BYTES / 2);
    size_t count = 2 * (LIMIT_UNREAD_BYTES / request.len);
    b.hold = cluster_hold(b.cluster, BYTES("a@h"));
    b.answers = 1;
    b.answer_bytes = 0;
    for (size_t i = 0; i < count; i++) {
        CU_ASSERT(b.hold != 0 ? b.signals == 0 : b.signals > 0);
        reads(&b, AT_B, buf_bytes(&request));
        buf_clear(&b.sent);
        CU_ASSERT_FATAL(cluster_is_registered(b.cluster));
    }
    CU_ASSERT(are(&b.events, "finish ;"));
    while (continues(&b))
        ;
    CU_ASSERT(b.signals == count);
    buf_free(&request);
    close_both();
}

/* They wait until their peer has read. */
static void keeps_only_so_many_requests(void)
{
    connect_both();
    b.answers = 1;
    b.answer_bytes = LIMIT_QUEUE_SLOW_BYTES;
    struct buf request = one_request(LIMIT_FRAGMENT_BYTES / 2);
    for (size_t sent = 0; sent <= LIMIT_UNREAD_BYTES; sent += request.len) {
        CU_ASSERT_EQUAL(b.events.len, 0);
        reads(&b, AT_B, buf_bytes(&request));
    }
    /* A single large answer keeps no request waiting: a few more are handled. */
    for (unsigned i = 0; i < 3; i++)
        reads(&b, AT_B, buf_bytes(&request));
    CU_ASSERT(are(&b.events, "down a@h;"));
    CU_ASSERT(b.signals > 0 && b.signals <= 3);
    buf_free(&request);
    close_both();
}

/* One signal with more answers than fit, such as the end of a process with many monitors. */
static void drops_a_peer_whose_queue_overflows(void)
{
    connect_both();
    b.answers = 3000;
    b.answer_bytes = 1u << 20;
    struct buf request = one_request(10);
    reads(&b, AT_B, buf_bytes(&request));
    CU_ASSERT(are(&b.events, "down a@h;"));
    CU_ASSERT(b.most_queued <= LIMIT_QUEUE_BYTES + (2u << 20));
    buf_free(&request);
    close_both();
}

/* The connection is closed, and later bytes on it are ignored. */
static void drops_a_peer_that_breaks_the_protocol(void)
{
    uint32_t at_a = connect_both();
    reads(&a, at_a, BYTES("\0\0\0\2\x83\x44"));
    CU_ASSERT(are(&a.events, "down b@h;") && a.closed == at_a);
    reads(&a, at_a, BYTES("more"));
    CU_ASSERT_EQUAL(a.events.len, 0);
    close_both();
}

/* In the same bytes as a request, whose answer was not sent yet: it is not sent to others. */
static void drops_one_with_answers_for_it(void)
{
    connect_both();
    struct buf bytes = one_request(10);
    buf_put(&bytes, BYTES("\0\0\0\2\x83\x44"));
    b.answers = 1;
    b.answer_bytes = 10;
    reads(&b, AT_B, buf_bytes(&bytes));
    CU_ASSERT(b.signals == 1 && are(&b.events, "down a@h;") && b.closed == AT_B);
    buf_free(&bytes);
    close_both();
}

/* A command dials b; a is at the beginning of the handshake. */
static void begin_command(uint32_t at_b)
{
    open_side(&a, BYTES("-coppice_1@h"), false);
    cluster_start(a.cluster, 0, 0, &a.turn);
    cluster_connect_once(a.cluster, BYTES("b@h"), &a.turn);
    looks_up(&a, true);
    event(&b, (struct connection_event){CONNECTION_ACCEPTED, at_b, .written = 0});
    opened(&a, a.dialled);
}

/* Two commands have chosen the same name.  The first one keeps it and is not disturbed. */
static void refuses_a_second_command_of_one_name(void)
{
    serve(&b, BYTES("b@h"));
    begin_command(AT_B);
    struct buf hello = take_sent(&a, a.dialled);
    reads(&b, AT_B, buf_bytes(&hello));
    struct buf challenge = take_sent(&b, AT_B);
    event(&b, (struct connection_event){CONNECTION_ACCEPTED, 4, .written = 0});
    reads(&b, 4, buf_bytes(&hello));
    CU_ASSERT(b.closed == 4 && bytes_equal(buf_bytes(&b.sent), BYTES("\0\4snok")));
    buf_clear(&b.sent);
    reads(&a, a.dialled, buf_bytes(&challenge));
    carry(a.dialled, AT_B);
    CU_ASSERT(are(&a.events, "up b@h;") && are(&b.events, "up -coppice_1@h;"));
    buf_free(&hello);
    buf_free(&challenge);

    close_side(&a);
    begin_command(6);
    carry(a.dialled, 6);
    CU_ASSERT(are(&a.events, "taken b@h;") && are(&b.events, "") && are(&b.log, ""));
    close_both();
}

static void says_when_a_command_is_refused(void)
{
    static const struct {
        struct bytes answer;
        const char *events;
    } answers[] = {{BYTES("\0\4snok"), "taken b@h;"},
                   {BYTES("\0\6salive"), "taken b@h;"},
                   {BYTES("\0\14snot_allowed"), "unreachable b@h;"},
                   {BYTES(""), "shut b@h;"}};
    serve(&b, BYTES("b@h"));
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        begin_command(AT_B);
        is_closed(&b, AT_B, ERR_CLOSED);
        reads(&a, a.dialled, answers[i].answer);
        is_closed(&a, a.dialled, ERR_CLOSED);
        CU_ASSERT(are(&a.events, answers[i].events));
        close_side(&a);
    }
    close_side(&b);
}

SUITE("cluster", TEST(connects_and_lists_its_peers), TEST(is_ready_at_once_where_it_does_not_serve),
      TEST(accepts_nobody_before_it_is_registered), TEST(dials_again_with_growing_pauses),
      TEST(names_why_a_node_is_not_reached), TEST(what_answers_a_lookup_need_not_be_epmd),
      TEST(says_what_the_node_there_is_called), TEST(sends_no_message_larger_than_a_frame),
      TEST(dials_once_where_it_is_told_so), TEST(releases_a_node),
      TEST(releases_one_that_it_does_not_know), TEST(gives_a_lookup_and_a_handshake_up),
      TEST(passes_signals_on), TEST(ticks_when_it_has_sent_nothing_else), TEST(drops_a_silent_peer),
      TEST(drops_a_peer_that_reads_nothing), TEST(calls_a_stuck_peer_slow_until_it_has_drained),
      TEST(tells_when_a_busy_peer_is_idle), TEST(answers_no_faster_than_the_peer_reads),
      TEST(holds_back_what_a_peer_sends), TEST(slows_down_a_peer_that_is_held_back),
      TEST(does_a_limited_amount_of_work_in_one_step), TEST(does_less_of_it_on_a_slow_machine),
      TEST(one_that_is_not_read_is_not_silent), TEST(reads_on_while_it_waits_to_be_read),
      TEST(keeps_only_so_many_requests), TEST(drops_a_peer_whose_queue_overflows),
      TEST(drops_a_peer_that_breaks_the_protocol), TEST(drops_one_with_answers_for_it),
      TEST(refuses_a_second_command_of_one_name), TEST(says_when_a_command_is_refused))
