/* The life of a replica's files: a folder as the input says, whole or damaged, then loads, appends,
 * saves, failing calls, kills and power cuts in any order.
 *
 * What was acknowledged, or found once, is found by every later load; what was refused is not, as
 * long as the process lives; once a load has succeeded, only the disk makes one fail; all that is
 * found is valid terms, and all that is said UTF-8; another group's record in the table is left as
 * it was. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "err.h"
#include "fake/disk.h"
#include "store/storage.h"
#include "stored.h"
#include "term/etf.h"
#include "term/etf_check.h"
#include "term/utf8.h"
#include "term/write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Longer than what messages show of a path, and not of ASCII alone. */
#define FILE_NAME                                                                                  \
    "data/"                                                                                        \
    "\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac"   \
    "\u20ac"                                                                                       \
    "\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac"   \
    "\u20ac"                                                                                       \
    ".dets"
#define PATH_BYTES (sizeof(FILE_NAME) + 60)

/* What a replica stores here: numbers, which are bits of a set.  The input's own files have none so
 * large. */
#define FIRST_NUMBER (UINT64_C(1) << 40)
#define NUMBERS      60

static const struct stored_owner owner = {BYTES("w\25" STORED_MODULE), BYTES("w\1g")};

struct life {
    struct fake_disk *disk;
    struct storage *s;
    enum record_form form;
    bool loaded, begun; /* may append */
    bool once;          /* a load has succeeded */
    bool faulty;        /* calls may fail */
    bool dies;          /* the process is to be killed in a call */
    bool link;          /* FILE is one */
    bool shared;        /* another group's record in the table was read, and is to be kept */
    unsigned count;     /* numbers used */
    uint64_t known;     /* acknowledged, or found */
    uint64_t refused;
};

/* --- the folder ---------------------------------------------------------------------------- */

static void put_path(char path[PATH_BYTES], uint8_t which, uint8_t number)
{
    static const char *const endings[] = {"",     ".next",    ".damaged.1", ".lock",
                                          ".tmp", ".%s.lock", ".%s.tmp",    ".%s.%u.damaged"};
    char group[STORAGE_GROUP_CHARS], ending[60];
    storage_group(group, which >= 240 ? BYTES("w\1o") : owner.group);
    const char *format = which % 16 < 8 ? endings[which % 16] : ".%s.%u.journal";
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(ending, sizeof(ending), format, group, number % 8u);
#pragma GCC diagnostic pop
    snprintf(path, PATH_BYTES, "%s%s", FILE_NAME, ending);
}

static void put_file(struct fake_disk *d, struct wire *in)
{
    char path[PATH_BYTES];
    struct buf content = {0};
    size_t sound;
    uint8_t which = wire_u8(in), number = wire_u8(in);
    put_path(path, which, number);
    if (which % 16 >= 8)
        stored_put_segment(&content, in, &owner, &sound);
    else if (which < 128)
        stored_put_table(&content, in, &owner);
    else
        buf_put(&content, wire_bytes(in, wire_u8(in)));
    fake_disk_put(d, path, buf_bytes(&content));
    buf_free(&content);
}

/* True if FILE is a symbolic link. */
static bool put_folder(struct fake_disk *d, struct wire *in)
{
    uint8_t what = wire_u8(in);
    for (unsigned i = 0; i < what % 8u; i++)
        put_file(d, in);
    bool link = (what & 8) != 0 && !fake_disk_has(d, FILE_NAME);
    if (link)
        fake_disk_symlink(d, "data/other.dets", FILE_NAME);
    else if ((what & 16) != 0)
        fake_disk_mount(d, FILE_NAME);
    return link;
}

/* --- what is found ------------------------------------------------------------------------- */

static uint64_t bit_of(struct bytes term)
{
    struct etf_in in = etf_open(term);
    uint64_t number = etf_uint64(&in);
    bool ours = etf_finish(&in) == OK && number >= FIRST_NUMBER && number < FIRST_NUMBER + NUMBERS;
    return ours ? UINT64_C(1) << (number - FIRST_NUMBER) : 0;
}

