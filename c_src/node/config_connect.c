/* The key `connect`: whom to connect to. */
#include "../limits.h"
#include "../mem.h"
#include "../term/etf.h"
#include "config_keys.h"

#define EXPECTED "a list of node names, such as ['web1@host', 'web2@host:9100']"

void config_clear_connects(struct config *c)
{
    for (size_t i = 0; i < c->connects; i++)
        place_free(&c->connect[i]);
    mem_free(c->connect);
    c->connect = NULL;
    c->connects = 0;
}

static bool add_place(struct config *c, struct bytes term)
{
    struct atom atom;
    struct place place;
    struct etf_in in = etf_open(term);
    etf_atom(&in, &atom);
    if (etf_finish(&in) != OK || !place_read((struct bytes){atom.text, atom.len}, &place))
        return false;
    c->connect = mem_resize(c->connect, (c->connects + 1) * sizeof(*c->connect));
    c->connect[c->connects++] = place;
    return true;
}

enum err config_read_connect(struct config *c, struct bytes value, struct config_error *error)
{
    struct etf_in in = etf_open(value);
    struct bytes element;
    config_clear_connects(c);
    for (struct etf_list l = etf_list(&in); etf_next(&l, &element);)
        if (!add_place(c, element))
            return config_expected(error, "connect", EXPECTED, element);
    return etf_finish(&in) == OK ? OK : config_expected(error, "connect", EXPECTED, value);
}

void config_add_connects(struct config *c, struct config *more)
{
    for (size_t i = 0; i < more->connects; i++) {
        c->connect = mem_resize(c->connect, (c->connects + 1) * sizeof(*c->connect));
        c->connect[c->connects++] = more->connect[i];
    }
    more->connects = 0;
}
