/* One question to a BEAM about several funs: each is applied to the state that the one before it
 * has made, and the answer has all these states, and why a fun has made none.  Private to replica/.
 *
 * The question is a call of erl_eval:expr/5 through rex: kernel and stdlib, which every BEAM has.
 * So nothing has to be installed on the callers' nodes.  All funs run in one process; each may
 * fail without harm to the others.  When they have taken LIMIT_QUESTION_MS no further one is
 * begun, and the answer has those that were applied.  Should one not return within LIMIT_APPLY_MS
 * after that, the process is killed, and the answer has those before it. */
#ifndef COPPICE_REPLICA_QUESTION_H
#define COPPICE_REPLICA_QUESTION_H

#include "../otp/watch.h"
#include "../term/bytes.h"

/* The parts of every question, encoded when the first is asked; zero before. */
struct question_forms {
    struct buf fold, slow, hung;
};

void question_forms_free(struct question_forms *forms);

struct question {
    const struct bytes *funs; /* terms */
    size_t count;
    const char *module;  /* of the state's struct */
    struct bytes state;  /* a term */
    uint64_t timeout_ms; /* until the call ends without an answer */
};

/* Asks the node's rex.  Like call_start(); copies what it needs of q. */
uint64_t question_ask(struct question_forms *forms, struct process *owner, struct bytes node,
                      const struct question *q, struct turn *t);

enum fun_outcome {
    FUN_RETURNED, /* a map with the module's name as __struct__, to which the next was applied */
    FUN_FAILED,   /* it raised or exited */
    FUN_UNDEF,    /* a function that is not there, as REX_UNDEF */
    FUN_OTHER     /* it returned anything else, or threw */
};

struct fun_result {
    enum fun_outcome outcome;
    struct bytes term; /* the map, or the reason of FUN_FAILED; borrows from the answer */
};

struct question_answer {
    size_t count; /* results: of the first funs */
    bool hung;    /* the next one did not return */
};

/* Reads what the node has said about so many funs.  results: room for that many.  False if that is
 * nothing: not a single fun is known to have been applied, or not to have been. */
bool question_read(const struct answer *a, size_t asked, struct fun_result *results,
                   struct question_answer *answer);

#endif
