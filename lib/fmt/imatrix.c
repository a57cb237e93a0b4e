/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imatrix.c - the older form of an importance matrix, as llama-imatrix wrote it
 *
 *   i32 n_entries
 *   n_entries x  i32 len | name[len] | i32 calls | i32 n | f32 value[n]
 *   and maybe    i32 chunks | and maybe  i32 len | name of the text[len]
 *
 * All little-endian, and no magic number.  A value is a mean of squares times
 * calls.  What is shown is the newer form, a GGUF file: NAME.in_sum2 are the
 * values where they lie, and NAME.counts the calls.  Where there were none,
 * the values are the means themselves, as they are to llama-quantize.
 *
 * An entry's place is known only after all before it; so what comes from a pipe
 * goes to a temporary file first.
 */
#include "fmt/format.h"

#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/num.h"
#include "tensor/type.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SUMS   ".in_sum2"
#define COUNTS ".counts"

#define ENTRY_BYTES   17u /* smallest entry: a name of one byte, one value */
#define ENTRIES_MAX   (SOV_TENSORS_MAX / 2)
#define NAME_MAX_HERE (SOV_NAME_MAX - (sizeof(SUMS) - 1))

struct reader {
    sov_model *m;
    struct sov_in *in;
    uint64_t at; /* place of the field being read, for messages */
};

/* The first entry must look like one, up to its values. */
static int
imatrix_bid(const struct sov_taste *taste)
{
    struct sov_rd rd = sov_rd_over(taste->head.p, taste->head.len);
    uint32_t entries = sov_rd_u32(&rd);
    uint32_t len = sov_rd_u32(&rd);
    struct sov_span name = sov_rd_bytes(&rd, len);
    int32_t calls = (int32_t)sov_rd_u32(&rd);
    int32_t n = (int32_t)sov_rd_u32(&rd);

    return !taste->dir && !rd.bad && entries > 0 && entries <= ENTRIES_MAX &&
                   len > 0 && sov_name_ok(name) && calls >= 0 && n > 0
               ? 10
               : 0;
}

static int
read_i32(struct reader *r, const char *what, uint64_t least, uint64_t max,
         uint64_t *v, struct sov_err *err)
{
    int32_t got;
    int rc;

    r->at = sov_in_offset(r->in);
    rc = sov_in_need(r->in, 4, err);
    if (rc < 0)
        return rc == SOV_EFORMAT ? sov_err_wrap(err, "%s", what) : rc;
    got = (int32_t)sov_rd_u32(&r->in->rd);
    if (got < 0 || (uint64_t)got < least)
        return sov_fail(err, SOV_EFORMAT,
                        "%s %" PRId32 " is below the limit of %" PRIu64, what,
                        got, least);
    if ((uint64_t)got > max)
        return sov_fail(err, SOV_EFORMAT,
                        "%s %" PRId32 " is over the limit of %" PRIu64, what,
                        got, max);
    *v = (uint64_t)got;
    return 0;
}

/* NAME and a suffix as a tensor of n numbers, at a place in the file. */
static int
add_tensor(struct reader *r, const char *name, size_t len, const char *suffix,
           uint64_t n, uint64_t off, struct sov_err *err)
{
    struct sov_tensor t = { .type = SOV_TYPE_F32, .ndim = 1, .dim = { n } };
    struct sov_buf whole = { 0 };
    struct sov_span full;
    int rc;

    sov_buf_add(&whole, name, len);
    sov_buf_add(&whole, suffix, strlen(suffix));
    rc = whole.bad ? sov_mem_fail(err) : sov_tensor_measure(&t, err);
    if (rc == 0) {
        full = (struct sov_span){ whole.p, whole.len };
        rc = sov_model_add_tensor(r->m, &t, full, 0, off, err);
    }
    sov_buf_free(&whole);
    return rc;
}

/* The tensor that was added last has its number in memory. */
static int
own_count(sov_model *m, uint64_t calls, struct sov_err *err)
{
    struct sov_entry *e = &m->entry[m->n - 1];
    float count = calls > 0 ? (float)calls : 1.0f;
    struct sov_buf bytes = { 0 };

    sov_buf_f32(&bytes, count);
    if (bytes.bad)
        return sov_mem_fail(err);
    e->own = bytes.p;
    return 0;
}

