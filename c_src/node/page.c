#include "page.h"

#include <stdio.h>

#include "../limits.h"
#include "../mem.h"
#include "page_internal.h"

/* --- peers ----------------------------------------------------------------------------- */

const char *mood_class(enum mood mood)
{
    static const char *const names[] = {"good", "differs", "unknown", "away"};
    return names[mood];
}

const char *mood_sign(enum mood mood)
{
    static const char *const signs[] = {"\u2713", "\u2260", "?", "\u00d7"};
    return signs[mood];
}

void mood_put(struct buf *out, enum mood mood)
{
    buf_printf(out, "<span class=\"sign %s\" aria-hidden=\"true\">%s</span> ", mood_class(mood),
               mood_sign(mood));
}

enum mood peer_mood(const struct page_peer *p)
{
    if (!p->connected)
        return MOOD_AWAY;
    if (p->differ > 0)
        return MOOD_DIFFERS;
    return p->common == p->unknown ? MOOD_UNKNOWN : MOOD_GOOD;
}

void peer_put_words(const struct page_peer *p, struct buf *out)
{
    size_t agree = p->common - p->unknown;
    if (!p->connected)
        buf_printf(out, "not connected");
    else if (p->common == 0)
        buf_printf(out, "no replica in common");
    else if (p->differ > 0)
        buf_printf(out, "%zu of %zu %s", p->differ, p->common,
                   p->differ == 1 ? "differs" : "differ");
    else if (agree == 0)
        buf_printf(out, "not compared yet");
    else {
        page_put_count(out, agree, "replica");
        buf_printf(out, agree == 1 ? " agrees" : " agree");
    }
}

static void add_peer(struct page *page, const struct page_peer *peer)
{
    if (page->count < LIMIT_PAGE_PEERS)
        page->peers[page->count++] = *peer;
    else
        page->more++;
}

static const char *kind_of(const struct overview *o, struct bytes name)
{
    if (learning_is_beam(o->learning, name))
        return "BEAM";
    return learning_is_otp(o->learning, name) ? "coppice" : "other";
}

static void find_peers(struct page *page)
{
    const struct overview *o = page->overview;
    struct bytes name;
    for (struct cluster_peer peer = {0}; overview_next_peer(o, &peer);)
        add_peer(page, &(struct page_peer){.name = peer.name,
                                           .connected = true,
                                           .slow = peer.slow,
                                           .kind = kind_of(o, peer.name),
                                           .queued = peer.queued});
    for (size_t i = 0; (name = overview_next_missing(o, &i)).len > 0;)
        add_peer(page, &(struct page_peer){.name = name, .kind = ""});
}

static void count_member(struct page *page, const struct member_report *m)
{
    for (size_t i = 0; i < page->count; i++) {
        struct page_peer *p = &page->peers[i];
        if (!bytes_equal(p->name, m->node))
            continue;
        p->common++;
        p->differ += m->agreement == AGREEMENT_DIFFERS || m->behind;
        p->unknown += m->agreement == AGREEMENT_UNKNOWN;
        if (m->synced_ms > 0 && (p->synced_ms == 0 || m->synced_ms < p->synced_ms))
            p->synced_ms = m->synced_ms;
        return;
    }
}

static void count_members(struct page *page)
{
    size_t left = LIMIT_METRICS_ROWS;
    for (struct process *p = NULL; (p = replica_next(page->overview->table, p)) != NULL;) {
        struct member_report m;
        page->replicas++;
        for (size_t i = 0; left > 0 && replica_report_member(p, &i, &m); left--)
            count_member(page, &m);
    }
}

/* --- the document ---------------------------------------------------------------------- */

