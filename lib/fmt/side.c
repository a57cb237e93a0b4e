/* SPDX-License-Identifier: Apache-2.0 */
/*
 * side.c - the files beside the weights: configuration, tokenizer, claims
 *
 * They lie in the model's folder, or in the archive that the model is in.
 */
#include "fmt/format.h"

#include "base/limits.h"
#include "base/mem.h"
#include "sov/io.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *
sov_model_join(const sov_model *m, const char *name)
{
    if (m->dir[0] == '\0') /* the top of an archive */
        return sov_mem_dup(name, strlen(name));
    return sov_path_join(m->dir, name);
}

bool
sov_model_has_file(const sov_model *m, const char *name)
{
    char *path = sov_model_join(m, name);
    bool yes = false;

    if (path != NULL && m->bag != NULL)
        yes = sov_bag_find(m->bag, path) != NULL;
    else if (path != NULL)
        yes = access(path, F_OK) == 0;
    free(path);
    return yes;
}

/* ---- of a folder ---- */

/* What was read, if it is the file and not what git left in its place. */
static int
take_side_file(sov_model *m, const char *path, const char *name,
               const char *text, size_t len, struct sov_err *err)
{
    struct sov_span head = { (const unsigned char *)text, len };
    int rc;

    if (sov_is_lfs_pointer(head))
        return sov_fail(err, SOV_EFORMAT, "looks like %s", sov_looks(head));
    if (m->bag != NULL)
        return 0;
    rc = sov_model_add_file(m, path, err);
    return rc < 0 ? rc : sov_digest_text(m, name, text, len, err);
}

static int
read_disk(const char *path, size_t max, char **text, size_t *len,
          struct sov_err *err)
{
    struct stat st;

    /* A link that leads nowhere is an error, not a missing file. */
    if (lstat(path, &st) < 0)
        return 1;
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return sov_fail(err, SOV_EFORMAT, "not a regular file");
    return sov_read_whole(path, max, text, len, err);
}

static int
read_bag(const struct sov_bag *bag, const char *path, size_t max, char **text,
         size_t *len, struct sov_err *err)
{
    const struct sov_item *item = sov_bag_find(bag, path);

    if (item == NULL)
        return 1;
    if (item->kind != SOV_ITEM_TEXT)
        return sov_fail(err, SOV_EFORMAT, "not a text");
    if (item->len > max)
        return sov_fail(err, SOV_EFORMAT, "longer than the limit of %zu bytes",
                        max);
    *text = sov_mem_dup(item->text, item->len);
    *len = item->len;
    return *text == NULL ? sov_mem_fail(err) : 0;
}

/* Of a shadow: see sov_model_shadow(). */
static int
copy_side(const struct sov_side *side, char **text, size_t *len,
          struct sov_err *err)
{
    *text = sov_mem_dup(side->bytes, side->len);
    *len = side->len;
    return *text == NULL ? sov_mem_fail(err) : 0;
}

int
sov_model_side_file(sov_model *m, const char *name, size_t max, char **text,
                    size_t *len, struct sov_err *err)
{
    char *path;
    int rc;

    *text = NULL;
    for (size_t i = 0; i < m->n_sides; i++)
        if (strcmp(m->side[i].name, name) == 0)
            return copy_side(&m->side[i], text, len, err);
    if (m->dir == NULL)
        return 1;
    path = sov_model_join(m, name);
    if (path == NULL)
        return sov_mem_fail(err);
    rc = m->bag != NULL ? read_bag(m->bag, path, max, text, len, err)
                        : read_disk(path, max, text, len, err);
    if (rc == 0)
        rc = take_side_file(m, path, name, *text, *len, err);
    if (rc < 0) {
        free(*text);
        *text = NULL;
        if (m->bag != NULL)
            sov_err_wrap(err, "%s: %s", m->bag->path, path);
        else
            sov_err_wrap(err, "%s", path);
    }
    free(path);
    return rc;
}

