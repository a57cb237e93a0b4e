/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claim.c - --sign-key: what was measured, as a signed claim about the model
 *
 * in-toto's test-result, v0.1, on all files of the model; claim_say.c makes it.
 * The line goes behind those that are in MODEL.claims.jsonl already.  It says
 * nothing about where a model comes from, and makes none verified that was not.
 *
 * The key is loaded before anything is measured.  The process that reads the
 * model forgets it first.
 */
#include "bench/claim.h"
#include "bench/view.h"

#include "cli/claims.h"
#include "cli/names.h"
#include "cli/tool.h"
#include "sov/io.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- before anything is measured */

/* The claims that are there, none of them forged; *set may be empty. */
static int
read_claims(const struct bench_claims *c, const struct subject *s,
            sov_claims **set, struct sov_err *err)
{
    int rc = sov_claims_new(set, err);

    if (rc == 0 && access(s->claims, F_OK) == 0)
        rc = sov_claims_load(*set, s->claims, -1, err);
    return rc == 0 ? sov_claims_not_forged(*set, c->key, s->path, err) : rc;
}

static int
check_claims(const struct bench_claims *c, const struct subject *s,
             struct sov_err *err)
{
    sov_claims *set = NULL;
    char *freeze;
    int rc = 0;

    if (asprintf(&freeze, "%s.minisig", s->claims) < 0)
        return sov_fail(err, SOV_EMEM, "out of memory");
    if (access(freeze, F_OK) == 0)
        rc = sov_fail(err, SOV_EARG,
                      "--sign-key: %s freezes the claims; name another file "
                      "with --claims",
                      freeze);
    else if (sov_tool_same_file(s->claims, bench_options.sign_key))
        rc = sov_fail(err, SOV_EARG, "--claims: %s is the key", s->claims);
    else if (access(s->claims, F_OK) == 0 && !sov_fileset_is_regular(s->claims))
        rc = sov_fail(err, SOV_EARG, "--claims: %s is not a file", s->claims);
    free(freeze);
    if (rc == 0)
        rc = read_claims(c, s, &set, err);
    sov_claims_free(set);
    return rc;
}

static int
hash_files(struct subject *s, unsigned what, struct sov_err *err)
{
    return sov_fileset_hash(&s->set, what, err);
}

