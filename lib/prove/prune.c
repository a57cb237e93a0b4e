/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prune.c - sov-prune once more
 *
 * A size, or a speed, that was asked for is in the claim as the bytes of
 * tensors that it let stay, or as the pattern that it led to: what a file has
 * beside them is no matter here.
 */
#include "prove/prove.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The list of PAT=WHAT into rules; words is cut into pieces. */
static int
read_rules(struct sov_prune_rule **rule, char *words, size_t n, const char *key,
           struct sov_err *err)
{
    *rule = sov_mem_array(n, sizeof(**rule));
    if (*rule == NULL || words == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(words) + 1;

        if (sov_prune_rule_parse(&(*rule)[i], words, err) < 0) {
            sov_err_wrap(err, "the claim's %s", key);
            return err != NULL ? (err->rc = SOV_EUNSUP) : SOV_EUNSUP;
        }
        words += len;
    }
    return 0;
}

static int
read_ratios(sov_prove *p, struct sov_err *err)
{
    const struct sov_param *item;
    size_t n;
    int rc = sov_prove_list(p, "tensor_ratio", &item, &n, err);

    if (rc != 0)
        return rc < 0 ? rc : 0;
    p->words = sov_prove_copy(item, n);
    rc = read_rules(&p->prune_rule, p->words, n, "tensor_ratio", err);
    p->prune.rule = p->prune_rule;
    p->prune.n_rules = n;
    return rc;
}

/* "0.5", "2:4", or "16x@0.5" */
static int
read_share(struct sov_prune_sheet_row *row, char *text, struct sov_err *err)
{
    struct sov_prune_rule rule = { .ratio = 0 };
    char *at = strchr(text, '@'), *end;
    char ratio[40] = "x=";

    row->pattern = (struct sov_prune_pattern){ .rows = 1 };
    if (at == NULL && strpbrk(text, ":x") != NULL)
        return sov_prune_pattern_parse(&row->pattern, text, err);
    if (at != NULL) {
        *at++ = '\0';
        if (sov_prune_pattern_parse(&row->pattern, text, err) < 0)
            return SOV_EARG;
        text = at;
    }
    end = ratio + 2;
    for (size_t i = 0; text[i] != '\0' && i < sizeof(ratio) - 3; i++)
        *end++ = text[i];
    *end = '\0';
    if (sov_prune_rule_parse(&rule, ratio, err) < 0)
        return SOV_EARG;
    row->ratio = rule.ratio;
    return 0;
}

static int
fill_sheet(struct sov_prune_sheet *sheet, char *words, size_t n,
           struct sov_err *err)
{
    sheet->row = sov_mem_array(n, sizeof(*sheet->row));
    if (sheet->row == NULL || words == NULL)
        return sov_mem_fail(err);
    for (; sheet->n < n; sheet->n++) {
        struct sov_prune_sheet_row *row = &sheet->row[sheet->n];
        size_t len = strlen(words) + 1;
        char *eq = strrchr(words, '=');

        if (eq == NULL)
            return sov_fail(err, SOV_EFORMAT,
                            "the claim's takes: '%.80s' is not NAME=WHAT",
                            words);
        *eq = '\0';
        if (read_share(row, eq + 1, err) < 0) {
            sov_err_wrap(err, "the claim's takes");
            return err != NULL ? (err->rc = SOV_EFORMAT) : SOV_EFORMAT;
        }
        row->name = sov_mem_dup(words, strlen(words));
        if (row->name == NULL)
            return sov_mem_fail(err);
        words += len;
    }
    return 0;
}

/* What a plan said. */
static int
read_takes(sov_prove *p, struct sov_err *err)
{
    const struct sov_param *item;
    char *words;
    size_t n;
    int rc = sov_prove_list(p, "takes", &item, &n, err);

    if (rc < 0)
        return rc;
    if (rc == 1)
        return sov_prove_param(p, "plan") == NULL
                   ? 0
                   : sov_fail(err, SOV_EUNSUP,
                              "it was pruned by a plan, and the claim does not "
                              "say what was in it; it was made by an older "
                              "version");
    words = sov_prove_copy(item, n);
    p->prune_sheet = sov_mem_array(1, sizeof(*p->prune_sheet));
    if (p->prune_sheet != NULL)
        p->prune_sheet->method =
            sov_mem_dup(p->prune.method, strlen(p->prune.method));
    rc = p->prune_sheet == NULL || p->prune_sheet->method == NULL
             ? sov_mem_fail(err)
             : fill_sheet(p->prune_sheet, words, n, err);
    free(words);
    p->prune.sheet = p->prune_sheet;
    return rc;
}

static int
read_amount(sov_prove *p, struct sov_err *err)
{
    const char *pattern = NULL;
    int rc;

    p->prune.ratio = NAN;
    rc = sov_prove_real(p, "ratio", &p->prune.ratio, err);
    if (rc >= 0 && !(isnan(p->prune.ratio) ||
                     (p->prune.ratio >= 0 && p->prune.ratio <= 1)))
        rc = sov_fail(err, SOV_EFORMAT, "the claim's ratio is not 0 to 1");
    if (rc >= 0)
        rc = sov_prove_str(p, "pattern", &pattern, err);
    if (rc < 0)
        return rc;
    p->prune.patterned = pattern != NULL;
    if (pattern != NULL &&
        sov_prune_pattern_parse(&p->prune.pattern, pattern, err) < 0) {
        sov_err_wrap(err, "the claim's pattern");
        return err != NULL ? (err->rc = SOV_EFORMAT) : SOV_EFORMAT;
    }
    rc = sov_prove_uint(p, "tensor_bytes", &p->prune.tensor_target, err);
    if (rc == 1 && pattern == NULL &&
        (sov_prove_param(p, "target_size") != NULL ||
         sov_prove_param(p, "speedup") != NULL))
        return sov_fail(err, SOV_EUNSUP,
                        "a size was asked for, and the claim does not say how "
                        "many bytes of tensors that let stay; it was made by "
                        "an older version");
    return rc < 0 ? rc : 0;
}

