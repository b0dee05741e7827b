/* References of this node: a counter, encoded in three words as in OTP 25. */
#include "../term/etf.h"
#include "../term/write.h"
#include "table.h"

/* A BEAM rejects a reference with more bits in its first word (erts, external.c:
 * MAX_REFERENCE). */
#define FIRST_WORD_BITS 18
#define FIRST_WORD_MASK ((1u << FIRST_WORD_BITS) - 1)
#define WORDS           3

void reference_put(const struct processes *table, uint64_t number, struct buf *out)
{
    const uint32_t words[WORDS] = {(uint32_t)number & FIRST_WORD_MASK,
                                   (uint32_t)(number >> FIRST_WORD_BITS),
                                   (uint32_t)(number >> (FIRST_WORD_BITS + 32))};
    put_reference(out, table->node, table->creation, words, WORDS);
}

uint64_t reference_number(const struct processes *table, struct bytes reference)
{
    struct etf_in in = etf_open(reference);
    struct etf_reference parts = etf_reference(&in);
    if (etf_finish(&in) != OK || parts.creation != table->creation || parts.count != WORDS)
        return 0;
    struct etf_in at_node = etf_open(parts.node);
    struct atom node;
    etf_atom(&at_node, &node);
    if (!bytes_equal((struct bytes){node.text, node.len}, table->node))
        return 0;
    return (uint64_t)parts.words[0] | (uint64_t)parts.words[1] << FIRST_WORD_BITS |
           (uint64_t)parts.words[2] << (FIRST_WORD_BITS + 32);
}

void processes_reference(struct processes *table, struct buf *out)
{
    reference_put(table, ++table->last_reference, out);
}
