/* A counter in a plain C node on `ei`, as its documentation shows how to write one:
 *
 *     build/bench/ei_node ALIVE NODE       (ALIVE@HOST; the cookie: $COPPICE_COOKIE)
 *
 * Prints its port, and serves one connection.  bench/load checks every answer. */
#include <ei.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    ei_cnode node;
    ErlConnect peer;
    erlang_msg message;
    ei_x_buff in, out;
    int port = 0, fd, got = ERL_TICK, at, tag;
    ei_init();
    ei_x_new(&in);
    ei_x_new_with_version(&out);
    ei_connect_xinit(&node, "", argv[1], argv[argc - 1], NULL, getenv("COPPICE_COOKIE"), 1);
    fd = ei_listen(&node, &port, 1);
    dprintf(1, "%d\n", port);
    fd = ei_accept(&node, fd, &peer);
    for (long count = 0; got != ERL_ERROR; got = ei_xreceive_msg(fd, &message, &in)) {
        if (got == ERL_MSG) {
            at = out.index = 1;                         /* behind the version */
            ei_decode_tuple_header(in.buff, &at, NULL); /* {'$gen_call', {Caller, Tag}, Request} */
            ei_skip_term(in.buff, &at);
            ei_decode_tuple_header(in.buff, &at, NULL);
            ei_skip_term(in.buff, &at);
            ei_skip_term(in.buff, (tag = at, &at));
            ei_x_encode_tuple_header(&out, 2);
            ei_x_append_buf(&out, in.buff + tag, at - tag);
            if (in.buff[at] == ERL_SMALL_TUPLE_EXT) /* {mutate, _} */
                ei_x_encode_atom(&out, (count++, "ok"));
            else
                ei_x_format_wo_ver(&out, "{ok,~l}", count);
            ei_send(fd, &message.from, out.buff, out.index);
        }
    }
}
