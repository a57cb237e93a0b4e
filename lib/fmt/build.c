/* SPDX-License-Identifier: Apache-2.0 */
/*
 * build.c - how a format fills a model: files, and the tensors in them
 */
#include "fmt/format.h"

#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool
sov_name_ok(struct sov_span s)
{
    uint32_t cp;

    for (size_t i = 0, step; i < s.len; i += step) {
        step = sov_utf8_step(s.p + i, s.len - i, &cp);
        if (step == 0 || cp < 0x20 || (cp >= 0x7f && cp < 0xa0))
            return false;
    }
    return true;
}

bool
sov_ends_with(const char *file, const char *suffix)
{
    size_t n = strlen(file), k = strlen(suffix);

    return n >= k && strcmp(file + n - k, suffix) == 0;
}

int
sov_part_wrap(const struct sov_part *part, struct sov_err *err)
{
    const char *path = part->path;

    if (part->within != NULL && part->model->bag->failed)
        return err->rc;
    if (part->within != NULL)
        return sov_err_wrap(err, "%.160s: %.160s", part->within, path);
    return sov_err_wrap(err, "%s",
                        strcmp(path, "-") == 0 ? "standard input" : path);
}

int
sov_model_add_file(sov_model *m, const char *path, struct sov_err *err)
{
    int rc;

    rc = sov_mem_grow((void **)&m->files, m->n_files, &m->cap_files,
                      sizeof(*m->files), err);
    if (rc < 0)
        return rc;
    m->files[m->n_files] = sov_mem_dup(path, strlen(path));
    if (m->files[m->n_files] == NULL)
        return sov_mem_fail(err);
    m->n_files++;
    return 0;
}

/*
 * A file that another file names must be a plain one: opening a FIFO would
 * wait for ever, and reading a device might never end.
 */
static int
only_regular(const char *path, struct sov_err *err)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return sov_fail_sys(err, SOV_WHERE_INPUT, "%s", path);
    if (!S_ISREG(st.st_mode))
        return sov_fail(err, SOV_EFORMAT, "%s: not a regular file", path);
    return 0;
}

static int
tap(void *arg, const void *buf, size_t len, struct sov_err *err)
{
    struct sov_part *part = arg;
    int rc = sov_digest_begin(part->model, part->digest, err);

    return rc < 0 ? rc : sov_digest_update(part->model, part->digest, buf, len, err);
}

/* Open the file of a part, or find it in the archive. */
static int
open_part(sov_model *m, struct sov_part *part, struct sov_err *err)
{
    const char *slash = strrchr(part->path, '/');
    bool pulled;
    int rc;

    part->model = m;
    if (m->bag != NULL) {
        part->within = m->bag->path;
        rc = sov_bag_open(m->bag, part->path, &part->file, &part->digest, err);
        if (rc < 0)
            return rc;
    } else {
        rc = sov_file_open(&part->file, part->path, err);
        if (rc < 0)
            return sov_part_wrap(part, err);
        rc = sov_digest_add(m, slash != NULL ? slash + 1 : part->path,
                            &part->digest, err);
        if (rc == 0)
            rc = sov_digest_hold(m, part, err);
        if (rc < 0)
            return sov_part_wrap(part, err);
    }
    part->pipe = !part->file.regular;
    pulled = part->pipe && m->access == SOV_ACCESS_STREAM;
    sov_in_start(&part->in, &part->file);
    if (pulled && m->opts.hash != 0) {
        part->in.tap = tap;
        part->in.tap_arg = part;
    }
    return rc;
}

int
sov_model_add_part(sov_model *m, const char *path, size_t *at,
                   struct sov_err *err)
{
    bool first = m->n_parts == 0 && m->dir == NULL;
    struct sov_part *part;
    int rc;

