/* Storages on a fake disk, for the suites of storage.  What is appended and saved is a set of
 * small numbers, so what is loaded can be compared with what must be there. */
#ifndef COPPICE_TEST_STORED_H
#define COPPICE_TEST_STORED_H

#include "fake/disk.h"
#include "store/storage.h"
#include "term/head.h"
#include "unit/dets/tables.h"

#define FILE_NAME "data/views.dets"
#define MODULE    "Elixir.Grove.Set.GSet"
#define GROUP     "{views, <<\"a\">>}"
#define OTHERS    "{{views, <<\"b\">>}, #{a => 1}, more}", "{x, <<1, 2, 3>>}"

/* Sets of numbers are bit masks. */
static inline uint64_t bit(unsigned n)
{
    return 1ull << n;
}

static inline struct storage *stored_new(struct fake_disk *d, const char *group)
{
    struct storage_options o = {.file = BYTES(FILE_NAME),
                                .group = term_of(group),
                                .module = BYTES(MODULE),
                                .form = RECORD_AUTO,
                                .journal = true};
    return storage_new(fake_disk(d), &o);
}

static inline void print_failure(const char *what, const struct storage_failure *f)
{
    fprintf(stderr, "\n    %s: %s: %s\n", what, f->reason, f->what);
}

static inline enum err stored_append(struct storage *s, unsigned n, struct storage_failure *f)
{
    struct buf record = {0};
    put_list(&record, 1);
    put_uint(&record, n);
    put_nil(&record);
    enum err e = storage_append(s, buf_bytes(&record), f);
    buf_free(&record);
    return e;
}

/* A map, which is all that storage requires of a struct: #{numbers => Set}, and padding. */
static inline struct term stored_state(uint64_t set)
{
    struct buf state = {0};
    uint8_t padding[600] = {0};
    put_map(&state, 2);
    put_atom(&state, "numbers");
    put_uint(&state, set);
    put_atom(&state, "padding");
    put_binary(&state, (struct bytes){padding, sizeof(padding)});
    return term_take(&state);
}

static inline enum err stored_save_noted(struct storage *s, uint64_t set, uint64_t segment,
                                         struct storage_note *note, struct storage_failure *f)
{
    struct term state = stored_state(set);
    enum err e = storage_save(s, term_bytes(&state), segment, note, f);
    term_free(&state);
    return e;
}

static inline enum err stored_save(struct storage *s, uint64_t set, uint64_t segment,
                                   struct storage_failure *f)
{
    struct storage_note note;
    return stored_save_noted(s, set, segment, &note, f);
}

/* The set in a state; 0 if there is none. */
static inline uint64_t set_of_state(struct bytes state)
{
    struct etf_in in = etf_open(state);
    if (state.len == 0)
        return 0;
    must(etf_map(&in) == 2);
    etf_expect(&in, "numbers");
    uint64_t set = etf_uint64(&in);
    etf_expect(&in, "padding");
    (void)etf_binary(&in);
    must(etf_finish(&in) == OK);
    return set;
}

static inline uint64_t set_of_found(const struct storage_found *found)
{
    uint64_t set = set_of_state(found->state);
    struct etf_in in = etf_open(buf_bytes(&found->records));
    for (uint64_t i = 0; i < found->count; i++) {
        struct bytes n;
        struct etf_list l = etf_list(&in);
        while (etf_next(&l, &n)) {
            struct etf_in number = etf_open(n);
            bool is_state = *n.at == TAG_MAP;
            set |= is_state ? set_of_state(n) : bit((unsigned)etf_uint64(&number));
        }
    }
    must(etf_finish(&in) == OK);
    return set;
}

static inline enum err stored_load(struct storage *s, uint64_t *set, struct storage_failure *f)
{
    struct storage_found found;
    enum err e = storage_load(s, &found, f);
    *set = e == OK ? set_of_found(&found) : 0;
    storage_found_free(&found);
    return e;
}

static inline enum err stored_open(struct storage *s, uint64_t *set, struct storage_failure *f)
{
    enum err e = stored_load(s, set, f);
    return e == OK ? storage_begin(s, f) : e;
}

/* What a process starting now would load. */
static inline uint64_t stored_found(struct fake_disk *d, const char *group)
{
    uint64_t set;
    struct storage_failure f;
    struct storage *s = stored_new(d, group);
    enum err e = stored_open(s, &set, &f);
    CU_ASSERT_EQUAL(e, OK);
    if (e != OK)
        print_failure("load", &f);
    storage_free(s);
    return set;
}

/* A loaded storage, ready for appends; *set is what it has found. */
static inline struct storage *stored_start(struct fake_disk *d, const char *group, uint64_t *set)
{
    struct storage_failure f;
    struct storage *s = stored_new(d, group);
    enum err e = stored_open(s, set, &f);
    CU_ASSERT_EQUAL(e, OK);
    if (e != OK)
        print_failure("load", &f);
    return s;
}

static inline void stored_add(struct storage *s, unsigned n)
{
    struct storage_failure f;
    CU_ASSERT_EQUAL(stored_append(s, n, &f), OK);
}

static inline void stored_save_all(struct storage *s, uint64_t set)
{
    struct storage_failure f;
    enum err e = stored_save(s, set, storage_rotate(s), &f);
    CU_ASSERT_EQUAL(e, OK);
    if (e != OK)
        print_failure("save", &f);
}

/* Asserts that loading is refused for this reason and leaves the table unchanged. */
static inline struct storage_failure stored_refused(struct fake_disk *d, const char *reason)
{
    struct storage_failure f = {"", ""};
    struct storage_found found;
    struct bytes before = fake_disk_bytes(d, FILE_NAME);
    struct storage *s = stored_new(d, GROUP);
    CU_ASSERT_EQUAL(storage_load(s, &found, &f), ERR_STORAGE);
    CU_ASSERT_STRING_EQUAL(f.reason, reason);
    CU_ASSERT(found.state.at == NULL && found.records.at == NULL && found.notes.at == NULL);
    storage_free(s);
    CU_ASSERT(bytes_equal(fake_disk_bytes(d, FILE_NAME), before));
    CU_ASSERT_EQUAL(fake_disk_handles(d), 0);
    return f;
}

#endif
