/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scrub.c - sov-verify --scrub: are the bytes those of the index?
 *
 * XXH3 at the speed of the disk, against MODEL.sovidx.  It finds what decay
 * did, and nothing that somebody wanted: whoever changes a model changes the
 * index with it.  So a scrub says of itself that it proves nothing.
 */
#include "cli/report.h"
#include "cli/text.h"
#include "cli/tool.h"
#include "verify/verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One file of a model against the index. */
struct scrub {
    const char *model;
    const char *file;
    struct sov_report *report; /* or NULL */
    size_t n_damaged;          /* places told */
    char first[200];           /* the first of them, for the message */
};

static void
tell(struct scrub *s, const struct sov_index_tensor *t)
{
    char place[160], name[1000];

    snprintf(place, sizeof(place), "tensor %.140s", t->name);
    if (s->n_damaged++ == 0)
        snprintf(s->first, sizeof(s->first), "%s", place);
    if (s->report != NULL) {
        sov_report_row(s->report);
        sov_report_text(s->report, "model", NULL, s->model);
        sov_report_text(s->report, "file", NULL, s->file);
        sov_report_text(s->report, "tensor", NULL, t->name);
        sov_report_uint(s->report, "offset", NULL, t->off);
        sov_report_uint(s->report, "bytes", NULL, t->digest.size);
    } else if (!sov_common.quiet) {
        char clean[600];

        printf("%s: damaged: %s\n",
               sov_text_escape(name, sizeof(name), s->file),
               sov_text_escape(clean, sizeof(clean), place));
    }
}

/* The tensors whose digest is another one; range is that of the file. */
static void
compare_tensors(struct scrub *s, const sov_index *idx, size_t file,
                const struct sov_hash_range *range, size_t n)
{
    size_t at = 0;

    for (size_t i = 0; i < sov_index_tensors(idx) && at < n; i++) {
        const struct sov_index_tensor *t = sov_index_tensor(idx, i);

        if (t->file != file || t->digest.size == 0)
            continue;
        if (memcmp(range[at].digest.xxh3, t->digest.xxh3, SOV_XXH3_LEN) != 0)
            tell(s, t);
        at++;
    }
}

/* What is wrong with a file whose digest is not that of the index. */
static int
damaged(const struct scrub *s, const char *path, uint64_t has, uint64_t want,
        struct sov_err *err)
{
    if (has != want)
        return sov_fail(err, SOV_ENO,
                        "%s: damaged: has %" PRIu64 " bytes instead of "
                        "%" PRIu64,
                        path, has, want);
    if (s->n_damaged == 0)
        return sov_fail(err, SOV_ENO, "%s: damaged: header, or between tensors",
                        path);
    return sov_fail(err, SOV_ENO, "%s: damaged: %s%s", path, s->first,
                    s->n_damaged > 1 ? ", and more" : "");
}

/* SOV_ENO if the file is not what the index says. */
static int
scrub_file(struct scrub *s, const struct sov_fileset *set, size_t i,
           const sov_index *idx, size_t k, struct sov_err *err)
{
    const struct sov_digest *want = &sov_index_file(idx, k)->digest;
    bool same_size = set->file[i].digest.size == want->size;
    struct sov_hash_range *range = NULL;
    struct sov_digest got;
    sov_hasher *h = NULL;
    size_t n = 0;
    int rc = sov_hasher_new(&h, SOV_HASH_XXH3, err);

    if (rc == 0 && same_size)
        rc = sov_index_ranges(idx, k, &range, &n, err);
    if (rc == 0 && n > 0)
        rc = sov_hasher_ranges(h, range, n, err);
    if (rc == 0)
        rc = sov_fileset_feed(set, i, h, err);
    if (rc == 0)
        rc = sov_hasher_final(h, &got, err);
    if (rc == 0 && (got.size != want->size ||
                    memcmp(got.xxh3, want->xxh3, SOV_XXH3_LEN) != 0)) {
        if (same_size && got.size == want->size)
            compare_tensors(s, idx, k, range, n);
        rc = damaged(s, set->paths[i], got.size, want->size, err);
    }
    sov_hasher_free(h);
    free(range);
    return rc;
}

