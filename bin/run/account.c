/* SPDX-License-Identifier: Apache-2.0 */
/*
 * account.c - what is kept of each request: counters, a log, a proof
 *
 * What the log has of a request and its answer are digests, counts and times,
 * and the names of tenant and reviewer; never their text.
 */
#include "run/account.h"

#include "cli/claims.h"
#include "cli/common.h"
#include "cli/lineage.h"
#include "cli/names.h"
#include "cli/report.h"
#include "cli/tool.h"
#include "run/run.h"
#include "sov/hash.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NAME_MAX_BYTES 256

static int64_t
now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
hex_of(const unsigned char *p, char hex[2 * SOV_SHA256_LEN + 1])
{
    for (size_t i = 0; i < SOV_SHA256_LEN; i++)
        snprintf(hex + 2 * i, 3, "%02x", p[i]);
}

/* ---- the log */

/* Add a line whose members are the report's, which is freed. */
static int
put(struct sov_account *a, const char *event, struct sov_report *r,
    struct sov_err *err)
{
    char *line = NULL;
    int rc = sov_report_line(r, &line, err);

    if (rc == 0) {
        line[strcspn(line, "\n")] = '\0';
        rc = sov_audit_put(a->log, event, line, now_ms(), err);
        explicit_bzero(line, strlen(line));
    }
    free(line);
    return rc < 0 ? sov_err_wrap(err, "--audit-log") : 0;
}

static void
report_digest(struct sov_report *r, const char *key, struct sov_span bytes)
{
    unsigned char digest[SOV_SHA256_LEN];
    char hex[2 * SOV_SHA256_LEN + 1];

    sov_sha256(bytes.p != NULL ? bytes.p : (const unsigned char *)"", bytes.len,
               digest);
    hex_of(digest, hex);
    sov_report_text(r, key, NULL, hex);
}

static void
report_file(struct sov_report *r, const char *name, const struct sov_digest *d)
{
    char hex[2 * SOV_SHA256_LEN + 1];

    sov_report_row(r);
    sov_report_text(r, "name", NULL, name);
    sov_report_uint(r, "size", NULL, d->size);
    hex_of(d->verity, hex);
    sov_report_text(r, "verity", NULL, hex);
}

static void
report_files(struct sov_report *r, const struct sov_account *a,
             const struct sov_lm *lm)
{
    const struct sov_adapters *adapters = a->adapters;
    const char *name;

    sov_report_table(r, "model");
    for (size_t i = 0; (name = sov_model_file_name(lm->model, i)) != NULL; i++)
        report_file(r, name, sov_model_digest(lm->model, i));
    sov_report_table_end(r);
    if (adapters->n == 0)
        return;
    sov_report_table(r, "adapters");
    for (size_t i = 0; i < adapters->n; i++) {
        const sov_model *m = adapters->item[i].model;

        report_file(r, sov_model_file_name(m, 0), sov_model_digest(m, 0));
        sov_report_real(r, "scale", NULL, (double)adapters->use[i].scale, 6,
                        NULL);
    }
    sov_report_table_end(r);
}

/* What answers depend on. */
static void
report_options(struct sov_report *r, const struct sov_session_opts *so)
{
    static const char *const kv[] = { "auto", "f32", "f16", "bf16", "q8" };
    const struct run_options *o = &run_options;

    sov_report_object(r, "options");
    sov_report_uint(r, "ctx", NULL, so->n_ctx);
    sov_report_bool(r, "precise", NULL, so->precise);
    sov_report_text(r, "kv", NULL, kv[so->kv]);
    sov_report_real(r, "temp", NULL, o->temp, 6, NULL);
    sov_report_uint(r, "top_k", NULL, o->top_k);
    sov_report_real(r, "top_p", NULL, o->top_p, 6, NULL);
    sov_report_real(r, "min_p", NULL, o->min_p, 6, NULL);
    sov_report_real(r, "repeat_penalty", NULL, o->repeat_penalty, 6, NULL);
    sov_report_uint(r, "seed", NULL, sov_common.seed);
    sov_report_object_end(r);
}

