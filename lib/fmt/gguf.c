/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gguf.c - a GGUF model: one file, or the parts of a split put together
 *
 * A split is named NAME-00001-of-00003.gguf and so on.  The keys of the first
 * part are those of the model; every part says in split.no and split.count
 * which it is.  What comes out is as if it had never been split.
 */
#include "fmt/gguf_read.h"

#include "base/limits.h"
#include "base/mem.h"
#include "base/num.h"
#include "fmt/gguf.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUFFIX_LEN 20u /* -00001-of-00003.gguf */

struct layout {
    uint64_t align;
    uint64_t data; /* where the data section of a part begins */
    uint64_t end;  /* of its last tensor */
};

static int
gguf_bid(const struct sov_taste *taste)
{
    return taste->head.len >= 4 &&
           memcmp(taste->head.p, SOV_GGUF_MAGIC, 4) == 0 ? 100 : 0;
}

/* ---- layout */

/* Tell of n bytes, and of a split in which part. */
static void
warn_bytes(sov_model *m, size_t part, uint64_t n, const char *what,
           const char *name)
{
    if (m->n_parts > 1)
        sov_model_warn(m, "part %zu: %" PRIu64 " %s%.80s", part + 1, n, what,
                       name);
    else
        sov_model_warn(m, "%" PRIu64 " %s%.80s", n, what, name);
}

/* Overlaps are refused; what no tensor covers is told. */
static int
check_layout(sov_model *m, struct layout *lay, struct sov_err *err)
{
    const struct sov_entry *e;
    uint64_t padded, *end;

    for (size_t i = 0; i < m->n_parts; i++)
        lay[i].end = lay[i].data;
    for (size_t i = 0; i < m->n; i++) {
        e = &m->entry[i];
        end = &lay[e->part].end;
        if (e->t.size == 0)
            continue;
        if (e->off < *end) {
            sov_fail(err, SOV_EFORMAT,
                     "offset 0x%" PRIx64 ": tensor %.80s overlaps another",
                     e->off, e->t.name);
            return sov_part_wrap(m->part[e->part], err);
        }
        if (sov_pad(*end, lay[e->part].align, &padded) && e->off > padded)
            warn_bytes(m, e->part, e->off - padded,
                       "unused bytes before tensor ", e->t.name);
        *end = e->off + e->t.size;
    }
    return 0;
}

static void
warn_trailing(sov_model *m, size_t part, const struct layout *lay)
{
    const struct sov_file *file = &m->part[part]->file;
    uint64_t padded;

    if (file->regular && sov_pad(lay->end, lay->align, &padded) &&
        file->size > padded)
        warn_bytes(m, part, file->size - padded,
                   "bytes follow the last tensor", "");
}

/* The limit of others is not ours, but their users should know. */
static void
warn_long_names(sov_model *m)
{
    size_t n = 0;

    for (size_t i = 0; i < m->n; i++)
        if (strlen(m->entry[i].t.name) > SOV_NAME_PEER)
            n++;
    if (n > 0)
        sov_model_warn(m, "%zu tensors have names over %d bytes, which "
                       "llama.cpp does not load", n, (int)SOV_NAME_PEER);
}

/* ---- splits */

struct split {
    uint64_t no;      /* from 0 */
    uint64_t count;
    uint64_t tensors; /* of all parts, 0: not told */
};

static int
read_split(const sov_meta *meta, struct split *s, struct sov_err *err)
{
    int rc;

    *s = (struct split){ 0, 0, 0 };
    rc = sov_meta_u64(meta, SOV_KEY_SPLIT_COUNT, &s->count, err);
    if (rc >= 0)
        rc = sov_meta_u64(meta, SOV_KEY_SPLIT_NO, &s->no, err);
    if (rc >= 0)
        rc = sov_meta_u64(meta, SOV_KEY_SPLIT_TENSORS, &s->tensors, err);
    if (rc < 0)
        return rc;
    if (s->count <= 1 && s->no == 0)
        return 0;
    if (s->count > SOV_SHARDS_MAX)
        return sov_fail(err, SOV_EFORMAT,
                        "key %s: %" PRIu64 " is over the limit of %" PRIu64,
                        SOV_KEY_SPLIT_COUNT, s->count, SOV_SHARDS_MAX);
    if (s->no >= s->count)
        return sov_fail(err, SOV_EFORMAT,
                        "key %s: part %" PRIu64 " of %" PRIu64,
                        SOV_KEY_SPLIT_NO, s->no, s->count);
    return 0;
}

