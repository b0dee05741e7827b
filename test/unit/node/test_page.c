/* The status page; test/page shows it to a browser. */
#include "node/page.h"

#include "limits.h"
#include "node/page_text.h"
#include "unit/node/outside.h"

#define WALL_MS 1796000000123

/* The page of node i, ended by a zero. */
static struct buf page(unsigned i)
{
    struct buf out = {0};
    node_put_page(nodes[i].node, WALL_MS, &out);
    buf_put_u8(&out, 0);
    return out;
}

static bool shows(unsigned i, const char *text)
{
    struct buf all = page(i);
    bool found = strstr((const char *)all.at, text) != NULL;
    buf_free(&all);
    return found;
}

static bool is(struct buf *out, const char *expected)
{
    bool same = bytes_equal(buf_bytes(out), bytes_of(expected));
    if (!same)
        fprintf(stderr, "\n%.*s, not %s\n", TEXT(*out), expected);
    buf_free(out);
    return same;
}

static bool escapes(const char *text, const char *expected)
{
    struct buf out = {0};
    page_put_text(&out, wall(bytes_of(text)));
    return is(&out, expected);
}

#define BAD "\xef\xbf\xbd"

static void text_is_escaped(void)
{
    CU_ASSERT(escapes("gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"));
    CU_ASSERT(
        escapes("<a b=\"c\" d='e'>&amp;", "&#60;a b=&#34;c&#34; d=&#39;e&#39;&#62;&#38;amp;"));
    CU_ASSERT(escapes("\x01\n\x7f", BAD BAD BAD));
    CU_ASSERT(escapes("\xff\xc3", BAD BAD));                 /* no UTF-8 */
    CU_ASSERT(escapes("\xe2\x80\xae\xe2\x81\xa6", BAD BAD)); /* U+202E, U+2066 */
    struct buf out = {0};
    page_put_short(&out, BYTES("<<<<"), 3);
    CU_ASSERT(is(&out, "&#60;&#60;&#60;\xe2\x80\xa6"));
    page_put_short(&out, BYTES("<<<"), 3);
    CU_ASSERT(is(&out, "&#60;&#60;&#60;"));
}

static bool ago(uint64_t ms, const char *expected)
{
    struct buf out = {0};
    page_put_ago(&out, WALL_MS - ms, WALL_MS);
    return is(&out, expected);
}

static void quantities_are_readable(void)
{
    struct buf out = {0};
    CU_ASSERT(ago(0, "0 s ago") && ago(1999, "1 s ago") && ago(119999, "119 s ago"));
    CU_ASSERT(ago(120000, "2 min ago") && ago(7200000, "2 h ago") && ago(172800000, "2 d ago"));
    CU_ASSERT(ago(WALL_MS, "never"));
    page_put_ago(&out, WALL_MS + 5000, WALL_MS); /* a clock that was set back */
    CU_ASSERT(is(&out, "0 s ago"));
    page_put_bytes(&out, 999);
    CU_ASSERT(is(&out, "999 B"));
    page_put_bytes(&out, 13500);
    CU_ASSERT(is(&out, "13.5 kB"));
    page_put_bytes(&out, 5000000000);
    CU_ASSERT(is(&out, "5.0 GB"));
    page_put_count(&out, 1, "replica");
    CU_ASSERT(is(&out, "1 replica"));
}

static void what_is_hostile_is_escaped(void)
{
    start(0, "a@h",
          "{connect, ['<script>x@h', '</title></style>@h']}. "
          "{replica, '<script>alert(1)</script>', #{crdt => gset, group => <<\"<img src=x>\">>}}.");
    cast_to(0, "<script>alert(1)</script>", "{mutate, {add, [<<\"</style><script>2\">>]}}");
    run_for(5000);
    struct buf all = page(0);
    const char *text = (const char *)all.at;
    CU_ASSERT(strstr(text, "&#60;script&#62;alert(1)") != NULL);
    CU_ASSERT(strstr(text, "<script>alert") == NULL && strstr(text, "<script>x") == NULL);
    CU_ASSERT(strstr(text, "<script>2") == NULL && strstr(text, "<img") == NULL);
    /* The page's own. */
    const char *script = strstr(text, "<script>"), *style = strstr(text, "</style>");
    CU_ASSERT(script != NULL && strstr(script + 1, "<script") == NULL);
    CU_ASSERT(style != NULL && strstr(style + 1, "</style") == NULL);
    CU_ASSERT(strstr(page_style, "</") == NULL && strstr(page_script, "</") == NULL);
    buf_free(&all);
    stop_all();
}

