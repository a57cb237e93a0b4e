/* SPDX-License-Identifier: Apache-2.0 */
/*
 * given.c - files that may be what a claim names, found by their digests
 *
 * A name proves nothing, and a path even less: what a file is for is said by
 * its digest alone.  What was hashed is what is used: a model is asked once
 * more when all is done, and a text is in memory.
 *
 * A source of one file is taken by its size first and hashed beside the work,
 * which a processor does better than one after the other; nothing is said of
 * what was made before that has settled it.
 */
#include "prove/prove.h"

#include "base/limits.h"
#include "base/mem.h"
#include "fmt/model.h"
#include "sys/file.h"

#include <stdlib.h>
#include <string.h>

/* What a claim names and nobody has to bring: the program, plans that stand in
 * the claim as well, files that are no part of a model. */
static bool
is_needed(const struct sov_resource *r)
{
    static const char *const roles[] = { "calibration", "imatrix", "adapter",
                                         "delta", NULL };

    for (size_t i = 0; r->role != NULL && roles[i] != NULL; i++)
        if (strcmp(r->role, roles[i]) == 0)
            return true;
    return false;
}

static bool
has_role(const struct sov_resource *r, const char *role)
{
    return r->role != NULL && strcmp(r->role, role) == 0;
}

struct sov_given *
sov_prove_of(const sov_prove *p, const char *role, size_t i)
{
    for (size_t k = 0; k < p->n_given; k++)
        if (has_role(p->given[k].what, role) && i-- == 0)
            return &p->given[k];
    return NULL;
}

const struct sov_resource *
sov_prove_missing(const sov_prove *p, size_t i)
{
    for (size_t k = 0; k < p->n_given; k++) {
        const struct sov_given *g = &p->given[k];
        bool parent = has_role(g->what, "parent");

        if (g->path == NULL &&
            (parent ? p->source == NULL : is_needed(g->what)) && i-- == 0)
            return g->what;
    }
    return NULL;
}

bool
sov_prove_input(const sov_prove *p, size_t i, struct sov_prove_input *input)
{
    for (size_t k = 0; k < p->n_given; k++) {
        if (has_role(p->given[k].what, "tool") || i-- > 0)
            continue;
        input->what = p->given[k].what;
        input->path = p->given[k].path;
        return true;
    }
    return false;
}

/* ---- is it that one? ---- */

/* On all that both know, of which there is something. */
static bool
is_same(const struct sov_resource *r, const struct sov_digest *d)
{
    unsigned both =
        r->digest.has & d->has & (SOV_HASH_SHA256 | SOV_HASH_VERITY);

    if (both == 0 || (r->has_size && r->digest.size != d->size))
        return false;
    return ((both & SOV_HASH_SHA256) == 0 ||
            memcmp(r->digest.sha256, d->sha256, SOV_SHA256_LEN) == 0) &&
           ((both & SOV_HASH_VERITY) == 0 ||
            memcmp(r->digest.verity, d->verity, SOV_SHA256_LEN) == 0);
}

static struct sov_given *
find(const sov_prove *p, const struct sov_digest *d)
{
    for (size_t i = 0; i < p->n_given; i++)
        if (p->given[i].path == NULL && is_same(p->given[i].what, d))
            return &p->given[i];
    return NULL;
}

/* Digests that tell what it is; the tree alone, where that does, since it is
 * computed on all cores. */
static unsigned
digests(const sov_prove *p)
{
    unsigned what = 0;

    for (size_t i = 0; i < p->n_given; i++) {
        const struct sov_resource *r = p->given[i].what;

        if (!has_role(r, "tool"))
            what |= (r->digest.has & SOV_HASH_VERITY) != 0 ? SOV_HASH_VERITY
                                                           : SOV_HASH_SHA256;
    }
    return what != 0 ? what : SOV_HASH_SHA256;
}

/* Is the last part of the name the same?  Folders have their files by name. */
static bool
is_called(const struct sov_resource *r, const char *name)
{
    const char *slash = strrchr(name, '/');

    return r->name == NULL ||
           strcmp(r->name, slash != NULL ? slash + 1 : name) == 0;
}

/* The dependency that file i of a model is, or NULL; its name counts where
 * there are several. */
static struct sov_given *
find_file(const sov_prove *p, const sov_model *m, size_t i, bool several)
{
    const struct sov_digest *d = sov_model_digest(m, i);

    for (size_t k = 0; d != NULL && k < p->n_given; k++)
        if (has_role(p->given[k].what, "parent") && p->given[k].path == NULL &&
            is_same(p->given[k].what, d) &&
            (!several ||
             is_called(p->given[k].what, sov_model_file_name(m, i))))
            return &p->given[k];
    return NULL;
}

