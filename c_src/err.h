/* Errors and assertions.
 *
 * Failures of the outside world (a short frame, a wrong cookie, a full queue) are an `enum
 * err`: returned and never printed by the function that meets them, logged once by the caller
 * that knows the peer or the file.  Our own bugs are must(): on in every build, never applied
 * to bytes from outside, nor to what the system may refuse.  Where that is something that nothing
 * works without, quit() ends the process. */
#ifndef COPPICE_ERR_H
#define COPPICE_ERR_H

#include <stdbool.h>

#define ERR_LIST(X)                                                                                \
    X(ERR_SHORT, "truncated data")                                                                 \
    X(ERR_SHAPE, "well-formed, but not what was expected")                                         \
    X(ERR_LIMIT, "larger than this node accepts")                                                  \
    X(ERR_TAG, "unknown tag in the external term format")                                          \
    X(ERR_RANGE, "a number out of range")                                                          \
    X(ERR_TRAILING, "trailing bytes after the end")                                                \
    X(ERR_UTF8, "invalid UTF-8")                                                                   \
    X(ERR_ZLIB, "a compressed term that cannot be decompressed")                                   \
    X(ERR_DUPLICATE, "a map with a duplicate key")                                                 \
    X(ERR_TYPE, "a struct of another type")                                                        \
    X(ERR_BAD_OP, "not an operation of this type")                                                 \
    X(ERR_COOKIE, "the cookies differ")                                                            \
    X(ERR_FLAGS, "the peer lacks a capability flag that OTP 25 and later require")                 \
    X(ERR_VERSION, "the peer speaks a handshake older than version 6")                             \
    X(ERR_STATUS, "the peer refused the handshake")                                                \
    X(ERR_TAKEN, "the peer is connected to another node of this name")                             \
    X(ERR_NAME, "not a valid node name")                                                           \
    X(ERR_CONTROL, "not a valid control message")                                                  \
    X(ERR_FRAGMENT, "a fragment out of sequence")                                                  \
    X(ERR_TIMEOUT, "no answer in time")                                                            \
    X(ERR_CLOSED, "the connection was closed")                                                     \
    X(ERR_HOST, "the host's name cannot be resolved")                                              \
    X(ERR_REFUSED, "cannot connect")                                                               \
    X(ERR_TLS, "TLS has failed")                                                                   \
    X(ERR_SPEAKS_TLS, "it speaks TLS, and this node does not: configure tls")                      \
    X(ERR_FULL, "a queue is full")                                                                 \
    X(ERR_NOT_DETS, "not a DETS file")                                                             \
    X(ERR_NOT_SAVED, "a DETS file that was not closed properly")                                   \
    X(ERR_DAMAGED, "a damaged DETS file")                                                          \
    X(ERR_STORAGE, "a file could not be read or written")                                          \
    X(ERR_STOPPED, "the node has stopped")

#define ERR_ENUM(name, text) name,
enum err { OK = 0, ERR_LIST(ERR_ENUM) ERR_COUNT };
#undef ERR_ENUM

/* The text for e; "ok" for OK.  Static, never freed. */
const char *err_text(enum err e);

/* The constant itself, such as "ERR_SHAPE", for programs that read it; "OK".  Static. */
const char *err_name(enum err e);

#define must_use __attribute__((warn_unused_result))

/* We have made a mistake: prints the text on standard error and aborts. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The machine refuses what nothing can go on without, such as memory: prints the text on standard
 * error and ends the process, by abort() or as quit_by() says. */
_Noreturn void quit(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Has quit() end the process by this function, which must not return. */
void quit_by(void (*end)(void));

/* Has both print by this function: one that does not wait for ever where nobody reads. */
void die_by(void (*print_text)(const char *text));

/* Whether one of them has printed. */
bool die_has_printed(void);

/* Prints the failed condition and its place on standard error and aborts. */
_Noreturn void must_fail(const char *condition, const char *file, int line);

#define must(condition) ((condition) ? (void)0 : must_fail(#condition, __FILE__, __LINE__))

#endif
