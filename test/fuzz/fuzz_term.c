/* Arbitrary bytes as a term: the three measures agree; if the check accepts them, they can be read
 * to their end and have one canonical form, which is its own canonical form. */
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "term/canon.h"
#include "term/etf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads a term as the kind it is; of a container only the head. */
static void read_one(struct etf_in *in)
{
    struct atom atom;
    struct bytes element, tail;
    switch (etf_peek(in)) {
    case ETF_INTEGER:
        etf_int64(in);
        break;
    case ETF_FLOAT:
        etf_float(in);
        break;
    case ETF_ATOM:
        etf_atom(in, &atom);
        break;
    case ETF_REFERENCE:
        etf_reference(in);
        break;
    case ETF_PORT:
        etf_port(in);
        break;
    case ETF_PID:
        etf_pid(in);
        break;
    case ETF_EXPORT:
        etf_export(in);
        break;
    case ETF_TUPLE:
        etf_tuple(in);
        break;
    case ETF_MAP:
        etf_map(in);
        break;
    case ETF_LIST:
        if (!etf_cons(in, &element, &tail))
            for (struct etf_list l = etf_list(in); etf_next(&l, &element);)
                ;
        break;
    case ETF_BINARY:
        etf_binary(in);
        break;
    default:
        etf_any(in);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf once = {0}, twice = {0}, unpacked = {0};
    struct bytes b = {data, size};
    size_t len;
    if (canon_external(&unpacked, b) != OK)
        must(unpacked.len == 0);
    size_t measured, length;
    if (etf_measure(b, &measured) == OK)
        must(etf_length(b, &length) == OK && length == measured);
    if (etf_check(b, &len) == OK) {
        must(etf_measure(b, &measured) == OK && measured == len);
        struct etf_in in = etf_open((struct bytes){data, len});
        must(etf_any(&in).len == len && etf_finish(&in) == OK);
        in = etf_open((struct bytes){data, len});
        while (in.err == OK && in.at < in.end)
            read_one(&in);
        if (canon_put(&once, (struct bytes){data, len}) == OK) {
            must(etf_check(buf_bytes(&once), &len) == OK && len == once.len);
            must(canon_put(&twice, buf_bytes(&once)) == OK);
            must(bytes_equal(buf_bytes(&once), buf_bytes(&twice)));
        }
    }
    buf_free(&once);
    buf_free(&twice);
    buf_free(&unpacked);
    return 0;
}
