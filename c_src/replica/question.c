#include "question.h"

#include "../limits.h"
#include "../otp/rex.h"
#include "../term/etf.h"
#include "../term/text.h"
#include "../term/write.h"

/* Erlang's abstract format (erts, "The Abstract Format") as text.  Numbers are decimal literals. */
#define NUMBER(n)               NUMBER_(n)
#define NUMBER_(n)              "{integer,0," #n "}"
#define ATOM(name)              "{atom,0," name "}"
#define VAR(name)               "{var,0,'" name "'}"
#define NIL                     "{nil,0}"
#define CONS(head, tail)        "{cons,0," head "," tail "}"
#define TUPLE(elements)         "{tuple,0,[" elements "]}"
#define CALL(name, args)        "{call,0," ATOM(name) ",[" args "]}"
#define REMOTE(m, f, args)      "{call,0,{remote,0," ATOM(m) "," ATOM(f) "},[" args "]}"
#define CALL_FUN(fun, args)     "{call,0," fun ",[" args "]}"
#define OP(left, op, right)     "{op,0,'" op "'," left "," right "}"
#define MATCH(left, right)      "{match,0," left "," right "}"
#define CATCH(expr)             "{'catch',0," expr "}"
#define TRY(expr, of, catches)  "{'try',0,[" expr "],[" of "],[" catches "],[]}"
#define CLAUSE(pattern, body)   "{clause,0,[" pattern "],[],[" body "]}"
#define WHEN(pattern, if, body) "{clause,0,[" pattern "],[[" if "]],[" body "]}"
#define EACH(expr, var, list)   "{lc,0," expr ",[{generate,0," var "," list "}]}"
#define SLEEP(ms)               "{'receive',0,[]," NUMBER(ms) ",[" ATOM("ok") "]}"
#define BLOCK(expressions)      "{block,0,[" expressions "]}"

/* [{Name, Value}], and one more before some of them. */
#define BOUND(name, value)           CONS(TUPLE(ATOM("'" name "'") "," value), NIL)
#define ALSO_BOUND(name, value, all) CONS(TUPLE(ATOM("'" name "'") "," value), all)

/* [none, none, value]: no function handlers; the value without the bindings */
#define VALUE_ONLY CONS(ATOM("none"), CONS(ATOM("none"), CONS(ATOM("value"), NIL)))

/* spawn(erl_eval, expr, [Form, Bindings, none, none, value]) */
#define SPAWN(form, bindings)                                                                      \
    CALL("spawn", ATOM("erl_eval") "," ATOM("expr") "," CONS(form, CONS(bindings, VALUE_ONLY)))

/* [State | Results], the last result first: what has been done so far.  It is in the process's
 * dictionary, where it is not lost if a fun does not return. */
#define KEY                ATOM("'$coppice'")
#define DONE               CALL("get", KEY)
#define STATE              CALL("hd", DONE)
#define RESULTS            CALL("tl", DONE)
#define SET_DONE(done)     CALL("put", KEY "," done)
#define ADD(state, result) SET_DONE(CONS(state, CONS(result, RESULTS)))

/* No further fun is begun. */
#define STOP CALL("exit", VAR("Watch") "," ATOM("kill"))

/*     Watch = spawn(erl_eval, expr, [Slow, [{'Hung', Hung}, {'Pid', self()}], none, none, value]),
 *     put('$coppice', [State]),
 *     [is_process_alive(Watch) andalso
 *          try Fun(hd(get('$coppice'))) of
 *              New when map_get('__struct__', New) =:= Module ->
 *                  put('$coppice', [New, New | tl(get('$coppice'))]);
 *              _ ->
 *                  put('$coppice', [hd(get('$coppice')), other_type | tl(get('$coppice'))])
 *          catch
 *              throw:_ ->
 *                  put('$coppice', [hd(get('$coppice')), other_type | tl(get('$coppice'))]);
 *              Class:Why ->
 *                  put('$coppice', [hd(get('$coppice')), {Class, Why} | tl(get('$coppice'))]),
 *                  erlang:external_size(Why) > LIMIT_QUESTION_REASON andalso exit(Watch, kill)
 *          end || Fun <- Funs],
 *     exit(Watch, kill),
 *     tl(get('$coppice'))
 *
 * What is slow in erl_eval is not used: a map as a pattern, a filter in the comprehension, a fun.
 */
