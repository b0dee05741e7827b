/* Rings: lists that a thing can leave from the middle.
 *
 * The head and each member hold a `struct ring`; HOLDER leads from a member's
 * back to the member.  Whoever walks a ring while calling out takes members
 * off the front until none is left. */
#ifndef COPPICE_OTP_RING_H
#define COPPICE_OTP_RING_H

#include <stdbool.h>
#include <stddef.h>

struct ring {
    struct ring *next, *prev;
};

#define HOLDER(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

static inline void ring_open(struct ring *head)
{
    head->next = head->prev = head;
}

static inline bool ring_empty(const struct ring *head)
{
    return head->next == head;
}

/* At the end. */
static inline void ring_put(struct ring *head, struct ring *link)
{
    link->next = head;
    link->prev = head->prev;
    head->prev->next = link;
    head->prev = link;
}

static inline void ring_drop(struct ring *link)
{
    link->next->prev = link->prev;
    link->prev->next = link->next;
}

#endif
