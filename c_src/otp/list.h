/* Intrusive doubly linked lists, circular through their head.
 *
 * The head and each element embed a struct list; CONTAINER_OF gives the element.  A loop
 * whose body may change the list removes elements from the front until it is empty. */
#ifndef COPPICE_OTP_LIST_H
#define COPPICE_OTP_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next, *prev;
};

#define CONTAINER_OF(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

static inline void list_init(struct list *head)
{
    head->next = head->prev = head;
}

static inline bool list_empty(const struct list *head)
{
    return head->next == head;
}

static inline void list_append(struct list *head, struct list *link)
{
    link->next = head;
    link->prev = head->prev;
    head->prev->next = link;
    head->prev = link;
}

static inline void list_remove(struct list *link)
{
    link->next->prev = link->prev;
    link->prev->next = link->next;
}

#endif
