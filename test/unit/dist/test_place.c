/* Nodes with the port at which they are to be dialled. */
#include "dist/place.h"

#include "unit/suite.h"

static bool reads(const char *text, const char *name, uint16_t port)
{
    struct place place;
    bool good = place_read(bytes_of(text), &place) &&
                bytes_equal(buf_bytes(&place.name), bytes_of(name)) && place.port == port;
    place_free(&place);
    return good;
}

static bool refuses(const char *text)
{
    struct place place;
    return !place_read(bytes_of(text), &place) && place.name.at == NULL && place.port == 0;
}

static void ports_are_read(void)
{
    CU_ASSERT(reads("web1@host", "web1@host", 0));
    CU_ASSERT(reads("web1@host:9100", "web1@host", 9100));
    CU_ASSERT(reads("web1@10.0.0.1:1", "web1@10.0.0.1", 1));
    CU_ASSERT(reads("w@h:65535", "w@h", 65535) && reads("w@h:0080", "w@h", 80));
    CU_ASSERT(reads("we:b@host", "we:b@host", 0));
}

static void ipv6_addresses_are_no_ports(void)
{
    CU_ASSERT(reads("web1@fdaa::3", "web1@fdaa::3", 0));
    CU_ASSERT(reads("web1@::1", "web1@::1", 0) && reads("web1@::", "web1@::", 0));
    CU_ASSERT(reads("w@fdaa:0:1:2:3:4:5:6", "w@fdaa:0:1:2:3:4:5:6", 0));
    CU_ASSERT(reads("web1@[fdaa::3]:9100", "web1@fdaa::3", 9100));
    CU_ASSERT(reads("web1@[host]:9100", "web1@host", 9100));
}

static void others_are_refused(void)
{
    const char *const texts[] = {"",
                                 "@",
                                 "web1",
                                 "web1@",
                                 "@host",
                                 "@host:9100",
                                 "w@:9100",
                                 "w@h:",
                                 "w@h:0",
                                 "w@h:65536",
                                 "w@h:99999999999999999999",
                                 "w@h:x",
                                 "w@h:9100x",
                                 "w@h:-1",
                                 "w@h: 9100",
                                 "w@h:+9100",
                                 "w@h:9100:",
                                 "w@[]:1",
                                 "w@[::1]:",
                                 "w@[::1]:0",
                                 "w@[::1]:http",
                                 "w@[::1]",
                                 "w@[::1:9100",
                                 "w@h@i:1",
                                 "w@\xff:9100",
                                 "w@[a@b]:9100"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (!refuses(texts[i]))
            CU_FAIL_FATAL("one of them was read");
}

SUITE("place", TEST(ports_are_read), TEST(ipv6_addresses_are_no_ports), TEST(others_are_refused))
