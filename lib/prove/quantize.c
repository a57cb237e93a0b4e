/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quantize.c - sov-quantize once more
 *
 * Types that were chosen one by one, or read from a plan, stand in the claim.
 * How the output was cut into files does not change tensors, and a folder has
 * those that an import of it shows.
 */
#include "prove/prove.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* The list of NAME=TYPE, as rules whose names are to be owned by p->words. */
static int
read_rules(struct sov_quant_rule **rule, char *words, size_t n, const char *key,
           struct sov_err *err)
{
    *rule = sov_mem_array(n, sizeof(**rule));
    if (*rule == NULL || words == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(words) + 1;

        if (sov_quant_rule_parse(&(*rule)[i], words, err) < 0) {
            sov_err_wrap(err, "the claim's %s", key);
            return err != NULL ? (err->rc = SOV_EUNSUP) : SOV_EUNSUP;
        }
        words += len;
    }
    return 0;
}

static int
read_tensor_types(sov_prove *p, struct sov_err *err)
{
    const struct sov_param *item;
    size_t n;
    int rc = sov_prove_list(p, "tensor_type", &item, &n, err);

    if (rc != 0)
        return rc < 0 ? rc : 0;
    p->words = sov_prove_copy(item, n);
    rc = read_rules(&p->rule, p->words, n, "tensor_type", err);
    p->quant.rule = p->rule;
    p->quant.n_rules = n;
    return rc;
}

static int
fill_sheet(struct sov_sheet *sheet, const struct sov_quant_rule *rule, size_t n,
           struct sov_err *err)
{
    sheet->row = sov_mem_array(n, sizeof(*sheet->row));
    if (sheet->row == NULL)
        return sov_mem_fail(err);
    for (; sheet->n < n; sheet->n++) {
        struct sov_sheet_row *row = &sheet->row[sheet->n];
        const char *name = rule[sheet->n].pattern;

        row->type = rule[sheet->n].type;
        row->name = sov_mem_dup(name, strlen(name));
        if (row->name == NULL)
            return sov_mem_fail(err);
    }
    return 0;
}

/* What was chosen, tensor by tensor. */
static int
read_types(sov_prove *p, struct sov_err *err)
{
    struct sov_quant_rule *rule = NULL;
    const struct sov_param *item;
    char *words;
    size_t n;
    int rc = sov_prove_list(p, "types", &item, &n, err);

    if (rc < 0)
        return rc;
    if (rc == 1)
        return strcmp(p->quant.type, "plan") != 0
                   ? 0
                   : sov_fail(err, SOV_EUNSUP,
                              "types were chosen one by one, and the claim "
                              "does not say which; it was made by an older "
                              "version");
    words = sov_prove_copy(item, n);
    rc = read_rules(&rule, words, n, "types", err);
    p->sheet = rc == 0 ? sov_mem_array(1, sizeof(*p->sheet)) : NULL;
    if (rc == 0)
        rc = p->sheet == NULL ? sov_mem_fail(err)
                              : fill_sheet(p->sheet, rule, n, err);
    free(rule);
    free(words);
    p->quant.sheet = p->sheet;
    return rc;
}

static int
read_nonfinite(sov_prove *p, struct sov_err *err)
{
    static const char *const names[] = { "fail", "zero", "clamp" };
    const char *name = NULL;
    int rc = sov_prove_str(p, "on_nonfinite", &name, err);

    if (rc != 0)
        return rc < 0 ? rc : 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(name, names[i]) == 0) {
            p->quant.nonfinite = (enum sov_nonfinite)i;
            p->quant.check_copies = i != SOV_NONFINITE_FAIL;
            return 0;
        }
    return sov_fail(err, SOV_EUNSUP, "on_nonfinite: what is '%.40s'?", name);
}

static int
read_scales(sov_prove *p, struct sov_err *err)
{
    const struct sov_param *item;
    char *end;
    int rc = sov_prove_list(p, "lora_scale", &item, &p->n_scales, err);

    if (rc != 0)
        return rc < 0 ? rc : 0;
    p->scale = sov_mem_array(p->n_scales, sizeof(*p->scale));
    if (p->scale == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < p->n_scales; i++) {
        p->scale[i] = strtof(item[i].str, &end);
        if (end == item[i].str || *end != '\0')
            return sov_fail(err, SOV_EFORMAT,
                            "the claim's lora_scale has '%.40s', which is no "
                            "number",
                            item[i].str);
    }
    return 0;
}

