#include "options.h"

#include <stdio.h>

#include "../limits.h"
#include "../otp/turn.h"
#include "../term/expected.h"
#include "../term/native_record.h"
#include "../term/text.h"
#include "../term/write.h"

/* The same where a message has two. */
#define CLASH_QUOTED 40

#define TO_TEXT_OF(number) #number
#define TO_TEXT(number)    TO_TEXT_OF(number)
#define LEVELS(number)     "at most " TO_TEXT(number) " levels of lists, tuples and maps"

static enum err wrong(struct options_error *error, const char *key, const char *wanted,
                      struct bytes found)
{
    expected_found(error->what, sizeof(error->what), key, wanted, found);
    return ERR_SHAPE;
}

static bool is_atom(struct bytes term)
{
    struct etf_in in = etf_open(term);
    return etf_peek(&in) == ETF_ATOM;
}

/* Erlang does not register `undefined` either: whereis/1 returns it for an unknown name.  The node
 * runs processes under the next two; peers call rex on a BEAM, and here wait for a noproc. */
#define NAMES_WANTED                                                                               \
    "an atom other than '', undefined, coppice, net_kernel, global_name_server and rex"

bool replica_name_is_free(struct bytes name)
{
    static const char *const taken[] = {"",           "undefined",          "coppice",
                                        "net_kernel", "global_name_server", "rex"};
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
        if (bytes_equal(name, bytes_of(taken[i])))
            return false;
    return true;
}

static enum err name_read(struct replica_options *o, struct bytes name, struct options_error *error)
{
    if (!is_atom(name) || !replica_name_is_free(atom_text(name)))
        return wrong(error, "name", NAMES_WANTED, name);
    o->name = term_copy(name);
    return OK;
}

static enum err crdt_read(struct replica_options *o, struct bytes value,
                          struct options_error *error)
{
    if (is_atom(value))
        o->type = crdt_type_named(atom_text(value));
    if (o->type != NULL)
        return OK;
    struct buf names = {0};
    for (size_t i = 0; crdt_type_at(i) != NULL; i++)
        buf_printf(&names, "%s%s", i == 0 ? "one of " : ", ", crdt_type_at(i)->name);
    buf_put_u8(&names, '\0');
    enum err e = wrong(error, "crdt", (const char *)names.at, value);
    buf_free(&names);
    return e;
}

static enum err actor_read(struct replica_options *o, struct bytes value,
                           struct options_error *error)
{
    if (etf_is_deeper(value, LIMIT_NAME_DEPTH))
        return wrong(error, "actor", LEVELS(LIMIT_NAME_DEPTH), value);
    o->actor = term_copy(value);
    return OK;
}

static enum err group_read(struct replica_options *o, struct bytes value,
                           struct options_error *error)
{
    if (etf_is_deeper(value, LIMIT_NAME_DEPTH))
        return wrong(error, "group", LEVELS(LIMIT_NAME_DEPTH), value);
    if (etf_has_record(value))
        return wrong(error, "group", "a term without native records", value);
    if (value.len > LIMIT_GROUP_BYTES)
        return wrong(error, "group", "a term of at most " TO_TEXT(LIMIT_GROUP_BYTES) " bytes",
                     value);
    o->group = term_copy(value);
    return OK;
}

static enum err global_read(struct replica_options *o, struct bytes value,
                            struct options_error *error)
{
    (void)error;
    o->global = term_copy(value);
    return OK;
}

static enum err mapset_option_read(struct replica_options *o, struct bytes value,
                                   struct options_error *error)
{
    struct etf_in in = etf_open(value);
    o->mapset = MAPSET_PLAIN;
    if (etf_accept(&in, "plain"))
        return OK;
    o->mapset = MAPSET_VERSIONED;
    return etf_accept(&in, "versioned") ? OK : wrong(error, "mapset", "plain or versioned", value);
}

static enum err interval_read(uint64_t *ms, const char *key, unsigned min_ms, struct bytes value,
                              struct options_error *error)
{
    struct etf_in in = etf_open(value);
    *ms = etf_uint64(&in);
    if (etf_finish(&in) == OK && *ms >= min_ms && *ms <= INTERVAL_MS_MAX)
        return OK;
    char wanted[64];
    snprintf(wanted, sizeof(wanted), "milliseconds from %u to %u", min_ms, INTERVAL_MS_MAX);
    return wrong(error, key, wanted, value);
}