static void
split_suffix(char *out, uint64_t no, uint64_t count)
{
    snprintf(out, SUFFIX_LEN + 1, "-%05u-of-%05u.gguf",
             (unsigned)(no + 1) % 100000, (unsigned)count % 100000);
}

/* NAME of NAME-00001-of-00003.gguf, fresh; NULL if it is not so named. */
static char *
split_name(const char *path, const struct split *s)
{
    char suffix[SUFFIX_LEN + 1];

    split_suffix(suffix, s->no, s->count);
    if (strlen(path) <= SUFFIX_LEN || !sov_ends_with(path, suffix))
        return NULL;
    return sov_mem_dup(path, strlen(path) - SUFFIX_LEN);
}

/* Which file to give instead, when a part was given that is not the first. */
static int
not_the_first(const char *path, const struct split *s, struct sov_err *err)
{
    char suffix[SUFFIX_LEN + 1];
    char *name = split_name(path, s);
    int rc;

    split_suffix(suffix, 0, s->count);
    rc = sov_fail(err, SOV_EFORMAT,
                  "part %" PRIu64 " of a split model of %" PRIu64
                  ": give the first part%s%s%s",
                  s->no + 1, s->count, name != NULL ? ", " : "",
                  name != NULL ? name : "", name != NULL ? suffix : "");
    free(name);
    return rc;
}

static bool
is_split_key(const char *key)
{
    return strcmp(key, SOV_KEY_SPLIT_NO) == 0 ||
           strcmp(key, SOV_KEY_SPLIT_COUNT) == 0 ||
           strcmp(key, SOV_KEY_SPLIT_TENSORS) == 0;
}

static bool
same_value(const struct sov_kv *a, const struct sov_kv *b)
{
    return a->type == b->type && a->elem == b->elem && a->n == b->n &&
           a->val.len == b->val.len &&
           memcmp(a->val.p, b->val.p, a->val.len) == 0;
}

/*
 * Keys of a later part: its own split keys and alignment, what the first part
 * has too, or something new, which is carried.  A different value means that
 * the parts are not of one model.
 */
static int
merge_keys(sov_meta *into, const sov_meta *from, struct sov_err *err)
{
    const struct sov_kv *kv, *old;
    int rc = 0;

    for (size_t i = 0; i < sov_meta_count(from) && rc == 0; i++) {
        kv = sov_meta_at(from, i);
        if (is_split_key(kv->key) || strcmp(kv->key, SOV_KEY_ALIGN) == 0)
            continue;
        old = sov_meta_find(into, kv->key);
        if (old == NULL)
            rc = sov_meta_set(into, kv, err);
        else if (!same_value(old, kv))
            rc = sov_fail(err, SOV_EFORMAT,
                          "key %.80s differs from the first part's: not of "
                          "one model",
                          kv->key);
    }
    return rc;
}

static int
load_later_part(sov_model *m, const char *path, const struct split *first,
                uint64_t no, struct layout *lay, struct sov_err *err)
{
    sov_meta *meta = NULL;
    struct split s;
    size_t at;
    int rc;

    rc = sov_model_add_part(m, path, &at, err);
    if (rc < 0)
        return sov_err_wrap(err, "part %" PRIu64 " of %" PRIu64, no + 1,
                            first->count);
    rc = sov_meta_new(&meta, err);
    if (rc == 0)
        rc = sov_gguf_part(m, at, meta, &lay->align, &lay->data, err);
    if (rc < 0)
        goto out;
    rc = read_split(meta, &s, err);
    if (rc == 0 && (s.no != no || s.count != first->count))
        rc = sov_fail(err, SOV_EFORMAT,
                      "says it is part %" PRIu64 " of %" PRIu64
                      ", not %" PRIu64 " of %" PRIu64,
                      s.no + 1, s.count, no + 1, first->count);
    if (rc == 0)
        rc = merge_keys(m->meta, meta, err);
    if (rc < 0)
        sov_part_wrap(m->part[at], err);
out:
    sov_meta_free(meta);
    return rc;
}

