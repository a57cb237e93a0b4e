/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bag.c - what was taken out of an archive, to be found by name
 *
 * Names are looked at and compared.  None is ever given to the system.
 */
#include "fmt/format.h"

#include "base/limits.h"
#include "base/mem.h"
#include "fmt/gguf.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK      ((size_t)1 << 20)
#define SPOOL_PAGE ((uint64_t)65536) /* the largest page there is */

void
sov_bag_free(struct sov_bag *bag)
{
    if (bag == NULL)
        return;
    sov_archive_close(bag->archive);
    for (size_t i = 0; i < bag->n; i++) {
        free(bag->item[i].name);
        free(bag->item[i].text);
    }
    free(bag->item);
    sov_map_free(&bag->names);
    if (bag->spool >= 0)
        close(bag->spool);
    free(bag->path);
    free(bag);
}

/* ---- what a member is ---- */

static const char *
base_of(const char *name)
{
    const char *slash = strrchr(name, '/');

    return slash != NULL ? slash + 1 : name;
}

/* What Finder and other programs add of their own accord. */
static bool
is_litter(const char *name)
{
    return strncmp(base_of(name), "._", 2) == 0 ||
           strncmp(name, "__MACOSX/", 9) == 0;
}

static bool
is_side(const char *name, enum sov_side_kind *side)
{
    *side = SOV_SIDE_CLAIMS;
    if (sov_ends_with(name, ".claims.jsonl") ||
        strcmp(base_of(name), "claims.jsonl") == 0 ||
        strcmp(name, "sov/ancestors.jsonl") == 0 ||
        strcmp(name, "sov/leaf.jsonl") == 0)
        return true;
    *side = SOV_SIDE_INDEX;
    return sov_ends_with(name, ".sovidx");
}

/* What an import may ask for. */
static bool
is_text(const char *name)
{
    return sov_ends_with(name, ".json") || sov_ends_with(name, ".jinja") ||
           strcmp(base_of(name), "tokenizer.model") == 0 ||
           strcmp(base_of(name), "merges.txt") == 0 ||
           strcmp(base_of(name), "vocab.txt") == 0;
}

/* NAME-00001-of-00002.gguf */
static bool
is_split_name(const char *name)
{
    size_t len = strlen(name);

    return len > 20 && name[len - 20] == '-' &&
           strspn(name + len - 19, "0123456789") == 5 &&
           strncmp(name + len - 14, "-of-", 4) == 0 &&
           strspn(name + len - 10, "0123456789") == 5 &&
           strcmp(name + len - 5, ".gguf") == 0;
}

/* ---- taking ---- */

static int
read_member(struct sov_bag *bag, void *buf, size_t len, size_t *got,
            struct sov_err *err)
{
    int64_t n = sov_archive_read(bag->archive, buf, len, err);

    *got = n > 0 ? (size_t)n : 0;
    return n < 0 ? (int)n : 0;
}

static int
too_much(const struct sov_bag *bag, uint64_t limit, const char *what,
         struct sov_err *err)
{
    sov_fail(err, SOV_EFORMAT, "%s more than the limit of %" PRIu64 " bytes",
             what, limit);
    return sov_archive_wrap(bag->archive, err);
}

/* All of the member into memory. */
static int
keep(struct sov_bag *bag, struct sov_item *item, struct sov_err *err)
{
    uint64_t max = item->kind == SOV_ITEM_SIDE && item->side == SOV_SIDE_INDEX
                       ? SOV_KEEP_MAX
                       : SOV_JSON_MAX;
    size_t cap = 0, got = 1;
    char *fresh;
    int rc = 0;

    while (rc == 0 && got > 0) {
        if (item->len + 1 >= cap) {
            cap = cap == 0 ? 16384 : cap * 2;
            fresh = realloc(item->text, cap);
            if (fresh == NULL) {
                item->kind = SOV_ITEM_OTHER;
                return sov_mem_fail(err);
            }
            item->text = fresh;
        }
        rc = read_member(bag, item->text + item->len, cap - 1 - item->len, &got,
                         err);
        item->len += got;
        bag->kept += got;
        if (rc == 0 && item->len > max)
            rc = too_much(bag, max, "has", err);
        if (rc == 0 && bag->kept > SOV_KEEP_MAX)
            rc = too_much(bag, SOV_KEEP_MAX, "with what came before:", err);
    }
    if (rc < 0) { /* half a text is none */
        item->kind = SOV_ITEM_OTHER;
        return rc;
    }
    item->text[item->len] = '\0';
    return 0;
}

