/* What can go wrong, and what must not.
 *
 * The world's mistakes (a short frame, a wrong cookie, a full queue) are an
 * `enum err`: returned, never printed, by whoever meets them, and logged once
 * by the caller that can name the peer or the file.  Our own mistakes are
 * must(): on in every build, and never applied to bytes from outside. */
#ifndef COPPICE_ERR_H
#define COPPICE_ERR_H

#define ERR_LIST(X)                                                                                \
    X(ERR_SHORT, "the bytes end before their length says")                                         \
    X(ERR_SHAPE, "well-formed, but not what belongs here")                                         \
    X(ERR_LIMIT, "larger than this node accepts")                                                  \
    X(ERR_TAG, "a tag that the external term format does not have")                                \
    X(ERR_RANGE, "a number outside what is allowed here")                                          \
    X(ERR_TRAILING, "bytes are left over behind the end")                                          \
    X(ERR_UTF8, "not valid UTF-8")                                                                 \
    X(ERR_ZLIB, "a compressed term that does not unpack")                                          \
    X(ERR_DUPLICATE, "a map with the same key twice")                                              \
    X(ERR_TYPE, "a struct of another type")                                                        \
    X(ERR_BAD_OP, "not an operation of this type")                                                 \
    X(ERR_COOKIE, "the cookies differ")                                                            \
    X(ERR_FLAGS, "the peer lacks a capability that OTP 25 and later demand")                       \
    X(ERR_VERSION, "the peer speaks a handshake older than version 6")                             \
    X(ERR_STATUS, "the peer refused the handshake")                                                \
    X(ERR_NAME, "not a node name, or not the one that was dialled")                                \
    X(ERR_CONTROL, "not a control message of the distribution protocol")                           \
    X(ERR_FRAGMENT, "a fragment out of sequence")                                                  \
    X(ERR_TIMEOUT, "no answer in time")                                                            \
    X(ERR_CLOSED, "the connection was closed")                                                     \
    X(ERR_REFUSED, "nothing accepts connections there")                                            \
    X(ERR_FULL, "a queue is at its limit")                                                         \
    X(ERR_NOT_DETS, "not a DETS file")                                                             \
    X(ERR_NOT_SAVED, "a DETS file that was changed and not closed")                                \
    X(ERR_DAMAGED, "a DETS file that is damaged")                                                  \
    X(ERR_STORAGE, "the disk, or a file on it, refused")

#define ERR_ENUM(name, text) name,
enum err { OK = 0, ERR_LIST(ERR_ENUM) ERR_COUNT };
#undef ERR_ENUM

/* The sentence for e; "ok" for OK.  Static, never freed. */
const char *err_text(enum err e);

#define must_use __attribute__((warn_unused_result))

/* Ends the process with the broken claim and its place on standard error. */
_Noreturn void must_fail(const char *claim, const char *file, int line);

#define must(claim) ((claim) ? (void)0 : must_fail(#claim, __FILE__, __LINE__))

#endif
