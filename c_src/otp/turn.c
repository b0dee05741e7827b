#include "turn.h"

#include <stdarg.h>
#include <stdio.h>

#include "../err.h"
#include "../term/etf.h"
#include "../term/write.h"

struct bytes turn_for(struct turn *t, struct bytes node)
{
    struct bytes before = t->node;
    t->node = node;
    return before;
}

void turn_worked(struct turn *t, uint64_t work)
{
    t->work += work + work * t->slowness / 256;
}

/* splitmix64 (Steele, Lea, Flood 2014): works with any seed. */
uint64_t turn_random(struct turn *t)
{
    uint64_t z = t->random += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

bool turn_may_write(const struct turn *t, struct bytes node)
{
    return t->rights == NULL || t->rights->may_write(t->rights, node);
}

bool turn_may_change(struct turn *t)
{
    if (t->reader.len == 0)
        return true;
    t->rights->refused(t->rights, t->reader, t);
    return false;
}

void turn_send(struct turn *t, struct bytes from, struct bytes to, struct bytes message)
{
    turn_send_shared(t, from, to, message, (struct share){0});
}

void turn_send_shared(struct turn *t, struct bytes from, struct bytes to, struct bytes first,
                      struct share rest)
{
    t->post->send(t->post, &(struct signal){.kind = SIGNAL_SEND,
                                            .node = node_of(to),
                                            .from = from,
                                            .to = to,
                                            .payload = first,
                                            .rest = rest});
}

void turn_send_named(struct turn *t, struct bytes from, struct bytes node, struct bytes name,
                     struct bytes message)
{
    struct buf to = {0};
    put_atom_bytes(&to, name);
    t->post->send(t->post, &(struct signal){.kind = SIGNAL_REG_SEND,
                                            .node = node,
                                            .from = from,
                                            .to = buf_bytes(&to),
                                            .payload = message});
    buf_free(&to);
}

const char *log_level_name(enum log_level level)
{
    static const char *const names[] = {"debug", "info", "warning", "error"};
    return names[level];
}

void turn_log(struct turn *t, enum log_level level, const char *format, ...)
{
    char line[2 * LIMIT_ATOM_BYTES]; /* the name of a node or process, and a sentence */
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    must(n >= 0);
    size_t len = (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1;
    t->post->log(t->post, level, (struct bytes){(const uint8_t *)line, len});
}

bool log_is_due(uint64_t *count)
{
    uint64_t before = (*count)++;
    return (before & *count) == 0;
}

/* A canonical atom is a tag, a length (one byte up to 255, else two), and the text. */
struct bytes atom_text(struct bytes atom)
{
    size_t head = atom.len <= 2 + UINT8_MAX ? 2 : 3;
    must(atom.len >= head);
    return bytes_after(atom, head);
}

struct bytes node_of(struct bytes identifier)
{
    return atom_text(etf_node(identifier));
}
