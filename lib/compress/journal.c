/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal.c - the records of an output that is not whole yet
 */
#include "compress/journal.h"

#include "base/le.h"
#include "base/mem.h"
#include "base/rd.h"
#include "sys/hash.h"

#include <stdlib.h>
#include <string.h>

#define BODY 104 /* bytes of a record under its check */

enum { BEGIN = 1, TENSOR = 2 };

#define WEIGHED (UINT64_C(1) << 63)

static uint64_t
bits_of(double x)
{
    uint64_t u;

    memcpy(&u, &x, sizeof(u));
    return u;
}

static double
take_double(struct sov_rd *rd)
{
    uint64_t u = sov_rd_u64(rd);
    double x;

    memcpy(&x, &u, sizeof(x));
    return x;
}

static void
put_check(unsigned char record[SOV_JOURNAL_RECORD])
{
    sov_xxh3(record, BODY, record + BODY);
}

void
sov_journal_put_begin(unsigned char record[SOV_JOURNAL_RECORD],
                      const struct sov_journal_begin *b)
{
    memset(record, 0, SOV_JOURNAL_RECORD);
    sov_put32(record, BEGIN);
    memcpy(record + 16, b->binding, sizeof(b->binding));
    memcpy(record + 48, b->files, sizeof(b->files));
    put_check(record);
}

void
sov_journal_put_tensor(unsigned char record[SOV_JOURNAL_RECORD],
                       const struct sov_journal_tensor *t)
{
    memset(record, 0, SOV_JOURNAL_RECORD);
    sov_put32(record, TENSOR);
    sov_put32(record + 4, t->tensor);
    sov_put64(record + 8, t->replaced);
    memcpy(record + 16, t->source, sizeof(t->source));
    memcpy(record + 32, t->result, sizeof(t->result));
    sov_put64(record + 48, t->bad);
    sov_put64(record + 56, t->lost.weights | (t->lost.weighed ? WEIGHED : 0));
    sov_put64(record + 64, bits_of(t->lost.error));
    sov_put64(record + 72, bits_of(t->lost.weighed_error));
    sov_put64(record + 80, bits_of(t->lost.most));
    put_check(record);
}

static void
take(struct sov_rd *rd, void *to, size_t len)
{
    struct sov_span s = sov_rd_bytes(rd, len);

    if (s.len == len)
        memcpy(to, s.p, len);
}

/* A BEGIN must be about the same output as the first one. */
static bool
take_begin(struct sov_journal *j, struct sov_rd *rd)
{
    struct sov_journal_begin b = { { 0 }, { 0 } };

    take(rd, b.binding, sizeof(b.binding));
    take(rd, b.files, sizeof(b.files));
    if (j->begun && memcmp(b.binding, j->begin.binding, sizeof(b.binding)) != 0)
        return false;
    j->begin = b;
    j->begin_end = j->end + SOV_JOURNAL_RECORD;
    j->begun = true;
    return true;
}

/* 1: it holds, 0: the journal ends before it. */
static int
take_tensor(struct sov_journal *j, struct sov_rd *rd, uint32_t tensor,
            uint64_t replaced, struct sov_err *err)
{
    struct sov_journal_tensor *t;
    int rc;

    if (!j->begun || (j->n > 0 && tensor <= j->tensor[j->n - 1].tensor))
        return 0;
    rc = sov_mem_grow((void **)&j->tensor, j->n, &j->cap, sizeof(*j->tensor),
                      err);
    if (rc < 0)
        return rc;
    t = &j->tensor[j->n++];
    t->tensor = tensor;
    t->replaced = replaced;
    take(rd, t->source, sizeof(t->source));
    take(rd, t->result, sizeof(t->result));
    t->bad = sov_rd_u64(rd);
    t->lost.weights = sov_rd_u64(rd);
    t->lost.weighed = (t->lost.weights & WEIGHED) != 0;
    t->lost.weights &= ~WEIGHED;
    t->lost.error = take_double(rd);
    t->lost.weighed_error = take_double(rd);
    t->lost.most = take_double(rd);
    t->end = j->end + SOV_JOURNAL_RECORD;
    return 1;
}

/* The same for any record. */
static int
take_record(struct sov_journal *j, struct sov_span record, struct sov_err *err)
{
    struct sov_rd rd = sov_rd_over(record.p, record.len);
    unsigned char check[SOV_XXH3_LEN];
    uint32_t kind = sov_rd_u32(&rd);
    uint32_t tensor = sov_rd_u32(&rd);
    uint64_t replaced = sov_rd_u64(&rd);

    sov_xxh3(record.p, BODY, check);
    if (memcmp(check, record.p + BODY, sizeof(check)) != 0)
        return 0;
    if (kind == BEGIN)
        return take_begin(j, &rd);
    return kind == TENSOR ? take_tensor(j, &rd, tensor, replaced, err) : 0;
}

int
sov_journal_parse(struct sov_journal *j, const void *bytes, size_t len,
                  struct sov_err *err)
{
    struct sov_rd rd = sov_rd_over(bytes, len);
    int rc = 1;

    *j = (struct sov_journal){ 0 };
    while (rc == 1 && rd.left.len >= SOV_JOURNAL_RECORD) {
        rc = take_record(j, sov_rd_bytes(&rd, SOV_JOURNAL_RECORD), err);
        if (rc == 1)
            j->end += SOV_JOURNAL_RECORD;
    }
    if (rc < 0)
        sov_journal_free(j);
    return rc < 0 ? rc : 0;
}

void
sov_journal_free(struct sov_journal *j)
{
    free(j->tensor);
    *j = (struct sov_journal){ 0 };
}