static enum err sync_read(struct replica_options *o, struct bytes value,
                          struct options_error *error)
{
    return interval_read(&o->sync_ms, "sync_interval", SYNC_INTERVAL_MIN_MS, value, error);
}

static enum err snapshot_read(struct replica_options *o, struct bytes value,
                              struct options_error *error)
{
    return interval_read(&o->snapshot_ms, "snapshot_interval", SNAPSHOT_INTERVAL_MIN_MS, value,
                         error);
}

static enum err repair_read(struct replica_options *o, struct bytes value,
                            struct options_error *error)
{
    return interval_read(&o->repair_ms, "anti_entropy_interval", REPAIR_INTERVAL_MIN_MS, value,
                         error);
}

static enum err jitter_read(struct replica_options *o, struct bytes value,
                            struct options_error *error)
{
    struct etf_in in = etf_open(value);
    o->repair_jitter = etf_uint64(&in);
    if (etf_finish(&in) == OK && o->repair_jitter <= 100)
        return OK;
    return wrong(error, "anti_entropy_jitter", "percent from 0 to 100", value);
}

static enum err file_read(struct replica_options *o, struct bytes value,
                          struct options_error *error)
{
    struct etf_in in = etf_open(value);
    buf_clear(&o->storage.file);
    etf_text(&in, &o->storage.file);
    if (etf_finish(&in) == OK && o->storage.file.len <= LIMIT_PATH_BYTES)
        return OK;
    return wrong(error, "file", "a path as a string", value);
}

static enum err durability_read(struct replica_options *o, struct bytes value,
                                struct options_error *error)
{
    struct etf_in in = etf_open(value);
    o->storage.durability = DURABILITY_SYNC;
    if (etf_accept(&in, "sync"))
        return OK;
    o->storage.durability = DURABILITY_INTERVAL;
    return etf_accept(&in, "interval") ? OK : wrong(error, "durability", "sync or interval", value);
}

static enum err record_form_read(struct replica_options *o, struct bytes value,
                                 struct options_error *error)
{
    static const char *const names[] = {
        [RECORD_RAW] = "raw", [RECORD_ENCODED] = "encoded", [RECORD_AUTO] = "auto"};
    struct etf_in in = etf_open(value);
    for (unsigned form = RECORD_RAW; form <= RECORD_AUTO; form++)
        if (etf_accept(&in, names[form])) {
            o->storage.record = form;
            return OK;
        }
    return wrong(error, "record", "auto, raw or encoded", value);
}

static enum err pubsub_read(struct replica_options *o, struct bytes value,
                            struct options_error *error)
{
    if (!is_atom(value) || atom_text(value).len > LIMIT_PUBSUB_NAME_BYTES ||
        !replica_name_is_free(atom_text(value)))
        return wrong(error, "pubsub", "an atom such as 'Elixir.MyApp.PubSub'", value);
    o->pubsub = term_copy(value);
    return OK;
}

static enum err topic_read(struct replica_options *o, struct bytes value,
                           struct options_error *error)
{
    struct etf_in in = etf_open(value);
    buf_clear(&o->topic);
    etf_text(&in, &o->topic);
    if (etf_finish(&in) == OK && o->topic.len > 0 && o->topic.len <= LIMIT_TOPIC_BYTES)
        return OK;
    return wrong(error, "pubsub_topic", "a topic as a string", value);
}

static enum err storage_read(struct replica_options *o, struct bytes value,
                             struct options_error *error);

struct row {
    const char *key;
    enum err (*read)(struct replica_options *o, struct bytes value, struct options_error *error);
};

static const struct row rows[] = {
    {"actor", actor_read},
    {"anti_entropy_interval", repair_read},
    {"anti_entropy_jitter", jitter_read},
    {"crdt", crdt_read},
    {"global", global_read},
    {"group", group_read},
    {"mapset", mapset_option_read},
    {"pubsub", pubsub_read},
    {"pubsub_topic", topic_read},
    {"snapshot_interval", snapshot_read},
    {"storage", storage_read},
    {"sync_interval", sync_read},
    {NULL, NULL},
};

static const struct row storage_rows[] = {
    {"durability", durability_read},
    {"file", file_read},
    {"record", record_form_read},
    {NULL, NULL},
};

/* NULL if the key has none. */
static const struct row *row_of(const struct row *known, struct bytes key)
{
    struct etf_in name = etf_open(key);
    while (known->key != NULL && !etf_accept(&name, known->key))
        known++;
    return known->key != NULL ? known : NULL;
}