static int
read_flags(sov_prove *p, struct sov_err *err)
{
    uint64_t joint = 0, pack = 0;
    int rc = sov_prove_flag(p, "heal", &p->prune.heal, err);

    if (rc >= 0)
        rc = sov_prove_flag(p, "dsnot", &p->prune.dsnot, err);
    if (rc >= 0)
        rc = sov_prove_flag(p, "owl", &p->prune.owl, err);
    if (rc >= 0)
        rc = sov_prove_uint(p, "joint_bits", &joint, err);
    if (rc >= 0)
        rc = sov_prove_uint(p, "pack_bits", &pack, err);
    if (rc < 0)
        return rc;
    if (joint > 8 || pack > 8)
        return sov_fail(err, SOV_EUNSUP, "the claim has more than 8 bits");
    p->prune.joint_bits = (int)joint;
    p->prune.unpack = strcmp(p->prune.method, "unpack") == 0;
    if (strcmp(p->prune.method, "pack") == 0)
        p->prune.pack_bits = (unsigned)pack;
    else
        p->pack_bits = (unsigned)pack;
    if (p->prune.pack_bits != 0 || p->prune.unpack)
        p->prune.method = NULL;
    return 0;
}

static int
read_all(sov_prove *p, struct sov_err *err)
{
    const char *format = NULL;
    int rc = sov_prove_str(p, "method", &p->prune.method, err);

    if (rc == 1)
        return sov_fail(err, SOV_EFORMAT, "the claim names no method");
    if (rc == 0)
        rc = sov_prove_str(p, "format", &format, err);
    if (rc >= 0)
        rc = read_amount(p, err);
    if (rc == 0)
        rc = read_takes(p, err);
    if (rc == 0)
        rc = read_ratios(p, err);
    if (rc == 0)
        rc = read_flags(p, err);
    if (rc == 0)
        rc = sov_prove_reading(p, err);
    p->no_meta = strcmp(sov_model_format(p->o.made), "gguf") != 0;
    p->map =
        p->map || p->prune.owl ||
        (p->prune.pack_bits != 0 && !p->prune.patterned) ||
        (p->prune.method != NULL && sov_prune_method_shapes(p->prune.method));
    return rc < 0 ? rc : 0;
}

/* Packed is what was pruned, all of it. */
static int
ready_packed(sov_prove *p, struct sov_err *err)
{
    const struct sov_prune_opts o = {
        .ratio = NAN,
        .pack_bits = p->pack_bits,
        .max_memory = p->o.max_memory,
        .progress = p->o.progress,
        .progress_arg = p->o.progress_arg,
    };
    int rc = sov_prune_calibrate(p->prune_job, err);

    if (rc == 0)
        rc = sov_prove_stage(p, p->prune_job, err);
    if (rc == 0)
        rc = sov_prune_new(&p->pack_job, p->stage, &o, err);
    if (rc == 0)
        p->plan = sov_prune_plan(p->pack_job);
    return rc;
}

static int
ready(sov_prove *p, struct sov_err *err)
{
    int rc = sov_prove_text(p, err);

    if (rc == 0)
        rc = sov_prove_stats(p, err);
    if (rc < 0)
        return rc;
    p->prune.stats = p->stats;
    p->prune.calib = p->reads ? &p->calib : NULL;
    p->prune.max_memory = p->o.max_memory;
    p->prune.progress = p->o.progress;
    p->prune.progress_arg = p->o.progress_arg;
    p->facts.text = p->reads;
    rc = sov_prune_new(&p->prune_job, p->source, &p->prune, err);
    if (rc == 0 && p->pack_bits != 0)
        return ready_packed(p, err);
    if (rc == 0 && sov_prune_plan(p->prune_job) == NULL)
        rc = sov_prune_calibrate(p->prune_job, err);
    if (rc == 0)
        p->plan = sov_prune_plan(p->prune_job);
    return rc;
}

static int
run(sov_prove *p, const struct sov_taker *taker, struct sov_err *err)
{
    int rc;

    if (p->pack_job != NULL)
        return sov_prune_take(p->pack_job, taker, err);
    rc = sov_prune_calibrate(p->prune_job, err);
    return rc == 0 ? sov_prune_take(p->prune_job, taker, err) : rc;
}

static const char *const params[] = {
    "input",     "output",       "method",       "ratio",        "target_size",
    "speedup",   "tensor_bytes", "pattern",      "plan",         "takes",
    "stats",     "calib",        "calib_tokens", "calib_window", "heal",
    "dsnot",     "owl",          "joint_bits",   "align",        "format",
    "pack_bits", "tensor_ratio", NULL,
};

const struct sov_deed_row sov_deed_prune = {
    .name = "prune",
    .params = params,
    .arithmetic = SOV_PRUNE_ARITHMETIC,
    .read = read_all,
    .ready = ready,
    .run = run,
};
