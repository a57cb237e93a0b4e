/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prove.c - from a claim to a yes or a no
 */
#include "prove/prove.h"

#include "base/mem.h"
#include "base/rng.h"
#include "fmt/model.h"
#include "sys/par.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct sov_deed_row *const deeds[] = {
#define DEED(sym) &sov_deed_##sym,
#include "prove/deeds.def"
#undef DEED
};

/* ---- what does the claim say? ---- */

/* "quantize" of urn:sov:buildtype:quantize:v1 */
static int
find_deed(sov_prove *p, struct sov_err *err)
{
    static const char head[] = "urn:sov:buildtype:";
    const char *type = p->claim->build_type;
    const char *name = type;
    size_t len;

    if (sov_statement_is_test(p->claim) || type == NULL)
        return sov_fail(err, SOV_EUNSUP,
                        "the claim does not say how the model was made");
    if (strncmp(type, head, sizeof(head) - 1) == 0)
        name += sizeof(head) - 1;
    len = strcspn(name, ":");
    for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++)
        if (name != type && strcmp(name + len, ":v1") == 0 &&
            strlen(deeds[i]->name) == len &&
            strncmp(deeds[i]->name, name, len) == 0)
            p->deed = deeds[i];
    if (p->deed == NULL)
        return sov_fail(err, SOV_EUNSUP,
                        "what the claim says was done (%.80s) is nothing that "
                        "can be done once more",
                        type);
    p->facts.deed = p->deed->name;
    return 0;
}

/* By which program, and with which arithmetic? */
static void
read_version(sov_prove *p)
{
    const struct sov_param *a = sov_prove_internal(p, "arithmetic");

    for (size_t i = 0; i < p->claim->n_versions; i++)
        if (strcmp(p->claim->version[i].key, "sov") == 0)
            p->facts.version = p->claim->version[i].str;
    p->facts.other_arithmetic =
        a != NULL ? a->kind != SOV_PARAM_INT || a->num != p->deed->arithmetic
                  : p->facts.version == NULL ||
                        strcmp(p->facts.version, sov_version()) != 0;
}

static int
list_given(sov_prove *p, struct sov_err *err)
{
    p->n_given = p->claim->n_dependencies;
    p->given = sov_mem_array(p->n_given, sizeof(*p->given));
    if (p->given == NULL) {
        p->n_given = 0;
        return sov_mem_fail(err);
    }
    for (size_t i = 0; i < p->n_given; i++)
        p->given[i].what = &p->claim->dependency[i];
    return 0;
}

int
sov_prove_new(sov_prove **prove, const struct sov_prove_opts *opts,
              struct sov_err *err)
{
    sov_prove *p = sov_mem_array(1, sizeof(*p));
    int rc;

    *prove = NULL;
    if (p == NULL)
        return sov_mem_fail(err);
    p->o = *opts;
    p->claim = opts->claim;
    rc = find_deed(p, err);
    if (rc == 0)
        rc = sov_prove_known(p, err);
    if (rc == 0)
        rc = list_given(p, err);
    if (rc == 0)
        rc = p->deed->read(p, err);
    if (rc < 0) {
        sov_prove_free(p);
        return rc;
    }
    read_version(p);
    *prove = p;
    return 0;
}

static void
free_given(sov_prove *p)
{
    for (size_t i = 0; i < p->n_lora; i++)
        sov_lora_free((sov_lora *)p->lora[i].lora);
    free(p->lora);
    for (size_t i = 0; i < p->n_given; i++) {
        sov_model_close(p->given[i].model);
        free(p->given[i].path);
        free(p->given[i].text);
    }
    free(p->given);
    sov_stats_close(p->stats);
    sov_model_close(p->source);
}

void
sov_prove_free(sov_prove *p)
{
    if (p == NULL)
        return;
    sov_quant_free(p->quant_job);
    sov_prune_free(p->pack_job);
    sov_prove_stage_end(p);
    sov_prune_free(p->prune_job);
    sov_distill_free(p->merge);
    sov_plan_free(p->own_plan);
    free_given(p);
    sov_sheet_free(p->sheet);
    sov_prune_sheet_free(p->prune_sheet);
    free(p->rule);
    free(p->prune_rule);
    free(p->words);
    free(p->unknown);
    free(p->unknown_words);
    free(p->scale);
    free(p->ids);
    free(p->tensor);
    free(p->diff);
    free(p);
}

/* ---- what is to come? ---- */

int
sov_prove_ready(sov_prove *p, struct sov_err *err)
{
    const struct sov_resource *r = sov_prove_missing(p, 0);
    int rc;

    if (r != NULL)
        return sov_fail(err, SOV_EUNSUP,
                        "%s (%s) is missing, of which the claim knows the "
                        "digest: name it with --source",
                        r->name != NULL ? r->name : "something",
                        r->role != NULL ? r->role : "without a role");
    if (p->source == NULL)
        return sov_fail(err, SOV_EUNSUP,
                        "the claim does not say from which model it was made");
    rc = p->deed->ready(p, err);
    if (rc < 0) { /* of a file that is another one? */
        int is = sov_prove_settle(p, &p->settled);

        if (is < 0) {
            if (err != NULL)
                *err = p->settled;
            return is;
        }
    }
    if (rc == SOV_EARG) /* the claim's fault, not the user's */
        rc = err != NULL ? (err->rc = SOV_EUNSUP) : SOV_EUNSUP;
    if (rc == 0)
        rc = sov_prove_compare_plan(p, err);
    if (rc == 0)
        p->facts.tensors = sov_plan_count(p->plan);
    return rc;
}

