/* SPDX-License-Identifier: Apache-2.0 */
/*
 * common.c - what the modes of sov-run begin and end with
 */
#include "run/run.h"

#include "cli/report.h"
#include "cli/tool.h"

int
run_open_model(struct run *r, enum sov_access access, struct sov_err *err)
{
    return sov_lm_open(&r->lm, access, r->files, r->n_files, err);
}

int
run_open_adapters(struct run *r, struct sov_err *err)
{
    int rc = sov_adapters_open(&r->adapters,
                               sov_account_hash(&run_options.account), err);

    return rc == 0 ? sov_adapters_fit(&r->adapters, r->lm.model, err) : rc;
}

struct sov_session_opts
run_session_opts(const struct run *r)
{
    return (struct sov_session_opts){
        .n_ctx = (uint32_t)run_options.n_ctx,
        .precise = run_options.precise,
        .kv = run_options.kv,
        .lora = r->adapters.use,
        .n_lora = r->adapters.n,
        .max_memory = sov_common.max_memory,
    };
}

int
run_open_session(struct run *r, uint32_t rows, struct sov_err *err)
{
    struct sov_session_opts so = run_session_opts(r);
    int rc = run_open_adapters(r, err);

    so.n_logits = rows;
    so.other = sov_memory_used();
    return rc == 0 ? sov_lm_open_session(&r->lm, &so, err) : rc;
}

int
run_open_report(struct run *r, struct sov_emit *out, struct sov_err *err)
{
    return sov_emit_open(out, true, r->lm.inputs, r->lm.n_inputs, err);
}

int
run_put_report(struct sov_emit *out, struct sov_report *report,
               struct sov_err *err)
{
    int rc = sov_report_write(report, out->sink, err);

    return rc == 0 ? sov_emit_close(out, err) : rc;
}

int
run_account_model(struct run *r, const char *mode, struct sov_err *err)
{
    const struct sov_session_opts so = run_session_opts(r);

    return sov_account_model(&run_options.account, &r->lm, &so, mode, err);
}

void
run_fill_sampler(struct sov_sampler_opts *s)
{
    sov_sampler_defaults(s);
    s->temp = (float)run_options.temp;
    s->top_k = (uint32_t)run_options.top_k;
    s->top_p = (float)run_options.top_p;
    s->min_p = (float)run_options.min_p;
    s->repeat_penalty = (float)run_options.repeat_penalty;
    s->seed = sov_common.seed;
}
