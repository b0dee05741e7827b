/* A counter in a plain C node on `ei`, as its documentation shows how to write one:
 *
 *     build/bench/ei_node NAME       (the cookie: $COPPICE_COOKIE)
 *
 * Prints its port, and serves one connection. */
#include <arpa/inet.h>
#include <ei.h>
#include <stdio.h>
#include <stdlib.h>

static void answer(int fd, const char *in, long *count, ei_x_buff *out)
{
    erlang_pid caller;
    int at = 0, tag, type, size;
    ei_decode_version(in, &at, NULL);
    ei_decode_tuple_header(in, &at, NULL); /* {'$gen_call', {Caller, Tag}, Request} */
    ei_skip_term(in, &at);
    ei_decode_tuple_header(in, &at, NULL);
    ei_decode_pid(in, &at, &caller);
    ei_skip_term(in, (tag = at, &at));
    out->index = 0;
    ei_x_encode_version(out);
    ei_x_encode_tuple_header(out, 2);
    ei_x_append_buf(out, in + tag, at - tag);
    ei_get_type(in, &at, &type, &size);
    if (type == ERL_SMALL_TUPLE_EXT) /* {mutate, _} */
        ei_x_encode_atom(out, (++*count, "ok"));
    else
        ei_x_format_wo_ver(out, "{ok,~l}", *count);
    ei_send(fd, &caller, out->buff, out->index);
}

int main(int argc, char **argv)
{
    struct in_addr here = {htonl(INADDR_LOOPBACK)};
    char full[MAXNODELEN];
    int port = 0, got;
    long count = 0;
    ei_cnode node;
    ErlConnect peer;
    erlang_msg message;
    ei_x_buff in, out;
    ei_init();
    ei_x_new(&in);
    ei_x_new(&out);
    snprintf(full, sizeof(full), "%s@127.0.0.1", argv[argc - 1]);
    ei_connect_xinit(&node, "127.0.0.1", argv[1], full, &here, getenv("COPPICE_COOKIE"), 1);
    int listener = ei_listen(&node, &port, 1);
    printf("%d\n", port);
    fflush(stdout);
    int fd = ei_accept(&node, listener, &peer);
    while ((got = ei_xreceive_msg(fd, &message, &in)) != ERL_ERROR)
        if (got == ERL_MSG)
            answer(fd, in.buff, &count, &out);
}
