#include "or_set_in.h"

#include "../alike.h"
#include "../mapset.h"

enum err or_set_in_open(struct or_set_in *e, struct bytes checked)
{
    *e = (struct or_set_in){.in = etf_open(checked)};
    e->left = etf_map(&e->in);
    return e->in.err;
}

/* Any actor and number between the same bytes are a set of one tag. */
static bool read_same_shape(struct or_set_in *e, struct or_set_entry *entry)
{
    struct etf_in ahead = e->in;
    if (e->front.len == 0 || !skip_same(&ahead, e->front))
        return false;
    if (!skip_same(&ahead, e->actor))
        e->actor = etf_any(&ahead);
    entry->tag = (struct wire_tag){e->actor, etf_uint64(&ahead)};
    if (entry->tag.n > INT64_MAX || !skip_same(&ahead, e->back))
        return false;
    entry->tags = 1;
    entry->in = (struct etf_in){0};
    e->in = ahead;
    return true;
}

/* The set is of one tag: keeps what surrounds it. */
static void keep_shape(struct or_set_in *e, struct bytes set, struct etf_in in)
{
    const uint8_t *end = set.at + set.len;
    struct wire_tag tag = wire_tag_read(&in);
    if (in.err != OK)
        return;
    e->front = (struct bytes){set.at, (size_t)(tag.actor.at - set.at)};
    e->actor = tag.actor;
    e->back = (struct bytes){in.at, (size_t)(end - in.at)};
}

static void read_set(struct or_set_in *e, struct or_set_entry *entry)
{
    struct bytes set = etf_any(&e->in);
    enum err err = mapset_read(set, &entry->in, &entry->tags);
    entry->tag = (struct wire_tag){0};
    if (err != OK)
        etf_fail(&e->in, err == ERR_TYPE ? ERR_SHAPE : err);
    else if (entry->tags == 1)
        keep_shape(e, set, entry->in);
}

bool or_set_in_next(struct or_set_in *e, struct or_set_entry *entry)
{
    if (e->left == 0 || e->in.err != OK)
        return false;
    e->left--;
    entry->element = etf_any(&e->in);
    if (!read_same_shape(e, entry))
        read_set(e, entry);
    return e->in.err == OK;
}

bool or_set_in_tag(struct or_set_entry *entry, struct wire_tag *tag)
{
    if (entry->tags == 0)
        return false;
    entry->tags--;
    if (entry->tag.actor.len > 0) {
        *tag = entry->tag;
        return true;
    }
    *tag = wire_tag_read(&entry->in);
    etf_any(&entry->in);
    return entry->in.err == OK;
}