bool options_has_key(struct bytes key)
{
    return row_of(rows, key) != NULL;
}

static enum err unknown_key(const char *what, const struct row *known, struct bytes key,
                            struct options_error *error)
{
    struct buf names = {0};
    bool storage = known == storage_rows;
    if (row_of(storage ? rows : storage_rows, key) != NULL) {
        expected_elsewhere(error->what, sizeof(error->what), key,
                           storage ? "the map of the replica" : "the map of storage");
        return ERR_SHAPE;
    }
    for (size_t i = 0; known[i].key != NULL; i++)
        buf_printf(&names, "%s%s", i == 0 ? "the keys " : ", ", known[i].key);
    buf_put_u8(&names, '\0');
    enum err e = wrong(error, what, (const char *)names.at, key);
    buf_free(&names);
    return e;
}

/* Reads each value of the map with the row for its key. */
static enum err map_read(struct replica_options *o, const char *what, const struct row *known,
                         struct bytes map, struct options_error *error)
{
    struct etf_in in = etf_open(map);
    if (etf_peek(&in) != ETF_MAP)
        return wrong(error, what, "a map", map);
    for (uint32_t pairs = etf_map(&in); pairs > 0; pairs--) {
        struct bytes key = etf_any(&in), value = etf_any(&in);
        const struct row *row = row_of(known, key);
        enum err e =
            row == NULL ? unknown_key(what, known, key, error) : row->read(o, value, error);
        if (e != OK)
            return e;
    }
    return etf_finish(&in);
}

static enum err storage_read(struct replica_options *o, struct bytes value,
                             struct options_error *error)
{
    enum err e = map_read(o, "storage", storage_rows, value, error);
    if (e == OK && o->storage.file.len == 0)
        return wrong(error, "storage", "a file", value);
    return e;
}

/* Name@Node: two replicas of a group need different actors, on one node as well. */
static void set_default_actor(struct replica_options *o, struct bytes node)
{
    struct buf text = {0}, actor = {0};
    buf_printf(&text, "%.*s@%.*s", TEXT(atom_text(term_bytes(&o->name))), TEXT(node));
    put_binary(&actor, buf_bytes(&text));
    o->actor = term_take(&actor);
    buf_free(&text);
}

/* What Elixir's to_string/1 returns for an atom or a binary; false for any other term, whose form
 * in Grove's topics is not documented. */
static bool put_topic_part(struct buf *topic, struct bytes term)
{
    struct etf_in in = etf_open(term);
    enum etf_kind kind = etf_peek(&in);
    if (kind == ETF_ATOM)
        buf_put(topic, atom_text(term));
    else if (kind == ETF_BINARY)
        buf_put(topic, etf_binary(&in));
    return kind == ETF_ATOM || kind == ETF_BINARY;
}

/* grove:A:B for {A, B}, grove:A for A. */
static bool put_topic(struct buf *topic, struct bytes group)
{
    struct etf_in in = etf_open(group);
    buf_put(topic, BYTES("grove:"));
    if (etf_peek(&in) != ETF_TUPLE)
        return put_topic_part(topic, group);
    if (etf_tuple(&in) != 2 || etf_peek(&in) != ETF_ATOM || !put_topic_part(topic, etf_any(&in)))
        return false;
    buf_put(topic, BYTES(":"));
    return put_topic_part(topic, etf_any(&in));
}

static enum err set_topic(struct replica_options *o, struct options_error *error)
{
    struct bytes group = term_bytes(&o->group);
    if (o->pubsub.len == 0 && o->topic.len == 0)
        return OK;
    if (o->pubsub.len == 0) {
        snprintf(error->what, sizeof(error->what), "pubsub_topic: needs the key pubsub, too");
        return ERR_SHAPE;
    }
    if (o->topic.len == 0 && (!put_topic(&o->topic, group) || o->topic.len > LIMIT_TOPIC_BYTES))
        return wrong(error, "pubsub_topic", "a topic, since none can be made of the group", group);
    return OK;
}

static void set_defaults(struct replica_options *o, struct bytes node)
{
    if (o->actor.len == 0)
        set_default_actor(o, node);
    if (o->group.len == 0)
        o->group = term_copy(term_bytes(&o->name));
}

