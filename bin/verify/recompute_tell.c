/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recompute_tell.c - what --recompute says, to people and in a receipt
 */
#include "verify/recompute.h"

#include "cli/claims.h"
#include "cli/report.h"
#include "cli/tool.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIFFS_MAX 8 /* that are told, unless -v */

static void
report_inputs(struct sov_report *r, const struct work *w)
{
    struct sov_prove_input in;
    char line[1200];

    for (size_t i = 0; sov_prove_input(w->prove, i, &in); i++) {
        if (in.path == NULL)
            continue;
        snprintf(line, sizeof(line), "%s (%s)", in.path,
                 in.what->role != NULL ? in.what->role : "?");
        sov_report_label(r, "from", line);
    }
    sov_report_table(r, "inputs");
    for (size_t i = 0; sov_prove_input(w->prove, i, &in); i++) {
        sov_report_row(r);
        sov_report_text(r, "name", NULL, in.what->name);
        sov_report_text(r, "role", NULL, in.what->role);
        sov_report_bool(r, "read", NULL, in.path != NULL);
        if (in.path != NULL)
            sov_report_text(r, "path", NULL, in.path);
    }
    sov_report_table_end(r);
}

static const char *
kind_word(enum sov_prove_kind kind)
{
    static const char *const words[] = { "weights",  "bytes",     "type",
                                         "shape",    "lacks",     "spare",
                                         "metadata", "statistics" };

    return words[kind];
}

static void
report_diffs(struct sov_report *r, const struct work *w)
{
    const struct sov_prove_diff *d;
    char line[500];

    for (size_t i = 0; (d = sov_prove_diff(w->prove, i)) != NULL; i++)
        if (i < DIFFS_MAX || sov_common.verbose > 0)
            sov_report_label(r, "differs",
                             sov_prove_diff_text(d, line, sizeof(line)));
    sov_report_table(r, "differences");
    for (size_t i = 0; (d = sov_prove_diff(w->prove, i)) != NULL; i++) {
        sov_report_row(r);
        sov_report_text(r, "what", NULL, kind_word(d->kind));
        sov_report_text(r, "name", NULL, d->name);
        if (d->kind != SOV_PROVE_WEIGHTS)
            continue;
        sov_report_uint(r, "row", NULL, d->row);
        sov_report_uint(r, "column", NULL, d->column);
        sov_report_uint(r, "weights", NULL, d->weights);
        sov_report_real(r, "is", NULL, d->is, 9, NULL);
        sov_report_real(r, "should_be", NULL, d->should, 9, NULL);
    }
    sov_report_table_end(r);
}

static void
report_amount(struct sov_report *r, const struct sov_prove_facts *f)
{
    char line[200], all[64] = "";

    sov_report_uint(r, "tensors", NULL, f->tensors);
    sov_report_uint(r, "compared", NULL, f->chosen);
    sov_report_uint(r, "always", NULL, f->always);
    sov_report_uint(r, "bytes", NULL, f->bytes);
    sov_report_bool(r, "all", NULL, f->all);
    sov_report_real(r, "chance_of_1_percent", NULL, f->chance, 6, NULL);
    if (!f->all) {
        sov_report_uint(r, "seed", NULL, f->seed);
        snprintf(all, sizeof(all), ", drawn with --seed %" PRIu64, f->seed);
    }
    snprintf(line, sizeof(line), "%" PRIu64 " of %" PRIu64 "%s", f->chosen,
             f->tensors, all);
    sov_report_label(r, "tensors", line);
    snprintf(line, sizeof(line),
             "%.1f %% that a change of 1 %% of the tensors was seen",
             100 * f->chance);
    sov_report_label(r, "chance", line);
}

