/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proof.c - one digest of what was asked, and of what the answer was
 *
 * The text that is hashed is drawn in sov/proof.h.
 */
#include "sov/proof.h"

#include "base/buf.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCHEME "sov-proof-v1:"

struct sov_proof {
    struct sov_buf text; /* all before the sampler */
};

static void SOV_PRINTF(2, 3) add(struct sov_buf *b, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof(text))
        b->bad = true;
    else
        sov_buf_add(b, text, (size_t)n);
}

static void
add_hex(struct sov_buf *b, const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        add(b, "%02x", p[i]);
}

/* ---- what answers have in common */

static int
by_name(const void *a, const void *b)
{
    const struct sov_proof_file *x = a;
    const struct sov_proof_file *y = b;

    return strcmp(x->name, y->name);
}

static int
check_file(const struct sov_proof_file *f, bool named, struct sov_err *err)
{
    if (f->digest == NULL || (f->digest->has & SOV_HASH_VERITY) == 0)
        return sov_fail(err, SOV_EARG, "a file without a digest");
    if (named && (f->name == NULL || strchr(f->name, '\n') != NULL))
        return sov_fail(err, SOV_EARG, "a file's name that is no line");
    return 0;
}

static void
add_file(struct sov_buf *b, const char *what, const struct sov_digest *d)
{
    add(b, "%s ", what);
    add_hex(b, d->verity, sizeof(d->verity));
    add(b, " %" PRIu64 " ", d->size);
}

static int
add_model(struct sov_buf *b, const struct sov_proof_opts *o,
          struct sov_err *err)
{
    struct sov_proof_file *file;
    int rc = o->n_files == 0 ? sov_fail(err, SOV_EARG, "no file") : 0;

    for (size_t i = 0; i < o->n_files && rc == 0; i++)
        rc = check_file(&o->file[i], o->n_files > 1, err);
    if (rc < 0)
        return rc;
    file = sov_mem_array(o->n_files, sizeof(*file));
    if (file == NULL)
        return sov_mem_fail(err);
    memcpy(file, o->file, o->n_files * sizeof(*file));
    if (o->n_files > 1)
        qsort(file, o->n_files, sizeof(*file), by_name);
    for (size_t i = 0; i < o->n_files; i++) {
        const char *name = o->n_files > 1 ? file[i].name : "-";

        add_file(b, "model", file[i].digest);
        sov_buf_add(b, name, strlen(name));
        add(b, "\n");
    }
    free(file);
    return 0;
}

static const char *
kv_name(const struct sov_proof_opts *o)
{
    static const char *const names[] = {
        [SOV_KV_F32] = "f32",
        [SOV_KV_F16] = "f16",
        [SOV_KV_BF16] = "bf16",
        [SOV_KV_Q8] = "q8",
    };

    if (o->kv == SOV_KV_AUTO)
        return names[o->precise ? SOV_KV_F32 : SOV_KV_Q8];
    return names[o->kv];
}

int
sov_proof_new(sov_proof **proof, const struct sov_proof_opts *o,
              struct sov_err *err)
{
    struct sov_proof *p = sov_mem_array(1, sizeof(*p));
    int rc;

    *proof = NULL;
    if (p == NULL)
        return sov_mem_fail(err);
    add(&p->text, "urn:sov:proof:v1\n");
    rc = add_model(&p->text, o, err);
    for (size_t i = 0; i < o->n_adapters && rc == 0; i++) {
        rc = check_file(&o->adapter[i], false, err);
        if (rc == 0) {
            add_file(&p->text, "adapter", o->adapter[i].digest);
            add(&p->text, "%.9g\n", (double)o->scale[i]);
        }
    }
    if (rc == 0)
        add(&p->text, "activations %s kv %s\n", o->precise ? "f32" : "rounded",
            kv_name(o));
    if (rc == 0 && p->text.bad)
        rc = sov_mem_fail(err);
    if (rc < 0) {
        sov_proof_free(p);
        return rc;
    }
    *proof = p;
    return 0;
}

void
sov_proof_free(sov_proof *p)
{
    if (p == NULL)
        return;
    sov_buf_free(&p->text);
    free(p);
}

/* ---- one answer */

/* What has no effect is not told apart. */
static void
add_sampler(struct sov_buf *b, const struct sov_sampler_opts *s)
{
    struct sov_sampler_opts o = *s;

    if (!(o.temp > 0)) {
        o.temp = 0;
        o.top_k = 0;
        o.top_p = 1;
        o.min_p = 0;
        o.seed = 0;
    }
    if (o.repeat_penalty == 1)
        o.repeat_last = 0;
    add(b, "sampler temp %.9g top_k %" PRIu32 " top_p %.9g min_p %.9g",
        (double)o.temp, o.top_k, (double)o.top_p, (double)o.min_p);
    add(b, " repeat_penalty %.9g repeat_last %" PRIu32 " seed %" PRIu64 "\n",
        (double)o.repeat_penalty, o.repeat_last, o.seed);
}

static void
add_ids(struct sov_buf *b, const char *what, const int32_t *ids, size_t n)
{
    add(b, "%s %zu", what, n);
    for (size_t i = 0; i < n; i++)
        add(b, " %" PRId32, ids[i]);
    add(b, "\n");
}

int
sov_proof_answer(const sov_proof *p, const struct sov_sampler_opts *sampler,
                 const int32_t *ids, size_t n_prompt, size_t n,
                 char out[SOV_PROOF_LEN + 1], struct sov_err *err)
{
    unsigned char digest[SOV_SHA256_LEN];
    struct sov_buf b = { 0 };
    int rc = 0;

    sov_buf_add(&b, p->text.p, p->text.len);
    add_sampler(&b, sampler);
    add_ids(&b, "prompt", ids, n_prompt);
    add_ids(&b, "answer", ids + n_prompt, n - n_prompt);
    if (b.bad) {
        rc = sov_mem_fail(err);
    } else {
        sov_sha256(b.p, b.len, digest);
        strcpy(out, SCHEME);
        for (size_t i = 0; i < sizeof(digest); i++)
            snprintf(out + strlen(SCHEME) + 2 * i, 3, "%02x", digest[i]);
    }
    sov_buf_free(&b);
    return rc;
}

bool
sov_proof_is(const char *text)
{
    return strncmp(text, SCHEME, strlen(SCHEME)) == 0 &&
           strlen(text) == SOV_PROOF_LEN &&
           strspn(text + strlen(SCHEME), "0123456789abcdef") == 64;
}
