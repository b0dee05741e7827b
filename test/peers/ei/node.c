#include "node.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct node node;

void die(const char *what)
{
    fprintf(stderr, "ei_peer: %s: errno %d\n", what, errno);
    exit(1);
}

/* --- connections -------------------------------------------------------------- */

static struct peer *peer_new(int fd, const char *name)
{
    if (node.peer_count == PEERS_MAX)
        die("too many connections");
    struct peer *peer = &node.peers[node.peer_count++];
    peer->fd = fd;
    snprintf(peer->node, sizeof peer->node, "%s", name);
    return peer;
}

static void peer_lost(struct peer *peer)
{
    fprintf(stderr, "ei_peer: lost %s: errno %d\n", peer->node, erl_errno);
    ei_close_connection(peer->fd);
    if (node.lost_count < LOST_MAX)
        snprintf(node.lost[node.lost_count++], sizeof node.lost[0], "%s", peer->node);
    *peer = node.peers[--node.peer_count];
}

struct peer *peer_to(char *name)
{
    for (int i = 0; i < node.peer_count; i++) {
        if (strcmp(node.peers[i].node, name) == 0)
            return &node.peers[i];
    }
    int fd = ei_connect_tmo(&node.self, name, ANSWER_MS);
    return fd < 0 ? NULL : peer_new(fd, name);
}

static void accept_peer(int listener)
{
    ErlConnect about;
    int fd = ei_accept_tmo(&node.self, listener, &about, ANSWER_MS);
    if (fd >= 0)
        peer_new(fd, about.nodename);
}

/* --- what arrives ---------------------------------------------------------------- */

/* {'$gen_call', {From, Tag}, Request}, as offsets into the message. */
struct request {
    erlang_pid from;
    int tag, tag_end;
    int body, body_end;
};

static bool read_request(const char *at, struct request *request)
{
    int index = 0, arity, version;
    char atom[MAXATOMLEN_UTF8];
    if (ei_decode_version(at, &index, &version) < 0 ||
        ei_decode_tuple_header(at, &index, &arity) < 0 || arity != 3 ||
        ei_decode_atom(at, &index, atom) < 0 || strcmp(atom, "$gen_call") != 0 ||
        ei_decode_tuple_header(at, &index, &arity) < 0 || arity != 2 ||
        ei_decode_pid(at, &index, &request->from) < 0)
        return false;
    request->tag = index;
    if (ei_skip_term(at, &index) < 0)
        return false;
    request->tag_end = request->body = index;
    if (ei_skip_term(at, &index) < 0)
        return false;
    request->body_end = index;
    return true;
}

/* Answers {Tag, {echo, Request}}, or {Tag, yes} to a ping. */
static void answer(struct peer *peer, const char *at, const struct request *request, bool ping)
{
    ei_x_buff out;
    ei_x_new_with_version(&out);
    ei_x_encode_tuple_header(&out, 2);
    ei_x_append_buf(&out, at + request->tag, request->tag_end - request->tag);
    if (ping) {
        ei_x_encode_atom(&out, "yes");
    } else {
        ei_x_encode_tuple_header(&out, 2);
        ei_x_encode_atom(&out, "echo");
        ei_x_append_buf(&out, at + request->body, request->body_end - request->body);
    }
    erlang_pid to = request->from;
    ei_send(peer->fd, &to, out.buff, out.index);
    ei_x_free(&out);
}

static void named_message(struct peer *peer, const char *name, const char *at)
{
    struct request request;
    bool ping = strcmp(name, "net_kernel") == 0;
    if ((ping || strcmp(name, "echo") == 0) && read_request(at, &request)) {
        answer(peer, at, &request, ping);
    } else {
        node.strays++;
        snprintf(node.stray_name, sizeof node.stray_name, "%s", name);
    }
}

/* The reason of an exit signal is behind its control message, if it is an atom. */
static void exit_signal(const ei_x_buff *in)
{
    int index = 0, version;
    ei_decode_version(in->buff, &index, &version);
    if (ei_decode_atom(in->buff, &index, node.exit_reason) < 0)
        snprintf(node.exit_reason, sizeof node.exit_reason, "unknown");
}

/* Whether a message is {Ref, Reply}; *reply is then where the reply begins. */
static bool is_reply(const char *at, erlang_ref *ref, int *reply)
{
    int index = 0, version, arity;
    erlang_ref got;
    if (ei_decode_version(at, &index, &version) < 0 ||
        ei_decode_tuple_header(at, &index, &arity) < 0 || arity != 2 ||
        ei_decode_ref(at, &index, &got) < 0 || ei_cmp_refs(&got, ref) != 0)
        return false;
    *reply = index;
    return true;
}

enum { LOST = -1, LATE = -2 };