static int
load_later_parts(sov_model *m, const struct split *s, struct layout *lay,
                 struct sov_err *err)
{
    char suffix[SUFFIX_LEN + 1];
    char *path = NULL;
    char *name;
    int rc = 0;

    name = split_name(m->path, s);
    if (name == NULL) {
        split_suffix(suffix, s->no, s->count);
        sov_fail(err, SOV_EFORMAT,
                 "part 1 of a split model of %" PRIu64 ", but its name does "
                 "not end in %s",
                 s->count, suffix);
        return sov_part_wrap(m->part[0], err);
    }
    for (uint64_t i = 1; i < s->count && rc == 0; i++) {
        split_suffix(suffix, i, s->count);
        if (asprintf(&path, "%s%s", name, suffix) < 0) {
            rc = sov_mem_fail(err);
            break;
        }
        rc = load_later_part(m, path, s, i, &lay[i], err);
        free(path);
    }
    free(name);
    if (rc == 0 && s->tensors > 0 && s->tensors != m->n) {
        sov_fail(err, SOV_EFORMAT,
                 "key %s: %" PRIu64 ", but the parts have %" PRIu64,
                 SOV_KEY_SPLIT_TENSORS, s->tensors, (uint64_t)m->n);
        return sov_part_wrap(m->part[0], err);
    }
    return rc;
}

static int
check_first(const sov_model *m, struct split *s, struct sov_err *err)
{
    struct sov_span arch;
    int rc = read_split(m->meta, s, err);

    /* It may be missing, but what it is must be a name. */
    if (rc == 0 && sov_meta_str(m->meta, SOV_KEY_ARCH, &arch, err) < 0)
        rc = SOV_EFORMAT;
    if (rc == 0 && s->no > 0)
        rc = not_the_first(m->path, s, err);
    if (rc == 0 && s->count > 1 && strcmp(m->path, "-") == 0)
        rc = sov_fail(err, SOV_EFORMAT,
                      "part 1 of a split model of %" PRIu64
                      ": give it by name, a stream carries one file",
                      s->count);
    if (rc == 0 && s->count > 1 && m->part[0]->pipe)
        rc = sov_fail(err, SOV_EFORMAT,
                      "a split model cannot be read from a pipe");
    return rc < 0 ? sov_part_wrap(m->part[0], err) : 0;
}

static int
gguf_load(sov_model *m, struct sov_err *err)
{
    struct layout *lay = sov_mem_array(1, sizeof(*lay)), *more;
    struct split s;
    int rc;

    if (lay == NULL)
        return sov_mem_fail(err);
    rc = sov_gguf_part(m, 0, m->meta, &lay->align, &lay->data, err);
    if (rc == 0)
        rc = check_first(m, &s, err);
    if (rc == 0 && s.count > 1) {
        more = realloc(lay, (size_t)s.count * sizeof(*lay));
        if (more == NULL) {
            rc = sov_mem_fail(err);
        } else {
            lay = more;
            rc = load_later_parts(m, &s, lay, err);
        }
    }
    if (rc == 0)
        rc = sov_model_sort(m, err);
    if (rc == 0)
        rc = check_layout(m, lay, err);
    for (size_t i = 0; i < m->n_parts && rc == 0; i++)
        warn_trailing(m, i, &lay[i]);
    if (rc == 0) {
        warn_long_names(m);
        sov_meta_unset(m->meta, SOV_KEY_SPLIT_NO);
        sov_meta_unset(m->meta, SOV_KEY_SPLIT_COUNT);
        sov_meta_unset(m->meta, SOV_KEY_SPLIT_TENSORS);
    }
    free(lay);
    return rc;
}

const struct sov_format sov_format_gguf = {
    .name = "gguf",
    .bid = gguf_bid,
    .load = gguf_load,
};
