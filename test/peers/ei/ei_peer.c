/* A node written with `ei`, as an application in C would be: it knows no more of a coppice than
 * of any other node.
 *
 *     ei_peer NAME@HOST COOKIE
 *
 * It prints "ready NAME@HOST", then reads commands from standard input, one a line, and answers
 * each with one line; ../support/foreign_node.ex lists them. */
#include "node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES 4096

static void request_text(ei_x_buff *body, const char *format, long number)
{
    ei_x_new(body);
    ei_x_format_wo_ver(body, format, number);
}

/* The reply `ok` or {ok, Integer}. */
static bool reply_ok(const ei_x_buff *in, int at, long *number)
{
    char atom[MAXATOMLEN_UTF8];
    int arity;
    if (ei_decode_tuple_header(in->buff, &at, &arity) < 0)
        return ei_decode_atom(in->buff, &at, atom) == 0 && strcmp(atom, "ok") == 0;
    return arity == 2 && ei_decode_atom(in->buff, &at, atom) == 0 && strcmp(atom, "ok") == 0 &&
           ei_decode_long(in->buff, &at, number) == 0;
}

static void print_call(char *name, char *server, ei_x_buff *body)
{
    ei_x_buff in;
    int reply = 0;
    long number = -1;
    ei_x_new(&in);
    const char *wrong = call(name, server, body, &in, &reply);
    if (wrong != NULL)
        printf("error %s\n", wrong);
    else if (!reply_ok(&in, reply, &number))
        printf("error another reply\n");
    else if (number < 0)
        printf("ok\n");
    else
        printf("%ld\n", number);
    ei_x_free(&in);
}

static void do_increment(char **word)
{
    ei_x_buff body;
    request_text(&body, "{mutate,{increment,[~l]}}", atol(word[3]));
    print_call(word[1], word[2], &body);
}

static void do_value(char **word)
{
    ei_x_buff body;
    request_text(&body, "value", 0);
    print_call(word[1], word[2], &body);
}

static void do_calls(char **word)
{
    ei_x_buff in, body;
    int count = atoi(word[3]), done = 0, reply = 0;
    const char *wrong = NULL;
    ei_x_new(&in);
    while (done < count && wrong == NULL) {
        long number;
        request_text(&body, "{mutate,increment}", 0);
        wrong = call(word[1], word[2], &body, &in, &reply);
        if (wrong == NULL && !reply_ok(&in, reply, &number))
            wrong = "another reply";
        done += wrong == NULL;
    }
    if (wrong == NULL)
        printf("ok %d\n", done);
    else
        printf("error %s after %d calls\n", wrong, done);
    ei_x_free(&in);
}

/* Sets a register to a binary. */
static const char *set(char **word, const char *bytes, int size, ei_x_buff *in)
{
    ei_x_buff body;
    int reply = 0;
    ei_x_new(&body);
    ei_x_encode_tuple_header(&body, 2);
    ei_x_encode_atom(&body, "mutate");
    ei_x_encode_tuple_header(&body, 2);
    ei_x_encode_atom(&body, "set");
    ei_x_encode_list_header(&body, 1);
    ei_x_encode_binary(&body, bytes, size);
    ei_x_encode_empty_list(&body);
    return call(word[1], word[2], &body, in, &reply);
}

/* Reads a register, which must be {ok, Binary} with these bytes. */
static const char *compare(char **word, const char *bytes, int size, ei_x_buff *in)
{
    ei_x_buff body;
    char atom[MAXATOMLEN_UTF8];
    int reply = 0, type = 0, got = 0, arity = 0;
    request_text(&body, "value", 0);
    const char *wrong = call(word[1], word[2], &body, in, &reply);
    if (wrong != NULL)
        return wrong;
    if (ei_decode_tuple_header(in->buff, &reply, &arity) < 0 ||
        ei_decode_atom(in->buff, &reply, atom) < 0 ||
        ei_get_type(in->buff, &reply, &type, &got) < 0 || type != ERL_BINARY_EXT || got != size)
        return "another value";
    /* Behind the tag and four bytes of length. */
    return memcmp(in->buff + reply + 5, bytes, (size_t)size) == 0 ? NULL : "other bytes";
}

