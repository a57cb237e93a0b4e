/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index.c - MODEL.sovidx, digests of the parts of a model
 *
 *   0   char  magic[8]    "sovidx" 0d 0a
 *   8   u32   version     1
 *   12  u32   n_files
 *   16  u64   n_tensors
 *   24  u64   bytes of the whole index
 *   32  files, then tensors
 *       u8    sha256[32] of all before
 *
 *   file    u32 len, name[len], u64 size, verity[32], xxh3[16],
 *           u64 n, group[n][32]
 *   tensor  u32 len, name[len], u32 file, u64 off, u64 size, verity[32],
 *           xxh3[16]
 *
 * Numbers are little-endian, names UTF-8 without NUL.  Tensors are in order of
 * file and offset and do not overlap.  A file of more than one group has the
 * hash of each, and they are those of its verity digest: that is computed
 * anew from them.  So an index is whole or refused, and what it says of a
 * file is bound to the digest in the claim, even before the index itself is.
 */
#include "trust/index.h"

#include "base/buf.h"
#include "base/le.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/rd.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC        "sovidx\r\n"
#define VERSION      1
#define HEAD         32
#define BLOCK        4096
#define PER_BLOCK    (BLOCK / SOV_SHA256_LEN)
#define TENSOR_LEAST (4 + 1 + 4 + 8 + 8 + 32 + 16)
#define FILE_LEAST   (4 + 1 + 8 + 32 + 16 + 8)
#define PARTS        ((unsigned)(SOV_HASH_VERITY | SOV_HASH_XXH3))

/* ---- the tree above the groups */

/* How many groups a file of this size has. */
static uint64_t
count_groups(uint64_t size)
{
    uint64_t n = size / SOV_GROUP_SIZE + (size % SOV_GROUP_SIZE != 0);

    return n > 1 ? n : 0;
}

/* The verity digest that belongs to these groups (two or more). */
static int
verity_of(const unsigned char *group, size_t n, uint64_t size,
          unsigned char verity[SOV_SHA256_LEN], struct sov_err *err)
{
    unsigned char block[BLOCK], desc[256] = { 1, 1, 12 };
    unsigned char *level =
        (unsigned char *)sov_mem_dup(group, n * SOV_SHA256_LEN);

    if (level == NULL)
        return sov_mem_fail(err);
    while (n > 1) {
        size_t above = (n + PER_BLOCK - 1) / PER_BLOCK;

        for (size_t i = 0; i < above; i++) {
            size_t left = n - i * PER_BLOCK;
            size_t here = left < PER_BLOCK ? left : PER_BLOCK;

            memset(block, 0, sizeof(block));
            memcpy(block, level + i * BLOCK, here * SOV_SHA256_LEN);
            sov_sha256(block, sizeof(block), level + i * SOV_SHA256_LEN);
        }
        n = above;
    }
    sov_put64(desc + 8, size);
    memcpy(desc + 16, level, SOV_SHA256_LEN);
    sov_sha256(desc, sizeof(desc), verity);
    free(level);
    return 0;
}

static int
check_groups(const struct sov_index_file *f, struct sov_err *err)
{
    unsigned char verity[SOV_SHA256_LEN];
    int rc;

    if (f->n_groups != count_groups(f->digest.size))
        return sov_fail(
            err, SOV_EFORMAT, "%zu groups for %" PRIu64 " bytes, not %" PRIu64,
            f->n_groups, f->digest.size, count_groups(f->digest.size));
    if (f->n_groups == 0)
        return 0;
    rc = verity_of(f->group, f->n_groups, f->digest.size, verity, err);
    if (rc == 0 && memcmp(verity, f->digest.verity, SOV_SHA256_LEN) != 0)
        rc = sov_fail(err, SOV_EFORMAT,
                      "the groups are not those of its digest");
    return rc;
}

/* ---- what holds for every index */

static bool
name_ok(const char *name, size_t len)
{
    size_t n;
    uint32_t cp;

    if (len == 0 || len > SOV_NAME_MAX || memchr(name, '\0', len) != NULL)
        return false;
    for (; len > 0; name += n, len -= n) {
        n = sov_utf8_step(name, len, &cp);
        if (n == 0)
            return false;
    }
    return true;
}

/* Behind the end of the tensor; SOV_EFORMAT if that is not in its file. */
static int
tensor_end(const struct sov_index_tensor *t, const struct sov_index_file *file,
           size_t n_files, uint64_t *end, struct sov_err *err)
{
    if (t->file >= n_files)
        return sov_fail(err, SOV_EFORMAT, "in file %zu of %zu", t->file,
                        n_files);
    if (!sov_add(t->off, t->digest.size, end) ||
        *end > file[t->file].digest.size)
        return sov_fail(err, SOV_EFORMAT,
                        "bytes %" PRIu64 " to %" PRIu64
                        " are not in its file of %" PRIu64,
                        t->off, *end, file[t->file].digest.size);
    return 0;
}

