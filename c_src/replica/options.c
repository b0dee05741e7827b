#include "options.h"

#include <stdio.h>

#include "../otp/turn.h"
#include "../term/etf.h"
#include "../term/text.h"
#include "../term/write.h"

/* Bytes of a term that a message quotes. */
#define QUOTED 80

static enum err wrong(struct options_error *error, const char *key, const char *wanted,
                      struct bytes found)
{
    struct buf text = {0};
    text_print_short(&text, found, QUOTED);
    snprintf(error->what, sizeof(error->what), "%s: expected %s, found %.*s", key, wanted,
             (int)text.len, (const char *)text.at);
    buf_free(&text);
    return ERR_SHAPE;
}

static bool is_atom(struct bytes term)
{
    struct etf_in in = etf_open(term);
    return etf_peek(&in) == ETF_ATOM;
}

/* `undefined` cannot be registered in Erlang either: it is what whereis/1
 * says of no process. */
static enum err name_read(struct replica_options *o, struct bytes name, struct options_error *error)
{
    if (!is_atom(name) || atom_text(name).len == 0 ||
        bytes_equal(atom_text(name), BYTES("undefined")))
        return wrong(error, "name", "an atom other than '' and undefined", name);
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
    (void)error;
    o->actor = term_copy(value);
    return OK;
}

static enum err group_read(struct replica_options *o, struct bytes value,
                           struct options_error *error)
{
    (void)error;
    o->group = term_copy(value);
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

static enum err sync_read(struct replica_options *o, struct bytes value,
                          struct options_error *error)
{
    struct etf_in in = etf_open(value);
    o->sync_ms = etf_uint64(&in);
    if (etf_finish(&in) == OK && o->sync_ms >= SYNC_INTERVAL_MIN_MS &&
        o->sync_ms <= SYNC_INTERVAL_MAX_MS)
        return OK;
    char wanted[64];
    snprintf(wanted, sizeof(wanted), "milliseconds from %d to %d", SYNC_INTERVAL_MIN_MS,
             SYNC_INTERVAL_MAX_MS);
    return wrong(error, "sync_interval", wanted, value);
}

static const struct row {
    const char *key;
    enum err (*read)(struct replica_options *o, struct bytes value, struct options_error *error);
} rows[] = {
    {"actor", actor_read},          {"crdt", crdt_read},          {"group", group_read},
    {"mapset", mapset_option_read}, {"sync_interval", sync_read},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static enum err pair_read(struct replica_options *o, struct bytes key, struct bytes value,
                          struct options_error *error)
{
    struct etf_in in = etf_open(key);
    for (size_t i = 0; i < ROWS; i++) {
        if (etf_accept(&in, rows[i].key))
            return rows[i].read(o, value, error);
    }
    return wrong(error, "options", "the keys actor, crdt, group, mapset and sync_interval", key);
}

static enum err map_read(struct replica_options *o, struct bytes map, struct options_error *error)
{
    struct etf_in in = etf_open(map);
    if (etf_peek(&in) != ETF_MAP)
        return wrong(error, "options", "a map", map);
    for (uint32_t pairs = etf_map(&in); pairs > 0; pairs--) {
        struct bytes key = etf_any(&in), value = etf_any(&in);
        enum err e = pair_read(o, key, value, error);
        if (e != OK)
            return e;
    }
    if (o->type == NULL)
        return wrong(error, "options", "a crdt", map);
    return etf_finish(&in);
}

static void defaults(struct replica_options *o, struct bytes node)
{
    struct buf actor = {0};
    put_binary(&actor, node);
    if (o->actor.len == 0)
        o->actor = term_copy(buf_bytes(&actor));
    if (o->group.len == 0)
        o->group = term_copy(term_bytes(&o->name));
    buf_free(&actor);
}

enum err replica_options_read(struct replica_options *o, struct bytes name, struct bytes map,
                              struct bytes node, struct options_error *error)
{
    *o = (struct replica_options){.sync_ms = SYNC_INTERVAL_MS};
    enum err e = name_read(o, name, error);
    if (e == OK)
        e = map_read(o, map, error);
    if (e == OK)
        defaults(o, node);
    else
        replica_options_free(o);
    return e;
}

void replica_options_free(struct replica_options *o)
{
    term_free(&o->name);
    term_free(&o->actor);
    term_free(&o->group);
    *o = (struct replica_options){0};
}
