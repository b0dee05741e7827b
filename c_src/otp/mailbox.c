#include <string.h>

#include "../mem.h"
#include "gen.h"
#include "sys.h"
#include "table.h"

/* A held message, or the held outcome of a watch. */
struct mail {
    struct mail *next;
    uint64_t watch; /* 0: a message */
    enum err err;
    /* Of a message: the node whose signal it came with, and who may only read in that turn. */
    struct quota *by;
    struct buf reader;
    size_t len;
    uint8_t bytes[];
};

/* Also while a resumed process works off its backlog, so that the order is kept. */
bool mailbox_must_hold(const struct process *p)
{
    return p->suspended || p->held != NULL;
}

static struct amount amount_of(const struct mail *mail)
{
    return (struct amount){1, mail->len};
}

static void mail_free(struct process *p, struct mail *mail)
{
    if (mail->by != NULL)
        quotas_refund(&p->held_by, mail->by, amount_of(mail));
    buf_free(&mail->reader);
    mem_free(mail);
}

static struct mail *hold(struct process *p, uint64_t watch, enum err err, struct bytes bytes)
{
    struct mail *mail = mem_take(sizeof(*mail) + bytes.len);
    *mail = (struct mail){.watch = watch, .err = err, .len = bytes.len};
    if (bytes.len > 0)
        memcpy(mail->bytes, bytes.at, bytes.len);
    *p->held_end = mail;
    p->held_end = &mail->next;
    return mail;
}

void mailbox_hold(struct process *p, uint64_t watch, enum err err, struct bytes bytes)
{
    hold(p, watch, err, bytes);
}

static void hold_message(struct process *p, struct bytes message, struct turn *t)
{
    const struct amount most = {LIMIT_BACKLOG, LIMIT_BACKLOG_BYTES};
    if (quotas_allow(&p->held_by, t->node, (struct amount){1, message.len}, most)) {
        struct mail *mail = hold(p, 0, OK, message);
        mail->by = quotas_charge(&p->held_by, t->node, amount_of(mail));
        buf_put(&mail->reader, t->reader);
    } else if (!p->overflowed) {
        p->overflowed = true;
        turn_log(t, LOG_WARNING, "%.*s is suspended and its mailbox is full: messages are dropped",
                 p->name.len > 0 ? (int)p->name.len : (int)strlen(p->kind->module),
                 p->name.len > 0 ? (const char *)p->name.at : p->kind->module);
    }
}

static struct mail *take_oldest(struct process *p)
{
    struct mail *mail = p->held;
    p->held = mail->next;
    if (p->held == NULL)
        p->held_end = &p->held;
    return mail;
}

static void handle(struct process *p, const struct mail *mail, struct turn *t)
{
    struct bytes bytes = {mail->bytes, mail->len};
    if (mail->watch == 0) {
        struct bytes node = turn_for(t, buf_bytes(&mail->by->node)), reader = t->reader;
        t->reader = buf_bytes(&mail->reader);
        p->kind->message(p, bytes, t);
        t->reader = reader;
        turn_for(t, node);
        return;
    }
    struct watch *w = watch_find(p->table, mail->watch);
    if (w != NULL)
        watch_notify(w, mail->err, bytes, t);
}

void process_deliver(struct process *p, struct bytes message, struct turn *t)
{
    if (p->ended)
        return;
    struct gen_message m;
    if (gen_is_system(message, &m))
        sys_handle(p, m.from, m.request, t);
    else if (call_answered(p, message, OK, t))
        return;
    else if (mailbox_must_hold(p))
        hold_message(p, message, t);
    else
        p->kind->message(p, message, t);
}

bool process_suspended(const struct process *p)
{
    return p->suspended;
}

void processes_finish(struct processes *table, struct turn *t)
{
    for (struct process *p = table->first; p != NULL; p = p->next)
        if (!p->ended && p->kind->finish != NULL)
            p->kind->finish(p, t);
}

void process_suspend(struct process *p, struct turn *t)
{
    if (p->kind->finish != NULL)
        p->kind->finish(p, t);
    p->suspended = true;
    wakeup_stop(p->table->wakeups, &p->wake);
}

void process_resume(struct process *p, struct turn *t)
{
    p->suspended = false;
    p->overflowed = false;
    process_wake_at(p, p->wake_at_ms);
    while (!p->suspended && p->held != NULL) {
        struct mail *mail = take_oldest(p);
        handle(p, mail, t);
        mail_free(p, mail);
    }
}

void mailbox_close(struct process *p)
{
    while (p->held != NULL)
        mail_free(p, take_oldest(p));
}
