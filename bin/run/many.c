/* SPDX-License-Identifier: Apache-2.0 */
/*
 * many.c - many texts: --embed and --jsonl
 */
#include "run/run.h"

#include "cli/tool.h"

#include <stdio.h>

int
run_embed(struct run *r, struct sov_err *err)
{
    const struct sov_session_opts so = run_session_opts(r);
    int rc = sov_adapters_open(&r->adapters,
                               sov_account_hash(&run_options.account), err);

    run_options.embed.account = &run_options.account;
    if (rc == 0)
        rc = sov_embed_run(&run_options.embed, &r->lm, &so, r->files,
                           r->n_files, err);
    r->n_ids = r->n_prompt = run_options.embed.n_tokens;
    r->prompt_s = run_options.embed.seconds;
    return rc;
}

int
run_requests(struct run *r, size_t n_files, struct sov_err *err)
{
    const struct sov_session_opts so = run_session_opts(r);
    struct sov_jsonl_mode *m = &run_options.requests;
    int rc = sov_adapters_open(&r->adapters,
                               sov_account_hash(&run_options.account), err);

    m->account = &run_options.account;
    m->resume = run_options.resume;
    m->special = run_options.parse_special;
    m->pool = run_options.embed.pool;
    m->as_is = run_options.embed.as_is;
    m->cut = run_options.embed.cut;
    m->talk = &run_options.talk;
    m->n_tokens = run_options.n_tokens;
    m->n_tokens_given = run_options.n_tokens_given;
    m->stops = run_options.stops.items;
    m->n_stops = run_options.stops.n;
    run_fill_sampler(&m->sampler);
    return rc == 0 ? sov_jsonl_run(m, &r->lm, &so, r->files, r->n_files,
                                   n_files, err)
                   : rc;
}

void
run_say_request_timings(void)
{
    const struct sov_jsonl_mode *m = &run_options.requests;

    fprintf(stderr,
            "{\"requests\":%zu,\"errors\":%zu,\"prompt_tokens\":%zu,"
            "\"known_tokens\":%zu,\"prompt_s\":%.6f,"
            "\"generated_tokens\":%zu,\"generate_s\":%.6f}\n",
            m->n_requests, m->n_bad, m->n_prompt, m->n_known, m->prompt_s,
            m->n_made, m->generate_s);
}