#define EXCEPTION(class, why) TUPLE(class "," why "," VAR("_"))
#define NOT_OURS              ADD(STATE, ATOM("other_type"))

#define NAME     CALL("map_get", ATOM("'__struct__'") "," VAR("New"))
#define RETURNED WHEN(VAR("New"), OP(NAME, "=:=", VAR("Module")), ADD(VAR("New"), VAR("New")))
#define OTHER    CLAUSE(VAR("_"), NOT_OURS)
#define THROWN   CLAUSE(EXCEPTION(ATOM("throw"), VAR("_")), NOT_OURS)

#define SIZE     REMOTE("erlang", "external_size", VAR("Why"))
#define IF_LARGE OP(OP(SIZE, ">", NUMBER(LIMIT_QUESTION_REASON)), "andalso", STOP)
#define ADD_WHY  ADD(STATE, TUPLE(VAR("Class") "," VAR("Why")))
#define FAILED   CLAUSE(EXCEPTION(VAR("Class"), VAR("Why")), ADD_WHY "," IF_LARGE)

#define APPLY     TRY(CALL_FUN(VAR("Fun"), STATE), RETURNED "," OTHER, THROWN "," FAILED)
#define APPLY_ONE OP(CALL("is_process_alive", VAR("Watch")), "andalso", APPLY)
#define APPLY_ALL EACH(APPLY_ONE, VAR("Fun"), VAR("Funs"))
#define TO_SLOW   ALSO_BOUND("Hung", VAR("Hung"), BOUND("Pid", CALL("self", "")))
#define WATCH     MATCH(VAR("Watch"), SPAWN(VAR("Slow"), TO_SLOW))
#define BEGIN     SET_DONE(CONS(VAR("State"), NIL))

static const char fold[] = BLOCK(WATCH "," BEGIN "," APPLY_ALL "," STOP "," RESULTS);

/*     receive after LIMIT_QUESTION_MS -> ok end,
 *     spawn(erl_eval, expr, [Hung, [{'Pid', Pid}], none, none, value]) */
static const char slow[] =
    BLOCK(SLEEP(LIMIT_QUESTION_MS) "," SPAWN(VAR("Hung"), BOUND("Pid", VAR("Pid"))));

/*     receive after LIMIT_APPLY_MS -> ok end,
 *     catch exit(Pid, lists:keyfind('$coppice', 1, element(2, process_info(Pid, dictionary)))) */
#define INFO       CALL("process_info", VAR("Pid") "," ATOM("dictionary"))
#define DICTIONARY CALL("element", NUMBER(2) "," INFO)
#define KEYFIND    REMOTE("lists", "keyfind", KEY "," NUMBER(1) "," DICTIONARY)
static const char hung[] =
    BLOCK(SLEEP(LIMIT_APPLY_MS) "," CATCH(CALL("exit", VAR("Pid") "," KEYFIND)));

static void put_form(struct buf *out, const char *form)
{
    struct text_error error;
    enum err e = text_single(bytes_of(form), out, &error);
    must(e == OK);
}

static void forms_encode(struct question_forms *forms)
{
    if (forms->fold.len > 0)
        return;
    put_form(&forms->fold, fold);
    put_form(&forms->slow, slow);
    put_form(&forms->hung, hung);
}

void question_forms_free(struct question_forms *forms)
{
    buf_free(&forms->fold);
    buf_free(&forms->slow);
    buf_free(&forms->hung);
}

/* --- asking ----------------------------------------------------------------- */

/* {Name, _}: the caller appends the value. */
static void put_binding(struct buf *out, const char *name)
{
    put_tuple(out, 2);
    put_atom(out, name);
}

