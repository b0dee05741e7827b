#include "../mem.h"
#include "../otp/list.h"
#include "../term/keyed_hash.h"
#include "internal.h"

static uint64_t key_of(const struct replica *r, struct bytes pid)
{
    return keyed_hash(pid, processes_seed(process_table(r->process)));
}

struct member *member_of_pid(struct replica *r, struct bytes pid)
{
    struct hash_link *link = hash_table_find(&r->members_by_pid, key_of(r, pid));
    for (; link != NULL; link = hash_table_next(link)) {
        struct member *m = CONTAINER_OF(link, struct member, by_pid);
        if (bytes_equal(term_bytes(&m->pid), pid))
            return m;
    }
    return NULL;
}

struct member *member_of_call(struct replica *r, uint64_t call)
{
    for (size_t i = 0; i < r->member_count; i++) {
        struct member *m = r->members[i];
        if (m->pull == PULL_OPEN && m->call == call)
            return m;
    }
    return NULL;
}

struct member *member_of_watch(struct replica *r, uint64_t watch)
{
    for (size_t i = 0; i < r->member_count; i++)
        if (r->members[i]->watch == watch)
            return r->members[i];
    return NULL;
}

struct member *member_add(struct replica *r, struct bytes pid)
{
    struct member *m = mem_take(sizeof(*m));
    m->pid = term_copy(pid);
    m->place = r->member_count;
    r->members = mem_room(r->members, r->member_count, &r->member_cap, sizeof(struct member *));
    r->members[r->member_count++] = m;
    hash_table_put(&r->members_by_pid, &m->by_pid, key_of(r, pid));
    if (r->resting)
        replica_set_wake(r);
    return m;
}

static void member_free(struct member *m)
{
    compare_stop(m);
    mem_free(m->unsent);
    buf_free(&m->candidates);
    term_free(&m->pid);
    mem_free(m);
}

void member_remove(struct replica *r, struct member *m)
{
    struct member *last = r->members[--r->member_count];
    must(r->members[m->place] == m);
    must(m->pull != PULL_OPEN && m->unsent == NULL);
    last->place = m->place;
    r->members[m->place] = last;
    hash_table_remove(&r->members_by_pid, &m->by_pid);
    member_free(m);
}

void member_leave(struct replica *r, struct member *m, struct turn *t)
{
    if (--m->joins > 0)
        return;
    if (m->adapter)
        topic_adapter_left(r, m);
    pull_stop(r, m, t);
    push_stop(r, m);
    member_remove(r, m);
    catch_up_check(r, t);
}

void member_free_all(struct replica *r)
{
    for (size_t i = 0; i < r->member_count; i++)
        member_free(r->members[i]);
    mem_free(r->members);
    hash_table_free(&r->members_by_pid);
    r->members = NULL;
    r->member_count = r->member_cap = 0;
}

struct bytes member_node(const struct member *m)
{
    return node_of(term_bytes(&m->pid));
}

bool member_is_slow(const struct member *m, struct turn *t)
{
    return t->post->slow(t->post, member_node(m));
}

void member_note(struct member *m, enum agreement agreement, const struct turn *t)
{
    m->agreement = agreement;
    m->agreed_wall_ms = t->wall_ms;
    if (agreement == AGREEMENT_EQUAL)
        m->synced_wall_ms = t->wall_ms;
}

void member_note_struct(struct member *m, const struct turn *t)
{
    if (m->agreement == AGREEMENT_DIFFERS)
        member_note(m, AGREEMENT_EXCHANGED, t);
}

void member_send(struct replica *r, const struct member *m, struct bytes message, struct turn *t)
{
    struct buf wrapped = {0};
    if (m->adapter)
        topic_wrap(r, message, &wrapped);
    turn_send(t, process_pid(r->process), term_bytes(&m->pid),
              m->adapter ? buf_bytes(&wrapped) : message);
    buf_free(&wrapped);
}

void member_send_state(struct replica *r, const struct member *m, struct turn *t)
{
    struct message_parts message = encoding_message(r);
    must(!m->adapter);
    turn_send_shared(t, process_pid(r->process), term_bytes(&m->pid), message.first, message.rest);
}
