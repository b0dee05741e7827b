/* Native records, since OTP 29: #Module:Name{Field = Value}.
 *
 * Source: external.c of OTP 29 (RECORD_EXT); stdlib's records.erl. */
#ifndef COPPICE_TERM_NATIVE_RECORD_H
#define COPPICE_TERM_NATIVE_RECORD_H

#include "etf.h"

/* Whether there is a native record in checked terms.  A node older than OTP 29 ends the connection
 * on which it gets one. */
bool etf_has_record(struct bytes checked);

/* A native record: its head; the values of its fields follow as the next terms.  The names are one
 * atom term after the other, in the frame's encoding. */
struct etf_record {
    struct bytes module, name, fields;
    uint32_t count; /* of fields */
    bool exported;
};
struct etf_record etf_record(struct etf_in *in);

#endif