/* In the order of the names, as erl_eval has them. */
static void put_bindings(struct buf *out, const struct question_forms *forms,
                         const struct question *q)
{
    put_list(out, 5);
    put_binding(out, "Funs");
    put_list(out, (uint32_t)q->count);
    for (size_t i = 0; i < q->count; i++)
        put_term(out, q->funs[i]);
    put_nil(out);
    put_binding(out, "Hung");
    put_term(out, buf_bytes(&forms->hung));
    put_binding(out, "Module");
    put_atom(out, q->module);
    put_binding(out, "Slow");
    put_term(out, buf_bytes(&forms->slow));
    put_binding(out, "State");
    put_term(out, q->state);
    put_nil(out);
}

uint64_t question_ask(struct question_forms *forms, struct process *owner, struct bytes node,
                      const struct question *q, struct turn *t)
{
    struct buf args = {0};
    forms_encode(forms);
    put_list(&args, 5);
    put_term(&args, buf_bytes(&forms->fold));
    put_bindings(&args, forms, q);
    put_atom(&args, "none");
    put_atom(&args, "none");
    put_atom(&args, "value"); /* without the bindings */
    put_nil(&args);
    uint64_t call = rex_start(owner, node, "erl_eval", "expr", buf_bytes(&args), q->timeout_ms, t);
    buf_free(&args);
    return call;
}

/* --- the answer ------------------------------------------------------------- */

/* A struct, other_type, {error, Reason} or {exit, Reason}. */
static bool read_result(struct bytes term, struct fun_result *result)
{
    struct etf_in in = etf_open(term);
    *result = (struct fun_result){FUN_RETURNED, term};
    if (etf_peek(&in) == ETF_MAP)
        return true;
    *result = (struct fun_result){.outcome = FUN_OTHER};
    if (etf_accept(&in, "other_type"))
        return true;
    result->outcome = FUN_FAILED;
    if (etf_tuple(&in) != 2)
        return false;
    if (etf_accept(&in, "error")) {
        result->term = etf_any(&in);
        return true;
    }
    bool is_exit = etf_accept(&in, "exit");
    if (is_exit && rex_read_exit(etf_any(&in), &result->term) == REX_UNDEF)
        result->outcome = FUN_UNDEF;
    return is_exit;
}

static void reverse(struct fun_result *results, size_t count)
{
    for (size_t i = 0, j = count; i + 1 < j; i++) {
        struct fun_result first = results[i];
        results[i] = results[--j];
        results[j] = first;
    }
}

/* Reads what is left of the list, the last result first.  SIZE_MAX if it is none. */
static size_t read_results(struct etf_list *list, size_t most, struct fun_result *results)
{
    struct bytes result;
    size_t count = 0;
    while (etf_next(list, &result)) {
        if (count == most || !read_result(result, &results[count]))
            return SIZE_MAX;
        count++;
    }
    reverse(results, count);
    return etf_finish(list->in) == OK ? count : SIZE_MAX;
}

/* {'$coppice', [State | Results]} */
static size_t read_hung(struct bytes reason, size_t most, struct fun_result *results)
{
    struct etf_in in = etf_open(reason);
    struct bytes state;
    if (etf_tuple(&in) != 2 || !etf_accept(&in, "$coppice"))
        return SIZE_MAX;
    struct etf_list list = etf_list(&in);
    return etf_next(&list, &state) ? read_results(&list, most, results) : SIZE_MAX;
}

bool question_read(const struct answer *a, size_t asked, struct fun_result *results,
                   struct question_answer *answer)
{
    struct bytes term;
    enum rex_outcome outcome = rex_read(a, &term);
    *answer = (struct question_answer){0};
    if (outcome == REX_VALUE) {
        struct etf_in in = etf_open(term);
        struct etf_list list = etf_list(&in);
        answer->count = read_results(&list, asked, results);
        return answer->count != SIZE_MAX && answer->count > 0;
    }
    if (outcome != REX_RAISED)
        return false;
    answer->count = read_hung(term, asked, results);
    answer->hung = answer->count < asked;
    return answer->count != SIZE_MAX;
}