static size_t
find_name(const struct sov_fileset *set, const char *name, size_t n_files)
{
    for (size_t i = 0; i < set->n; i++)
        if (strcmp(set->file[i].name, name) == 0 ||
            (set->n == 1 && n_files == 1))
            return i;
    return SIZE_MAX;
}

static int
scrub_files(const struct sov_fileset *set, const sov_index *idx,
            struct sov_report *report, struct sov_err *err)
{
    size_t n = sov_index_files(idx);
    int answer = 0;

    for (size_t k = 0; k < n; k++) {
        const char *name = sov_index_file(idx, k)->name;
        size_t i = find_name(set, name, n);
        struct scrub s = { .model = set->path, .file = name, .report = report };
        struct sov_err why = { 0 };
        int rc;

        if (i == SIZE_MAX) {
            rc = sov_fail(&why, SOV_ENO, "%s: file %s is missing", set->path,
                          name);
        } else {
            s.file = set->paths[i];
            rc = scrub_file(&s, set, i, idx, k, &why);
        }
        if (rc < 0 && answer < 0)
            sov_tool_complain(rc, &why);
        else if (rc < 0)
            *err = why;
        if (rc < 0 && rc != SOV_ENO) {
            *err = why;
            return rc;
        }
        answer = rc < 0 ? rc : answer;
    }
    return answer;
}

static int
scrub_model(const char *path, struct sov_report *report, struct sov_err *err)
{
    struct sov_fileset set;
    sov_index *idx = NULL;
    char *idx_path = NULL;
    int rc = sov_fileset_list(&set, path, err);

    if (rc < 0)
        return rc;
    rc = sov_verify_index(&idx, &idx_path, path, set.dir, err);
    if (rc == 0 && idx == NULL) {
        rc =
            sov_fail(err, SOV_EIO, "%s: there is no index, %s", path, idx_path);
        err->where = SOV_WHERE_INPUT;
    }
    if (rc == 0)
        rc = scrub_files(&set, idx, report, err);
    if (rc == 0 && report == NULL && !sov_common.quiet) {
        char name[1000];

        printf("%s: no damage found (scrub only, proves nothing)\n",
               sov_text_escape(name, sizeof(name), path));
    }
    sov_index_free(idx);
    free(idx_path);
    sov_fileset_free(&set);
    return rc;
}

static int
scrub_all(int argc, char **argv, struct sov_report *report, struct sov_err *err)
{
    int answer = 0;

    for (int i = 0; i < argc; i++) {
        struct sov_err why = { 0 };
        int rc = strcmp(argv[i], "-") == 0
                     ? sov_fail(&why, SOV_EARG,
                                "--scrub needs a file, with its index beside "
                                "it")
                     : scrub_model(argv[i], report, &why);

        if (rc < 0 && answer < 0)
            sov_tool_complain(answer, err);
        if (rc < 0) {
            *err = why;
            answer = answer < 0 && answer != SOV_ENO ? answer : rc;
        }
    }
    return answer;
}

int
sov_verify_scrub(int argc, char **argv, struct sov_err *err)
{
    struct sov_report *report = NULL;
    struct sov_err end = { 0 };
    int rc;

    if (argc == 0)
        return sov_fail(err, SOV_EARG, "no model is named");
    if (sov_common.json) {
        report = sov_report_new("sov.verify/1");
        sov_report_text(report, "mode", NULL, "scrub");
        sov_report_bool(report, "proof", NULL, false);
        sov_report_table(report, "damaged");
    }
    rc = scrub_all(argc, argv, report, err);
    if (report != NULL) {
        sov_report_table_end(report);
        sov_report_bool(report, "intact", NULL, rc == 0);
        if (sov_report_end(report, &end) < 0 && rc == 0) {
            *err = end;
            rc = end.rc;
        }
    }
    return rc;
}