int
sov_model_load_config(sov_model *m, struct sov_err *err)
{
    char *text;
    size_t len;
    int rc;

    rc = sov_model_side_file(m, "config.json", SOV_JSON_MAX, &text, &len, err);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    rc = sov_json_parse(text, len, &m->config, err);
    free(text);
    if (rc == 0 && !json_is_object(m->config))
        rc = sov_fail(err, SOV_EFORMAT, "not a JSON object");
    if (rc < 0)
        return sov_err_wrap(err, "%s/config.json", m->dir);
    return 0;
}

/* ---- its name ---- */

/* Last part of path[len], fresh; NULL if there is none. */
static char *
last_part(const char *path, size_t len)
{
    size_t start;

    while (len > 0 && path[len - 1] == '/')
        len--;
    for (start = len; start > 0 && path[start - 1] != '/';)
        start--;
    return len > start ? sov_mem_dup(path + start, len - start) : NULL;
}

/* Without .tar.zst and the like. */
static char *
archive_title(const struct sov_bag *bag)
{
    static const char *const ends[] = { ".gz",  ".xz",  ".zst",  ".tar",
                                        ".tgz", ".txz", ".tzst", ".zip" };
    char *title = last_part(bag->path, strlen(bag->path));

    if (title == NULL || bag->outer->pipe) {
        free(title);
        return NULL;
    }
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        if (sov_ends_with(title, ends[i]))
            title[strlen(title) - strlen(ends[i])] = '\0';
    return title;
}

char *
sov_model_title(const sov_model *m)
{
    const char *slash;

    if (m->bag != NULL)
        return m->path[0] != '\0' ? last_part(m->path, strlen(m->path))
                                  : archive_title(m->bag);
    slash = m->n_files > 0 ? strrchr(m->files[0], '/') : NULL;
    return slash != NULL ? last_part(m->files[0], (size_t)(slash - m->files[0]))
                         : NULL;
}

/* ---- of a model ---- */

static const char *const suffix[] = { ".claims.jsonl", ".sovidx" };
static const char *const in_folder[] = { "claims.jsonl", "claims.sovidx" };

static int
side_of_bag(const struct sov_bag *bag, enum sov_side_kind what, size_t i,
            const char **name, const char **text, size_t *len)
{
    for (size_t k = 0; k < bag->n; k++) {
        const struct sov_item *item = &bag->item[k];

        if (item->kind != SOV_ITEM_SIDE || item->side != what || i-- > 0)
            continue;
        *name = item->name;
        *text = item->text;
        *len = item->len;
        return 0;
    }
    return 1;
}

/* NAME.claims.jsonl and so on, fresh; NULL: no memory. */
static char *
side_path(const sov_model *m, enum sov_side_kind what)
{
    char *path;

    if (sov_path_is_dir(m->path))
        return sov_path_join(m->path, in_folder[what]);
    return asprintf(&path, "%s%s", m->path, suffix[what]) < 0 ? NULL : path;
}

static int
read_side(sov_model *m, enum sov_side_kind what, struct sov_err *err)
{
    size_t max = what == SOV_SIDE_INDEX ? SOV_KEEP_MAX : SOV_JSON_MAX;
    int rc;

    m->side_name[what] = side_path(m, what);
    if (m->side_name[what] == NULL)
        return sov_mem_fail(err);
    rc = read_disk(m->side_name[what], max, &m->side_text[what],
                   &m->side_len[what], err);
    return rc < 0 ? sov_err_wrap(err, "%s", m->side_name[what]) : 0;
}

int
sov_model_side(sov_model *m, enum sov_side_kind what, size_t i,
               const char **name, const char **text, size_t *len,
               struct sov_err *err)
{
    int rc = 0;

    if (m->bag != NULL)
        return side_of_bag(m->bag, what, i, name, text, len);
    if (strcmp(m->path, "-") == 0 || i > 0)
        return 1;
    if (m->side_name[what] == NULL)
        rc = read_side(m, what, err);
    if (rc < 0 || m->side_text[what] == NULL)
        return rc < 0 ? rc : 1;
    *name = m->side_name[what];
    *text = m->side_text[what];
    *len = m->side_len[what];
    return 0;
}
