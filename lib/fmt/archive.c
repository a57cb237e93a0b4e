/* SPDX-License-Identifier: Apache-2.0 */
/*
 * archive.c - a model inside an archive, or compressed
 *
 * Which model is it?  Every GGUF file that is not part of a split is one, every
 * split is one, and every folder with safetensors files, but for those below
 * such a folder.  There must be exactly one.  Then the format of that one loads
 * it, with the archive in place of a folder.
 */
#include "fmt/format.h"

#include "base/mem.h"
#include "fmt/safetensors.h"

#include <stdlib.h>
#include <string.h>

#define SUFFIX_LEN 20u /* -00001-of-00003.gguf */

static bool
begins(struct sov_span head, const char *bytes)
{
    return head.len >= strlen(bytes) &&
           memcmp(head.p, bytes, strlen(bytes)) == 0;
}

static int
archive_bid(const struct sov_taste *taste)
{
    struct sov_span head = taste->head;
    enum sov_pack how;

    if (taste->dir || sov_archive_look(head, &how) == NULL)
        return 0;
    /* A tar whose first member is called GGUF...; version 3 is no text */
    if (begins(head, "GGUF"))
        return head.p[4] >= 0x20 ? 110 : 0;
    /* Others would load it as safetensors: a tar has zeros behind a name */
    if (sov_safetensors_begins(head))
        return 0;
    return 70;
}

/* ---- which model ---- */

/* A model found: its name (of the file, of the folder, "" the top). */
struct root {
    char *name; /* owned */
    bool dir;
};

struct roots {
    struct root *root;
    size_t n;
    size_t cap;
    struct sov_map seen;
};

static void
roots_free(struct roots *r)
{
    for (size_t i = 0; i < r->n; i++)
        free(r->root[i].name);
    free(r->root);
    sov_map_free(&r->seen);
}

static int
add_root(struct roots *r, const char *name, size_t len, bool dir,
         struct sov_err *err)
{
    char *copy;
    int rc =
        sov_mem_grow((void **)&r->root, r->n, &r->cap, sizeof(*r->root), err);

    if (rc < 0)
        return rc;
    copy = sov_mem_dup(name, len);
    if (copy == NULL)
        return sov_mem_fail(err);
    rc = sov_map_add(&r->seen, copy, len, 0, err);
    if (rc != 0) { /* there already, or no memory */
        free(copy);
        return rc < 0 ? rc : 0;
    }
    r->root[r->n].name = copy;
    r->root[r->n++].dir = dir;
    return 0;
}

/* Bytes of NAME-00002-of-00003.gguf that all parts share; 0 if it is none. */
static size_t
split_prefix(const char *name)
{
    size_t len = strlen(name);

    if (len <= SUFFIX_LEN || name[len - SUFFIX_LEN] != '-' ||
        strspn(name + len - 19, "0123456789") != 5 ||
        strncmp(name + len - 14, "-of-", 4) != 0 ||
        strspn(name + len - 10, "0123456789") != 5 ||
        !sov_ends_with(name, ".gguf"))
        return 0;
    return len - SUFFIX_LEN;
}

/* Of a split the first part stands for all; it may be missing. */
static int
add_split(const struct sov_bag *bag, struct roots *r, const char *name,
          size_t prefix, struct sov_err *err)
{
    char *first = sov_mem_dup(name, strlen(name));
    int rc;

    if (first == NULL)
        return sov_mem_fail(err);
    memcpy(first + prefix + 1, "00001", 5);
    if (sov_bag_find(bag, first) == NULL)
        memcpy(first, name, strlen(name));
    rc = add_root(r, first, strlen(first), false, err);
    free(first);
    return rc;
}

static int
add_item(const struct sov_bag *bag, struct roots *r,
         const struct sov_item *item, struct sov_err *err)
{
    const char *slash = strrchr(item->name, '/');
    size_t prefix = split_prefix(item->name);

    if (item->kind != SOV_ITEM_WEIGHTS)
        return 0;
    if (item->gguf || sov_ends_with(item->name, ".gguf"))
        return prefix > 0
                   ? add_split(bag, r, item->name, prefix, err)
                   : add_root(r, item->name, strlen(item->name), false, err);
    return add_root(r, item->name,
                    slash != NULL ? (size_t)(slash - item->name) : 0, true,
                    err);
}

static bool
is_below(const char *inner, const char *outer)
{
    size_t n = strlen(outer);

    return n == 0 ? inner[0] != '\0'
                  : strncmp(inner, outer, n) == 0 && inner[n] == '/';
}

