/* SPDX-License-Identifier: Apache-2.0 */
/*
 * safetensors_dir.c - a Hugging Face directory, and the index of its shards
 *
 * Looked for in this order: model.safetensors; the shards that
 * model.safetensors.index.json names; every *.safetensors there is.  Pickles
 * are never opened: they are programs.
 *
 * The index comes with the model and is not believed: a shard is a plain file
 * in the same folder, and each tensor is where the index says.
 */
#include "fmt/safetensors.h"

#include "base/limits.h"
#include "base/mem.h"
#include "sov/io.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SINGLE "model.safetensors"
#define INDEX  "model.safetensors.index.json"

static int
add_shard(sov_model *m, const char *name, struct sov_err *err)
{
    char *path = sov_model_join(m, name);
    size_t at;
    int rc;

    if (path == NULL)
        return sov_mem_fail(err);
    rc = sov_model_add_part(m, path, &at, err);
    free(path);
    return rc < 0 ? rc : sov_safetensors_part(m, at, err);
}

/* ---- the index */

/* A plain name of a safetensors file in the folder of the index. */
static int
check_shard_name(const char *name, struct sov_err *err)
{
    struct sov_span text = { (const unsigned char *)name, strlen(name) };

    if (strchr(name, '/') != NULL || name[0] == '.' || !sov_name_ok(text))
        return sov_fail(err, SOV_EFORMAT,
                        "shard \"%.80s\" is not a name in the same folder",
                        name);
    if (!sov_ends_with(name, ".safetensors"))
        return sov_fail(err, SOV_EFORMAT,
                        "shard \"%.80s\" is not a safetensors file", name);
    return 0;
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The different names in map, sorted, borrowed from it; free() the list. */
static int
list_shards(json_t *map, const char ***list, size_t *n, struct sov_err *err)
{
    const char **name;
    const char *key;
    json_t *value;
    size_t k = 0;
    int rc = 0;

    name = sov_mem_array(json_object_size(map), sizeof(*name));
    if (name == NULL)
        return sov_mem_fail(err);
    json_object_foreach(map, key, value) {
        if (!json_is_string(value))
            rc = sov_fail(err, SOV_EFORMAT, "%.80s is not a string", key);
        else
            rc = check_shard_name(json_string_value(value), err);
        if (rc < 0) {
            free(name);
            return rc;
        }
        name[k++] = json_string_value(value);
    }
    qsort(name, k, sizeof(*name), by_name);
    *n = 0;
    for (size_t i = 0; i < k; i++)
        if (*n == 0 || strcmp(name[*n - 1], name[i]) != 0)
            name[(*n)++] = name[i];
    *list = name;
    return 0;
}

/* Is every tensor of the map in the shard that it names, and no other? */
static int
check_map(sov_model *m, json_t *map, size_t first, struct sov_err *err)
{
    const struct sov_part *part;
    const char *name, *slash;
    json_t *value;
    int64_t at;

    json_object_foreach(map, name, value) {
        at = sov_model_find(m, name);
        if (at < 0)
            return sov_fail(err, SOV_EFORMAT,
                            "tensor %.80s is not in %.80s", name,
                            json_string_value(value));
        part = m->part[m->entry[at].part];
        slash = strrchr(part->path, '/');
        if (strcmp(slash != NULL ? slash + 1 : part->path,
                   json_string_value(value)) != 0)
            return sov_fail(err, SOV_EFORMAT,
                            "tensor %.80s is in %.80s, not in %.80s", name,
                            slash != NULL ? slash + 1 : part->path,
                            json_string_value(value));
    }
    for (size_t i = first; i < m->n; i++)
        if (json_object_get(map, m->entry[i].t.name) == NULL)
            sov_model_warn(m, "tensor %.80s is not in the index",
                           m->entry[i].t.name);
    return 0;
}

static int
read_index(sov_model *m, json_t *index, struct sov_err *err)
{
    json_t *map = json_object_get(index, "weight_map");
    const char **list = NULL;
    size_t first = m->n, n = 0;
    int rc;

    if (!json_is_object(map))
        return sov_fail(err, SOV_EFORMAT, "has no weight_map");
    rc = list_shards(map, &list, &n, err);
    if (rc < 0)
        return sov_err_wrap(err, "weight_map");
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = add_shard(m, list[i], err);
    free(list);
    if (rc == 0)
        rc = check_map(m, map, first, err);
    return rc;
}

int
sov_safetensors_index(sov_model *m, const char *name, struct sov_err *err)
{
    json_t *index = NULL;
    char *text;
    size_t len;
    int rc;

    rc = sov_model_side_file(m, name, SOV_JSON_MAX, &text, &len, err);
    if (rc != 0)
        return rc < 0 ? rc : sov_fail(err, SOV_EIO, "%s is gone", name);
    rc = sov_json_parse(text, len, &index, err);
    free(text);
    if (rc == 0)
        rc = read_index(m, index, err);
    json_decref(index);
    return rc < 0 ? sov_err_wrap(err, "%s/%s", m->dir, name) : 0;
}

/* ---- the directory */

/* What a look into the folder found. */
struct found {
    char **shard; /* owned names of *.safetensors */
    size_t n;
    size_t cap;
    char *gguf;   /* one of each of these, or NULL */
    char *pickle;
};

static bool
is_pickle(const char *name)
{
    return sov_ends_with(name, ".bin") || sov_ends_with(name, ".pt") ||
           sov_ends_with(name, ".pth") || sov_ends_with(name, ".ckpt");
}

static int
note_name(struct found *f, const char *name, struct sov_err *err)
{
    char **where = NULL;
    int rc;

    if (name[0] == '.')
        return 0;
    if (sov_ends_with(name, ".safetensors")) {
        rc = sov_mem_grow((void **)&f->shard, f->n, &f->cap,
                          sizeof(*f->shard), err);
        if (rc < 0)
            return rc;
        where = &f->shard[f->n];
        *where = NULL;
    } else if (f->gguf == NULL && sov_ends_with(name, ".gguf")) {
        where = &f->gguf;
    } else if (f->pickle == NULL && is_pickle(name)) {
        where = &f->pickle;
    }
    if (where == NULL)
        return 0;
    *where = sov_mem_dup(name, strlen(name));
    if (*where == NULL)
        return sov_mem_fail(err);
    if (f->shard != NULL && where == &f->shard[f->n])
        f->n++;
    return 0;
}

static int
look_on_disk(const char *dir, struct found *f, struct sov_err *err)
{
    struct dirent *entry;
    DIR *d = opendir(dir);
    int rc = 0;

    if (d == NULL)
        return sov_fail_sys(err, SOV_WHERE_INPUT, "%s", dir);
    while (rc == 0 && (entry = readdir(d)) != NULL)
        rc = note_name(f, entry->d_name, err);
    closedir(d);
    return rc;
}

static int
look_in_bag(const sov_model *m, struct found *f, struct sov_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < m->bag->n && rc == 0; i++) {
        const char *name = sov_bag_inner(m, m->bag->item[i].name);

        if (m->dir[0] != '\0' && name == m->bag->item[i].name)
            continue; /* not in the folder */
        if (strchr(name, '/') == NULL)
            rc = note_name(f, name, err);
    }
    return rc;
}

