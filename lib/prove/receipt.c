/* SPDX-License-Identifier: Apache-2.0 */
/*
 * receipt.c - what was done once more, as a statement that can be signed
 *
 *   _type, subject, predicateType        as in every statement
 *   predicate
 *     verifier, timeVerified, resourceUri, policy, inputAttestations,
 *     verificationResult, verifiedLevels
 *     sov_recompute                      what was made from what, how much of
 *                                        it was compared, what differs
 *
 * https://slsa.dev/spec/v1.0/verification_summary: others read all but the
 * last.
 */
#include "prove/prove.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "trust/canon.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PREDICATE "https://slsa.dev/verification_summary/v1"
#define DIFFS_MAX 64 /* that are named */

/* The first failure is kept: jansson refuses what is NULL. */
static void
put(json_t *to, const char *key, json_t *value, bool *bad)
{
    if (json_object_set_new(to, key, value) < 0)
        *bad = true;
}

static void
put_text(json_t *to, const char *key, const char *text, bool *bad)
{
    if (text != NULL)
        put(to, key, json_string(text), bad);
}

static void
put_number(json_t *to, const char *key, uint64_t n, bool *bad)
{
    put(to, key, json_integer((json_int_t)n), bad);
}

/* Reals are texts in what is signed. */
static void
put_real(json_t *to, const char *key, double x, bool *bad)
{
    char text[40];

    snprintf(text, sizeof(text), "%.9g", x);
    put_text(to, key, text, bad);
}

static void
add(json_t *list, json_t *value, bool *bad)
{
    if (json_array_append_new(list, value) < 0)
        *bad = true;
}

static void
put_hex(json_t *to, const char *key, const unsigned char *sha, bool *bad)
{
    char hex[2 * SOV_SHA256_LEN + 1];

    for (size_t i = 0; i < SOV_SHA256_LEN; i++)
        snprintf(hex + 2 * i, 3, "%02x", sha[i]);
    put_text(to, key, hex, bad);
}

static json_t *
digests(const struct sov_digest *d, bool *bad)
{
    json_t *o = json_object();

    if ((d->has & SOV_HASH_SHA256) != 0)
        put_hex(o, "sha256", d->sha256, bad);
    if ((d->has & SOV_HASH_VERITY) != 0)
        put_hex(o, "fsverity_sha256", d->verity, bad);
    return o;
}

static json_t *
resource(const struct sov_resource *r, bool *bad)
{
    json_t *o = json_object();

    put_text(o, "name", r->name, bad);
    put(o, "digest", digests(&r->digest, bad), bad);
    return o;
}

static json_t *
subjects(const struct sov_prove_receipt *about, bool *bad)
{
    json_t *list = json_array();

    for (size_t i = 0; i < about->n_subjects; i++)
        add(list, resource(&about->subject[i], bad), bad);
    return list;
}

/* What it was made from, and what of that was there. */
static json_t *
inputs(const sov_prove *p, bool *bad)
{
    struct sov_prove_input in;
    json_t *list = json_array();

    for (size_t i = 0; sov_prove_input(p, i, &in); i++) {
        json_t *o = resource(in.what, bad);

        put_text(o, "role", in.what->role, bad);
        put(o, "read", json_boolean(in.path != NULL), bad);
        add(list, o, bad);
    }
    return list;
}

static const char *
kind_word(enum sov_prove_kind kind)
{
    static const char *const words[] = { "weights",  "bytes",     "type",
                                         "shape",    "lacks",     "spare",
                                         "metadata", "statistics" };

    return words[kind];
}

static json_t *
differences(const sov_prove *p, bool *bad)
{
    json_t *list = json_array();

    for (size_t i = 0; i < p->n_diffs && i < DIFFS_MAX; i++) {
        const struct sov_prove_diff *d = &p->diff[i];
        json_t *o = json_object();

        put_text(o, "what", kind_word(d->kind), bad);
        put_text(o, "name", d->name, bad);
        if (d->kind == SOV_PROVE_WEIGHTS) {
            put_number(o, "row", d->row, bad);
            put_number(o, "column", d->column, bad);
            put_number(o, "weights", d->weights, bad);
            put_real(o, "is", d->is, bad);
            put_real(o, "should_be", d->should, bad);
        }
        add(list, o, bad);
    }
    return list;
}

/* The largest chance that a sample is said to have: 1 is of all, and policies
 * take it for nothing else. */