/* A folder of weights in the folder of a model is not looked into. */
static bool
is_hidden(const struct roots *r, size_t i)
{
    for (size_t k = 0; k < r->n && r->root[i].dir; k++)
        if (r->root[k].dir && is_below(r->root[i].name, r->root[k].name))
            return true;
    return false;
}

static int
no_model(const struct sov_bag *bag, struct sov_err *err)
{
    for (size_t i = 0; i < bag->n; i++)
        if (sov_ends_with(bag->item[i].name, ".bin") ||
            sov_ends_with(bag->item[i].name, ".pt") ||
            sov_ends_with(bag->item[i].name, ".pth") ||
            sov_ends_with(bag->item[i].name, ".pkl"))
            return sov_fail(err, SOV_EFORMAT,
                            "%.160s: has only PyTorch pickles (%.100s), which "
                            "are programs and not opened; get the model as "
                            "safetensors, or convert it",
                            bag->path, bag->item[i].name);
    if (bag->n == 0)
        return sov_fail(err, SOV_EFORMAT, "%.160s: the archive is empty",
                        bag->path);
    return sov_fail(err, SOV_EFORMAT,
                    "%.160s: no model in this archive (neither GGUF nor "
                    "safetensors, and archives in it are not opened)",
                    bag->path);
}

static const char *
shown(const struct root *root)
{
    return root->name[0] != '\0' ? root->name : "the files at its top";
}

static int
choose(const struct sov_bag *bag, const struct roots *r,
       const struct root **found, struct sov_err *err)
{
    *found = NULL;
    if (r->n > 64) /* whatever they are; and is_hidden() is quadratic */
        return sov_fail(err, SOV_EFORMAT,
                        "%.160s: has %zu models; an archive is opened if it "
                        "has one",
                        bag->path, r->n);
    for (size_t i = 0; i < r->n; i++) {
        if (is_hidden(r, i))
            continue;
        if (*found != NULL)
            return sov_fail(err, SOV_EFORMAT,
                            "%.120s: has two models, %.100s and %.100s; an "
                            "archive is opened if it has one",
                            bag->path, shown(*found), shown(&r->root[i]));
        *found = &r->root[i];
    }
    return *found == NULL ? no_model(bag, err) : 0;
}

/* Let m->path be the name of the model in the archive. */
static int
find_model(sov_model *m, struct sov_err *err)
{
    struct sov_bag *bag = m->bag;
    const struct root *found = NULL;
    struct roots r = { 0 };
    int rc = 0;

    if (bag->streaming) {
        free(m->path);
        m->path = sov_mem_dup(bag->item[bag->stream].name,
                              strlen(bag->item[bag->stream].name));
        return m->path == NULL ? sov_mem_fail(err) : 0;
    }
    for (size_t i = 0; i < bag->n && rc == 0; i++)
        rc = add_item(bag, &r, &bag->item[i], err);
    if (rc == 0)
        rc = choose(bag, &r, &found, err);
    if (rc == 0) {
        free(m->path);
        m->path = sov_mem_dup(found->name, strlen(found->name));
        bag->dir = found->dir;
        rc = m->path == NULL ? sov_mem_fail(err) : 0;
    }
    roots_free(&r);
    return rc;
}

/* ---- the row ---- */

/* The file that was opened becomes the archive, and the model has no parts. */
static int
open_bag(sov_model *m, struct sov_err *err)
{
    struct sov_bag *bag = sov_mem_array(1, sizeof(*bag));
    struct sov_part *part = m->part[0];
    const char *name = strcmp(m->path, "-") == 0 ? "standard input" : m->path;

    if (bag == NULL)
        return sov_mem_fail(err);
    m->bag = bag;
    bag->spool = -1;
    bag->outer = part;
    m->n_parts = 0;
    sov_digests_free(&m->digests);
    bag->path = sov_mem_dup(name, strlen(name));
    if (bag->path == NULL)
        return sov_mem_fail(err);
    return sov_archive_over(&bag->archive, &part->file, part->in.rd.left,
                            bag->path, err);
}

static int
archive_load(sov_model *m, struct sov_err *err)
{
    int rc = open_bag(m, err);

    if (rc == 0)
        rc = sov_bag_fill(m, err);
    if (rc == 0)
        rc = find_model(m, err);
    return rc < 0 ? rc : sov_model_load_path(m, err);
}

const struct sov_format sov_format_archive = {
    .name = "archive",
    .bid = archive_bid,
    .load = archive_load,
    .container = true,
};