/* The numbers in a list of them. */
static uint64_t set_of_list(struct etf_in in)
{
    struct bytes element;
    uint64_t set = 0;
    for (struct etf_list l = etf_list(&in); etf_next(&l, &element);)
        set |= bit_of(element);
    return set;
}

/* A state is a map with such a list. */
static uint64_t set_of_state(struct bytes state)
{
    struct etf_in in = etf_open(state);
    if (etf_peek(&in) != ETF_MAP || etf_map(&in) != 1)
        return 0;
    etf_any(&in);
    return set_of_list(in);
}

/* A record is such a list, or one of a state where segments were merged. */
static uint64_t set_of_record(struct bytes record)
{
    struct etf_in in = etf_open(record);
    struct bytes element;
    uint64_t set = set_of_list(in);
    for (struct etf_list l = etf_list(&in); etf_next(&l, &element);)
        set |= set_of_state(element);
    return set;
}

static void put_set(struct buf *out, uint64_t set)
{
    put_list(out, (uint32_t)__builtin_popcountll(set));
    for (unsigned n = 0; n < NUMBERS; n++)
        if ((set >> n & 1) != 0)
            put_uint(out, FIRST_NUMBER + n);
    put_nil(out);
}

static uint64_t set_of_found(const struct storage_found *found)
{
    struct etf_in in = etf_open(buf_bytes(&found->records));
    size_t len;
    uint64_t set = 0;
    if (found->state.len > 0) {
        must(etf_check(found->state, &len) == OK && len == found->state.len);
        set = set_of_state(found->state);
    }
    for (uint64_t i = 0; i < found->count; i++) {
        struct bytes record = etf_any(&in);
        must(etf_check(record, &len) == OK && len == record.len);
        set |= set_of_record(record);
    }
    must(etf_finish(&in) == OK);
    return set;
}

/* --- the replica ---------------------------------------------------------------------------- */

static struct storage *opened(const struct life *l, struct bytes group)
{
    struct storage_options o = {.file = BYTES(FILE_NAME),
                                .group = group,
                                .module = BYTES(STORED_MODULE),
                                .form = l->form,
                                .journal = true};
    return storage_new(fake_disk(l->disk), &o);
}

static void is_text(struct bytes text)
{
    uint32_t character;
    for (size_t n; text.len > 0; text.at += n, text.len -= n)
        must((n = utf8_next(text, &character)) > 0);
}

static void explained(const struct storage_failure *failure)
{
    must(memchr(failure->reason, '\0', sizeof(failure->reason)) != NULL && failure->reason[0] != 0);
    must(memchr(failure->what, '\0', sizeof(failure->what)) != NULL && failure->what[0] != 0);
    is_text(bytes_of(failure->what));
}

static void load(struct life *l)
{
    struct storage_found found;
    struct storage_failure failure = {"", ""};
    l->begun = false;
    l->loaded = storage_load(l->s, &found, &failure) == OK;
    if (!l->loaded) {
        explained(&failure);
        must(!l->once || l->faulty);
        must(found.state.len == 0 && found.records.at == NULL);
        return;
    }
    uint64_t set = set_of_found(&found);
    is_text(buf_bytes(&found.notes));
    storage_found_free(&found);
    must((l->known & ~set) == 0 && (l->refused & set) == 0);
    l->known |= set;
    l->once = true;
    l->begun = storage_begin(l->s, &failure) == OK;
    must(l->begun || l->faulty);
}

/* After a failure the replica loads again, as the header demands. */
static void append(struct life *l)
{
    struct buf record = {0};
    struct storage_failure failure = {"", ""};
    if (!l->begun)
        load(l);
    if (!l->begun || l->count == NUMBERS)
        return;
    uint64_t bit = UINT64_C(1) << l->count++;
    put_set(&record, bit);
    if (storage_append(l->s, buf_bytes(&record), &failure) == OK) {
        l->known |= bit;
    } else {
        explained(&failure);
        must(l->faulty);
        l->refused |= bit;
        load(l);
    }
    buf_free(&record);
}