/* Does it go beside a model? */
static bool
is_side(const char *name)
{
    static const char *const ends[] = { ".claims.jsonl", ".sovidx",
                                        ".minisig" };
    size_t len = strlen(name);

    if (strcmp(name, "claims.jsonl") == 0 || strncmp(name, "sov/", 4) == 0)
        return true;
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        if (len > strlen(ends[i]) &&
            strcmp(name + len - strlen(ends[i]), ends[i]) == 0)
            return true;
    return false;
}

static int
set_path(struct sov_given *g, const char *path, struct sov_err *err)
{
    g->path = sov_mem_dup(path, strlen(path));
    return g->path == NULL ? sov_mem_fail(err) : 0;
}

/* Are all files of the model those of the parent?  1: they are not. */
static int
take_parent(sov_prove *p, sov_model *m, const char *path, struct sov_err *err)
{
    const char *name;
    size_t n = 0, own = 0;
    int rc = 0;

    if (p->source != NULL)
        return 1;
    while ((name = sov_model_file_name(m, n)) != NULL) {
        own += !is_side(name);
        n++;
    }
    for (size_t i = 0; i < n; i++)
        if (!is_side(sov_model_file_name(m, i)) &&
            find_file(p, m, i, own > 1) == NULL)
            return 1;
    for (size_t i = 0; i < n && rc == 0; i++)
        if (!is_side(sov_model_file_name(m, i)))
            rc = set_path(find_file(p, m, i, own > 1), path, err);
    if (rc == 0)
        p->source = m;
    return rc;
}

/* An adapter, or statistics, in one file; 1: the claim names no such file. */
static int
take_file(sov_prove *p, sov_model *m, const char *path, struct sov_err *err)
{
    const struct sov_digest *d = sov_model_digest(m, 0);
    struct sov_given *g;
    int rc;

    if (d == NULL || sov_model_file_name(m, 1) != NULL)
        return 1;
    g = find(p, d);
    if (g == NULL || has_role(g->what, "parent"))
        return 1;
    rc = set_path(g, path, err);
    if (rc == 0)
        g->model = m;
    return rc;
}

/* The one parent, in one file of that size; NULL: it may be another thing. */
static struct sov_given *
find_size(const sov_prove *p, const sov_model *m)
{
    struct sov_given *found = NULL;

    if (p->source != NULL || p->reads || !sov_model_is_plain(m))
        return NULL;
    for (size_t i = 0; i < p->n_given; i++) {
        const struct sov_resource *r = p->given[i].what;

        if (!has_role(r, "parent"))
            continue;
        if (found != NULL || !r->has_size ||
            r->digest.size != sov_model_bytes(m))
            return NULL;
        found = &p->given[i];
    }
    return found;
}

int
sov_prove_settle(sov_prove *p, struct sov_err *err)
{
    const struct sov_given *g = p->unsure;
    const struct sov_digest *d;
    int rc;

    if (g == NULL)
        return 0;
    rc = sov_model_finish(p->source, err);
    if (rc < 0)
        return rc;
    d = sov_model_digest(p->source, 0);
    if (d == NULL || !is_same(g->what, d))
        return sov_fail(err, SOV_EUNSUP,
                        "%s is nothing that it was made from, by its digest",
                        g->path);
    p->unsure = NULL;
    return 0;
}

/* 0: it was taken; 1: it is no model, or none that is named. */
static int
give_model(sov_prove *p, const char *path, struct sov_err *err)
{
    const struct sov_model_opts o = {
        /* what an adapter is, is known when it is open */
        .access = p->map || sov_prove_of(p, "adapter", 0) != NULL
                      ? SOV_ACCESS_MAP
                      : SOV_ACCESS_STREAM,
        .hash = digests(p),
        .progress = p->o.progress,
        .progress_arg = p->o.progress_arg,
    };
    sov_model *m = NULL;
    int rc = sov_model_open_with(&m, path, &o, err);

    if (rc == SOV_EFORMAT || rc == SOV_EUNSUP)
        return 1;
    p->unsure = rc == 0 ? find_size(p, m) : NULL;
    if (p->unsure != NULL) {
        p->source = m;
        return set_path(p->unsure, path, err);
    }
    if (rc == 0)
        rc = sov_model_finish(m, err);
    if (rc == 0)
        rc = take_parent(p, m, path, err);
    if (rc == 1)
        rc = take_file(p, m, path, err);
    if (rc != 0)
        sov_model_close(m);
    return rc;
}