    if (!first && m->bag == NULL && (rc = only_regular(path, err)) < 0)
        return rc;
    if (m->n_parts >= SOV_SHARDS_MAX)
        return sov_fail(err, SOV_EFORMAT, "more than %d files",
                        (int)SOV_SHARDS_MAX);
    rc = sov_mem_grow((void **)&m->part, m->n_parts, &m->cap_parts,
                      sizeof(*m->part), err);
    if (rc < 0)
        return rc;
    part = sov_mem_array(1, sizeof(*part));
    if (part == NULL)
        return sov_mem_fail(err);
    part->file.fd = -1;
    part->path = sov_mem_dup(path, strlen(path));
    rc = part->path == NULL ? sov_mem_fail(err) : open_part(m, part, err);
    if (rc < 0) {
        sov_file_close(&part->file);
        free(part->path);
        free(part);
        return rc;
    }
    m->part[m->n_parts] = part;
    *at = m->n_parts++;
    if (part->file.regular && m->bag == NULL)
        rc = sov_model_add_file(m, path, err);
    if (rc == 0 && !first && m->access == SOV_ACCESS_MAP) {
        rc = sov_file_map(&part->file, &part->map, err);
        part->map_size = part->file.size;
        if (rc < 0)
            sov_part_wrap(part, err);
    }
    return rc;
}

void
sov_entry_free(struct sov_entry *e)
{
    free((char *)e->t.name);
    free(e->own);
}

int
sov_model_add_tensor(sov_model *m, const struct sov_tensor *t,
                     struct sov_span name, size_t part, uint64_t off,
                     struct sov_err *err)
{
    struct sov_entry *e;
    char *copy;
    int rc;

    if (name.len == 0)
        return sov_fail(err, SOV_EFORMAT, "the tensor has no name");
    if (name.len > SOV_NAME_MAX)
        return sov_fail(err, SOV_EFORMAT,
                        "tensor name of %llu bytes is over the limit of %d",
                        (unsigned long long)name.len, (int)SOV_NAME_MAX);
    if (!sov_name_ok(name))
        return sov_fail(err, SOV_EFORMAT, "tensor name \"%.*s\" is not "
                        "UTF-8 or has control characters",
                        (int)(name.len < 60 ? name.len : 60),
                        (const char *)name.p);
    if (m->n >= SOV_TENSORS_MAX)
        return sov_fail(err, SOV_EFORMAT, "more than %d tensors",
                        (int)SOV_TENSORS_MAX);
    rc = sov_mem_grow((void **)&m->entry, m->n, &m->cap, sizeof(*m->entry),
                      err);
    if (rc < 0)
        return rc;
    copy = sov_mem_dup(name.p, name.len);
    if (copy == NULL)
        return sov_mem_fail(err);
    rc = sov_map_add(&m->names, copy, name.len, m->n, err);
    if (rc != 0) {
        if (rc > 0)
            rc = sov_fail(err, SOV_EFORMAT, "there are two tensors \"%s\"",
                          copy);
        free(copy);
        return rc;
    }
    e = &m->entry[m->n];
    memset(e, 0, sizeof(*e));
    e->t = *t;
    e->t.name = copy;
    e->t.data = NULL;
    e->part = part;
    e->off = off;
    if (t->size > 0)
        m->last = m->n;
    m->n++;
    return 0;
}

static int
by_place(const void *a, const void *b)
{
    const struct sov_entry *x = a, *y = b;

    if (x->part != y->part)
        return x->part < y->part ? -1 : 1;
    if (x->off != y->off)
        return x->off < y->off ? -1 : 1;
    /* At one place, those without bytes come first; then the order of the
     * directory, which the address still shows in a merge sort. */
    if ((x->t.size > 0) != (y->t.size > 0))
        return x->t.size > 0 ? 1 : -1;
    return strcmp(x->t.name, y->t.name);
}

int
sov_model_sort(sov_model *m, struct sov_err *err)
{
    bool sorted = true;
    int rc = 0;

    for (size_t i = 1; i < m->n && sorted; i++)
        sorted = m->entry[i - 1].part < m->entry[i].part ||
                 (m->entry[i - 1].part == m->entry[i].part &&
                  m->entry[i - 1].off + m->entry[i - 1].t.size <=
                      m->entry[i].off);
    if (sorted)
        return 0;
    qsort(m->entry, m->n, sizeof(*m->entry), by_place);
    sov_map_free(&m->names);
    memset(&m->names, 0, sizeof(m->names));
    for (size_t i = 0; i < m->n && rc >= 0; i++) {
        rc = sov_map_add(&m->names, m->entry[i].t.name,
                         strlen(m->entry[i].t.name), i, err);
        if (m->entry[i].t.size > 0)
            m->last = i;
    }
    return rc < 0 ? rc : 0;
}
