/* What was added and is not removed: an element, or, where they have them, one of its tags or
 * dots. */
#include "crdt/mapset.h"
#include "term/write.h"
#include "worth.h"

static void put_set(struct buf *value, struct rows *shown)
{
    mapset_put(value, MAPSET_PLAIN, (uint32_t)shown->count);
    for (size_t i = 0; i < shown->count; i++)
        mapset_element(value, term_bytes(&shown->list[i].key));
    mapset_end(value, MAPSET_PLAIN);
    rows_free(shown);
}

static bool put_difference(struct buf *value, struct rows *added, struct rows *removed)
{
    struct rows shown = {0};
    rows_difference(&shown, added, removed);
    put_set(value, &shown);
    rows_free(added);
    rows_free(removed);
    return true;
}

bool worth_gset(struct buf *value, const struct bytes *structs, size_t count)
{
    struct rows added = {0}, none = {0};
    for (size_t i = 0; i < count; i++)
        rows_add_elements(&added, field(structs[i], "elements"));
    return put_difference(value, &added, &none);
}

bool worth_two_p_set(struct buf *value, const struct bytes *structs, size_t count)
{
    struct rows added = {0}, removed = {0};
    for (size_t i = 0; i < count; i++) {
        rows_add_elements(&added, field(field(structs[i], "added"), "elements"));
        rows_add_elements(&removed, field(field(structs[i], "removed"), "elements"));
    }
    return put_difference(value, &added, &removed);
}

bool worth_or_set(struct buf *value, const struct bytes *structs, size_t count)
{
    struct rows added = {0}, removed = {0};
    for (size_t i = 0; i < count; i++) {
        rows_add_tags(&added, field(structs[i], "entries"));
        rows_add_elements(&removed, field(structs[i], "tombstones"));
    }
    return put_difference(value, &added, &removed);
}

/* Elements and actors, with the greatest number of each; and the actors' context, which is the
 * number up to which all is removed. */
bool worth_dvv_set(struct buf *value, const struct bytes *structs, size_t count)
{
    struct rows dots = {0}, context = {0}, shown = {0};
    for (size_t i = 0; i < count; i++) {
        struct etf_in in = etf_open(field(structs[i], "entries"));
        for (uint32_t left = etf_map(&in); left > 0; left--) {
            struct bytes element = etf_any(&in);
            rows_add_numbers(&dots, element, etf_any(&in));
        }
        rows_add_numbers(&context, (struct bytes){0}, field(structs[i], "context"));
    }
    for (size_t i = 0; i < dots.count; i++) {
        const struct row *dot = &dots.list[i], *seen = rows_find(&context, &dot->second, NULL);
        if (dot->n > (seen != NULL ? seen->n : 0))
            rows_add(&shown, term_copy(term_bytes(&dot->key)), (struct term){0}, 0);
    }
    put_set(value, &shown);
    rows_free(&dots);
    rows_free(&context);
    return true;
}
