/* SPDX-License-Identifier: Apache-2.0 */
/* vocab.c - do two models mean the same by a token? */
#include "distill/vocab.h"

#include "base/le.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define KEY    "tokenizer.ggml."
#define TOKENS KEY "tokens"
#define TYPES  KEY "token_type"
#define SCORES KEY "scores"
#define MERGES KEY "merges"
#define UNUSED 5 /* token_type */
#define SHOW   64

static const struct sov_kv *
strings(const sov_meta *meta, const char *key)
{
    const struct sov_kv *kv = sov_meta_find(meta, key);

    return kv != NULL && kv->type == SOV_V_ARR && kv->elem == SOV_V_STR ? kv
                                                                        : NULL;
}

/* An array of n numbers or more. */
static const struct sov_kv *
numbers(const sov_meta *meta, const char *key, uint64_t n)
{
    const struct sov_kv *kv = sov_meta_find(meta, key);

    return kv != NULL && kv->type == SOV_V_ARR && kv->elem != SOV_V_STR &&
                   kv->n >= n
               ? kv
               : NULL;
}

static struct sov_span
string(const sov_meta *meta, const char *key)
{
    const struct sov_kv *kv = sov_meta_find(meta, key);

    return kv != NULL && kv->type == SOV_V_STR ? kv->val
                                               : (struct sov_span){ NULL, 0 };
}