/* Tensors in order, within their files, one of each name. */
static int
check_tensors(const struct sov_index_file *file, size_t n_files,
              const struct sov_index_tensor *t, size_t n, struct sov_err *err)
{
    struct sov_map names = { 0 };
    uint64_t end = 0, free_at = 0;
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++) {
        if (i > 0 && t[i].file != t[i - 1].file)
            free_at = 0;
        rc = tensor_end(&t[i], file, n_files, &end, err);
        if (rc == 0 &&
            ((i > 0 && t[i].file < t[i - 1].file) || t[i].off < free_at))
            rc = sov_fail(err, SOV_EFORMAT,
                          "out of order, or over the one before");
        free_at = end;
        if (rc == 0)
            rc = sov_map_add(&names, t[i].name, strlen(t[i].name), i, err);
        if (rc == 1)
            rc = sov_fail(err, SOV_EFORMAT, "is there twice");
        if (rc < 0)
            sov_err_wrap(err, "tensor %.80s", t[i].name);
    }
    sov_map_free(&names);
    return rc;
}

/* ---- writing */

static void
put_digest(struct sov_buf *out, const struct sov_digest *d)
{
    sov_buf_u64(out, d->size);
    sov_buf_add(out, d->verity, SOV_SHA256_LEN);
    sov_buf_add(out, d->xxh3, SOV_XXH3_LEN);
}

static void
put_name(struct sov_buf *out, const char *name)
{
    sov_buf_u32(out, (uint32_t)strlen(name));
    sov_buf_add(out, name, strlen(name));
}

static int
put_file(struct sov_buf *out, const struct sov_index_file *f,
         struct sov_err *err)
{
    int rc = 0;

    if (!name_ok(f->name, strlen(f->name)) || (f->digest.has & PARTS) != PARTS)
        rc = sov_fail(err, SOV_EARG, "no name in UTF-8, or no digests");
    if (rc == 0)
        rc = check_groups(f, err);
    if (rc < 0)
        return sov_err_wrap(err, "file %.80s", f->name);
    put_name(out, f->name);
    put_digest(out, &f->digest);
    sov_buf_u64(out, f->n_groups);
    sov_buf_add(out, f->group, f->n_groups * SOV_SHA256_LEN);
    return 0;
}

static int
put_tensor(struct sov_buf *out, const struct sov_index_tensor *t,
           struct sov_err *err)
{
    if (!name_ok(t->name, strlen(t->name)) || (t->digest.has & PARTS) != PARTS)
        return sov_fail(err, SOV_EARG,
                        "tensor %.80s: no name in UTF-8, or no digests",
                        t->name);
    put_name(out, t->name);
    sov_buf_u32(out, (uint32_t)t->file);
    sov_buf_u64(out, t->off);
    put_digest(out, &t->digest);
    return 0;
}

/* By file, offset and size; of twins, the first name. */
static int
by_place(const void *a, const void *b)
{
    const struct sov_index_tensor *x = a, *y = b;

    if (x->file != y->file)
        return x->file < y->file ? -1 : 1;
    if (x->off != y->off)
        return x->off < y->off ? -1 : 1;
    if (x->digest.size != y->digest.size)
        return x->digest.size < y->digest.size ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* Sorted, and of tensors that share their bytes the first alone. */
static size_t
sort_tensors(struct sov_index_tensor *t, size_t n)
{
    size_t kept = 0;

    qsort(t, n, sizeof(*t), by_place);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || t[i].digest.size == 0 ||
            t[kept - 1].file != t[i].file || t[kept - 1].off != t[i].off ||
            t[kept - 1].digest.size != t[i].digest.size)
            t[kept++] = t[i];
    return kept;
}

static int
put_all(struct sov_buf *out, const struct sov_index_file *file, size_t n_files,
        const struct sov_index_tensor *tensor, size_t n_tensors,
        struct sov_err *err)
{
    unsigned char sum[SOV_SHA256_LEN];
    int rc = 0;