/* ---- which tensors? ---- */

/* What every answer of a model goes through. */
static bool
is_always(const char *name)
{
    return strcmp(name, "token_embd.weight") == 0 ||
           strcmp(name, "output.weight") == 0;
}

/*
 * Of n tensors m are changed and k drawn: how probable is it that one of those
 * is among these?  1 - C(n - m, k) / C(n, k).
 */
static double
chance_of(uint64_t n, uint64_t m, uint64_t k)
{
    double missed = 1;

    for (uint64_t i = 0; i < k; i++)
        missed *= n - i > m ? (double)(n - m - i) / (double)(n - i) : 0;
    return 1 - missed;
}

/* k of those in which[n], by chance: Fisher and Yates, as far as that. */
static void
draw(sov_prove *p, size_t *which, uint64_t n, uint64_t k, uint64_t seed)
{
    for (uint64_t i = 0; i < k; i++) {
        uint64_t at =
            i + (uint64_t)(sov_rng_unit(seed, 0, i) * (double)(n - i));
        size_t one = which[at];

        which[at] = which[i];
        which[i] = one;
        p->tensor[one].chosen = true;
    }
}

int
sov_prove_choose(sov_prove *p, uint64_t n, uint64_t seed, struct sov_err *err)
{
    size_t all = (size_t)p->facts.tensors, others = 0;
    uint64_t some = (all + 99) / 100;
    size_t *which = sov_mem_array(all, sizeof(*which));

    if (which == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < all; i++) {
        p->tensor[i].chosen = is_always(sov_plan_at(p->plan, i)->name);
        if (p->tensor[i].chosen)
            p->facts.always++;
        else
            which[others++] = i;
    }
    if (n == 0 || n > others || p->reads)
        n = others;
    p->facts.seed = seed;
    p->facts.chosen = p->facts.always + n;
    p->facts.all = n == others;
    p->facts.chance =
        p->facts.all ? 1 : chance_of(others, some < others ? some : others, n);
    draw(p, which, others, n, seed);
    free(which);
    return 0;
}

/* ---- is it so? ---- */

static bool
wants(void *arg, size_t tensor)
{
    const sov_prove *p = arg;

    return p->tensor[tensor].chosen && p->tensor[tensor].made >= 0;
}

/* What is told first: tensors, before metadata. */
static const struct sov_prove_diff *
first_diff(const sov_prove *p)
{
    for (size_t i = 0; i < p->n_diffs; i++)
        if (p->diff[i].kind != SOV_PROVE_META)
            return &p->diff[i];
    return &p->diff[0];
}

static int
judge(sov_prove *p, struct sov_err *err)
{
    char text[500];

    for (size_t i = 0; i < p->facts.tensors; i++)
        p->facts.differ += p->tensor[i].diff != SIZE_MAX;
    if (p->n_diffs == 0)
        return 0;
    sov_prove_diff_text(first_diff(p), text, sizeof(text));
    if (p->facts.other_arithmetic)
        return sov_fail(err, SOV_EUNSUP,
                        "%s; but it was made by sov %.40s, whose results may "
                        "differ from those of this version for other reasons: "
                        "use that version",
                        text,
                        p->facts.version != NULL ? p->facts.version
                                                 : "of unknown version");
    return sov_fail(err, SOV_ENO, "%s", text);
}

static int
settle(void *prove)
{
    sov_prove *p = prove;

    return sov_prove_settle(p, &p->settled);
}

/* Does the team of threads make it?  Then hashing must not take them from it. */
static bool
needs_team(const sov_prove *p)
{
    return p->quant_job == NULL || p->stats != NULL;
}

/*
 * The source is hashed meanwhile, if it is not yet.  Of a few tensors that is
 * most of the work, and nothing waits for it.
 */
static int
run_and_settle(sov_prove *p, const struct sov_taker *taker, struct sov_err *err)
{
    struct sov_task *task = NULL;
    int rc = 0, is = 0;

    if (p->unsure != NULL && !p->facts.all)
        rc = sov_prove_settle(p, err);
    if (rc == 0 && p->unsure != NULL) {
        sov_model_finish_aside(p->source, needs_team(p));
        rc = sov_task_start(&task, settle, p, err);
    }
    if (rc == 0)
        rc = p->deed->run(p, taker, err);
    if (task != NULL)
        is = sov_task_join(task);
    if (is < 0 && err != NULL)
        *err = p->settled;
    return is < 0 ? is : rc;
}

int
sov_prove_run(sov_prove *p, struct sov_err *err)
{
    const struct sov_taker taker = {
        .wants = wants,
        .take = sov_prove_compare,
        .arg = p,
    };
    int rc = run_and_settle(p, &taker, err);

    if (rc == 0) /* is it still what was hashed? */
        rc = sov_model_finish(p->source, err);
    return rc == 0 ? judge(p, err) : rc;
}

void
sov_prove_facts(const sov_prove *p, struct sov_prove_facts *f)
{
    *f = p->facts;
}