static int
look_around(const sov_model *m, struct found *f, struct sov_err *err)
{
    int rc = m->bag != NULL ? look_in_bag(m, f, err)
                            : look_on_disk(m->dir, f, err);

    if (f->n > 0)
        qsort(f->shard, f->n, sizeof(*f->shard), by_name);
    return rc;
}

static int
no_model(const char *dir, const struct found *f, struct sov_err *err)
{
    if (f->gguf != NULL)
        return sov_fail(err, SOV_EFORMAT,
                        "%s: a folder without safetensors; to open the GGUF "
                        "file in it, name it: %s", dir, f->gguf);
    if (f->pickle != NULL)
        return sov_fail(err, SOV_EFORMAT,
                        "%s: has only PyTorch pickles (%s), which are "
                        "programs and not opened; get the model as "
                        "safetensors, or convert it", dir, f->pickle);
    return sov_fail(err, SOV_EFORMAT,
                    "%s: no model in this folder (neither %s nor %s)", dir,
                    SINGLE, INDEX);
}

static int
load_loose(sov_model *m, struct sov_err *err)
{
    struct found f = { 0 };
    int rc;

    rc = look_around(m, &f, err);
    if (rc == 0 && f.n == 0)
        rc = no_model(m->dir, &f, err);
    for (size_t i = 0; i < f.n && rc == 0; i++)
        rc = add_shard(m, f.shard[i], err);
    for (size_t i = 0; i < f.n; i++)
        free(f.shard[i]);
    free(f.shard);
    free(f.gguf);
    free(f.pickle);
    return rc;
}

static int
directory_bid(const struct sov_taste *taste)
{
    return taste->dir ? 50 : 0;
}

static int
directory_load(sov_model *m, struct sov_err *err)
{
    int rc;

    m->dir = sov_mem_dup(m->path, strlen(m->path));
    if (m->dir == NULL)
        return sov_mem_fail(err);
    if (sov_model_has_file(m, SINGLE))
        rc = add_shard(m, SINGLE, err);
    else if (sov_model_has_file(m, INDEX))
        rc = sov_safetensors_index(m, INDEX, err);
    else
        rc = load_loose(m, err);
    if (rc == 0)
        rc = sov_safetensors_settle(m, err);
    return rc < 0 ? rc : sov_model_load_config(m, err);
}

const struct sov_format sov_format_huggingface = {
    .name = "huggingface",
    .bid = directory_bid,
    .load = directory_load,
};
