/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.c - values of options, which of them go together, and the grid that
 * is taken where they say nothing
 */
#include "bench/bench.h"

#include "cli/opt.h"
#include "cli/tool.h"
#include "sov/base.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX 16777216 /* tokens of a context */

static const char *const kv_names[] = {
    [SOV_KV_AUTO] = "auto", [SOV_KV_F32] = "f32", [SOV_KV_F16] = "f16",
    [SOV_KV_BF16] = "bf16", [SOV_KV_Q8] = "q8",
};

#define N_KV (sizeof(kv_names) / sizeof(kv_names[0]))

const char *
bench_kv_name(uint32_t form)
{
    if (form == SOV_KV_AUTO)
        form = bench_options.precise ? SOV_KV_F32 : SOV_KV_Q8;
    return kv_names[form];
}

static int
add_value(struct bench_list *list, uint32_t v, struct sov_err *err)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->v[i] == v)
            return 0;
    if (list->n == BENCH_LIST_MAX)
        return sov_fail(err, SOV_EARG, "more than %d values", BENCH_LIST_MAX);
    list->v[list->n++] = v;
    return 0;
}

static int
read_number(const char *text, size_t len, uint32_t *v, struct sov_err *err)
{
    char digits[16] = "";

    if (len == 0 || strspn(text, "0123456789") < len)
        return sov_fail(err, SOV_EARG, "'%.*s' is not a whole number",
                        len < 32 ? (int)len : 32, text);
    if (len < sizeof(digits))
        memcpy(digits, text, len);
    *v = (uint32_t)strtoul(digits, NULL, 10);
    if (len > 8 || *v > NUMBER_MAX)
        return sov_fail(err, SOV_EARG, "%.*s is too large, the limit is %d",
                        len < 32 ? (int)len : 32, text, NUMBER_MAX);
    return 0;
}

static int
read_kv(const char *text, size_t len, uint32_t *v, struct sov_err *err)
{
    for (size_t i = SOV_KV_F32; i < N_KV; i++)
        if (strlen(kv_names[i]) == len && memcmp(text, kv_names[i], len) == 0) {
            *v = (uint32_t)i;
            return 0;
        }
    return sov_fail(err, SOV_EARG, "'%.*s' is not f32, bf16, f16 or q8",
                    len < 32 ? (int)len : 32, text);
}

/* Values with commas between them, in place of those before. */
static int
read_list(struct bench_list *list, const char *text,
          int (*read)(const char *, size_t, uint32_t *, struct sov_err *),
          struct sov_err *err)
{
    uint32_t v = 0;
    int rc = 0;

    list->n = 0;
    for (const char *p = text; rc == 0; p++) {
        size_t len = strcspn(p, ",");

        rc = read(p, len, &v, err);
        if (rc == 0)
            rc = add_value(list, v, err);
        p += len;
        if (*p == '\0')
            break;
    }
    return rc;
}

int
bench_set_list(void *dest, const char *value, struct sov_err *err)
{
    return read_list(dest, value, read_number, err);
}

int
bench_set_kv(void *dest, const char *value, struct sov_err *err)
{
    return read_list(dest, value, read_kv, err);
}

/* "3%" and "3" are three hundredths. */
int
bench_set_percent(void *dest, const char *value, struct sov_err *err)
{
    size_t len = strlen(value);
    char digits[32] = "";
    double percent;
    struct sov_opt row = {
        .name = "fail-above",
        .type = SOV_OPT_FLOAT,
        .dest = &percent,
        .min = 0,
        .max = 10000,
    };

    if (len > 0 && value[len - 1] == '%')
        len--;
    if (len >= sizeof(digits))
        return sov_fail(err, SOV_EARG, "--fail-above: '%.40s' is not a number",
                        value);
    memcpy(digits, value, len);
    if (sov_opt_set(&row, digits, err) < 0)
        return SOV_EARG;
    *(double *)dest = percent / 100;
    return 0;
}

static bool
has_zero(const struct bench_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->v[i] == 0)
            return true;
    return false;
}

static bool
all_zero(const struct bench_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->v[i] != 0)
            return false;
    return list->n > 0;
}