static void
report_rest(struct sov_report *r, const struct recompute *all)
{
    const struct sov_prove_facts *f = &all->of.facts;
    char line[120];

    snprintf(line, sizeof(line), "compared, but for %zu keys", f->meta_skipped);
    sov_report_label(r, "metadata",
                     !f->meta_checked      ? "not compared"
                     : f->meta_skipped > 0 ? line
                                           : "compared");
    sov_report_bool(r, "metadata", NULL, f->meta_checked);
    sov_report_bool(r, "text_read", NULL, f->text);
    if (f->stats_checked || all->stats_word != NULL)
        sov_report_text(r, "statistics", "statistics",
                        all->stats_word != NULL
                            ? all->stats_word
                            : "those of the text are what the claim says");
    sov_report_bool(r, "other_arithmetic", NULL, f->other_arithmetic);
    sov_report_bool(r, "altered", NULL, all->of.altered);
    sov_report_real(r, "seconds", "time", all->of.seconds, 2, "s");
}

int
sov_recompute_report(const struct recompute *all, int rc, struct sov_err *err)
{
    const struct work *w = &all->of;
    struct sov_report *r;
    const char *word = rc == 0 ? "it is what the claim makes"
                               : "it is NOT what the claim makes";

    if (sov_common.quiet && !sov_common.json)
        return 0;
    r = sov_report_new("sov.recompute/1");
    sov_report_text(r, "model", "model", w->path);
    sov_report_bool(r, "recomputed", NULL, rc == 0);
    sov_report_label(r, "answer", word);
    sov_report_text(r, "deed", "deed", w->facts.deed);
    sov_report_text(r, "claim", "claim", w->v.leaf->id);
    sov_report_text(r, "key_id", "key", w->v.leaf->key_id);
    report_inputs(r, w);
    report_amount(r, &w->facts);
    report_rest(r, all);
    report_diffs(r, w);
    return sov_report_end(r, err);
}

/* ---- the receipt ---- */

int
sov_recompute_receipt_open(struct recompute *r, struct sov_err *err)
{
    const char *const inputs[] = { r->of.path };
    const struct sov_sink_opts o = {
        .force = sov_common.force,
        .inputs = inputs,
        .n_inputs = strcmp(r->of.path, "-") != 0,
    };
    int rc = 0;

    if (sov_verify.receipt == NULL)
        return 0;
    if (sov_verify.sign_key != NULL)
        rc = sov_claims_key(&r->key, sov_verify.sign_key, err);
    if (rc == 0) {
        rc = sov_sink_open(&r->receipt, sov_verify.receipt, &o, err);
        if (rc < 0)
            sov_err_wrap(err, "--receipt");
    }
    return rc;
}

/* The files as they are, for the subject. */
static int
list_subjects(const struct work *w, struct sov_resource **list,
              struct sov_err *err)
{
    *list = calloc(w->set.n + 1, sizeof(**list));
    if (*list == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (size_t i = 0; i < w->set.n; i++) {
        (*list)[i].name = w->set.file[i].name;
        (*list)[i].digest = w->set.file[i].digest;
    }
    return 0;
}

int
sov_recompute_receipt(struct recompute *r, bool same, struct sov_err *err)
{
    struct sov_prove_receipt about = {
        .claim = r->of.v.leaf->id,
        .n_subjects = r->of.set.n,
        .altered = r->of.altered || !same,
        .when = sov_claims_now(),
    };
    struct sov_resource *subject = NULL;
    char *text = NULL, *line = NULL;
    size_t len = 0;
    int rc;

    if (r->receipt == NULL)
        return 0;
    rc = list_subjects(&r->of, &subject, err);
    about.subject = subject;
    if (rc == 0)
        rc = sov_prove_receipt(r->of.prove, &about, &text, &len, err);
    if (rc == 0 && r->key != NULL)
        rc = sov_claim_sign(r->key, text, len, &line, &len, NULL, err);
    if (rc == 0)
        rc = sov_sink_write(r->receipt, line != NULL ? line : text, len, err);
    if (rc == 0 && line == NULL)
        rc = sov_sink_write(r->receipt, "\n", 1, err);
    if (rc == 0)
        rc = sov_sink_commit(&r->receipt, err);
    free(subject);
    free(text);
    free(line);
    return rc < 0 ? sov_err_wrap(err, "--receipt") : 0;
}
