/* Makes up a session of two authors who write one text at the same time.
 *
 * Each edits a replica of its own, one key a mutation.  A key's delta arrives at the other a second
 * later, so nearly every key is concurrent with some of the other author's.  The session is drawn
 * from a seed, and resembles two published ones, friendsforever and clownschool (in the collection
 * https://github.com/josephg/editing-traces), which have 26,000 and 23,000 keys, 91 and 93 % of
 * them insertions: authors type runs of words, go back over what they just typed, move a little
 * way, and now and then to another part of the text, or to where the other author is. */
#ifndef COPPICE_TEST_CRDT_SESSION_H
#define COPPICE_TEST_CRDT_SESSION_H

#include "crdt/rga/rga.h"
#include "mem.h"
#include "unit/crdt/authors.h"

#define SESSION_LATENCY_MS 1000

struct typist {
    uint64_t next_ms;
    uint32_t cursor, left; /* keys of what it is doing */
    bool erases;
};

struct session {
    struct authors *a;
    struct typist typist[AUTHORS];
    struct key *keys;
    size_t count;
    uint32_t sent[AUTHORS]; /* how many of these have been typed a latency ago */
    size_t oldest;          /* the first key that has not */
    uint64_t random;
};

static inline uint32_t session_random(struct session *s, uint32_t below)
{
    s->random = s->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(s->random >> 33) % below;
}

static inline const struct rga_tree *session_text(const struct session *s, uint32_t author)
{
    return &((const struct rga *)s->a->replica[author])->tree;
}

/* What has arrived moves the cursor with the character before it, if that is still there. */
static inline void session_receive(struct session *s, uint32_t author, uint64_t now_ms)
{
    struct typist *t = &s->typist[author];
    const struct rga_tree *text = session_text(s, author);
    uint32_t before = t->cursor > 0 ? rga_tree_at(text, t->cursor - 1) : RGA_NONE;
    for (; s->oldest < s->count && s->keys[s->oldest].at_ms + SESSION_LATENCY_MS <= now_ms;)
        s->sent[s->keys[s->oldest++].author]++;
    uint32_t most = s->sent[1 - author] - s->a->seen[author];
    authors_receive(s->a, author, s->sent[1 - author]);
    uint32_t length = rga_tree_shown(text), from = t->cursor > most ? t->cursor - most : 1;
    for (uint32_t i = from; before != RGA_NONE && i <= t->cursor + most && i <= length; i++) {
        if (rga_tree_at(text, i - 1) == before) {
            t->cursor = i;
            return;
        }
    }
    t->cursor = t->cursor < length ? t->cursor : length;
}

/* The next thing to do: a few words, going back over the last ones, or the same elsewhere: near,
 * anywhere, or where the other author is. */
static inline void session_turn(struct session *s, uint32_t author)
{
    struct typist *t = &s->typist[author];
    uint32_t length = rga_tree_shown(session_text(s, author)), what = session_random(s, 100);
    t->erases = what < 28;
    t->left = 1 + session_random(s, t->erases ? 14 : 60);
    uint32_t near = t->cursor + session_random(s, 80);
    if (what >= 84)
        t->cursor = near > 40 ? near - 40 : 0;
    if (what >= 95)
        t->cursor = session_random(s, length + 1);
    if (what == 99)
        t->cursor = s->typist[1 - author].cursor;
    t->cursor = t->cursor < length ? t->cursor : length;
}

static inline void session_key(struct session *s, uint32_t author, struct buf *request)
{
    static const char letters[] = "eeeeetttaaaooiinnsshhrrddlluucmfwygpbvk,.        \n";
    struct typist *t = &s->typist[author];
    session_receive(s, author, t->next_ms);
    if (t->left == 0)
        session_turn(s, author);
    bool erases = t->erases && t->cursor > 0;
    uint8_t letter = (uint8_t)letters[session_random(s, sizeof(letters) - 1)];
    struct key *key = &s->keys[s->count++];
    *key = (struct key){t->next_ms, author, t->cursor - erases, s->a->seen[author],
                        erases ? 0 : letter};
    t->cursor = erases ? t->cursor - 1 : t->cursor + 1;
    t->left--;
    t->next_ms += 80 + session_random(s, 200);
    if (t->left == 0)
        t->next_ms += 300 + session_random(s, 3000);
    buf_clear(request);
    put_edit(request, key->index, &key->character);
    authors_press(s->a, key, buf_bytes(request));
}

/* The keys of a session, in the order of time; to be freed with mem_free().  It is played on a,
 * empty before, without authors_finish(). */
static inline struct key *session_make(struct authors *a, size_t count, uint64_t seed)
{
    struct session s = {.a = a, .random = seed, .keys = mem_take(count * sizeof(*s.keys))};
    struct buf request = {0};
    for (unsigned i = 0; i < AUTHORS; i++)
        s.typist[i].next_ms = 1700000000000 + i;
    while (s.count < count)
        session_key(&s, s.typist[1].next_ms < s.typist[0].next_ms, &request);
    buf_free(&request);
    return s.keys;
}

#endif