    sov_buf_add(out, MAGIC, 8);
    sov_buf_u32(out, VERSION);
    sov_buf_u32(out, (uint32_t)n_files);
    sov_buf_u64(out, n_tensors);
    sov_buf_u64(out, 0); /* the size, known at the end */
    for (size_t i = 0; i < n_files && rc == 0; i++)
        rc = put_file(out, &file[i], err);
    for (size_t i = 0; i < n_tensors && rc == 0; i++)
        rc = put_tensor(out, &tensor[i], err);
    if (rc == 0 && out->bad)
        rc = sov_mem_fail(err);
    if (rc < 0)
        return rc;
    sov_put64(out->p + 24, out->len + SOV_SHA256_LEN);
    sov_sha256(out->p, out->len, sum);
    sov_buf_add(out, sum, sizeof(sum));
    if (out->bad)
        return sov_mem_fail(err);
    if (out->len > SOV_INDEX_MAX)
        return sov_fail(err, SOV_EUNSUP, "%zu bytes, the limit is %" PRIu64,
                        out->len, SOV_INDEX_MAX);
    return 0;
}

int
sov_index_text(const struct sov_index_file *file, size_t n_files,
               const struct sov_index_tensor *tensor, size_t n_tensors,
               void **text, size_t *len, struct sov_err *err)
{
    struct sov_index_tensor *t;
    struct sov_buf out = { 0 };
    int rc;

    if (n_files == 0 || n_files > SOV_SHARDS_MAX || n_tensors > SOV_TENSORS_MAX)
        return sov_fail(err, SOV_EARG, "index of %zu files, %zu tensors",
                        n_files, n_tensors);
    t = sov_mem_array(n_tensors, sizeof(*t));
    if (t == NULL)
        return sov_mem_fail(err);
    if (n_tensors > 0)
        memcpy(t, tensor, n_tensors * sizeof(*t));
    n_tensors = sort_tensors(t, n_tensors);
    rc = check_tensors(file, n_files, t, n_tensors, err);
    if (rc == SOV_EFORMAT)
        rc = SOV_EARG;
    if (rc == 0)
        rc = put_all(&out, file, n_files, t, n_tensors, err);
    free(t);
    if (rc < 0) {
        sov_buf_free(&out);
        sov_err_wrap(err, "index");
        return rc;
    }
    *text = out.p;
    *len = out.len;
    return 0;
}

/* ---- reading */

static int
read_name(struct sov_rd *rd, const char **name, struct sov_err *err)
{
    uint32_t len = sov_rd_u32(rd);
    struct sov_span s = sov_rd_bytes(rd, len);

    if (rd->bad || !name_ok((const char *)s.p, s.len))
        return sov_fail(err, SOV_EFORMAT,
                        "no name of 1 to %d bytes of UTF-8 at byte %" PRIu64,
                        (int)SOV_NAME_MAX, sov_rd_offset(rd));
    *name = sov_mem_dup(s.p, s.len);
    return *name == NULL ? sov_mem_fail(err) : 0;
}

static void
read_digest(struct sov_rd *rd, struct sov_digest *d)
{
    struct sov_span verity, xxh3;

    d->size = sov_rd_u64(rd);
    verity = sov_rd_bytes(rd, SOV_SHA256_LEN);
    xxh3 = sov_rd_bytes(rd, SOV_XXH3_LEN);
    if (rd->bad)
        return;
    d->has = PARTS;
    memcpy(d->verity, verity.p, verity.len);
    memcpy(d->xxh3, xxh3.p, xxh3.len);
}

static int
read_file(struct sov_rd *rd, struct sov_index_file *f, struct sov_err *err)
{
    int rc = read_name(rd, &f->name, err);
    struct sov_span group;
    uint64_t n, bytes = 0;

    if (rc < 0)
        return rc;
    read_digest(rd, &f->digest);
    n = sov_rd_u64(rd);
    if (!sov_mul(n, SOV_SHA256_LEN, &bytes))
        rd->bad = true;
    group = sov_rd_bytes(rd, bytes);
    if (rd->bad) {
        rc = sov_fail(err, SOV_EFORMAT, "cut short");
    } else {
        f->group = n > 0 ? group.p : NULL;
        f->n_groups = (size_t)n;
        rc = check_groups(f, err);
    }
    return rc < 0 ? sov_err_wrap(err, "file %.80s", f->name) : 0;
}

static int
read_tensor(struct sov_rd *rd, struct sov_index_tensor *t, struct sov_err *err)
{
    int rc = read_name(rd, &t->name, err);

    if (rc < 0)
        return rc;
    t->file = sov_rd_u32(rd);
    t->off = sov_rd_u64(rd);
    read_digest(rd, &t->digest);
    return rd->bad
               ? sov_fail(err, SOV_EFORMAT, "tensor %.80s: cut short", t->name)
               : 0;
}

