#include "http.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <strings.h>

#include "../limits.h"
#include "../mem.h"
#include "../node/page.h"
#include "clock.h"
#include "http_library.h"
#include "listener.h"
#include "machine.h"
#include "usage.h"

/* Milliseconds between two runs of the library while there are connections, at most. */
#define RUN_MS 500

enum page { PAGE_STATUS, PAGE_METRICS, PAGE_HEALTH, PAGES };

static const struct {
    const char *path, *type;
} pages[PAGES] = {
    [PAGE_STATUS] = {"/", "text/html; charset=utf-8"},
    [PAGE_METRICS] = {"/metrics", "text/plain; version=0.0.4; charset=utf-8"},
    [PAGE_HEALTH] = {"/health", "text/plain; charset=utf-8"},
};

struct http {
    const struct http_library *mhd;
    struct MHD_Daemon *daemon;
    unsigned connections; /* after its last run */
    uv_loop_t *loop;
    uv_poll_t poll;
    uv_timer_t timer;
    const struct node *node;
    const struct config *config;
    uint64_t started_ms; /* wall clock */
    struct buf policy;   /* Content-Security-Policy, ended by a zero */
    /* The last answers, given again for LIMIT_HTTP_REUSE_MS. */
    struct MHD_Response *kept[PAGES];
    uint64_t kept_ms[PAGES];
};

/* --- the library in the loop ----------------------------------------------------------- */

static void run(struct http *h);

static void on_ready(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    run(poll->data);
}

static void on_timeout(uv_timer_t *timer)
{
    run(timer->data);
}

static unsigned count_connections(const struct http *h)
{
    return h->mhd->MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)
        ->num_connections;
}

/* At its limit of connections the library stops to accept, and begins again in the first run after
 * one has ended, which nothing announces: so it runs now and then while there are any, and once
 * more after the last. */
static void run(struct http *h)
{
    MHD_UNSIGNED_LONG_LONG ms;
    h->mhd->MHD_run(h->daemon);
    unsigned before = h->connections;
    h->connections = count_connections(h);
    if (h->mhd->MHD_get_timeout(h->daemon, &ms) != MHD_YES || ms > RUN_MS)
        ms = RUN_MS;
    /* A timer of 0 ms would keep the loop from its sockets. */
    if (h->connections > 0)
        uv_timer_start(&h->timer, on_timeout, ms > 0 ? ms : 1, 0);
    else if (before > 0)
        uv_timer_start(&h->timer, on_timeout, 1, 0);
    else
        uv_timer_stop(&h->timer);
}

/* --- who is asked ------------------------------------------------------------------------ */

