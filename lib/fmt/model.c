/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model.c - one view of a model: opening it, and what it shows
 *
 * sov_model_load() tastes what it was given, lets the formats bid for it, and
 * the highest bidder fills the model (build.c has the pieces).  From then on
 * it is read-only, but for the import that puts its view in place of a
 * directory's (rebuild.c) and the forward motion of a pipe (read.c).
 */
#include "fmt/format.h"

#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"
#include "sov/io.h"
#include "sys/hash.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define WARNINGS_MAX 1000u

static const struct sov_format *const formats[] = {
#define FORMAT(name) &sov_format_##name,
#include "fmt/formats.def"
#undef FORMAT
};

#define N_FORMATS (sizeof(formats) / sizeof(formats[0]))

static const struct sov_format *
best_bid(const struct sov_taste *taste)
{
    const struct sov_format *best = NULL;
    int highest = 0;

    for (size_t i = 0; i < N_FORMATS; i++) {
        int bid = formats[i]->bid(taste);

        if (bid > highest) {
            highest = bid;
            best = formats[i];
        }
    }
    return best;
}

/* Open the one file that was given and look at its first bytes. */
static int
taste_file(sov_model *m, struct sov_taste *taste, struct sov_err *err)
{
    struct sov_part *part;
    size_t at;
    int rc;

    rc = sov_model_add_part(m, m->path, &at, err);
    if (rc < 0)
        return rc;
    part = m->part[at];
    rc = sov_in_need(&part->in, SOV_TASTE, err);
    if (rc < 0 && (rc != SOV_EFORMAT || (m->bag != NULL && m->bag->failed)))
        return sov_part_wrap(part, err);
    if (rc < 0 && sov_in_left(&part->in) != UINT64_MAX)
        rc = sov_in_need(&part->in, sov_in_left(&part->in), err);
    taste->head = part->in.rd.left;
    return rc == SOV_EFORMAT ? 0 : rc;
}

/*
 * A pipe that will be mapped goes to a nameless file, but only after its
 * first bytes have shown that it is a model.
 */
static int
settle_first(sov_model *m, struct sov_err *err)
{
    struct sov_part *part = m->part[0];
    struct sov_span head = part->in.rd.left;
    int rc = 0;

    if (m->access != SOV_ACCESS_MAP)
        return 0;
    if (!part->file.regular)
        rc = sov_file_spool(&part->file, head.p, head.len, err);
    if (rc == 0)
        rc = sov_file_map(&part->file, &part->map, err);
    part->map_size = part->file.size;
    return rc;
}

static bool
is_dir(const sov_model *m)
{
    if (m->bag != NULL)
        return m->bag->dir;
    return strcmp(m->path, "-") != 0 && sov_path_is_dir(m->path);
}

/* Nothing is taken from windows any more: the header has been seen. */
static int
settle_parts(sov_model *m, struct sov_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < m->n_parts && rc == 0; i++) {
        struct sov_part *part = m->part[i];

        if (part->file.regular) /* read at any place from now on */
            sov_in_free(&part->in);
        else
            rc = sov_in_settle(&part->in, err);
        if (part->map != NULL && m->opts.hash == 0)
            sov_file_close(&part->file); /* a map needs no descriptor */
    }
    return rc;
}

int
sov_model_load_path(sov_model *m, struct sov_err *err)
{
    struct sov_taste taste = { 0 };
    const struct sov_format *format;
    int rc = 0;

    taste.path = m->path;
    taste.dir = is_dir(m);
    if (!taste.dir && (rc = taste_file(m, &taste, err)) < 0)
        return rc;
    format = best_bid(&taste);
    /* an archive in an archive is not opened */
    if (format == NULL || (format->container && m->bag != NULL)) {
        (void)sov_guess(&taste, err);
        return sov_part_wrap(m->part[0], err);
    }
    if (format->container)
        return format->load(m, err);
    m->format = format->name;
    if (!taste.dir && (rc = settle_first(m, err)) < 0)
        return sov_part_wrap(m->part[0], err);
    rc = format->load(m, err);
    for (size_t i = 0; i < m->n && rc == 0; i++)
        rc = sov_entry_map(m, &m->entry[i], err);
    return rc < 0 ? rc : settle_parts(m, err);
}

int
sov_model_load_with(sov_model **model, const char *path,
                    const struct sov_model_opts *opts, struct sov_err *err)
{
    sov_model *m = sov_mem_array(1, sizeof(*m));
    struct sov_err unseen;
    int rc;

    *model = NULL;
    if (err == NULL)
        err = &unseen;
    if (m == NULL)
        return sov_mem_fail(err);
    m->opts = *opts;
    m->access = opts->access;
    m->path = sov_mem_dup(path, strlen(path));
    rc = m->path == NULL ? sov_mem_fail(err) : sov_meta_new(&m->meta, err);
    if (rc == 0)
        rc = sov_model_load_path(m, err);
    if (rc < 0) {
        sov_model_close(m);
        return rc;
    }
    *model = m;
    return 0;
}

int
sov_model_load(sov_model **model, const char *path, enum sov_access access,
               struct sov_err *err)
{
    const struct sov_model_opts opts = { .access = access };

    return sov_model_load_with(model, path, &opts, err);
}

