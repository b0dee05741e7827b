#include "rga_layout.h"

#include <string.h>

void rga_layout_learn(struct rga_layout *l, struct bytes element, const struct bytes *parts)
{
    const uint8_t *at = element.at;
    unsigned count = 0;
    for (enum rga_part part = RGA_ID; part < RGA_PARTS; part++) {
        unsigned i = count++;
        for (; i > 0 && parts[l->order[i - 1]].at > parts[part].at; i--)
            l->order[i] = l->order[i - 1];
        l->order[i] = part;
    }
    for (unsigned i = 0; i < RGA_PARTS; i++) {
        struct bytes part = parts[l->order[i]];
        must(part.at > at);
        l->before[i] = (struct bytes){at, (size_t)(part.at - at)};
        at = part.at + part.len;
    }
    l->before[RGA_PARTS] = (struct bytes){at, (size_t)(element.at + element.len - at)};
    l->known = true;
}

bool rga_accept_bytes(struct etf_in *in, struct bytes wanted)
{
    size_t room = (size_t)(in->end - in->at);
    if (wanted.len == 0 || room < wanted.len || memcmp(in->at, wanted.at, wanted.len) != 0)
        return false;
    *in = etf_open((struct bytes){in->at + wanted.len, room - wanted.len});
    return true;
}