/* The member's bytes, through its digest and into the spool if there is one. */
static int
pass(sov_model *m, struct sov_item *item, bool spool, struct sov_err *err)
{
    struct sov_bag *bag = m->bag;
    unsigned char *buf = malloc(CHUNK);
    size_t got = bag->n_peek;
    int rc = buf == NULL ? sov_mem_fail(err)
                         : sov_digest_begin(m, item->digest, err);

    if (rc == 0)
        memcpy(buf, bag->peek, got);
    while (rc == 0 && got > 0) {
        rc = sov_digest_update(m, item->digest, buf, got, err);
        if (rc < 0)
            sov_archive_wrap(bag->archive, err);
        else if (spool)
            rc = sov_file_append(bag->spool, buf, got, err);
        item->size += got;
        if (rc == 0)
            rc = read_member(bag, buf, CHUNK, &got, err);
    }
    free(buf);
    return rc < 0 ? rc : sov_digest_end(m, item->digest, err);
}

/* Begin on a page, so that it can be mapped. */
static int
spool(sov_model *m, struct sov_item *item, struct sov_err *err)
{
    struct sov_bag *bag = m->bag;
    int rc = bag->spool < 0 ? sov_file_nameless(&bag->spool, err) : 0;

    if (rc < 0)
        return rc;
    item->base = (bag->spooled + SPOOL_PAGE - 1) / SPOOL_PAGE * SPOOL_PAGE;
    item->fd = bag->spool;
    if (lseek(bag->spool, (off_t)item->base, SEEK_SET) < 0)
        return sov_fail_sys(err, SOV_WHERE_ANY, "cannot spool");
    rc = pass(m, item, true, err);
    bag->spooled = item->base + item->size;
    return rc;
}

static int
two_models(const struct sov_bag *bag, const char *a, const char *b,
           struct sov_err *err)
{
    return sov_fail(err, SOV_EFORMAT,
                    "%.120s: has two models, %.100s and %.100s; an archive "
                    "is opened if it has one",
                    bag->path, a, b);
}

/* Weights: where shall they be read from? */
static int
take_weights(sov_model *m, struct sov_item *item, uint64_t size,
             struct sov_err *err)
{
    struct sov_bag *bag = m->bag;
    bool single = sov_archive_single(bag->archive);

    if (bag->streaming) /* and that one was read */
        return two_models(bag, bag->item[bag->stream].name, item->name, err);
    item->kind = SOV_ITEM_WEIGHTS;
    if (item->base > 0) {
        item->fd = bag->outer->file.fd;
        item->size = size;
        return 0;
    }
    if (!single && !(item->gguf && m->access == SOV_ACCESS_STREAM &&
                     !is_split_name(item->name)))
        return spool(m, item, err);
    item->kind = SOV_ITEM_STREAM;
    bag->streaming = true;
    bag->stream = (size_t)(item - bag->item);
    return 0;
}

static int
take_text(sov_model *m, struct sov_item *item, struct sov_err *err)
{
    int rc = keep(m->bag, item, err);

    if (rc < 0 || item->kind == SOV_ITEM_SIDE)
        return rc;
    rc = sov_digest_begin(m, item->digest, err);
    if (rc == 0)
        rc = sov_digest_update(m, item->digest, item->text, item->len, err);
    return rc < 0 ? rc : sov_digest_end(m, item->digest, err);
}

static int
take(sov_model *m, struct sov_item *item, uint64_t size, struct sov_err *err)
{
    struct sov_bag *bag = m->bag;
    uint64_t off;
    int rc;

    bag->n_peek = 0;
    bag->peek_at = 0;
    item->digest = SIZE_MAX;
    if (is_side(item->name, &item->side) && !is_litter(item->name)) {
        item->kind = SOV_ITEM_SIDE;
        return take_text(m, item, err);
    }
    rc = sov_digest_add(m, item->name, &item->digest, err);
    if (rc < 0)
        return rc;
    if (is_text(item->name) && !is_litter(item->name)) {
        item->kind = SOV_ITEM_TEXT;
        return take_text(m, item, err);
    }
    /* Before the first byte is read: it begins where the reader stands. */
    if (sov_archive_in_place(bag->archive, &off) && size != UINT64_MAX)
        item->base = off;
    rc = read_member(bag, bag->peek, sizeof(bag->peek), &bag->n_peek, err);
    if (rc < 0)
        return rc;
    item->gguf = bag->n_peek >= 4 && memcmp(bag->peek, SOV_GGUF_MAGIC, 4) == 0;
    if (!is_litter(item->name) &&
        (sov_archive_single(bag->archive) || item->gguf ||
         sov_ends_with(item->name, ".gguf") ||
         sov_ends_with(item->name, ".safetensors")))
        return take_weights(m, item, size, err);
    return m->opts.hash != 0 ? pass(m, item, false, err) : 0;
}