/* Of several files no record has a digest: they are hashed before, too. */
static int
hash_before(struct subject *s, struct sov_err *err)
{
    int rc;

    if (s->set.n < 2)
        return 0;
    s->before = calloc(s->set.n, sizeof(*s->before));
    if (s->before == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    rc = hash_files(s, SOV_HASH_SHA256, err);
    for (size_t i = 0; i < s->set.n; i++)
        s->before[i] = s->set.file[i].digest;
    return rc;
}

static int
begin_subject(const struct bench_claims *c, struct subject *s, const char *path,
              struct sov_err *err)
{
    const char *out = bench_options.claims;
    int rc;

    s->path = path;
    if (strcmp(path, "-") == 0 || sov_fileset_is_stream(path))
        return sov_fail(err, SOV_EARG,
                        "--sign-key: %s: a claim needs a file or a folder",
                        path);
    rc = sov_fileset_list(&s->set, path, err);
    if (rc < 0)
        return rc;
    s->claims = out != NULL
                    ? strdup(out)
                    : sov_fileset_beside(path, s->set.dir, SOV_CLAIMS_SUFFIX);
    if (s->claims == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    rc = check_claims(c, s, err);
    return rc == 0 ? hash_before(s, err) : rc;
}

int
bench_claims_begin(struct bench_claims **claims, int argc, char **argv,
                   struct sov_err *err)
{
    const struct bench_options *o = &bench_options;
    struct bench_claims *c;
    int rc;

    if (o->sign_key == NULL)
        return 0;
    if (o->claims != NULL && argc > 1)
        return sov_fail(err, SOV_EARG, "--claims is of one model; %d are named",
                        argc);
    *claims = c = calloc(1, sizeof(*c));
    if (c == NULL ||
        (c->subject = calloc((size_t)argc, sizeof(*c->subject))) == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    c->n = (size_t)argc;
    rc = sov_claims_key(&c->key, o->sign_key, err);
    for (size_t i = 0; i < c->n && rc == 0; i++)
        rc = begin_subject(c, &c->subject[i], argv[i], err);
    /* before the run is added to it */
    if (rc == 0 && o->baseline != NULL && sov_fileset_is_regular(o->baseline))
        rc = sov_hash_path(o->baseline, SOV_HASH_SHA256, &c->baseline, err);
    return rc;
}

void
bench_claims_forget_key(struct bench_claims *c)
{
    if (c == NULL)
        return;
    sov_seckey_free(c->key);
    c->key = NULL;
}

int
bench_claims_measured(struct bench_claims *c, size_t i,
                      const struct sov_bench_set *set, size_t from,
                      struct sov_err *err)
{
    const struct sov_bench_model *m;

    if (c == NULL || from >= set->n)
        return 0;
    m = &set->record[from].model;
    memcpy(c->subject[i].digest, m->digest, sizeof(m->digest));
    c->subject[i].name = strdup(bench_text(m->name));
    return c->subject[i].name != NULL
               ? 0
               : sov_fail(err, SOV_EMEM, "out of memory");
}

void
bench_claims_end(struct bench_claims *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < c->n; i++) {
        sov_fileset_free(&c->subject[i].set);
        free(c->subject[i].claims);
        free(c->subject[i].before);
        free(c->subject[i].name);
    }
    sov_seckey_free(c->key);
    free(c->subject);
    free(c);
}

/* ---- to where it is kept */

static int
changed(const struct subject *s, struct sov_err *err)
{
    return sov_fail(err, SOV_EIO,
                    "--sign-key: %s was changed while it was measured",
                    s->path);
}

/* The digests of what was measured. */
static int
hash_after(struct subject *s, struct sov_err *err)
{
    char hex[65];
    int rc = hash_files(s, SOV_HASH_SHA256 | SOV_HASH_VERITY, err);

    for (size_t i = 0; i < s->set.n && rc == 0 && s->before != NULL; i++)
        if (memcmp(s->before[i].sha256, s->set.file[i].digest.sha256,
                   SOV_SHA256_LEN) != 0)
            return changed(s, err);
    if (rc < 0 || s->before != NULL)
        return rc;
    for (size_t i = 0; i < SOV_SHA256_LEN; i++)
        snprintf(hex + 2 * i, 3, "%02x", s->set.file[0].digest.sha256[i]);
    return strcmp(hex, s->digest) == 0 ? 0 : changed(s, err);
}

/* Nobody else adds a line meanwhile. */
static int
append(const struct bench_claims *c, const struct subject *s, const char *line,
       size_t len, struct sov_err *err)
{
    const struct sov_sink_opts opts = {
        .force = true,
        .lock = SOV_LOCK_WAIT,
        .inputs = (const char *const *)s->set.paths,
        .n_inputs = s->set.n,
    };
    sov_claims *set = NULL;
    sov_sink *sink = NULL;
    char *text = NULL;
    size_t text_len = 0;
    int rc = sov_sink_open(&sink, s->claims, &opts, err);

    if (rc == 0)
        rc = read_claims(c, s, &set, err);
    if (rc == 0)
        rc = sov_claims_text(set, &text, &text_len, err);
    if (rc == 0)
        rc = sov_sink_write(sink, text, text_len, err);
    if (rc == 0)
        rc = sov_sink_write(sink, line, len, err);
    if (rc == 0)
        rc = sov_sink_commit(&sink, err);
    sov_sink_abort(sink);
    sov_claims_free(set);
    free(text);
    return rc;
}

int
bench_claims_add(struct bench_claims *c, const struct sov_bench_set *set,
                 const struct sov_bench_verdict *v, size_t n_v,
                 struct sov_err *err)
{
    int rc = 0;

    for (size_t i = 0; c != NULL && i < c->n && rc == 0; i++) {
        struct subject *s = &c->subject[i];
        char *line = NULL;
        size_t len;

        if (s->name == NULL) /* nothing was measured */
            continue;
        rc = hash_after(s, err);
        if (rc == 0)
            rc = claim_say(c, s, set, v, n_v, &line, &len, err);
        if (rc == 0)
            rc = append(c, s, line, len, err);
        free(line);
    }
    return rc;
}
