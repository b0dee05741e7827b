#include "rga_layout.h"

/* An atom with so many bytes, and a map with four pairs, as term/write.h writes them. */
#define ATOM(bytes, name) "w" bytes name
#define MAP_OF_4          "t\0\0\0\4"

const struct rga_layout rga_layout_own = {
    {RGA_ID, RGA_PREV, RGA_COUNTER, RGA_NODE, RGA_TIME, RGA_VALUE},
    {BYTES(MAP_OF_4 ATOM("\2", "id")), BYTES(ATOM("\7", "prev_id")),
     BYTES(ATOM("\11", "timestamp") MAP_OF_4 ATOM("\12", "__struct__")
               ATOM("\37", "Elixir.Grove.HybridLogicalClock") ATOM("\7", "counter")),
     BYTES(ATOM("\4", "node")), BYTES(ATOM("\4", "time")), BYTES(ATOM("\5", "value"))},
};

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
}