static void values_are_shown_to_this_machine_alone(void)
{
    static const struct {
        const char *metrics;
        bool shown;
    } cases[] = {
        {"#{}", true},
        {"#{values => false}", false},
        {"#{address => \"::1\"}", true},
        {"#{address => \"0.0.0.0\"}", false},
        {"#{address => \"10.127.0.1\"}", false},
        {"#{address => \"0.0.0.0\", values => true}", true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char settings[200];
        snprintf(settings, sizeof(settings), "{metrics, %s}. {replica, r, #{crdt => gset}}.",
                 cases[i].metrics);
        start(0, "a@h", settings);
        cast(0, "{mutate, {add, [secret]}}");
        run_for(5000);
        CU_ASSERT(shows(0, ">r</bdi>"));
        CU_ASSERT(shows(0, "secret") == cases[i].shown);
        stop_all();
    }
}

static void a_large_node_has_a_small_page(void)
{
    struct buf settings = {0}, op = {0};
    buf_printf(&settings, "{metrics, #{}}. {connect, [x@h");
    for (unsigned i = 0; i < 200; i++)
        buf_printf(&settings, ", x%u@h", i);
    buf_printf(&settings, "]}.\n");
    for (unsigned i = 0; i < 1000; i++)
        buf_printf(&settings, "{replica, r%u, #{crdt => gset}}.\n", i);
    buf_put_u8(&settings, 0);
    start(0, "a@h", (const char *)settings.at);
    run_for(5000);
    buf_printf(&op, "{mutate, [{add, [0]}");
    for (unsigned i = 1; i <= LIMIT_PAGE_ELEMENTS; i++)
        buf_printf(&op, ", {add, [%u]}", i);
    buf_printf(&op, "]}%c", 0);
    cast_to(0, "r0", (const char *)op.at);
    struct buf all = page(0);
    CU_ASSERT(all.len < 400000);
    CU_ASSERT(strstr((const char *)all.at, "and 900 more: see /metrics") != NULL);
    CU_ASSERT(strstr((const char *)all.at, "and 177 more: see /metrics") != NULL);
    CU_ASSERT(strstr((const char *)all.at, "too large to be shown") != NULL);
    buf_free(&all);
    buf_free(&op);
    buf_free(&settings);
    stop_all();
}

static void members_are_shown(void)
{
    start(0, "a@h", "{metrics, #{}}. {connect, ['b@h', 'c@h']}. {replica, r, #{crdt => gset}}.");
    start(1, "b@h", "{replica, r, #{crdt => gset}}. {replica, alone, #{crdt => rga}}.");
    start(2, "c@h", "{replica, r, #{crdt => gset}}.");
    run_for(100000);
    CU_ASSERT(shows(0, "b@h: 1 replica agrees.") && shows(0, "c@h: 1 replica agrees."));
    CU_ASSERT(shows(0, "agrees with all") && shows(0, "equal "));
    CU_ASSERT(shows(1, "has no other members"));
    crash(1);
    run_for(1000);
    CU_ASSERT(shows(0, "b@h: not connected."));
    stop_all();
}

/* b is sent nothing more, since it does not read: it is behind, and so the replica differs. */
static void what_is_behind_is_shown(void)
{
    start(0, "a@h", "{metrics, #{}}. {connect, ['b@h']}. {replica, r, #{crdt => gset}}.");
    start(1, "b@h", "{replica, r, #{crdt => gset}}.");
    run_for(100000);
    nodes[1].hold_acks = true;
    cast(0, "{mutate, {add, [1]}}");
    run_for(90000);
    for (unsigned i = 2; i < 4; i++) {
        cast(0, i == 2 ? "{mutate, {add, [2]}}" : "{mutate, {add, [3]}}");
        run_for(6000);
    }
    CU_ASSERT(shows(0, "b@h: 1 of 1 differs.") && shows(0, ", slow"));
    CU_ASSERT(shows(0, "is behind") && shows(0, "</span> differs</p>"));
    stop_all();
}

/* b's replica is told of, and answers nothing. */
static void what_is_not_known_yet_is_shown(void)
{
    const struct request request = {
        .kind = REQUEST_CALL,
        .name = BYTES("coppice"),
        .term = term_of("{start_replica, r, #{crdt => gset, group => g, actor => b}}"),
        .timeout_ms = 5000};
    start(0, "a@h",
          "{metrics, #{}}. {connect, ['b@h']}. {replica, r, #{crdt => gset, group => g}}.");
    start(1, "b@h", "");
    run_for(10000);
    CU_ASSERT(shows(0, "b@h: no replica in common.") && shows(0, "has no other members"));
    nodes[1].stalled = true;
    step(1, (struct event){.kind = EVENT_CALL, .call = 1, .request = &request});
    run_for(100);
    CU_ASSERT(shows(0, "b@h: not compared yet."));
    CU_ASSERT(shows(0, "</span> not compared yet</p>"));
    CU_ASSERT(shows(0, "class=\"words\">not compared yet</span>"));
    stop_all();
}

static void a_large_group_is_not_shown_whole(void)
{
    struct buf settings = {0};
    for (unsigned i = 0; i < LIMIT_PAGE_MEMBERS + 3; i++)
        buf_printf(&settings, "{replica, r%u, #{crdt => gset, group => g, actor => r%u}}.\n", i, i);
    buf_put_u8(&settings, 0);
    start(0, "a@h",
          "{metrics, #{}}. {connect, ['b@h']}. {replica, r, #{crdt => gset, group => g}}.");
    start(1, "b@h", (const char *)settings.at);
    run_for(10000);
    CU_ASSERT(shows(0, "and 3 more</p>"));
    buf_free(&settings);
    stop_all();
}

/* It is not loaded: nobody reads its files here. */
static void a_stored_replica_is_shown(void)
{
    start(0, "a@h",
          "{metrics, #{}}. {replica, r, #{crdt => gset, storage => #{file => \"f\"}}}. "
          "{replica, s, #{crdt => gset}}.");
    cast(0, "{mutate, {add, [1]}}");
    message_to(0, "s", term_of("{'$gen_cast', {mutate, nonsense}}"));
    run_for(10000);
    CU_ASSERT(shows(0, "<dt>journal</dt><dd>0 B</dd>"));
    CU_ASSERT(shows(0, "<dt>snapshot</dt><dd>never</dd>"));
    CU_ASSERT(shows(0, "The state is being read or written."));
    CU_ASSERT(shows(0, "<dt>waiting</dt><dd>1</dd>") && shows(0, "<dt>refused</dt><dd>1</dd>"));
    stop_all();
}

/* A command that asks for something is no peer. */
static void there_may_be_nothing_to_show(void)
{
    start(0, "a@h", "{metrics, #{}}.");
    start(1, "-coppice_1@h", "{connect, ['a@h']}.");
    CU_ASSERT(connected(0, 1));
    CU_ASSERT(shows(0, "This node runs no replicas."));
    CU_ASSERT(shows(0, "No other node is connected") && !shows(0, "-coppice_1"));
    stop_all();
}

SUITE("page", TEST(text_is_escaped), TEST(quantities_are_readable),
      TEST(what_is_hostile_is_escaped), TEST(values_are_shown_to_this_machine_alone),
      TEST(a_large_node_has_a_small_page), TEST(members_are_shown), TEST(what_is_behind_is_shown),
      TEST(what_is_not_known_yet_is_shown), TEST(a_large_group_is_not_shown_whole),
      TEST(a_stored_replica_is_shown), TEST(there_may_be_nothing_to_show))
