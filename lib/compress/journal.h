/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal.h - what is known of an output that is not whole yet
 *
 * One record after the other, each of 120 bytes, little-endian:
 *
 *      0  u32  kind
 *      4  u32  tensor, counted from 0
 *      8  u64  weights of it that had to be replaced
 *     16       BEGIN: SHA-256 of all that the output depends on beside the
 *              tensors' bytes
 *              TENSOR: XXH3-128 of the tensor as it was read, and as written
 *     48       BEGIN: XXH3-128 of which files were read, as far as the system
 *              tells; zeros: not known
 *              TENSOR: u64 the first weight that was replaced, and what it
 *              lost: u64 weights, and with bit 63 there is a weighed error;
 *              f64 error, weighed error, the largest one
 *    104       XXH3-128 of the 104 bytes before
 *
 * A journal is a BEGIN and then a TENSOR for each tensor that has bytes, in
 * their order, once all its bytes are written.  Further BEGINs say that the
 * input was found in other files; all tensors before them are in these too.
 * It ends at the first record that is cut short, damaged or out of order: what
 * stands behind is as if it were not there.
 *
 * A record may get to the disk before the bytes that it tells of.  So it is
 * believed only when these were read again.
 */
#ifndef SOV_COMPRESS_JOURNAL_H
#define SOV_COMPRESS_JOURNAL_H

#include "sov/err.h"
#include "sov/hash.h"
#include "sov/quant.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOV_JOURNAL_RECORD 120
#define SOV_BINDING_LEN    SOV_SHA256_LEN

struct sov_journal_begin {
    unsigned char binding[SOV_BINDING_LEN];
    unsigned char files[SOV_XXH3_LEN];
};

struct sov_journal_tensor {
    uint32_t tensor;
    uint64_t replaced;
    uint64_t bad; /* the first weight that was */
    struct sov_quant_error lost;
    unsigned char source[SOV_XXH3_LEN];
    unsigned char result[SOV_XXH3_LEN];
    size_t end; /* bytes of the journal up to here */
};

struct sov_journal {
    bool begun;                        /* there is a BEGIN at all */
    struct sov_journal_begin begin;    /* the last one ... */
    size_t begin_end;                  /* ... and bytes up to behind it */
    struct sov_journal_tensor *tensor; /* owned */
    size_t n;
    size_t cap;
    size_t end; /* bytes that hold */
};

/* Read what holds of len bytes.  The only failure is a lack of memory. */
int sov_journal_parse(struct sov_journal *j, const void *bytes, size_t len,
                      struct sov_err *err) SOV_MUST_CHECK;
void sov_journal_free(struct sov_journal *j);

void sov_journal_put_begin(unsigned char record[SOV_JOURNAL_RECORD],
                           const struct sov_journal_begin *b);
void sov_journal_put_tensor(unsigned char record[SOV_JOURNAL_RECORD],
                            const struct sov_journal_tensor *t);

#endif