/* Handles what comes from a peer within a time.  True if it is the reply to the call `ref`,
 * which may be NULL; LOST or LATE in *reply if the connection is lost or nothing came. */
static bool turn(struct peer *peer, ei_x_buff *in, unsigned ms, erlang_ref *ref, int *reply)
{
    erlang_msg message;
    in->index = 0;
    int got = ei_xreceive_msg_tmo(peer->fd, &message, in, ms);
    if (got == ERL_ERROR && erl_errno == ETIMEDOUT) {
        *reply = LATE;
        return false;
    }
    if (got == ERL_ERROR) {
        peer_lost(peer);
        *reply = LOST;
        return false;
    }
    if (got != ERL_MSG)
        return false;
    switch (message.msgtype) {
    case ERL_SEND:
        if (ref != NULL && is_reply(in->buff, ref, reply))
            return true;
        node.strays++;
        snprintf(node.stray_name, sizeof node.stray_name, "a pid");
        break;
    case ERL_REG_SEND:
        named_message(peer, message.toname, in->buff);
        break;
    case ERL_EXIT:
    case ERL_EXIT2:
        exit_signal(in);
        break;
    default:
        break;
    }
    return false;
}

/* --- calls -------------------------------------------------------------------------- */

const char *call(char *name, char *server, ei_x_buff *body, ei_x_buff *in, int *reply)
{
    struct peer *peer = peer_to(name);
    erlang_ref ref;
    ei_x_buff out;
    ei_make_ref(&node.self, &ref);
    ei_x_new_with_version(&out);
    ei_x_encode_tuple_header(&out, 3);
    ei_x_encode_atom(&out, "$gen_call");
    ei_x_encode_tuple_header(&out, 2);
    ei_x_encode_pid(&out, ei_self(&node.self));
    ei_x_encode_ref(&out, &ref);
    ei_x_append(&out, body);
    bool sent = peer != NULL && ei_reg_send(&node.self, peer->fd, server, out.buff, out.index) == 0;
    ei_x_free(&out);
    ei_x_free(body);
    if (!sent)
        return "cannot send";
    *reply = 0;
    while (*reply >= 0) {
        if (turn(peer, in, ANSWER_MS, &ref, reply))
            return NULL;
    }
    return *reply == LOST ? "connection lost" : "no reply in time";
}

/* `ei` has no functions for these: a length, the byte 112, and the tuple. */
bool control(struct peer *peer, long operation, const char *reason)
{
    ei_x_buff out;
    ei_x_new(&out);
    ei_x_append_buf(&out, "\0\0\0\0p", 5);
    ei_x_encode_version(&out);
    ei_x_encode_tuple_header(&out, reason != NULL ? 4 : 3);
    ei_x_encode_long(&out, operation);
    ei_x_encode_pid(&out, &node.linking);
    ei_x_encode_pid(&out, &node.linked);
    if (reason != NULL)
        ei_x_encode_atom(&out, reason);
    out.buff[2] = (char)((out.index - 4) >> 8);
    out.buff[3] = (char)(out.index - 4);
    bool sent = write(peer->fd, out.buff, (size_t)out.index) == out.index;
    ei_x_free(&out);
    return sent;
}

void node_start(const char *name, const char *cookie)
{
    char alive[MAXNODELEN + 1];
    int port = 0;
    const char *host = strchr(name, '@');
    if (host == NULL || strlen(name) > MAXNODELEN)
        die("no name of a node");
    snprintf(alive, sizeof alive, "%.*s", (int)(host - name), name);
    if (ei_init() != 0 ||
        ei_connect_xinit(&node.self, host + 1, alive, name, NULL, cookie, (unsigned)getpid()) < 0)
        die("ei_connect_xinit");
    node.listener = ei_listen(&node.self, &port, 5);
    if (node.listener < 0)
        die("ei_listen");
    if (ei_publish(&node.self, port) < 0)
        die("ei_publish");
}

bool node_wait(void)
{
    struct pollfd fds[PEERS_MAX + 2] = {{STDIN_FILENO, POLLIN, 0}, {node.listener, POLLIN, 0}};
    int count = node.peer_count, reply = 0;
    for (int i = 0; i < count; i++)
        fds[i + 2] = (struct pollfd){node.peers[i].fd, POLLIN, 0};
    if (poll(fds, (nfds_t)count + 2, -1) < 0)
        die("poll");
    ei_x_buff in;
    ei_x_new(&in);
    for (int i = count - 1; i >= 0; i--) {
        if (fds[i + 2].revents != 0)
            turn(&node.peers[i], &in, ANSWER_MS, NULL, &reply);
    }
    ei_x_free(&in);
    if (fds[1].revents != 0)
        accept_peer(node.listener);
    return fds[0].revents != 0;
}