enum err replica_options_read(struct replica_options *o, struct bytes name, struct bytes map,
                              struct bytes node, struct options_error *error)
{
    *o = (struct replica_options){.sync_ms = SYNC_INTERVAL_MS,
                                  .repair_ms = REPAIR_INTERVAL_MS,
                                  .repair_jitter = REPAIR_JITTER,
                                  .snapshot_ms = SNAPSHOT_INTERVAL_MS,
                                  .storage = {.record = RECORD_AUTO}};
    enum err e = name_read(o, name, error);
    if (e == OK)
        e = map_read(o, "options", rows, map, error);
    if (e == OK && o->type == NULL)
        e = wrong(error, "options", "a crdt", map);
    if (e == OK) {
        set_defaults(o, node);
        e = set_topic(o, error);
    }
    if (e != OK)
        replica_options_free(o);
    return e;
}

static bool same_term(const struct term *a, const struct term *b)
{
    return bytes_equal(term_bytes(a), term_bytes(b));
}

static bool shares_file(const struct replica_options *o, const struct replica_options *other,
                        same_file *is_same)
{
    struct bytes file = buf_bytes(&o->storage.file), theirs = buf_bytes(&other->storage.file);
    return file.len > 0 && theirs.len > 0 &&
           (bytes_equal(file, theirs) || (is_same != NULL && is_same(file, theirs)));
}

enum clash { CLASH_NONE, CLASH_GLOBAL, CLASH_ACTOR, CLASH_FILE };

/* Called for each pair of replicas, so it prints nothing. */
static enum clash clash_of(const struct replica_options *o, const struct replica_options *other,
                           same_file *is_same)
{
    if (o->global.len > 0 && same_term(&o->global, &other->global))
        return CLASH_GLOBAL;
    if (!same_term(&o->group, &other->group))
        return CLASH_NONE;
    if (same_term(&o->actor, &other->actor))
        return CLASH_ACTOR;
    return shares_file(o, other, is_same) ? CLASH_FILE : CLASH_NONE;
}

static void describe(enum clash clash, const struct replica_options *o,
                     const struct replica_options *other, struct options_error *error)
{
    struct buf name = {0}, actor = {0};
    text_print_short(&name, term_bytes(&other->name), CLASH_QUOTED);
    text_print_short(&actor, term_bytes(&o->actor), CLASH_QUOTED);
    if (clash == CLASH_GLOBAL)
        snprintf(error->what, sizeof(error->what), "global: replica %.*s has the same name there",
                 TEXT(name));
    else if (clash == CLASH_ACTOR)
        snprintf(error->what, sizeof(error->what),
                 "actor: %.*s is the actor of replica %.*s, which has the same group; each "
                 "replica of a group needs its own",
                 TEXT(actor), TEXT(name));
    else
        snprintf(error->what, sizeof(error->what),
                 "storage: replica %.*s has the same file and group; choose another file",
                 TEXT(name));
    buf_free(&name);
    buf_free(&actor);
}

enum err replica_options_compare(const struct replica_options *o,
                                 const struct replica_options *other, same_file *is_same,
                                 struct options_error *error)
{
    enum clash clash = clash_of(o, other, is_same);
    if (clash == CLASH_NONE)
        return OK;
    describe(clash, o, other, error);
    return ERR_SHAPE;
}

void replica_options_copy(struct replica_options *to, const struct replica_options *from)
{
    *to = *from;
    to->name = term_copy(term_bytes(&from->name));
    to->actor = term_copy(term_bytes(&from->actor));
    to->group = term_copy(term_bytes(&from->group));
    if (from->global.len > 0)
        to->global = term_copy(term_bytes(&from->global));
    if (from->pubsub.len > 0)
        to->pubsub = term_copy(term_bytes(&from->pubsub));
    to->topic = (struct buf){0};
    buf_put(&to->topic, buf_bytes(&from->topic));
    to->by = (struct buf){0};
    buf_put(&to->by, buf_bytes(&from->by));
    to->storage.file = (struct buf){0};
    buf_put(&to->storage.file, buf_bytes(&from->storage.file));
}

void replica_options_free(struct replica_options *o)
{
    term_free(&o->name);
    term_free(&o->actor);
    term_free(&o->group);
    term_free(&o->global);
    term_free(&o->pubsub);
    buf_free(&o->topic);
    buf_free(&o->by);
    buf_free(&o->storage.file);
    *o = (struct replica_options){0};
}