/* What there is already of the answers that this run adds to. */
static void
report_output(struct sov_report *r, const struct sov_account_output *o)
{
    char hex[2 * SOV_SHA256_LEN + 1];

    sov_report_object(r, "output");
    sov_report_text(r, "name", NULL, o->name);
    sov_report_uint(r, "answers", NULL, o->answers);
    sov_report_uint(r, "size", NULL, o->bytes);
    hex_of(o->sha256, hex);
    sov_report_text(r, "sha256", NULL, hex);
    sov_report_object_end(r);
}

static int
log_start(struct sov_account *a, const struct sov_lm *lm,
          const struct sov_session_opts *so, const char *mode,
          struct sov_err *err)
{
    const char *policy = sov_lineage_options.require;
    struct sov_report *r = sov_report_new(NULL);
    char hex[2 * SOV_SHA256_LEN + 1];
    struct sov_digest d;

    sov_report_text(r, "tool", NULL, "sov-run");
    sov_report_text(r, "version", NULL, sov_version());
    sov_report_text(r, "mode", NULL, mode);
    report_files(r, a, lm);
    if (policy != NULL) {
        if (sov_hash_path(policy, SOV_HASH_SHA256, &d, err) < 0) {
            sov_report_free(r);
            return err->rc;
        }
        hex_of(d.sha256, hex);
        sov_report_text(r, "policy", NULL, hex);
    }
    report_options(r, so);
    if (a->output != NULL)
        report_output(r, a->output);
    if (a->reviewer != NULL)
        sov_report_text(r, "reviewer", NULL, a->reviewer);
    a->began = true;
    return put(a, "start", r, err);
}

/* ---- before and after */

int
sov_account_check(const struct sov_account *a, struct sov_err *err)
{
    if (a->sign_key != NULL && a->log_path == NULL)
        return sov_fail(err, SOV_EARG, "--sign-key signs the --audit-log");
    if (a->reviewer != NULL && a->log_path == NULL)
        return sov_fail(err, SOV_EARG, "--reviewer goes with --audit-log");
    if (a->reviewer != NULL && strlen(a->reviewer) > NAME_MAX_BYTES)
        return sov_fail(err, SOV_EARG,
                        "--reviewer: a name of %zu bytes, the limit is %d",
                        strlen(a->reviewer), NAME_MAX_BYTES);
    if (a->seconds_given && a->metrics_path == NULL)
        return sov_fail(err, SOV_EARG, "--metrics-every goes with --metrics");
    if (a->claimed != NULL && !sov_proof_is(a->claimed))
        return sov_fail(err, SOV_EARG,
                        "--verify-proof: '%.100s' is no proof; one is "
                        "sov-proof-v1: and 64 hex digits",
                        a->claimed);
    return 0;
}

bool
sov_account_wanted(const struct sov_account *a)
{
    return a->metrics_path != NULL || a->log_path != NULL || a->prove ||
           a->claimed != NULL || a->meter;
}

unsigned
sov_account_hash(const struct sov_account *a)
{
    return a->log_path != NULL || a->prove || a->claimed != NULL
               ? SOV_HASH_VERITY
               : 0;
}

/* Where counters cannot be read, -v says why. */
static int
open_power(struct sov_account *a, struct sov_err *err)
{
    int rc;

    if (a->metrics_path == NULL && !a->meter && a->log_path == NULL)
        return 0;
    rc = sov_power_open(&a->power, sov_fake_root, err);
    if (rc == 0 && sov_power_domains(a->power)[0] == '\0')
        sov_note(1, "energy is not known: %s", sov_power_why(a->power));
    else if (rc == 0)
        sov_note(1, "energy is that of %s", sov_power_domains(a->power));
    return rc;
}

