#include "pg_intake.h"

/* Like pg.erl: whoever greets is a scope. */
static void receive_discover(struct scope *s, const struct pg_message *m, struct turn *t)
{
    struct remote_scope *remote = pg_remote_of_pid(s, buf_bytes(&m->sender));
    bool known = remote != NULL;
    if (!known)
        remote = pg_remote_add(s, buf_bytes(&m->sender), t);
    if (remote == NULL)
        return;
    remote->version = m->version;
    pg_send_members(s, remote, t);
    if (!known)
        pg_discover_pid(s, remote, t);
}

void pg_refuse(struct scope *s, struct bytes pid, enum err err, struct turn *t)
{
    struct bytes node = pid.len > 0 ? node_of(pid) : BYTES("an unknown node");
    pg_refused(s, t, "a message from %.*s: %s", TEXT(node), err_text(err));
    struct remote_scope *remote = pid.len > 0 ? pg_remote_of_pid(s, pid) : NULL;
    if (remote != NULL) {
        remote->incomplete = true;
        pg_schedule_retry(s, t);
    }
}

/* A scope of this node is none of another one, and a node tells only of its own. */
static enum err check_sender(const struct scope *s, struct bytes node, const struct turn *t)
{
    struct bytes ours = node_of(process_pid(s->process));
    bool stranger = t->node.len > 0 && !bytes_equal(t->node, ours) && !bytes_equal(t->node, node);
    return stranger || bytes_equal(node, ours) ? ERR_SHAPE : OK;
}

void pg_receive(struct scope *s, const struct gen_message *gen, struct turn *t)
{
    struct pg_message m;
    enum err err = pg_read(&m, gen);
    struct bytes sender = buf_bytes(&m.sender);
    if (err == OK)
        err = check_sender(s, node_of(sender), t);
    if (err != OK) {
        pg_refuse(s, sender, err, t);
        buf_free(&m.sender);
        return;
    }
    pg_intake_finish_node(s, node_of(sender), t);
    if (m.verb == PG_DISCOVER)
        receive_discover(s, &m, t);
    else
        pg_intake(s, &m, gen, t);
    buf_free(&m.sender);
}