static bool is_address(const char *host)
{
    uint8_t address[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

static bool is_same(const char *host, struct bytes name)
{
    return strlen(host) == name.len && strncasecmp(host, (const char *)name.at, name.len) == 0;
}

static bool is_own_name(const struct http *h, const char *host)
{
    struct bytes node = buf_bytes(&h->config->node);
    const uint8_t *at = memchr(node.at, '@', node.len);
    if (is_same(host, (struct bytes){at + 1, (size_t)(node.at + node.len - at - 1)}))
        return true;
    const struct metrics_options *o = &h->config->metrics;
    for (size_t i = 0; i < o->host_count; i++)
        if (is_same(host, buf_bytes(&o->hosts[i])))
            return true;
    return false;
}

/* The host in HOST, HOST:PORT or [ADDRESS]:PORT; false if it is too long. */
static bool cut_host(const char *header, char host[LIMIT_HOST_BYTES + 1])
{
    bool bracketed = header[0] == '[';
    header += bracketed;
    size_t len = strcspn(header, bracketed ? "]" : ":");
    if (len > LIMIT_HOST_BYTES)
        return false;
    memcpy(host, header, len);
    host[len] = '\0';
    return true;
}

/* Browsers send the header always.  What does not is a probe by hand. */
static bool is_asked(const struct http *h, struct MHD_Connection *c)
{
    char host[LIMIT_HOST_BYTES + 1];
    const char *header = h->mhd->MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Host");
    if (header == NULL)
        return true;
    return cut_host(header, host) &&
           (is_address(host) || is_same(host, BYTES("localhost")) || is_own_name(h, host));
}

/* --- answers ------------------------------------------------------------------------------ */

static struct MHD_Response *response_of(const struct http *h, struct bytes body, const char *type)
{
    const char *const headers[][2] = {
        {"Cache-Control", "no-store"},
        {"Content-Security-Policy", (const char *)h->policy.at},
        {"Cross-Origin-Resource-Policy", "same-origin"},
        {"Referrer-Policy", "no-referrer"},
        {"X-Content-Type-Options", "nosniff"},
    };
    struct MHD_Response *r = h->mhd->MHD_create_response_from_buffer(
        body.len, (void *)(uintptr_t)body.at, MHD_RESPMEM_MUST_COPY);
    mem_had(r);
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
        h->mhd->MHD_add_response_header(r, headers[i][0], headers[i][1]);
    h->mhd->MHD_add_response_header(r, "Content-Type", type);
    return r;
}

static enum MHD_Result say(const struct http *h, struct MHD_Connection *c, unsigned status,
                           const char *text)
{
    struct MHD_Response *r = response_of(h, bytes_of(text), pages[PAGE_HEALTH].type);
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        h->mhd->MHD_add_response_header(r, "Allow", "GET, HEAD");
    enum MHD_Result result = h->mhd->MHD_queue_response(c, status, r);
    h->mhd->MHD_destroy_response(r);
    return result;
}

static void put_page(const struct http *h, enum page page, struct buf *out)
{
    if (page == PAGE_STATUS) {
        node_put_page(h->node, clock_wall_ms(), out);
        return;
    }
    node_put_metrics(h->node, clock_wall_ms(), out);
    usage_put(h->started_ms, out);
}

static enum MHD_Result answer(struct http *h, struct MHD_Connection *c, enum page page)
{
    uint64_t now_ms = uv_now(h->loop);
    if (!node_is_ready(h->node))
        return say(h, c, MHD_HTTP_SERVICE_UNAVAILABLE, "not ready\n");
    if (page == PAGE_HEALTH)
        return say(h, c, MHD_HTTP_OK, "ready\n");
    if (h->kept[page] == NULL || now_ms - h->kept_ms[page] > LIMIT_HTTP_REUSE_MS) {
        struct buf body = {0};
        put_page(h, page, &body);
        if (h->kept[page] != NULL)
            h->mhd->MHD_destroy_response(h->kept[page]);
        h->kept[page] = response_of(h, buf_bytes(&body), pages[page].type);
        h->kept_ms[page] = now_ms;
        buf_free(&body);
    }
    return h->mhd->MHD_queue_response(c, MHD_HTTP_OK, h->kept[page]);
}

static enum MHD_Result on_request(void *who, struct MHD_Connection *c, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_bytes, void **state)
{
    struct http *h = who;
    (void)version;
    (void)upload;
    /* It is called with the headers first, and then with the body, that a GET has not.  An answer
     * to the headers alone ends the connection. */
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        return say(h, c, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
    if (!is_asked(h, c))
        return say(h, c, MHD_HTTP_FORBIDDEN,
                   "This name of the host is unknown here: ask for its address, or add the name to "
                   "hosts of metrics in the configuration.\n");
    if (*state == NULL || *upload_bytes > 0) {
        *state = h;
        *upload_bytes = 0;
        return MHD_YES;
    }
    for (int page = 0; page < PAGES; page++)
        if (strcmp(url, pages[page].path) == 0)
            return answer(h, c, (enum page)page);
    return say(h, c, MHD_HTTP_NOT_FOUND, "Here are /, /metrics and /health.\n");
}

static void put_hash(struct buf *out, const char *text)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    char base64[SHA256_DIGEST_LENGTH * 2];
    SHA256((const unsigned char *)text, strlen(text), digest);
    EVP_EncodeBlock((unsigned char *)base64, digest, sizeof(digest));
    buf_printf(out, "'sha256-%s'", base64);
}

/* Of all that a page could load, run or apply, a browser is to take the status page's own style and
 * script: so whatever a name or a value might smuggle in does nothing. */
static void put_policy(struct buf *out)
{
    buf_printf(out, "default-src 'none'; style-src ");
    put_hash(out, page_style);
    buf_printf(out, "; script-src ");
    put_hash(out, page_script);
    buf_printf(out,
               "; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
               "frame-ancestors 'none'%c",
               0);
}

/* --- start and end -------------------------------------------------------------------------- */

static void say_where(const struct metrics_options *o, uint16_t port, struct buf *line)
{
    struct bytes address = buf_bytes(&o->address);
    bool six = memchr(address.at, ':', address.len) != NULL;
    buf_printf(line, "metrics and status page at http://%s%.*s%s:%u/%s", six ? "[" : "",
               TEXT(address), six ? "]" : "", port,
               metrics_is_local(o) ? ""
                                   : ", for whoever reaches this address: there is no password");
}

/* Takes the socket. */
static bool start(struct http *h, int fd)
{
    unsigned flags = MHD_USE_EPOLL;
    struct MHD_OptionItem options[] = {
        {MHD_OPTION_LISTEN_SOCKET, fd, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, LIMIT_HTTP_CONNECTIONS, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, LIMIT_HTTP_IDLE_S, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, LIMIT_HTTP_BYTES, NULL},
        {MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    h->daemon = h->mhd->MHD_start_daemon(flags, 0, NULL, NULL, on_request, h, MHD_OPTION_ARRAY,
                                         options, MHD_OPTION_END);
    if (h->daemon == NULL)
        return false;
    const union MHD_DaemonInfo *info =
        h->mhd->MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    must(info != NULL);
    must(uv_timer_init(h->loop, &h->timer) == 0);
    machine_needs(uv_poll_init(h->loop, &h->poll, info->epoll_fd), "wait for the web server");
    h->poll.data = h->timer.data = h;
    must(uv_poll_start(&h->poll, UV_READABLE, on_ready) == 0);
    return true;
}

struct http *http_open(uv_loop_t *loop, const struct node *node, const struct config *config,
                       struct buf *line)
{
    const struct metrics_options *o = &config->metrics;
    uint16_t port = o->port;
    buf_printf(line, "metrics: ");
    const struct http_library *library = http_library(line);
    if (library == NULL)
        return NULL;
    int fd = listener_socket(buf_bytes(&o->address), &port);
    if (fd < 0) {
        listener_put_failure(line, "metrics", buf_bytes(&o->address), port, port, fd);
        return NULL;
    }
    struct http *h = mem_take(sizeof(*h));
    *h = (struct http){.mhd = library,
                       .loop = loop,
                       .node = node,
                       .config = config,
                       .started_ms = clock_wall_ms()};
    put_policy(&h->policy);
    if (!start(h, fd)) {
        buf_printf(line, "the web server cannot start");
        http_free(h);
        return NULL;
    }
    buf_clear(line);
    say_where(o, port, line);
    return h;
}

void http_close(struct http *h)
{
    if (h == NULL)
        return;
    uv_poll_stop(&h->poll);
    uv_timer_stop(&h->timer);
    for (int page = 0; page < PAGES; page++)
        if (h->kept[page] != NULL)
            h->mhd->MHD_destroy_response(h->kept[page]);
    h->mhd->MHD_stop_daemon(h->daemon);
}

void http_free(struct http *h)
{
    if (h != NULL)
        buf_free(&h->policy);
    mem_free(h);
}