static int
open_log(struct sov_account *a, struct sov_err *err)
{
    int rc = 0;

    if (a->log_path == NULL)
        return 0;
    if (a->sign_key != NULL)
        rc = sov_claims_key(&a->key, a->sign_key, err);
    return rc == 0 ? sov_audit_open(&a->log, a->log_path, a->key, 0, err) : rc;
}

int
sov_account_open(struct sov_account *a, const char *model,
                 const char *const *inputs, size_t n_inputs,
                 struct sov_err *err)
{
    struct sov_metrics_opts opts = {
        .path = a->metrics_path,
        .seconds = a->seconds,
        .model = model == NULL ? "built-in" : sov_name_base(sov_name_in(model)),
        .force = sov_common.force,
        .inputs = inputs,
        .n_inputs = n_inputs,
    };
    int rc = open_log(a, err);

    if (rc == 0)
        rc = open_power(a, err);
    opts.secret = a->key;
    if (rc == 0 && a->metrics_path != NULL)
        rc = sov_metrics_open(&a->metrics, &opts, err);
    return rc;
}

static int
make_proof(struct sov_account *a, const struct sov_lm *lm,
           const struct sov_session_opts *so, struct sov_err *err)
{
    const struct sov_adapters *adapters = a->adapters;
    struct sov_proof_opts opts = { .precise = so->precise, .kv = so->kv };
    struct sov_proof_file *file;
    float scale[SOV_LORAS_MAX];
    int rc;

    while (sov_model_file_name(lm->model, opts.n_files) != NULL)
        opts.n_files++;
    file = calloc(opts.n_files + adapters->n + 1, sizeof(*file));
    if (file == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (size_t i = 0; i < opts.n_files; i++)
        file[i] = (struct sov_proof_file){ sov_model_file_name(lm->model, i),
                                           sov_model_digest(lm->model, i) };
    opts.file = file;
    opts.adapter = file + opts.n_files;
    opts.scale = scale;
    for (; opts.n_adapters < adapters->n; opts.n_adapters++) {
        const sov_model *m = adapters->item[opts.n_adapters].model;

        file[opts.n_files + opts.n_adapters] =
            (struct sov_proof_file){ sov_model_file_name(m, 0),
                                     sov_model_digest(m, 0) };
        scale[opts.n_adapters] = adapters->use[opts.n_adapters].scale;
    }
    rc = sov_proof_new(&a->proof, &opts, err);
    free(file);
    return rc;
}

int
sov_account_model(struct sov_account *a, const struct sov_lm *lm,
                  const struct sov_session_opts *so, const char *mode,
                  struct sov_err *err)
{
    int rc = 0;

    if (a->prove || a->claimed != NULL)
        rc = make_proof(a, lm, so, err);
    if (rc == 0 && a->log != NULL)
        rc = log_start(a, lm, so, mode, err);
    return rc;
}

int
sov_account_unwritten(struct sov_account *a, uint64_t line, struct sov_err *err)
{
    struct sov_report *r;

    if (a->log == NULL)
        return 0;
    r = sov_report_new(NULL);
    sov_report_uint(r, "line", NULL, line);
    return put(a, "unwritten", r, err);
}

int
sov_account_sync(struct sov_account *a, struct sov_err *err)
{
    if (a->log == NULL || sov_audit_sync(a->log, err) == 0)
        return 0;
    return sov_err_wrap(err, "--audit-log");
}

/* The last line, whatever the run came to. */
static int
log_end(struct sov_account *a, int rc, const struct sov_err *err,
        struct sov_err *why)
{
    struct sov_report *r = sov_report_new(NULL);

    sov_report_uint(r, "status", NULL, (uint64_t)sov_tool_status(rc, err));
    sov_report_uint(r, "requests", NULL, a->n_requests);
    sov_report_uint(r, "errors", NULL, a->n_errors);
    sov_report_uint(r, "prompt_tokens", NULL, a->n_prompt);
    sov_report_uint(r, "generated_tokens", NULL, a->n_made);
    return put(a, "end", r, why);
}

int
sov_account_close(struct sov_account *a, int rc, struct sov_err *err)
{
    struct sov_err why = { 0 };
    struct sov_err closing = { 0 };
    int end = 0;

    if (a->log != NULL) {
        int closed;

        end = a->began ? log_end(a, rc, err, &why) : 0;
        closed = sov_audit_close(a->log, now_ms(), &closing);
        if (end == 0 && closed < 0) {
            why = closing;
            end = closed;
        }
        a->log = NULL;
    }
    if (end == 0)
        end = sov_metrics_close(a->metrics, &why);
    else if (sov_metrics_close(a->metrics, &closing) < 0)
        sov_tool_complain(closing.rc, &closing);
    a->metrics = NULL;
    sov_power_close(a->power);
    sov_proof_free(a->proof);
    sov_seckey_free(a->key);
    if (rc == 0 && end < 0)
        *err = why;
    return rc == 0 ? end : rc;
}

/* ---- requests */

/* Ids as a text, with a space between each two; free() it. */
static int
text_of_ids(const int32_t *ids, size_t n, char **text, size_t *len,
            struct sov_err *err)
{
    FILE *f = open_memstream(text, len);

    for (size_t i = 0; i < n && f != NULL; i++)
        fprintf(f, i > 0 ? " %" PRId32 : "%" PRId32, ids[i]);
    if (f == NULL || fclose(f) != 0)
        return sov_fail(err, SOV_EMEM, "out of memory");
    return 0;
}

static int
log_request(struct sov_account *a, const struct sov_account_ask *ask,
            struct sov_err *err)
{
    const char *reviewer = ask->reviewer != NULL ? ask->reviewer : a->reviewer;
    struct sov_span bytes = ask->bytes;
    struct sov_report *r;
    char *text = NULL;

    if (ask->ids != NULL &&
        text_of_ids(ask->ids, ask->n_ids, &text, &bytes.len, err) < 0)
        return err->rc;
    if (ask->ids != NULL)
        bytes.p = (unsigned char *)text;
    r = sov_report_new(NULL);
    sov_report_uint(r, "line", NULL, a->line);
    report_digest(r, "sha256", bytes);
    if (ask->tenant != NULL)
        sov_report_text(r, "tenant", NULL, ask->tenant);
    if (reviewer != NULL)
        sov_report_text(r, "reviewer", NULL, reviewer);
    if (text != NULL)
        explicit_bzero(text, bytes.len);
    free(text);
    return put(a, "request", r, err);
}

int
sov_account_ask(struct sov_account *a, const struct sov_account_ask *ask,
                struct sov_err *err)
{
    if (ask->line == 0)
        sov_metrics_set(a->metrics, SOV_METRIC_ACTIVE, 1);
    a->line = ask->line != 0 ? ask->line : a->line + 1;
    a->n_requests++;
    return a->log != NULL ? log_request(a, ask, err) : 0;
}

int
sov_account_prove(struct sov_account *a, const struct sov_sampler_opts *sampler,
                  const int32_t *ids, size_t n_prompt, size_t n,
                  struct sov_err *err)
{
    a->last_proof[0] = '\0';
    if (a->proof == NULL)
        return 0;
    return sov_proof_answer(a->proof, sampler, ids, n_prompt, n, a->last_proof,
                            err);
}

/* In microseconds. */
static void
report_seconds(struct sov_report *r, const char *key, double s)
{
    sov_report_real(r, key, NULL, round(s * 1e6) / 1e6, 6, NULL);
}

static void
report_spent(struct sov_report *r, const struct sov_spent *s)
{
    report_seconds(r, "queue_s", s->queue_s);
    report_seconds(r, "first_token_s", s->first_s);
    report_seconds(r, "total_s", s->total_s);
    if (s->joules >= 0)
        sov_report_real(r, "joules", NULL, s->joules, 6, NULL);
    else
        sov_report_json(r, "joules", "null", 4);
}

void
sov_account_report(struct sov_report *r, size_t n_known,
                   const struct sov_spent *spent)
{
    sov_report_object(r, "meter");
    sov_report_uint(r, "known_tokens", NULL, n_known);
    report_spent(r, spent);
    sov_report_object_end(r);
}

double
sov_account_joules(const struct sov_account *a)
{
    double joules;

    return a->power != NULL && sov_power_joules(a->power, &joules) ? joules
                                                                   : -1;
}

void
sov_account_busy(struct sov_account *a, double seconds, double joules)
{
    a->joules = a->joules >= 0 && joules >= 0 ? a->joules + joules : -1;
    sov_metrics_add(a->metrics, SOV_METRIC_BUSY, seconds);
    sov_metrics_energy(a->metrics, a->joules);
}

static int
log_answer(struct sov_account *a, const struct sov_account_answer *x,
           struct sov_err *err)
{
    struct sov_report *r = sov_report_new(NULL);

    sov_report_uint(r, "line", NULL, x->line != 0 ? x->line : a->line);
    report_digest(r, "sha256", x->bytes);
    sov_report_text(r, "outcome", NULL, x->outcome);
    sov_report_uint(r, "prompt_tokens", NULL, x->n_prompt);
    sov_report_uint(r, "known_tokens", NULL, x->n_known);
    sov_report_uint(r, "generated_tokens", NULL, x->n_made);
    report_spent(r, &x->spent);
    if (x->proof != NULL && x->proof[0] != '\0')
        sov_report_text(r, "proof", NULL, x->proof);
    return put(a, "answer", r, err);
}

int
sov_account_answer(struct sov_account *a, const struct sov_account_answer *x,
                   struct sov_err *err)
{
    bool failed = strcmp(x->outcome, "error") == 0;
    int rc = a->log != NULL ? log_answer(a, x, err) : 0;

    if (rc < 0)
        return rc;
    if (x->line == 0) {
        sov_metrics_set(a->metrics, SOV_METRIC_ACTIVE, 0);
        sov_account_busy(a, x->spent.total_s, x->spent.joules);
    }
    a->n_errors += failed;
    a->n_prompt += x->n_prompt;
    a->n_made += x->n_made;
    sov_metrics_outcome(a->metrics, x->outcome);
    sov_metrics_add(a->metrics, SOV_METRIC_PROMPT, (double)x->n_prompt);
    sov_metrics_add(a->metrics, SOV_METRIC_KNOWN, (double)x->n_known);
    sov_metrics_add(a->metrics, SOV_METRIC_MADE, (double)x->n_made);
    if (failed)
        return 0;
    sov_metrics_time(a->metrics, SOV_TIMING_QUEUE, x->spent.queue_s);
    if (x->n_made > 0)
        sov_metrics_time(a->metrics, SOV_TIMING_FIRST, x->spent.first_s);
    sov_metrics_time(a->metrics, SOV_TIMING_TOTAL, x->spent.total_s);
    return 0;
}

void
sov_account_desk(struct sov_account *a, const struct sov_desk_counts *c,
                 double seconds)
{
    struct sov_metrics *m = a->metrics;

    sov_metrics_set(m, SOV_METRIC_WAITING, (double)c->waiting);
    sov_metrics_set(m, SOV_METRIC_ACTIVE, (double)c->active);
    sov_metrics_set(m, SOV_METRIC_PASSES, (double)c->passes);
    sov_metrics_set(m, SOV_METRIC_BLOCKS, c->blocks);
    sov_metrics_set(m, SOV_METRIC_USED, c->used);
    sov_metrics_add(m, SOV_METRIC_BUSY, seconds);
    sov_metrics_energy(m, c->joules);
}
