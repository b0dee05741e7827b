#include "dets/dets_torn.h"
#include "dets/layout.h"
#include "term/phash2.h"
#include "term/text.h"
#include "unit/dets/tables.h"

#define KEYS 2000

/* The slot of a key in a table that has grown segment by segment. */
static uint32_t grown(uint32_t slots, struct bytes key)
{
    uint32_t m = DETS_SEGMENT_SLOTS, split = 0;
    for (uint32_t n = DETS_SEGMENT_SLOTS; n < slots; n += DETS_SEGMENT_SLOTS) {
        split += DETS_SEGMENT_SLOTS;
        if (split == m) {
            m *= 2;
            split = 0;
        }
    }
    uint32_t slot = phash2(key) % m;
    return slot < split ? phash2(key) % (2 * m) : slot;
}

/* Every third slot is torn. */
static void finds_the_slot_of_a_key(void)
{
    for (uint32_t slots = 256; slots <= 2304; slots += 256) {
        struct dets_torn torn = {.slots = slots};
        for (uint32_t slot = 0; slot < slots; slot += 3)
            dets_torn_add(&torn, slot);
        for (unsigned i = 0; i < KEYS; i++) {
            char text[16];
            snprintf(text, sizeof(text), "{%u}", i);
            struct bytes key = term_of(text);
            uint32_t wanted = grown(slots, key);
            struct dets_torn_slot *found = dets_torn_find(&torn, key);
            CU_ASSERT((found != NULL) == (wanted % 3 == 0));
            CU_ASSERT(found == NULL || found->slot == wanted);
        }
        dets_torn_free(&torn);
    }
}

static void finds_nothing_without_torn_slots(void)
{
    struct dets_torn torn = {0};
    CU_ASSERT(dets_torn_find(&torn, term_of("k")) == NULL);
    dets_torn_free(&torn);
}

SUITE("dets_torn", TEST(finds_the_slot_of_a_key), TEST(finds_nothing_without_torn_slots))
