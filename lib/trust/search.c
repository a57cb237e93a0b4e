/* SPDX-License-Identifier: Apache-2.0 */
/*
 * search.c - looking things up in an index, and where a file differs from it
 */
#include "trust/index.h"

#include "base/mem.h"

#include <string.h>

/* ---- using it */

const unsigned char *
sov_index_sha256(const sov_index *idx)
{
    return idx->sha256;
}

size_t
sov_index_files(const sov_index *idx)
{
    return idx->n_files;
}

const struct sov_index_file *
sov_index_file(const sov_index *idx, size_t i)
{
    return i < idx->n_files ? &idx->file[i] : NULL;
}

size_t
sov_index_tensors(const sov_index *idx)
{
    return idx->n_tensors;
}

const struct sov_index_tensor *
sov_index_tensor(const sov_index *idx, size_t i)
{
    return i < idx->n_tensors ? &idx->tensor[i] : NULL;
}

/* The first tensor that ends behind off in this file, or in a later file. */
static size_t
first_behind(const sov_index *idx, size_t file, uint64_t off)
{
    size_t lo = 0, hi = idx->n_tensors;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        const struct sov_index_tensor *t = &idx->tensor[mid];

        if (t->file < file ||
            (t->file == file && t->off + t->digest.size <= off))
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

const struct sov_index_tensor *
sov_index_holds(const sov_index *idx, size_t file, uint64_t off)
{
    size_t i = first_behind(idx, file, off);
    const struct sov_index_tensor *t;

    if (i == idx->n_tensors)
        return NULL;
    t = &idx->tensor[i];
    return t->file == file && t->off <= off ? t : NULL;
}

int
sov_index_ranges(const sov_index *idx, size_t file,
                 struct sov_hash_range **range, size_t *n, struct sov_err *err)
{
    struct sov_hash_range *r = sov_mem_array(idx->n_tensors, sizeof(*r));
    size_t used = 0;

    if (r == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < idx->n_tensors; i++) {
        const struct sov_index_tensor *t = &idx->tensor[i];

        if (t->file == file && t->digest.size > 0)
            r[used++] =
                (struct sov_hash_range){ .off = t->off, .len = t->digest.size };
    }
    *range = r;
    *n = used;
    return 0;
}

/* ---- where it differs */

struct search {
    const sov_index *idx;
    size_t file;
    const struct sov_hash_range *range; /* NULL: not hashed */
    size_t n_ranges;
    sov_index_diff_fn fn;
    void *arg;
    size_t told;
};

static void
tell(struct search *s, const char *tensor, uint64_t off, uint64_t len)
{
    struct sov_index_diff d = { tensor, off, len };

    s->told++;
    if (s->fn != NULL)
        s->fn(s->arg, &d);
}

/* Is this tensor known to be whole? */
static bool
is_whole(const struct search *s, const struct sov_index_tensor *t)
{
    size_t lo = 0, hi = s->n_ranges;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (s->range[mid].off < t->off)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < s->n_ranges && s->range[lo].off == t->off &&
           s->range[lo].len == t->digest.size &&
           (s->range[lo].digest.has & SOV_HASH_VERITY) != 0 &&
           memcmp(s->range[lo].digest.verity, t->digest.verity,
                  SOV_SHA256_LEN) == 0;
}

/* Bytes [from, to) differ somewhere: in which tensors? */
static void
search_span(struct search *s, uint64_t from, uint64_t to)
{
    const sov_index *idx = s->idx;
    size_t before = s->told;

    for (size_t i = first_behind(idx, s->file, from); i < idx->n_tensors; i++) {
        const struct sov_index_tensor *t = &idx->tensor[i];
        uint64_t begin = t->off > from ? t->off : from;
        uint64_t end = t->off + t->digest.size;

        if (t->file != s->file || t->off >= to)
            break;
        if (end > to)
            end = to;
        if (end > begin && !is_whole(s, t))
            tell(s, t->name, begin, end - begin);
    }
    if (s->told == before)
        tell(s, NULL, from, to - from);
}

static void
search_tensors(struct search *s)
{
    for (size_t i = first_behind(s->idx, s->file, 0); i < s->idx->n_tensors;
         i++) {
        const struct sov_index_tensor *t = &s->idx->tensor[i];

        if (t->file != s->file)
            break;
        if (t->digest.size > 0 && !is_whole(s, t))
            tell(s, t->name, t->off, t->digest.size);
    }
}

size_t
sov_index_diff(const sov_index *idx, size_t file, const unsigned char *group,
               size_t n_groups, const struct sov_hash_range *range,
               size_t n_ranges, sov_index_diff_fn fn, void *arg)
{
    struct search s = { idx, file, range, range != NULL ? n_ranges : 0,
                        fn,  arg,  0 };
    const struct sov_index_file *f = sov_index_file(idx, file);
    size_t n;

    if (f == NULL)
        return 0;
    n = group == NULL ? 0 : n_groups < f->n_groups ? n_groups : f->n_groups;
    for (size_t i = 0; i < n; i++) {
        uint64_t from = (uint64_t)i * SOV_GROUP_SIZE;
        uint64_t left = f->digest.size - from;

        if (memcmp(group + i * SOV_SHA256_LEN, f->group + i * SOV_SHA256_LEN,
                   SOV_SHA256_LEN) != 0)
            search_span(&s, from,
                        from + (left < SOV_GROUP_SIZE ? left : SOV_GROUP_SIZE));
    }
    if (n == 0 && range != NULL) {
        search_tensors(&s);
        if (s.told == 0)
            tell(&s, NULL, 0, f->digest.size);
    }
    return s.told;
}