static bool
equal(struct sov_span a, struct sov_span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

static bool
is_padding(struct sov_span name)
{
    return name.len == 0 || (name.len > 4 && memcmp(name.p, "[PAD", 4) == 0 &&
                             name.p[name.len - 1] == ']');
}

/* What texts begin with; -1: nothing. */
static int64_t
begin_of(const sov_meta *meta)
{
    uint64_t id;

    if (sov_meta_u64(meta, KEY "bos_token_id", &id, NULL) != 0 ||
        id == UINT32_MAX)
        return -1;
    return (int64_t)id;
}

static int
differ(const char *what, struct sov_span t, struct sov_span s,
       struct sov_err *err)
{
    char a[SHOW], b[SHOW];

    return sov_fail(err, SOV_EUNSUP,
                    "the teacher's tokenizer is not the student's: %s is '%s' "
                    "there and '%s' here",
                    what, sov_text_safe(t.p, t.len, a, sizeof(a)),
                    sov_text_safe(s.p, s.len, b, sizeof(b)));
}

/* Strings of two arrays, as far as both go. */
static int
compare_strings(const struct sov_kv *t, const struct sov_kv *s,
                const char *what, struct sov_err *err)
{
    uint64_t n = t->n < s->n ? t->n : s->n;
    struct sov_span x = { 0 }, y = { 0 };
    size_t at_t = 0, at_s = 0;
    char name[48];

    for (uint64_t i = 0; i < n; i++) {
        if (!sov_kv_next_str(t, &at_t, &x) || !sov_kv_next_str(s, &at_s, &y))
            break;
        if (equal(x, y) || (is_padding(x) && is_padding(y)))
            continue;
        snprintf(name, sizeof(name), "%s %" PRIu64, what, i);
        return differ(name, x, y, err);
    }
    return 0;
}

/* Behind the first n tokens there is nothing but padding. */
static int
check_rest(const sov_meta *meta, const struct sov_kv *tokens, uint64_t n,
           const char *whose, struct sov_err *err)
{
    const struct sov_kv *types = numbers(meta, TYPES, tokens->n);
    struct sov_span name;
    size_t at = 0;
    char show[SHOW];

    for (uint64_t i = 0; i < tokens->n && sov_kv_next_str(tokens, &at, &name);
         i++)
        if (i >= n && !is_padding(name) &&
            (types == NULL || sov_kv_int(types, i) != UNUSED))
            return sov_fail(
                err, SOV_EUNSUP,
                "the teacher's tokenizer is not the student's: "
                "only the %s has token %" PRIu64 ", '%s'",
                whose, i, sov_text_safe(name.p, name.len, show, sizeof(show)));
    return 0;
}

/* Where both say it: converters leave out what a kind does not need. */
static int
compare_numbers(const sov_meta *teacher, const sov_meta *student,
                const char *key, const char *what, uint64_t n,
                struct sov_err *err)
{
    const struct sov_kv *t = numbers(teacher, key, n);
    const struct sov_kv *s = numbers(student, key, n);

    for (uint64_t i = 0; t != NULL && s != NULL && i < n; i++)
        if (sov_kv_num(t, i) != sov_kv_num(s, i))
            return sov_fail(err, SOV_EUNSUP,
                            "the teacher's tokenizer is not the student's: "
                            "the %s of token %" PRIu64 " is %g there and %g "
                            "here",
                            what, i, sov_kv_num(t, i), sov_kv_num(s, i));
    return 0;
}

static int
compare_merges(const sov_meta *teacher, const sov_meta *student,
               struct sov_err *err)
{
    const struct sov_kv *t = strings(teacher, MERGES);
    const struct sov_kv *s = strings(student, MERGES);
    uint64_t n_t = t != NULL ? t->n : 0, n_s = s != NULL ? s->n : 0;

    if (n_t != n_s)
        return sov_fail(err, SOV_EUNSUP,
                        "the teacher's tokenizer is not the student's: it has "
                        "%" PRIu64 " rules of merging, and not %" PRIu64,
                        n_t, n_s);
    return n_t > 0 ? compare_strings(t, s, "rule of merging", err) : 0;
}

static int
compare_kinds(const sov_meta *teacher, const sov_meta *student,
              struct sov_err *err)
{
    static const char *const keys[] = { "model", "pre" };
    char key[32];

    for (size_t i = 0; i < 2; i++) {
        struct sov_span t, s;

        snprintf(key, sizeof(key), KEY "%s", keys[i]);
        t = string(teacher, key);
        s = string(student, key);
        if (!equal(t, s))
            return differ(key, t, s, err);
    }
    return 0;
}

int
sov_vocab_same(const sov_meta *teacher, const sov_meta *student,
               size_t *n_common, struct sov_err *err)
{
    const struct sov_kv *t = strings(teacher, TOKENS);
    const struct sov_kv *s = strings(student, TOKENS);
    uint64_t n;
    int rc;

    if (t == NULL || s == NULL)
        return sov_fail(err, SOV_EUNSUP, "the %s has no tokenizer",
                        t == NULL ? "teacher" : "student");
    n = t->n < s->n ? t->n : s->n;
    rc = compare_kinds(teacher, student, err);
    if (rc == 0)
        rc = compare_strings(t, s, "token", err);
    if (rc == 0)
        rc = check_rest(teacher, t, n, "teacher", err);
    if (rc == 0)
        rc = check_rest(student, s, n, "student", err);
    if (rc == 0)
        rc = compare_numbers(teacher, student, SCORES, "score", n, err);
    if (rc == 0)
        rc = compare_merges(teacher, student, err);
    if (rc == 0 && begin_of(teacher) != begin_of(student))
        rc = sov_fail(err, SOV_EUNSUP,
                      "the teacher's tokenizer is not the student's: texts "
                      "begin with token %" PRId64 " there and %" PRId64
                      " here (-1: none)",
                      begin_of(teacher), begin_of(student));
    if (rc == 0 && n_common != NULL)
        *n_common = (size_t)n;
    return rc;
}

/* ---- digest */

static int
add_number(sov_hasher *h, uint64_t v, struct sov_err *err)
{
    unsigned char b[8];

    sov_put64(b, v);
    return sov_hasher_update(h, b, sizeof(b), err);
}

static int
add_string(sov_hasher *h, struct sov_span s, struct sov_err *err)
{
    int rc = add_number(h, s.len, err);

    return rc == 0 && s.len > 0 ? sov_hasher_update(h, s.p, s.len, err) : rc;
}

/* Strings of an array, or none, up to the last that is no padding. */
static int
add_strings(sov_hasher *h, const struct sov_kv *kv, struct sov_err *err)
{
    struct sov_span s;
    uint64_t n = 0, i;
    size_t at = 0;
    int rc;

    for (i = 0; kv != NULL && sov_kv_next_str(kv, &at, &s); i++)
        n = is_padding(s) ? n : i + 1;
    at = 0;
    rc = add_number(h, n, err);
    for (i = 0; i < n && rc == 0 && sov_kv_next_str(kv, &at, &s); i++)
        rc = add_string(h, s, err);
    return rc;
}

int
sov_vocab_digest(const sov_meta *meta, unsigned char out[SOV_SHA256_LEN],
                 struct sov_err *err)
{
    struct sov_digest d;
    sov_hasher *h = NULL;
    int rc = sov_hasher_new(&h, SOV_HASH_SHA256, err);

    if (rc == 0)
        rc = add_number(h, 1, err);
    if (rc == 0)
        rc = add_string(h, string(meta, KEY "model"), err);
    if (rc == 0)
        rc = add_number(h, 1, err);
    if (rc == 0)
        rc = add_string(h, string(meta, KEY "pre"), err);
    if (rc == 0)
        rc = add_strings(h, strings(meta, TOKENS), err);
    if (rc == 0)
        rc = add_strings(h, strings(meta, MERGES), err);
    if (rc == 0)
        rc = add_number(h, (uint64_t)begin_of(meta), err);
    if (rc == 0)
        rc = sov_hasher_final(h, &d, err);
    if (rc == 0)
        memcpy(out, d.sha256, SOV_SHA256_LEN);
    sov_hasher_free(h);
    return rc;
}