static void put_header(const struct page *page)
{
    const struct overview *o = page->overview;
    struct buf *out = page->out;
    unsigned second = (unsigned)(o->now_ms / 1000 % 86400);
    char text[16];
    snprintf(text, sizeof(text), "%02u:%02u:%02u", second / 3600, second / 60 % 60, second % 60);
    buf_printf(out, "<header><p class=\"kind\">coppice</p><h1><bdi>");
    page_put_text(out, buf_bytes(&o->config->node));
    buf_printf(out, "</bdi></h1><p class=\"facts\"><span>port %u</span><span>up ", o->port);
    page_put_duration(out, o->now_ms > o->started_ms ? o->now_ms - o->started_ms : 0);
    buf_printf(out, "</span><span>");
    page_put_bytes(out, mem_used());
    buf_printf(out, " of memory</span><span>%s</span></p>",
               !o->config->epmd                    ? "without epmd"
               : cluster_is_registered(o->cluster) ? "registered with epmd"
                                                   : "not registered with epmd");
    buf_printf(out,
               "<p class=\"time\"><span id=\"as-of\">as of <time>%s</time> UTC"
               "</span> <button id=\"pause\" type=\"button\" hidden>Pause</button> "
               "<span id=\"gone\" role=\"status\"></span></p>"
               "<noscript><p class=\"time\">Reload the page for newer figures.</p></noscript>"
               "</header>",
               text);
}

static void put_peer_row(const struct page *page, const struct page_peer *p)
{
    struct buf *out = page->out;
    buf_printf(out, "<tr><th scope=\"row\">");
    mood_put(out, peer_mood(p));
    buf_printf(out, "<bdi>");
    page_put_text(out, p->name);
    buf_printf(out, "</bdi> <span class=\"type\">%s</span></th><td class=\"number\">", p->kind);
    if (p->connected && p->common > 0)
        page_put_ago(out, p->synced_ms, page->overview->now_ms);
    buf_printf(out, "</td><td class=\"number\">");
    if (p->connected)
        page_put_bytes(out, p->queued);
    buf_printf(out, "%s</td></tr>\n", p->slow ? ", slow" : "");
}

static void put_peers(const struct page *page)
{
    struct buf *out = page->out;
    buf_printf(out, "<section aria-labelledby=\"peers\"><h2 id=\"peers\">Peers</h2>");
    if (page->count == 0) {
        buf_printf(out, "<p class=\"none\">No other node is connected, and none is to be dialled."
                        "</p></section>");
        return;
    }
    buf_printf(out,
               "<div class=\"wide\" role=\"group\" aria-label=\"Table of peers\" tabindex=\"0\">"
               "<table><thead><tr><th scope=\"col\">node</th>"
               "<th scope=\"col\" class=\"number\">last sync"
               "</th><th scope=\"col\" class=\"number\">queued</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < page->count; i++)
        put_peer_row(page, &page->peers[i]);
    buf_printf(out, "</tbody></table></div>");
    if (page->more > 0)
        buf_printf(out, "<p class=\"none\">and %zu more: see /metrics</p>", page->more);
    buf_printf(out, "</section>");
}

void page_put(const struct overview *o, struct buf *out)
{
    struct page page = {.overview = o, .out = out};
    page.peers = mem_take(LIMIT_PAGE_PEERS * sizeof(*page.peers));
    find_peers(&page);
    count_members(&page);
    buf_printf(out, "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">"
                    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
                    "<meta name=\"color-scheme\" content=\"light dark\"><title>");
    page_put_text(out, buf_bytes(&o->config->node));
    buf_printf(out,
               " \u2013 coppice</title>\n<link rel=\"icon\" href=\"%s\">\n<style>%s</style>"
               "</head>\n<body>\n",
               page_icon, page_style);
    put_header(&page);
    buf_printf(out, "\n<main>\n");
    buf_printf(out, "<div class=\"top\">");
    page_put_picture(&page);
    put_peers(&page);
    buf_printf(out, "</div>\n");
    page_put_replicas(&page);
    buf_printf(out, "\n</main>\n<script>%s</script>\n</body>\n</html>\n", page_script);
    mem_free(page.peers);
}