static bool save(struct life *l)
{
    struct buf state = {0};
    struct storage_note note;
    struct storage_failure failure = {"", ""};
    if (!l->loaded)
        return false;
    put_map(&state, 1);
    put_atom(&state, "numbers");
    put_set(&state, l->known);
    uint64_t segment = storage_rotate(l->s);
    bool saved = storage_save(l->s, buf_bytes(&state), segment, &note, &failure) == OK;
    if (saved)
        is_text(bytes_of(note.text));
    else
        explained(&failure);
    buf_free(&state);
    return saved;
}

/* Somebody else writes to the table; the next snapshot, from memory, makes up for it. */
static void accident(struct life *l, struct wire *in)
{
    if (!l->loaded || l->faulty || l->link || !fake_disk_has(l->disk, FILE_NAME))
        return;
    fake_disk_overwrite(l->disk, FILE_NAME, wire_bytes(in, wire_u8(in)));
    l->shared = false;
    must(save(l));
}

/* Nobody else can store the group here meanwhile. */
static void intrude(const struct life *l)
{
    struct storage_found found;
    struct storage_failure failure;
    struct storage *other = opened(l, owner.group);
    if (l->loaded && !l->faulty)
        must(storage_load(other, &found, &failure) == ERR_STORAGE &&
             strcmp(failure.reason, "locked") == 0);
    storage_free(other);
}

/* The process ends, or the machine; the next one starts with a disk that works. */
static void end(struct life *l, bool power, uint64_t seed)
{
    storage_free(l->s);
    if (power)
        fake_disk_crash(l->disk, seed);
    else
        fake_disk_kill(l->disk);
    fake_disk_heal(l->disk);
    must(fake_disk_handles(l->disk) == 0);
    l->s = opened(l, owner.group);
    l->loaded = l->begun = l->faulty = l->dies = false;
    l->refused = 0;
}

static void fail(struct life *l, struct wire *in)
{
    static const int codes[] = {-EIO, -ENOSPC, -EROFS, -EMFILE};
    uint8_t what = wire_u8(in);
    l->faulty = true;
    if (what >= 192) {
        l->dies = true;
        fake_disk_kill_at(l->disk, 1 + what % 32u);
    } else {
        fake_disk_fail(l->disk, 1 + what % 32u, codes[what % 4], what >= 128);
    }
}

static void step(struct life *l, struct wire *in)
{
    uint8_t what = wire_u8(in);
    switch (what % 8) {
    case 0:
    case 1:
    case 2:
        append(l);
        break;
    case 3:
        save(l);
        break;
    case 4:
        if (what < 192)
            load(l);
        else
            intrude(l);
        break;
    case 5:
        fail(l, in);
        break;
    case 6:
        end(l, what >= 128, wire_u8(in));
        break;
    default:
        if (what >= 192)
            accident(l, in);
        if (!l->dies)
            fake_disk_heal(l->disk);
        l->faulty = l->dies;
        break;
    }
    if (l->dies && fake_disk_failed(l->disk))
        end(l, what >= 128, what);
}

/* --- another group ---------------------------------------------------------------------------- */

/* Appends its state; false if it cannot be loaded. */
static bool others_state(const struct life *l, struct buf *state)
{
    struct storage_found found;
    struct storage_failure failure;
    struct storage *other = opened(l, BYTES("w\1o"));
    bool good = storage_load(other, &found, &failure) == OK;
    if (good)
        buf_put(state, found.state);
    if (good)
        storage_found_free(&found);
    storage_free(other);
    return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire in = wire_open((struct bytes){data, size});
    struct life l = {.disk = fake_disk_new()};
    struct buf before = {0}, after = {0};
    uint8_t what = wire_u8(&in);
    l.form = what % 3;
    l.link = put_folder(l.disk, &in);
    l.shared = what >= 128 && others_state(&l, &before);
    l.s = opened(&l, owner.group);
    for (unsigned steps = 0; steps < 64 && in.left.len > 0; steps++)
        step(&l, &in);
    end(&l, (what & 64) != 0, what);
    load(&l);
    if (l.shared && l.loaded)
        must(others_state(&l, &after) && bytes_equal(buf_bytes(&before), buf_bytes(&after)));
    storage_free(l.s);
    must(fake_disk_handles(l.disk) == 0);
    fake_disk_free(l.disk);
    buf_free(&before);
    buf_free(&after);
    return 0;
}