/* Which form the output has: some say less than the plan. */
static int
read_form(sov_prove *p, struct sov_err *err)
{
    const char *format = NULL;
    int rc = sov_prove_str(p, "format", &format, err);

    if (rc != 0)
        return rc < 0 ? rc : 0;
    p->quant.plain = strcmp(format, "huggingface") == 0;
    p->no_meta = strcmp(sov_model_format(p->o.made), "gguf") != 0;
    return 0;
}

static int
read_all(sov_prove *p, struct sov_err *err)
{
    uint64_t effort = 0;
    int rc = sov_prove_str(p, "type", &p->quant.type, err);

    if (rc == 1)
        return sov_fail(err, SOV_EFORMAT, "the claim names no type");
    if (rc == 0)
        rc = read_tensor_types(p, err);
    if (rc == 0)
        rc = read_types(p, err);
    if (rc == 0)
        rc = read_nonfinite(p, err);
    if (rc == 0)
        rc = read_scales(p, err);
    if (rc == 0)
        rc = read_form(p, err);
    if (rc == 0)
        rc = sov_prove_reading(p, err);
    if (rc == 0)
        rc = sov_prove_list(p, "set", &p->set, &p->n_set, err);
    if (rc >= 0)
        rc = sov_prove_list(p, "unset", &p->unset, &p->n_unset, err);
    if (rc >= 0)
        rc = sov_prove_uint(p, "effort", &effort, err);
    if (rc >= 0 && effort > 9)
        rc = sov_fail(err, SOV_EUNSUP, "the claim's effort is more than 9");
    p->quant.effort = (int)effort;
    return rc < 0 ? rc : 0;
}

/* Statistics that were collected are as the claim says. */
static int
check_stats(sov_prove *p, struct sov_err *err)
{
    unsigned char is[SOV_SHA256_LEN];
    int rc;

    p->facts.text = true;
    if (!p->has_stats_is)
        return 0;
    rc = sov_stats_sha256(sov_quant_stats(p->quant_job), is, err);
    if (rc < 0)
        return rc;
    p->facts.stats_checked = true;
    return memcmp(is, p->stats_is, sizeof(is)) == 0 ||
                   sov_prove_differs(p, SOV_PROVE_STATS, "statistics") != NULL
               ? 0
               : sov_mem_fail(err);
}

static int
ready(sov_prove *p, struct sov_err *err)
{
    int rc = sov_prove_text(p, err);

    if (rc == 0)
        rc = sov_prove_stats(p, err);
    if (rc == 0)
        rc = sov_prove_adapters(p, err);
    if (rc < 0)
        return rc;
    p->quant.stats = p->stats;
    p->quant.lora = p->lora;
    p->quant.n_lora = p->n_lora;
    p->quant.calib = p->reads ? &p->calib : NULL;
    p->quant.max_memory = p->o.max_memory;
    p->quant.progress = p->o.progress;
    p->quant.progress_arg = p->o.progress_arg;
    p->quant.edit = sov_prove_edit;
    p->quant.edit_arg = p;
    rc = sov_quant_new(&p->quant_job, p->source, &p->quant, err);
    if (rc == 0)
        p->plan = sov_quant_plan(p->quant_job);
    return rc;
}

static int
run(sov_prove *p, const struct sov_taker *taker, struct sov_err *err)
{
    int rc = sov_quant_calibrate(p->quant_job, err);

    if (rc == 0 && p->reads)
        rc = check_stats(p, err);
    return rc == 0 ? sov_quant_take(p->quant_job, taker, err) : rc;
}

static const char *const params[] = {
    "input",
    "output",
    "type",
    "on_nonfinite",
    "effort",
    "target_size",
    "target_bpw",
    "max_kld",
    "min_speed",
    "compat",
    "plan",
    "types",
    "align",
    "stats",
    "calib",
    "calib_tokens",
    "calib_window",
    "lora",
    "lora_scale",
    "format",
    "tensor_type",
    "set",
    "unset",
    "split_max_size",
    "split_max_tensors",
    "merge",
    NULL,
};

const struct sov_deed_row sov_deed_quantize = {
    .name = "quantize",
    .params = params,
    .arithmetic = SOV_QUANT_ARITHMETIC,
    .read = read_all,
    .ready = ready,
    .run = run,
};