#define MOST 0.999999999

static json_t *
recompute(const sov_prove *p, bool *bad)
{
    const struct sov_prove_facts *f = &p->facts;
    json_t *o = json_object();

    put_text(o, "deed", f->deed, bad);
    put_number(o, "tensors", f->tensors, bad);
    put_number(o, "compared", f->chosen, bad);
    put_number(o, "bytes", f->bytes, bad);
    put_number(o, "different", f->differ, bad);
    put_real(o, "chance_of_1_percent",
             f->all || f->chance < MOST ? f->chance : MOST, bad);
    if (!f->all)
        put_number(o, "seed", f->seed, bad);
    put(o, "text_read", json_boolean(f->text), bad);
    put(o, "metadata_compared", json_boolean(f->meta_checked), bad);
    put_number(o, "arithmetic", (uint64_t)p->deed->arithmetic, bad);
    put_text(o, "claimed_version", f->version, bad);
    put(o, "inputs", inputs(p, bad), bad);
    put(o, "differences", differences(p, bad), bad);
    return o;
}

static json_t *
one_item(json_t *item, bool *bad)
{
    json_t *list = json_array();

    add(list, item, bad);
    return list;
}

static void
put_time(json_t *to, const char *key, int64_t when, bool *bad)
{
    time_t t = (time_t)when;
    struct tm tm;
    char text[32];

    if (gmtime_r(&t, &tm) == NULL ||
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        *bad = true;
    else
        put_text(to, key, text, bad);
}

static json_t *
verifier(bool *bad)
{
    json_t *o = json_object(), *version = json_object();

    put_text(version, "sov", sov_version(), bad);
    put_text(o, "id", SOV_RECOMPUTE_VERIFIER, bad);
    put(o, "version", version, bad);
    return o;
}

static json_t *
claim_made(const char *id, bool *bad)
{
    json_t *o = json_object(), *digest = json_object();
    char uri[100];

    snprintf(uri, sizeof(uri), "urn:sov:claim:%.64s", id);
    put_text(digest, "sha256", id, bad);
    put_text(o, "uri", uri, bad);
    put(o, "digest", digest, bad);
    return o;
}

static json_t *
predicate(const sov_prove *p, const struct sov_prove_receipt *about, bool *bad)
{
    const char *name = about->n_subjects > 0 ? about->subject[0].name : NULL;
    json_t *o = json_object(), *policy = json_object();
    bool passed = p->n_diffs == 0 && !about->altered;

    put_text(policy, "uri", "urn:sov:policy:recompute:v1", bad);
    put(o, "verifier", verifier(bad), bad);
    put_time(o, "timeVerified", about->when, bad);
    put_text(o, "resourceUri", name != NULL ? name : "-", bad);
    put(o, "policy", policy, bad);
    put(o, "inputAttestations", one_item(claim_made(about->claim, bad), bad),
        bad);
    put_text(o, "verificationResult", passed ? "PASSED" : "FAILED", bad);
    put(o, "verifiedLevels",
        !passed ? json_array()
                : one_item(json_string(p->facts.all ? SOV_RECOMPUTED_ALL
                                                    : SOV_RECOMPUTED_SAMPLE),
                           bad),
        bad);
    put(o, "sov_recompute", recompute(p, bad), bad);
    return o;
}

int
sov_prove_receipt(const sov_prove *p, const struct sov_prove_receipt *about,
                  char **text, size_t *len, struct sov_err *err)
{
    struct sov_buf out = { 0 };
    json_t *o = json_object();
    bool bad = false;
    int rc;

    put_text(o, "_type", "https://in-toto.io/Statement/v1", &bad);
    put(o, "subject", subjects(about, &bad), &bad);
    put_text(o, "predicateType", PREDICATE, &bad);
    put(o, "predicate", predicate(p, about, &bad), &bad);
    rc = bad ? sov_fail(err, SOV_EMEM, "out of memory, or a name is no UTF-8")
             : sov_canon_put(&out, o, err);
    json_decref(o);
    if (rc == 0 && out.bad)
        rc = sov_mem_fail(err);
    if (rc == 0) {
        *text = sov_mem_dup(out.p, out.len);
        *len = out.len;
        rc = *text == NULL ? sov_mem_fail(err) : 0;
    }
    sov_buf_free(&out);
    return rc;
}
