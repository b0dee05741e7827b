/* The addresses of names, without a name server. */
#include "net/resolve.h"

#include <string.h>

#include "unit/suite.h"

static unsigned times;
static uint32_t number;
static enum err err;
static char text[256];

static void on_resolved(void *who, uint32_t n, enum err e, struct bytes found)
{
    (void)who;
    times++;
    number = n;
    err = e;
    snprintf(text, sizeof(text), "%.*s", TEXT(found));
}

static void resolve(const char *host)
{
    uv_loop_t loop;
    times = 0;
    uv_loop_init(&loop);
    resolve_host(&loop, host, 7, on_resolved, NULL);
    CU_ASSERT_EQUAL(times, 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    CU_ASSERT(uv_loop_close(&loop) == 0 && times == 1 && number == 7);
}

static void addresses_are_written_as_nodes_are_called(void)
{
    resolve("10.0.0.3");
    CU_ASSERT(err == OK && strcmp(text, "10.0.0.3") == 0);
    resolve("FDAA:0:1:0::0003");
    CU_ASSERT(err == OK && strcmp(text, "fdaa:0:1::3") == 0);
    resolve("::ffff:127.0.0.1");
    CU_ASSERT(err == OK && strcmp(text, "::ffff:127.0.0.1") == 0);
}

static void a_name_that_cannot_be_one_fails(void)
{
    char host[400];
    memset(host, 'a', sizeof(host));
    host[sizeof(host) - 1] = 0;
    resolve(host);
    CU_ASSERT(text[0] == 0 || err == ERR_HOST);
    resolve("\xff\xfe.test");
    CU_ASSERT(text[0] == 0 || err == ERR_HOST);
    resolve("a..b");
    CU_ASSERT(text[0] == 0 || err == ERR_HOST);
}

SUITE("resolve", TEST(addresses_are_written_as_nodes_are_called),
      TEST(a_name_that_cannot_be_one_fails))
