#include "resolve.h"

#include "../limits.h"
#include "../mem.h"

struct resolving {
    uv_getaddrinfo_t request;
    uv_work_t failing; /* at once: done is not called from inside resolve_host() */
    int status;
    uint32_t number;
    resolve_done *done;
    void *who;
};

static void put_address(struct buf *text, const struct addrinfo *found)
{
    char address[INET6_ADDRSTRLEN];
    if (uv_ip_name(found->ai_addr, address, sizeof(address)) != 0)
        return;
    buf_printf(text, text->len > 0 ? " %s" : "%s", address);
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *list)
{
    struct resolving *r = request->data;
    struct buf text = {0};
    bool none = status == UV_EAI_NONAME || status == UV_EAI_NODATA;
    size_t count = 0;
    for (const struct addrinfo *a = list; a != NULL && count < LIMIT_FOUND; a = a->ai_next, count++)
        put_address(&text, a);
    if (status == 0 || none)
        r->done(r->who, r->number, OK, buf_bytes(&text));
    else
        r->done(r->who, r->number, ERR_HOST, bytes_of(uv_strerror(status)));
    buf_free(&text);
    uv_freeaddrinfo(list);
    mem_free(r);
}

static void do_nothing(uv_work_t *failing)
{
    (void)failing;
}

static void on_failed(uv_work_t *failing, int cancelled)
{
    struct resolving *r = failing->data;
    (void)cancelled;
    on_resolved(&r->request, r->status, NULL);
}

void resolve_host(uv_loop_t *loop, const char *host, uint32_t number, resolve_done *done, void *who)
{
    static const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct resolving *r = mem_take(sizeof(*r));
    *r = (struct resolving){.number = number, .done = done, .who = who};
    r->request.data = r->failing.data = r;
    r->status = uv_getaddrinfo(loop, &r->request, on_resolved, host, NULL, &hints);
    if (r->status != 0)
        must(uv_queue_work(loop, &r->failing, do_nothing, on_failed) == 0);
}
