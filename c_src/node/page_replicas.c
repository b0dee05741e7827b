/* The replicas of the status page: a card for each. */
#include "../crdt/mapset.h"
#include "../limits.h"
#include "../term/canon.h"
#include "page_internal.h"

#define GROUP_BYTES 120

static enum mood mood_of_member(const struct member_report *m)
{
    if (m->agreement == AGREEMENT_DIFFERS || m->behind)
        return MOOD_DIFFERS;
    return m->agreement == AGREEMENT_UNKNOWN ? MOOD_UNKNOWN : MOOD_GOOD;
}

static void put_member_words(struct buf *out, const struct member_report *m, uint64_t now_ms)
{
    static const char *const words[] = {"not compared yet", "equal", "exchanged", "differed"};
    if (m->behind) {
        buf_printf(out, "is behind");
        return;
    }
    buf_printf(out, "%s", words[m->agreement]);
    if (m->agreement == AGREEMENT_UNKNOWN)
        return;
    buf_printf(out, " ");
    page_put_ago(out, m->agreed_ms, now_ms);
}

static void put_members(const struct page *page, const struct process *p)
{
    struct buf *out = page->out;
    struct member_report m;
    size_t shown = 0, more = 0;
    for (size_t i = 0; replica_report_member(p, &i, &m);) {
        if (shown == LIMIT_PAGE_MEMBERS) {
            more++;
            continue;
        }
        buf_printf(out, "%s<li>", shown++ == 0 ? "<ul class=\"members\">" : "");
        mood_put(out, mood_of_member(&m));
        buf_printf(out, "<bdi>");
        page_put_text(out, m.node);
        buf_printf(out, "</bdi> <span class=\"words\">");
        put_member_words(out, &m, page->overview->now_ms);
        buf_printf(out, "</span></li>");
    }
    if (shown == 0)
        buf_printf(out, "<p class=\"none\">alone in its group</p>");
    else
        buf_printf(out, "</ul>");
    if (more > 0)
        buf_printf(out, "<p class=\"none\">and %zu more</p>", more);
}

static void put_value(const struct page *page, const struct process *p)
{
    struct buf *out = page->out;
    struct buf value = {0}, canonical = {0}, plain = {0};
    if (!metrics_shows_values(&page->overview->config->metrics))
        return;
    switch (replica_report_value(p, LIMIT_PAGE_ELEMENTS, LIMIT_PAGE_STATE_BYTES, &value)) {
    case VALUE_SHOWN:
        buf_printf(out, "<p class=\"value\"><bdi>");
        if (canon_put(&canonical, buf_bytes(&value)) == OK)
            mapset_put_plain(&plain, buf_bytes(&canonical));
        page_put_term(out, buf_bytes(&plain), LIMIT_PAGE_VALUE_BYTES);
        buf_printf(out, "</bdi></p>");
        break;
    case VALUE_LARGE:
        buf_printf(out, "<p class=\"none\">The value is too large to be shown.</p>");
        break;
    case VALUE_LATER:
        buf_printf(out, "<p class=\"none\">The state is being read or written.</p>");
        break;
    }
    buf_free(&value);
    buf_free(&canonical);
    buf_free(&plain);
}

static void put_fact(struct buf *out, const char *name, uint64_t number)
{
    buf_printf(out, "<div><dt>%s</dt><dd>%llu</dd></div>", name, (unsigned long long)number);
}

static void put_facts(const struct page *page, const struct replica_report *r)
{
    struct buf *out = page->out;
    buf_printf(out, "<dl>");
    if (r->elements + r->tombstones > 0) {
        put_fact(out, "elements", r->elements);
        put_fact(out, "tombstones", r->tombstones);
    }
    put_fact(out, "actors", r->actors);
    put_fact(out, "mutations", r->mutations);
    put_fact(out, "deltas in", r->deltas_received);
    put_fact(out, "deltas out", r->deltas_sent);
    if (r->refused + r->unfit > 0)
        put_fact(out, "refused", r->refused + r->unfit);
    if (r->waiting > 0)
        put_fact(out, "waiting", r->waiting);
    if (r->stored) {
        buf_printf(out, "<div><dt>journal</dt><dd>");
        page_put_bytes(out, r->journal_bytes);
        buf_printf(out, "</dd></div><div><dt>snapshot</dt><dd>");
        page_put_ago(out, r->saved_ms, page->overview->now_ms);
        buf_printf(out, "</dd></div>");
    }
    buf_printf(out, "</dl>");
}

/* The worst of its members, and of its disk. */
static enum mood mood_of_replica(const struct process *p, const struct replica_report *r)
{
    struct member_report m;
    enum mood worst = MOOD_GOOD;
    for (size_t i = 0; replica_report_member(p, &i, &m);) {
        enum mood mood = mood_of_member(&m);
        if (mood == MOOD_DIFFERS || worst == MOOD_GOOD)
            worst = mood;
    }
    return r->fails ? MOOD_AWAY : worst;
}

static void put_replica(const struct page *page, const struct process *p)
{
    static const char *const words[] = {"agrees with all", "differs", "not compared yet",
                                        "storage fails: see coppice status"};
    struct buf *out = page->out;
    struct replica_report r;
    replica_report(p, &r);
    enum mood mood = mood_of_replica(p, &r);
    buf_printf(out, "<article class=\"%s\"><h3><bdi>", mood_class(mood));
    page_put_text(out, r.name);
    buf_printf(out, "</bdi> <span class=\"type\">%s</span></h3><p class=\"mood\">", r.type);
    mood_put(out, mood);
    buf_printf(out, "%s</p><p class=\"group\">group <bdi>",
               mood == MOOD_GOOD && r.members == 0 ? "has no other members" : words[mood]);
    page_put_term(out, r.group, GROUP_BYTES);
    buf_printf(out, "</bdi></p>");
    put_value(page, p);
    put_members(page, p);
    put_facts(page, &r);
    buf_printf(out, "</article>\n");
}

void page_put_replicas(const struct page *page)
{
    struct buf *out = page->out;
    size_t shown = 0;
    buf_printf(out, "<section aria-labelledby=\"replicas\"><h2 id=\"replicas\">Replicas</h2>");
    if (page->replicas == 0)
        buf_printf(out, "<p class=\"none\">This node runs no replicas.</p>");
    buf_printf(out, "<div class=\"cards\">");
    for (struct process *p = NULL; (p = replica_next(page->overview->table, p)) != NULL;)
        if (shown++ < LIMIT_PAGE_REPLICAS)
            put_replica(page, p);
    buf_printf(out, "</div>");
    if (shown > LIMIT_PAGE_REPLICAS)
        buf_printf(out, "<p class=\"none\">and %zu more: see /metrics</p>",
                   shown - LIMIT_PAGE_REPLICAS);
    buf_printf(out, "</section>\n");
}