int
sov_bag_fill(sov_model *m, struct sov_err *err)
{
    struct sov_bag *bag = m->bag;
    bool before = bag->streaming;
    struct sov_member member;
    struct sov_item *item;
    int rc;

    bag->streamed = before;
    while ((rc = sov_archive_next(bag->archive, &member, err)) == 1) {
        rc = sov_mem_grow((void **)&bag->item, bag->n, &bag->cap,
                          sizeof(*bag->item), err);
        if (rc < 0)
            return rc;
        item = &bag->item[bag->n];
        memset(item, 0, sizeof(*item));
        item->name = sov_mem_dup(member.name, strlen(member.name));
        if (item->name == NULL)
            return sov_mem_fail(err);
        rc = sov_map_add(&bag->names, item->name, strlen(item->name), bag->n,
                         err);
        bag->n++; /* the name is owned from here on */
        if (rc < 0)
            return rc;
        rc = take(m, item, member.size, err);
        if (rc < 0)
            return rc;
        if (bag->streaming && !before)
            return 0;
    }
    bag->ended = rc == 0;
    return rc;
}

int
sov_bag_finish(sov_model *m, struct sov_err *err)
{
    struct sov_bag *bag = m->bag;
    int rc = 0;

    if (!bag->ended)
        rc = sov_bag_fill(m, err);
    if (rc == 0 && m->opts.hash != 0 && bag->outer != NULL)
        rc = sov_file_unchanged(&bag->outer->file, err);
    return rc;
}

/* ---- finding ---- */

struct sov_item *
sov_bag_find(const struct sov_bag *bag, const char *name)
{
    uint64_t at;

    return sov_map_get(&bag->names, name, strlen(name), &at) ? &bag->item[at]
                                                             : NULL;
}

/* The member that is pulled, as if it were a pipe. */
static int64_t
pull(void *arg, void *buf, size_t len, struct sov_err *err)
{
    struct sov_bag *bag = arg;
    size_t n = bag->n_peek - bag->peek_at;
    int64_t more;

    if (bag->streamed)
        return 0;
    if (n > len)
        n = len;
    memcpy(buf, bag->peek + bag->peek_at, n);
    bag->peek_at += n;
    if (n == len)
        return (int64_t)n;
    more =
        sov_archive_read(bag->archive, (unsigned char *)buf + n, len - n, err);
    bag->failed = bag->failed || more < 0;
    return more < 0 ? more : (int64_t)n + more;
}

int
sov_bag_open(struct sov_bag *bag, const char *name, struct sov_file *f,
             size_t *digest, struct sov_err *err)
{
    const struct sov_item *item = sov_bag_find(bag, name);

    if (item == NULL || item->digest == SIZE_MAX)
        return sov_fail(err, SOV_EFORMAT, "%.120s: there is no member %.160s",
                        bag->path, name);
    *digest = item->digest;
    *f = (struct sov_file){ .fd = -1, .borrowed = true };
    switch (item->kind) {
    case SOV_ITEM_STREAM:
        f->pull = pull;
        f->pull_arg = bag;
        return 0;
    case SOV_ITEM_WEIGHTS:
        f->fd = item->fd;
        f->regular = true;
        f->base = item->base;
        f->size = item->size;
        return 0;
    default:
        return sov_fail(err, SOV_EFORMAT,
                        "%.120s: member %.160s is no file of weights",
                        bag->path, name);
    }
}

const char *
sov_bag_inner(const sov_model *m, const char *name)
{
    size_t len;

    if (m->bag->dir) {
        len = strlen(m->path);
    } else {
        const char *slash = strrchr(m->path, '/');

        len = slash != NULL ? (size_t)(slash - m->path) : 0;
    }
    if (len > 0 && strncmp(name, m->path, len) == 0 && name[len] == '/')
        return name + len + 1;
    return name;
}
