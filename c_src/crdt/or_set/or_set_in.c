#include "or_set_in.h"

#include <string.h>

#include "../mapset.h"

enum err or_set_in_open(struct or_set_in *e, struct bytes checked)
{
    *e = (struct or_set_in){.in = etf_open(checked)};
    e->left = etf_map(&e->in);
    return e->in.err;
}

static bool skip_prefix(struct etf_in *in, struct bytes prefix)
{
    if ((size_t)(in->end - in->at) < prefix.len || memcmp(in->at, prefix.at, prefix.len) != 0)
        return false;
    in->at += prefix.len;
    return true;
}

/* Any single term between the same bytes is a set of one tag. */
static bool read_same_shape(struct or_set_in *e, struct or_set_entry *entry)
{
    struct etf_in ahead = e->in;
    if (e->front.len == 0 || !skip_prefix(&ahead, e->front))
        return false;
    entry->tag = etf_any(&ahead);
    if (!skip_prefix(&ahead, e->back))
        return false;
    entry->tags = 1;
    e->in = ahead;
    return true;
}

static void read_set(struct or_set_in *e, struct or_set_entry *entry)
{
    struct bytes set = etf_any(&e->in);
    enum err err = mapset_read(set, &entry->in, &entry->tags);
    entry->tag = (struct bytes){0};
    if (err != OK) {
        etf_fail(&e->in, err == ERR_TYPE ? ERR_SHAPE : err);
    } else if (entry->tags == 1) {
        struct etf_in ahead = entry->in;
        entry->tag = etf_any(&ahead);
        e->front = (struct bytes){set.at, (size_t)(entry->tag.at - set.at)};
        e->back = (struct bytes){ahead.at, (size_t)(set.at + set.len - ahead.at)};
    }
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

bool or_set_in_tag(struct or_set_entry *entry, struct bytes *tag)
{
    if (entry->tags == 0)
        return false;
    entry->tags--;
    *tag = entry->tag.len > 0 ? entry->tag : mapset_next(&entry->in);
    return true;
}
