/* The cluster as a picture: this node, and from it a shoot to each of its peers, one below the
 * other, so that names of any length have room on a phone.  What is between the peers is not known
 * here. */
#include "../limits.h"
#include "page_internal.h"

/* Units of the picture: the width, the distance of two peers, where this node and the peers are,
 * and their radii. */
#define WIDTH        400
#define ROW          64
#define SELF_X       58
#define SELF_R       36
#define PEER_X       160
#define PEER_R       23
#define TEXT_X       (PEER_X + PEER_R + 12)
#define NAME_LONG    20 /* characters */
#define HEIGHT_LEAST 130

static int height_of(const struct page *page)
{
    int rows = (int)page->count * ROW;
    return rows > HEIGHT_LEAST ? rows : HEIGHT_LEAST;
}

static int y_of(const struct page *page, size_t i)
{
    return height_of(page) / 2 + ((int)i * 2 - (int)page->count + 1) * ROW / 2;
}

static void put_link(const struct page *page, size_t i)
{
    const struct page_peer *p = &page->peers[i];
    int from = height_of(page) / 2, to = y_of(page, i);
    buf_printf(page->out, "<path class=\"link %s%s\" d=\"M%d %dC%d %d %d %d %d %d\"/>",
               mood_class(peer_mood(p)), p->slow ? " slow" : "", SELF_X, from, PEER_X - 30, from,
               SELF_X + 30, to, PEER_X - PEER_R, to);
}

static void put_peer(const struct page *page, size_t i)
{
    struct buf *out = page->out;
    const struct page_peer *p = &page->peers[i];
    enum mood mood = peer_mood(p);
    int y = y_of(page, i);
    buf_printf(out,
               "<g class=\"peer %s\"><circle cx=\"%d\" cy=\"%d\" r=\"%d\"/>"
               "<text class=\"glyph\" x=\"%d\" y=\"%d\">%s</text>"
               "<text class=\"name\" x=\"%d\" y=\"%d\">",
               mood_class(mood), PEER_X, y, PEER_R, PEER_X, y + 8, mood_sign(mood), TEXT_X, y - 2);
    page_put_short(out, p->name, NAME_LONG);
    buf_printf(out, "</text><text class=\"words\" x=\"%d\" y=\"%d\">", TEXT_X, y + 17);
    peer_put_words(p, out);
    buf_printf(out, "</text></g>\n");
}

/* This node: a coppiced stool. */
static void put_self(const struct page *page)
{
    buf_printf(page->out,
               "<g class=\"self\" transform=\"translate(%d %d)\"><circle r=\"%d\"/>"
               "<path d=\"M0 19V-4M-1 14C-4 2 -12 0 -12 -9M1 14C4 2 12 0 12 -9\"/>"
               "<path class=\"leaf\" d=\"M0 -4C-7 -9 -6 -17 0 -22C6 -17 7 -9 0 -4Z"
               "M-12 -8C-19 -10 -21 -16 -19 -21C-12 -20 -9 -14 -12 -8Z"
               "M12 -8C19 -10 21 -16 19 -21C12 -20 9 -14 12 -8Z\"/>"
               "<text class=\"words\" y=\"%d\">this node</text></g>\n",
               SELF_X, height_of(page) / 2, SELF_R, SELF_R + 18);
}

/* What a screen reader says in place of the picture. */
static void put_description(const struct page *page)
{
    struct buf *out = page->out;
    buf_printf(out, "<title id=\"picture\">The cluster as this node sees it</title>"
                    "<desc id=\"words\">");
    for (size_t i = 0; i < page->count; i++) {
        page_put_text(out, page->peers[i].name);
        buf_printf(out, ": ");
        peer_put_words(&page->peers[i], out);
        buf_printf(out, ". ");
    }
    buf_printf(out, "%s</desc>", page->count == 0 ? "There are no other nodes." : "");
}

static void put_legend(struct buf *out)
{
    static const char *const words[] = {"agrees, as last compared", "differs, or is behind",
                                        "not compared", "not connected"};
    buf_printf(out, "<figcaption><ul class=\"legend\">");
    for (enum mood mood = MOOD_GOOD; mood <= MOOD_AWAY; mood++) {
        buf_printf(out, "<li>");
        mood_put(out, mood);
        buf_printf(out, "%s</li>", words[mood]);
    }
    buf_printf(out, "</ul></figcaption>");
}

void page_put_picture(const struct page *page)
{
    struct buf *out = page->out;
    buf_printf(out,
               "<section aria-labelledby=\"cluster\"><h2 id=\"cluster\">Cluster</h2><figure>"
               "<svg class=\"picture\" role=\"img\" aria-labelledby=\"picture words\" "
               "viewBox=\"%d 0 %d %d\">",
               page->count > 0 ? 0 : SELF_X - WIDTH / 2, WIDTH, height_of(page));
    put_description(page);
    for (size_t i = 0; i < page->count; i++)
        put_link(page, i);
    for (size_t i = 0; i < page->count; i++)
        put_peer(page, i);
    put_self(page);
    buf_printf(out, "</svg>");
    put_legend(out);
    buf_printf(out, "</figure></section>\n");
}
