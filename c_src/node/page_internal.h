/* Shared by the files of the status page. */
#ifndef COPPICE_NODE_PAGE_INTERNAL_H
#define COPPICE_NODE_PAGE_INTERNAL_H

#include "../replica/report.h"
#include "page.h"
#include "page_text.h"

/* How a node, or a replica, is doing; also the name of a class in the style. */
enum mood {
    MOOD_GOOD,    /* as far as it is known, everything agrees */
    MOOD_DIFFERS, /* something differs, or is behind */
    MOOD_UNKNOWN, /* nothing was compared yet */
    MOOD_AWAY,    /* not connected, or failing */
};

/* Its class, and its sign for those who see no colours. */
const char *mood_class(enum mood mood);
const char *mood_sign(enum mood mood);
/* Appends the sign, hidden from screen readers: what it says stands beside it. */
void mood_put(struct buf *out, enum mood mood);

/* A peer, connected or missed. */
struct page_peer {
    struct bytes name;
    bool connected, slow;
    const char *kind; /* BEAM, coppice, other; empty where it is not connected */
    uint64_t queued;
    size_t common, differ, unknown; /* replicas with a member there; of these, so many */
    uint64_t synced_ms;             /* the oldest of their last syncs; 0: there is none */
};

enum mood peer_mood(const struct page_peer *p);
/* Appends a few words: "3 replicas agree". */
void peer_put_words(const struct page_peer *p, struct buf *out);

struct page {
    const struct overview *overview;
    struct page_peer *peers; /* at most LIMIT_PAGE_PEERS ... */
    size_t count;
    size_t more; /* ... and these */
    size_t replicas;
    struct buf *out;
};

/* page_picture.c, page_replicas.c */
void page_put_picture(const struct page *page);
void page_put_replicas(const struct page *page);

/* The page's icon, as a data URL. */
extern const char page_icon[];

#endif