static void
part_free(struct sov_part *part)
{
    sov_in_free(&part->in);
    if (part->map != NULL)
        sov_file_unmap(part->map, part->map_size);
    sov_file_close(&part->file);
    free(part->path);
    free(part);
}

static void
close_bag(sov_model *m)
{
    struct sov_part *outer = m->bag != NULL ? m->bag->outer : NULL;

    sov_bag_free(m->bag);
    if (outer != NULL)
        part_free(outer);
}

void
sov_model_close(sov_model *m)
{
    if (m == NULL)
        return;
    for (size_t i = 0; i < m->n; i++)
        sov_entry_free(&m->entry[i]);
    for (size_t i = 0; i < m->n_parts; i++)
        part_free(m->part[i]);
    close_bag(m);
    sov_digests_free(&m->digests);
    for (size_t i = 0; i < 2; i++) {
        free(m->side_name[i]);
        free(m->side_text[i]);
    }
    for (size_t i = 0; i < m->n_warnings; i++)
        free(m->warning[i]);
    for (size_t i = 0; i < m->n_files; i++)
        free(m->files[i]);
    for (size_t i = 0; i < m->n_kept; i++) {
        for (size_t k = 0; k < m->kept[i].n; k++)
            sov_entry_free(&m->kept[i].entry[k]);
        free(m->kept[i].entry);
    }
    for (size_t i = 0; i < m->n_made; i++) {
        free((void *)(uintptr_t)m->made[i]->recipe.piece);
        free(m->made[i]);
    }
    free(m->kept);
    free(m->made);
    free(m->entry);
    free(m->part);
    free(m->warning);
    free(m->files);
    sov_map_free(&m->names);
    sov_meta_free(m->meta);
    json_decref(m->config);
    free(m->dir);
    free(m->path);
    free(m);
}

/* ---- what it shows */

const char *
sov_model_format(const sov_model *m)
{
    return m->format;
}

const sov_meta *
sov_model_meta(const sov_model *m)
{
    return m->meta;
}

uint64_t
sov_model_bytes(const sov_model *m)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < m->n_parts; i++)
        if (!m->part[i]->pipe)
            sum += m->part[i]->file.size;
    return sum;
}

size_t
sov_model_files(const sov_model *m, const char *const **paths)
{
    *paths = (const char *const *)m->files;
    return m->n_files;
}

size_t
sov_model_count(const sov_model *m)
{
    return m->n;
}

const struct sov_tensor *
sov_model_at(const sov_model *m, size_t i)
{
    return i < m->n ? &m->entry[i].t : NULL;
}

bool
sov_model_forward(const sov_model *m)
{
    for (size_t i = 0; i < m->n_parts; i++)
        if (m->part[i]->map == NULL && !m->part[i]->file.regular)
            return true;
    return false;
}

int64_t
sov_model_find(const sov_model *m, const char *name)
{
    uint64_t at;

    return sov_map_get(&m->names, name, strlen(name), &at) ? (int64_t)at : -1;
}

bool
sov_model_place(const sov_model *m, size_t i, const char **path, uint64_t *off)
{
    const struct sov_entry *e = i < m->n ? &m->entry[i] : NULL;

    /* every format has a header first, so nothing real lies at 0 */
    if (e == NULL || e->off == 0)
        return false;
    *path = m->part[e->part]->path;
    *off = e->off;
    return true;
}

bool
sov_model_filed(const sov_model *m, size_t i)
{
    const struct sov_entry *e = i < m->n ? &m->entry[i] : NULL;

    return e != NULL && (e->off != 0 || e->made != NULL);
}

bool
sov_model_identity(const sov_model *m, unsigned char id[SOV_XXH3_LEN])
{
    struct sov_buf b = { 0 };
    bool known = m->n_parts > 0;

    for (size_t i = 0; i < m->n_parts; i++) {
        const struct sov_file *f = &m->part[i]->file;

        known = known && f->regular && !f->scratch && f->pull == NULL &&
                f->mtime != 0;
        sov_buf_u64(&b, f->size);
        sov_buf_u64(&b, f->base);
        sov_buf_u64(&b, f->dev);
        sov_buf_u64(&b, f->ino);
        sov_buf_u64(&b, (uint64_t)f->mtime);
        sov_buf_u64(&b, (uint64_t)f->ctime);
    }
    known = known && !b.bad;
    if (known)
        sov_xxh3(b.p, b.len, id);
    sov_buf_free(&b);
    return known;
}

const char *
sov_model_warning(const sov_model *m, size_t i)
{
    return i < m->n_warnings ? m->warning[i] : NULL;
}

void
sov_model_warn(sov_model *m, const char *fmt, ...)
{
    char safe[400];
    char *copy;
    va_list ap;

    if (m->n_warnings >= WARNINGS_MAX ||
        sov_mem_grow((void **)&m->warning, m->n_warnings, &m->cap_warnings,
                     sizeof(*m->warning), NULL) < 0)
        return;
    va_start(ap, fmt);
    sov_text_print(safe, sizeof(safe), fmt, ap);
    va_end(ap);
    copy = sov_mem_dup(safe, strlen(safe));
    if (copy != NULL)
        m->warning[m->n_warnings++] = copy;
}

const json_t *
sov_model_config(const sov_model *m)
{
    return m->config;
}