/* The two counts, as many as there can be in what is left at most. */
static int
read_counts(struct sov_index *x, struct sov_rd *rd, struct sov_err *err)
{
    uint64_t n_files = sov_rd_u32(rd), n_tensors = sov_rd_u64(rd);
    uint64_t bytes = sov_rd_u64(rd);

    if (rd->bad || n_files == 0 || n_files > SOV_SHARDS_MAX ||
        n_files > rd->left.len / FILE_LEAST)
        return sov_fail(err, SOV_EFORMAT, "%" PRIu64 " files", n_files);
    if (n_tensors > SOV_TENSORS_MAX || n_tensors > rd->left.len / TENSOR_LEAST)
        return sov_fail(err, SOV_EFORMAT, "%" PRIu64 " tensors", n_tensors);
    if (bytes != HEAD + rd->left.len + SOV_SHA256_LEN)
        return sov_fail(err, SOV_EFORMAT, "%zu bytes, but it says %" PRIu64,
                        HEAD + rd->left.len + SOV_SHA256_LEN, bytes);
    x->file = sov_mem_array((size_t)n_files, sizeof(*x->file));
    x->tensor = sov_mem_array((size_t)n_tensors, sizeof(*x->tensor));
    if (x->file == NULL || x->tensor == NULL)
        return sov_mem_fail(err);
    x->n_files = (size_t)n_files;
    x->n_tensors = (size_t)n_tensors;
    return 0;
}

static int
check_files(const struct sov_index *x, struct sov_err *err)
{
    struct sov_map names = { 0 };
    int rc = 0;

    for (size_t i = 0; i < x->n_files && rc == 0; i++)
        rc = sov_map_add(&names, x->file[i].name, strlen(x->file[i].name), i,
                         err);
    sov_map_free(&names);
    return rc == 1 ? sov_fail(err, SOV_EFORMAT, "two files of one name") : rc;
}

static int
read_index(struct sov_index *x, struct sov_rd *rd, struct sov_err *err)
{
    struct sov_span magic = sov_rd_bytes(rd, 8);
    int rc;

    if (magic.len != 8 || memcmp(magic.p, MAGIC, 8) != 0)
        return sov_fail(err, SOV_EFORMAT, "not an index");
    if (sov_rd_u32(rd) != VERSION)
        return sov_fail(err, SOV_EUNSUP, "an index of another version");
    rc = read_counts(x, rd, err);
    for (size_t i = 0; i < x->n_files && rc == 0; i++)
        rc = read_file(rd, &x->file[i], err);
    for (size_t i = 0; i < x->n_tensors && rc == 0; i++)
        rc = read_tensor(rd, &x->tensor[i], err);
    if (rc == 0 && rd->left.len > 0)
        rc = sov_fail(err, SOV_EFORMAT, "%zu bytes behind the end",
                      rd->left.len);
    if (rc == 0)
        rc = check_files(x, err);
    if (rc == 0)
        rc = check_tensors(x->file, x->n_files, x->tensor, x->n_tensors, err);
    return rc;
}

int
sov_index_parse(sov_index **idx, const void *text, size_t len,
                struct sov_err *err)
{
    unsigned char sum[SOV_SHA256_LEN];
    struct sov_index *x;
    struct sov_rd rd;
    size_t body;
    int rc;

    if (len < HEAD + SOV_SHA256_LEN || len > SOV_INDEX_MAX)
        return sov_fail(err, SOV_EFORMAT, "index: %zu bytes, from %d to %d",
                        len, HEAD + SOV_SHA256_LEN, (int)SOV_INDEX_MAX);
    body = len - SOV_SHA256_LEN;
    sov_sha256(text, body, sum);
    if (memcmp(sum, (const unsigned char *)text + body, sizeof(sum)) != 0)
        return sov_fail(err, SOV_EFORMAT, "index: damaged or not an index");
    x = sov_mem_array(1, sizeof(*x));
    if (x == NULL)
        return sov_mem_fail(err);
    x->bytes = (unsigned char *)sov_mem_dup(text, len);
    if (x->bytes == NULL) {
        rc = sov_mem_fail(err);
    } else {
        sov_sha256(x->bytes, len, x->sha256);
        rd = sov_rd_over(x->bytes, body);
        rc = read_index(x, &rd, err);
    }
    if (rc < 0) {
        sov_err_wrap(err, "index");
        sov_index_free(x);
        return rc;
    }
    *idx = x;
    return 0;
}

void
sov_index_free(sov_index *idx)
{
    if (idx == NULL)
        return;
    for (size_t i = 0; i < idx->n_files; i++)
        free((char *)idx->file[i].name);
    for (size_t i = 0; i < idx->n_tensors; i++)
        free((char *)idx->tensor[i].name);
    free(idx->file);
    free(idx->tensor);
    free(idx->bytes);
    free(idx);
}