static int
check_builds(const struct bench_options *o, struct sov_err *err)
{
    if (o->vs_tool == NULL)
        return 0;
    if (o->vs != NULL || o->n_models > 1)
        return sov_fail(err, SOV_EARG,
                        "--vs-tool compares two builds on one model");
    if (o->require_energy)
        return sov_fail(err, SOV_EARG,
                        "--vs-tool measures rates alone, and no energy");
    return 0;
}

int
bench_check_options(struct sov_err *err)
{
    struct bench_options *o = &bench_options;

    if (all_zero(&o->prompt) && all_zero(&o->gen))
        return sov_fail(err, SOV_EARG,
                        "--prompt 0 and --gen 0: nothing would be measured");
    if (has_zero(&o->batch))
        return sov_fail(err, SOV_EARG, "--batch: 0 sequences");
    if (has_zero(&o->threads))
        return sov_fail(err, SOV_EARG, "--threads: 0 threads");
    if (o->vs != NULL && o->n_models > 1)
        return sov_fail(err, SOV_EARG, "--vs compares two models; here are %zu",
                        o->n_models + 1);
    if (o->fail_above_given && o->baseline == NULL && o->vs == NULL &&
        o->vs_tool == NULL)
        return sov_fail(err, SOV_EARG,
                        "--fail-above: worse than what? give a --baseline, "
                        "--vs or --vs-tool");
    if (o->history != NULL && strcmp(o->history, "-") == 0)
        return sov_fail(err, SOV_EARG, "--history needs a file");
    for (size_t i = 0; i < o->batch.n; i++)
        if (o->batch.v[i] > BENCH_BATCH_MAX)
            return sov_fail(err, SOV_EARG,
                            "--batch: %" PRIu32 " sequences, the limit is %d",
                            o->batch.v[i], BENCH_BATCH_MAX);
    for (size_t i = 0; i < o->threads.n; i++)
        if (o->threads.v[i] > BENCH_THREADS_MAX)
            return sov_fail(err, SOV_EARG,
                            "--threads: %" PRIu32 ", the limit is %d",
                            o->threads.v[i], BENCH_THREADS_MAX);
    if (o->claims != NULL && o->sign_key == NULL)
        return sov_fail(err, SOV_EARG,
                        "--claims: signed with what? give a --sign-key");
    return check_builds(o, err);
}

uint32_t
bench_most(const struct bench_list *list)
{
    uint32_t n = 0;

    for (size_t i = 0; i < list->n; i++)
        n = list->v[i] > n ? list->v[i] : n;
    return n;
}

static void
set_default(struct bench_list *list, uint32_t v)
{
    if (list->n == 0)
        list->v[list->n++] = v;
}

/* So that six samples of each take less than a minute on a few cores; by what
 * the model is, and not by how fast it is: a cell that depended on that would
 * be another one tomorrow. */
void
bench_choose_grid(const struct bench_model *m)
{
    static const struct {
        double weights; /* that a token meets: less than that */
        uint32_t prompt;
        uint32_t gen;
    } step[] = { { 0.8e9, 512, 128 }, { 2e9, 512, 64 }, { 5e9, 256, 32 },
                 { 10e9, 128, 16 },   { 25e9, 64, 8 },  { 1e99, 32, 4 } };
    struct bench_options *o = &bench_options;
    uint32_t ctx = bench_model_ctx(m);
    double weights = 0;
    size_t i = 0;

    for (size_t k = 0; k < 4; k++)
        weights += m->cost.body[k];
    while (weights >= step[i].weights)
        i++;
    if (ctx < 8)
        ctx = ctx == 0 ? UINT32_MAX : 8;
    set_default(&o->prompt,
                step[i].prompt < ctx / 2 ? step[i].prompt : ctx / 2);
    set_default(&o->gen, step[i].gen < ctx / 4 ? step[i].gen : ctx / 4);
    set_default(&o->depth, 0);
    set_default(&o->batch, 1);
    set_default(&o->threads, sov_threads());
    set_default(&o->kv, SOV_KV_AUTO);
}