static int
read_entry(struct reader *r, struct sov_err *err)
{
    uint64_t len, calls, n, off;
    char *name = NULL;
    int rc;

    rc = read_i32(r, "length of the name", 1, NAME_MAX_HERE, &len, err);
    if (rc == 0)
        rc = sov_in_need(r->in, len, err);
    if (rc < 0)
        return rc;
    name = sov_mem_dup(sov_rd_bytes(&r->in->rd, len).p, (size_t)len);
    if (name == NULL)
        return sov_mem_fail(err);
    rc = read_i32(r, "number of calls", 0, INT32_MAX, &calls, err);
    if (rc == 0)
        rc = read_i32(r, "number of values", 1, INT32_MAX, &n, err);
    off = sov_in_offset(r->in);
    if (rc == 0 && 4 * n > sov_in_left(r->in))
        rc = sov_fail(err, SOV_EFORMAT,
                      "number of values %" PRIu64 " cannot be in the %" PRIu64
                      " bytes that are left",
                      n, sov_in_left(r->in));
    if (rc == 0)
        rc = add_tensor(r, name, (size_t)len, SUMS, n, off, err);
    if (rc == 0)
        rc = add_tensor(r, name, (size_t)len, COUNTS, 1, 0, err);
    if (rc == 0)
        rc = own_count(r->m, calls, err);
    if (rc == 0)
        rc = sov_in_take(r->in, NULL, 4 * n, err);
    if (rc < 0)
        sov_err_wrap(err, "%.80s", name);
    free(name);
    return rc;
}

static int
read_entries(struct reader *r, struct sov_err *err)
{
    uint64_t n;
    int rc = read_i32(r, "number of entries", 1, ENTRIES_MAX, &n, err);

    if (rc == 0 && n > sov_in_left(r->in) / ENTRY_BYTES)
        rc = sov_fail(err, SOV_EFORMAT,
                      "number of entries %" PRIu64 " cannot be in the %" PRIu64
                      " bytes that are left",
                      n, sov_in_left(r->in));
    for (uint64_t i = 0; rc == 0 && i < n; i++) {
        rc = read_entry(r, err);
        if (rc < 0)
            sov_err_wrap(err, "entry %" PRIu64, i);
    }
    return rc;
}

/* imatrix.datasets: one name. */
static int
set_dataset(sov_meta *meta, struct sov_span name, struct sov_err *err)
{
    struct sov_buf b = { 0 };
    struct sov_kv kv = {
        .key = "imatrix.datasets",
        .type = SOV_V_ARR,
        .elem = SOV_V_STR,
        .n = 1,
    };
    int rc;

    sov_buf_u64(&b, name.len);
    sov_buf_add(&b, name.p, name.len);
    kv.val = (struct sov_span){ b.p, b.len };
    rc = b.bad ? sov_mem_fail(err) : sov_meta_set(meta, &kv, err);
    sov_buf_free(&b);
    return rc;
}

/* What only newer writers put there. */
static int
read_end(struct reader *r, struct sov_err *err)
{
    uint64_t chunks, len = 0;
    int rc = sov_meta_set_str(r->m->meta, "general.type", "imatrix", err);

    if (rc < 0 || sov_in_left(r->in) == 0)
        return rc;
    rc = read_i32(r, "number of chunks", 0, INT32_MAX, &chunks, err);
    if (rc == 0)
        rc = sov_meta_set_u32(r->m->meta, "imatrix.chunk_count",
                              (uint32_t)chunks, err);
    if (rc == 0 && sov_in_left(r->in) > 0)
        rc = read_i32(r, "length of the text's name", 0, SOV_DATASET_MAX, &len,
                      err);
    if (rc == 0)
        rc = sov_in_need(r->in, len, err);
    if (rc == 0 && len > 0)
        rc = set_dataset(r->m->meta, sov_rd_bytes(&r->in->rd, len), err);
    if (rc == 0 && sov_in_left(r->in) > 0)
        sov_model_warn(r->m, "%" PRIu64 " bytes follow the last entry",
                       sov_in_left(r->in));
    return rc;
}

/* Start again at the front of a file that can be read at any place. */
static int
settle(struct sov_part *part, struct sov_err *err)
{
    struct sov_span head = part->in.rd.left;
    int rc = 0;

    if (!part->file.regular)
        rc = sov_file_spool(&part->file, head.p, head.len, err);
    if (rc == 0) {
        sov_in_free(&part->in);
        sov_in_start(&part->in, &part->file);
    }
    return rc;
}

static int
imatrix_load(sov_model *m, struct sov_err *err)
{
    struct reader r = { .m = m, .in = &m->part[0]->in };
    int rc = settle(m->part[0], err);

    if (rc == 0)
        rc = read_entries(&r, err);
    if (rc == 0)
        rc = read_end(&r, err);
    if (rc == SOV_EFORMAT)
        sov_err_wrap(err, "offset 0x%" PRIx64, r.at);
    return rc < 0 ? sov_part_wrap(m->part[0], err) : 0;
}

const struct sov_format sov_format_imatrix = {
    .name = "imatrix",
    .bid = imatrix_bid,
    .load = imatrix_load,
};