/* The text of a file, if it has this digest and is still what was hashed. */
static int
read_text(struct sov_given *g, const char *path, struct sov_err *err)
{
    struct sov_digest d = { .has = SOV_HASH_SHA256 };
    char *text = NULL;
    size_t len = 0;
    int rc = sov_read_whole(path, SOV_TEXT_MAX, &text, &len, err);

    if (rc < 0)
        return rc;
    d.size = len;
    sov_sha256(text, len, d.sha256);
    rc = is_same(g->what, &d)
             ? set_path(g, path, err)
             : sov_fail(err, SOV_EIO, "changed while it was read");
    if (rc < 0) {
        free(text);
        return rc;
    }
    g->text = text;
    g->len = len;
    return 0;
}

/* What is no model: a text, most of the time.  It is not read into memory
 * before it is known to be one of those that are wanted. */
static int
give_file(sov_prove *p, const char *path, struct sov_err *err)
{
    struct sov_digest d;
    struct sov_given *g;
    int rc = sov_hash_path(path, SOV_HASH_SHA256, &d, err);

    if (rc < 0)
        return rc;
    g = find(p, &d);
    if (g == NULL)
        return 1;
    return has_role(g->what, "delta") || has_role(g->what, "imatrix")
               ? set_path(g, path, err) /* opened by name */
               : read_text(g, path, err);
}

/* What was taken by its size is another file: perhaps one of the others. */
static int
let_go(sov_prove *p, struct sov_err *err)
{
    sov_model *m = p->source;
    char *path = p->unsure->path;
    int rc;

    p->unsure->path = NULL;
    p->unsure = NULL;
    p->source = NULL;
    rc = take_file(p, m, path, err);
    if (rc != 0)
        sov_model_close(m);
    free(path);
    return rc < 0 ? rc : 0;
}

int
sov_prove_give(sov_prove *p, const char *path, struct sov_err *err)
{
    struct sov_err why = { 0 };
    int rc = sov_prove_settle(p, err);

    if (rc == SOV_EUNSUP)
        rc = let_go(p, err); /* this may be the one that it is not */
    if (rc < 0)
        return rc;
    rc = give_model(p, path, &why);
    if (rc == 1) {
        struct sov_err second = { 0 };

        rc = give_file(p, path, &second);
        if (rc == SOV_EIO && why.msg[0] == '\0')
            rc = 1; /* a folder that is another model */
        if (rc == SOV_EIO && sov_path_is_dir(path))
            rc = why.rc; /* or none */
        else
            why = second;
    }
    if (rc < 0 && err != NULL) {
        *err = why;
        if (strncmp(why.msg, path, strlen(path)) != 0)
            sov_err_wrap(err, "%s", path);
    }
    return rc;
}

/* ---- what is made of them ---- */

int
sov_prove_text(sov_prove *p, struct sov_err *err)
{
    const struct sov_given *g = sov_prove_of(p, "calibration", 0);

    if (!p->reads)
        return 0;
    if (g == NULL || g->text == NULL)
        return sov_fail(err, SOV_EFORMAT,
                        "the claim reads a text and does not say which");
    return sov_calib_text(&p->calib, &p->ids, p->source, g->text, g->len, err);
}

int
sov_prove_stats(sov_prove *p, struct sov_err *err)
{
    struct sov_given *g = sov_prove_of(p, "imatrix", 0);
    const struct sov_digest *d;
    int rc;

    if (g == NULL || g->path == NULL)
        return 0;
    rc = sov_stats_open(&p->stats, g->path, err);
    if (rc == 0)
        rc = sov_stats_finish(p->stats, err);
    if (rc < 0)
        return rc;
    d = sov_stats_digest(p->stats);
    return d != NULL && is_same(g->what, d)
               ? 0
               : sov_fail(err, SOV_EIO, "%s: changed while it was read",
                          g->path);
}

int
sov_prove_adapters(sov_prove *p, struct sov_err *err)
{
    size_t n = 0;
    int rc = 0;

    while (sov_prove_of(p, "adapter", n) != NULL)
        n++;
    if (n != p->n_scales || n > SOV_LORAS_MAX)
        return sov_fail(err, SOV_EUNSUP,
                        "the claim names %zu adapters and %zu scales", n,
                        p->n_scales);
    p->lora = sov_mem_array(n, sizeof(*p->lora));
    if (p->lora == NULL)
        return sov_mem_fail(err);
    for (; p->n_lora < n && rc == 0; p->n_lora++) {
        const struct sov_given *g = sov_prove_of(p, "adapter", p->n_lora);
        sov_lora *lora = NULL;

        rc = g->model == NULL
                 ? sov_fail(err, SOV_EUNSUP, "%s is no adapter", g->path)
                 : sov_lora_new(&lora, g->model, err);
        if (rc == 0)
            rc = sov_lora_check(lora, p->source, err);
        p->lora[p->n_lora].lora = lora;
        p->lora[p->n_lora].scale = p->scale[p->n_lora];
    }
    return rc;
}