static void do_large(char **word)
{
    ei_x_buff in;
    int size = atoi(word[3]);
    char *bytes = malloc((size_t)size);
    if (bytes == NULL)
        die("malloc");
    for (int i = 0; i < size; i++)
        bytes[i] = (char)(i * 31 + i / 251);
    ei_x_new(&in);
    const char *wrong = set(word, bytes, size, &in);
    if (wrong == NULL)
        wrong = compare(word, bytes, size, &in);
    if (wrong == NULL)
        printf("same %d\n", size);
    else
        printf("error %s\n", wrong);
    free(bytes);
    ei_x_free(&in);
}

static void do_ping(char **word)
{
    ei_x_buff in, body;
    int reply = 0;
    char atom[MAXATOMLEN_UTF8] = "";
    ei_x_new(&in);
    ei_x_new(&body);
    ei_x_encode_tuple_header(&body, 2);
    ei_x_encode_atom(&body, "is_auth");
    ei_x_encode_atom(&body, node.self.thisnodename);
    bool pong = call(word[1], "net_kernel", &body, &in, &reply) == NULL &&
                ei_decode_atom(in.buff, &reply, atom) == 0 && strcmp(atom, "yes") == 0;
    printf("%s\n", pong ? "pong" : "pang");
    ei_x_free(&in);
}

/* The pid is in hexadecimal, as term_to_binary/1 encodes it. */
static void do_link(char **word)
{
    char term[256];
    size_t size = strlen(word[2]) / 2;
    for (size_t i = 0; i < size && i < sizeof term; i++) {
        unsigned byte;
        if (sscanf(word[2] + 2 * i, "%2x", &byte) != 1)
            die("not hexadecimal");
        term[i] = (char)byte;
    }
    int index = 0, version;
    struct peer *peer = peer_to(word[1]);
    if (peer == NULL || ei_decode_version(term, &index, &version) < 0 ||
        ei_decode_pid(term, &index, &node.linked) < 0) {
        printf("error cannot link\n");
        return;
    }
    ei_make_pid(&node.self, &node.linking);
    node.exit_reason[0] = '\0';
    printf("%s\n", control(peer, ERL_LINK, NULL) ? "ok" : "error cannot send");
}

static void do_end(char **word)
{
    struct peer *peer = peer_to(word[1]);
    bool sent = peer != NULL && control(peer, ERL_EXIT, "finished");
    printf("%s\n", sent ? "ok" : "error cannot send");
}

static void do_exit_reason(char **word)
{
    (void)word;
    printf("%s\n", node.exit_reason[0] ? node.exit_reason : "none");
}

static void do_lost(char **word)
{
    int times = 0;
    for (int i = 0; i < node.lost_count; i++)
        times += strcmp(node.lost[i], word[1]) == 0;
    printf("%d\n", times);
}

static void do_strays(char **word)
{
    (void)word;
    if (node.strays == 0)
        printf("0\n");
    else
        printf("%d, the last for %s\n", node.strays, node.stray_name);
    node.strays = 0;
}

static void do_connect(char **word)
{
    printf("%s\n", peer_to(word[1]) != NULL ? "ok" : "error cannot connect");
}

static const struct command {
    const char *name;
    int words;
    void (*run)(char **word);
} commands[] = {
    {"connect", 2, do_connect},     {"ping", 2, do_ping},
    {"increment", 4, do_increment}, {"value", 3, do_value},
    {"calls", 4, do_calls},         {"large", 4, do_large},
    {"link", 3, do_link},           {"end", 2, do_end},
    {"lost", 2, do_lost},           {"exit_reason", 1, do_exit_reason},
    {"strays", 1, do_strays},
};

static void obey(char *line)
{
    char *word[5] = {NULL};
    int words = 0;
    for (char *at = strtok(line, " \n"); at != NULL && words < 5; at = strtok(NULL, " \n"))
        word[words++] = at;
    for (size_t i = 0; words > 0 && i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(commands[i].name, word[0]) == 0 && commands[i].words == words) {
            commands[i].run(word);
            return;
        }
    }
    printf("error unknown command\n");
}

int main(int argc, char **argv)
{
    char line[LINE_MAX_BYTES];
    if (argc != 3) {
        fprintf(stderr, "usage: ei_peer NAME@HOST COOKIE\n");
        return 64;
    }
    node_start(argv[1], argv[2]);
    /* Unbuffered, so that node_wait() sees what is behind the line that was read. */
    setvbuf(stdin, NULL, _IONBF, 0);
    printf("ready %s\n", argv[1]);
    fflush(stdout);
    for (;;) {
        if (!node_wait())
            continue;
        if (fgets(line, sizeof line, stdin) == NULL)
            return 0;
        obey(line);
        fflush(stdout);
    }
}
