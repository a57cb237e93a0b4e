/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify.c - is this model what a believed key says it is?
 *
 * The answer begins as none and is set to yes on one line of this file, at
 * the end of sov_claims_verify(), when nothing was left that spoke against it.
 */
#include "trust/claims.h"

#include "trust/statement.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PROOFS ((unsigned)(SOV_HASH_SHA256 | SOV_HASH_VERITY))

/* Short forms of ids and digests for messages. */
#define ID "%.16s"

struct asking {
    sov_claims *set;
    const struct sov_claim_file *file;
    size_t n;
    struct sov_verdict *v;
    struct sov_err *err;
};

static SOV_PRINTF(4, 5) int no(struct asking *q, enum sov_answer answer,
                               const struct sov_claim *at, const char *fmt, ...)
{
    char text[400];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    q->v->answer = answer;
    q->v->at = at;
    return sov_fail(q->err, SOV_ENO, "%s", text);
}

static bool
same(const unsigned char *a, const unsigned char *b)
{
    return memcmp(a, b, SOV_SHA256_LEN) == 0;
}

/* ---- files against subjects */

/* All that both sides know is equal, and a proof is among it. */
static bool
digests_fit(const struct sov_digest *a, bool a_size, const struct sov_digest *b,
            bool b_size)
{
    unsigned both = a->has & b->has & PROOFS;

    if (both == 0 || (a_size && b_size && a->size != b->size))
        return false;
    if ((both & SOV_HASH_SHA256) && !same(a->sha256, b->sha256))
        return false;
    return !(both & SOV_HASH_VERITY) || same(a->verity, b->verity);
}

bool
sov_digests_fit(const struct sov_resource *a, const struct sov_resource *b)
{
    return digests_fit(&a->digest, a->has_size, &b->digest, b->has_size);
}

static bool
bytes_fit(const struct sov_resource *s, const struct sov_claim_file *f)
{
    if (s->has_root && f->has_root && !same(s->root, f->root))
        return false;
    return digests_fit(&s->digest, s->has_size, &f->digest, true);
}

static bool
same_name(const struct sov_resource *s, const struct sov_claim_file *f)
{
    return s->name != NULL && f->name != NULL && strcmp(s->name, f->name) == 0;
}

/* A model of one file may have lost its name. */
static bool
name_free(const struct sov_claim_file *f, size_t n)
{
    return n == 1 && (f->name == NULL || f->any_name);
}

static bool
name_fits(const struct sov_resource *s, const struct sov_claim_file *f,
          size_t n)
{
    return name_free(f, n) || same_name(s, f);
}

/* Names are unique on both sides, so equal numbers and a place for each is
 * all. */
bool
sov_claim_is_of(const struct sov_claim *c, const struct sov_claim_file *file,
                size_t n)
{
    const struct sov_statement *st = &c->statement;

    if (st->n_subjects != n)
        return false;
    for (size_t i = 0; i < n; i++) {
        size_t k = 0;

        while (k < n && !name_fits(&st->subject[k], &file[i], n))
            k++;
        if (k == n || !bytes_fit(&st->subject[k], &file[i]))
            return false;
    }
    return true;
}

/* Does the claim say where a model comes from, and is it this one?  That it was
 * tested does not: whoever tests vouches for what he saw and not for what it
 * is. */
static bool
is_about(const struct sov_claim *c, const struct sov_claim_file *file, size_t n)
{
    return sov_statement_is_provenance(&c->statement) &&
           sov_claim_is_of(c, file, n);
}

const struct sov_claim *
sov_claims_about(const sov_claims *set, const struct sov_claim_file *file,
                 size_t n)
{
    for (size_t i = set->n; i > 0; i--)
        if (is_about(&set->line[i - 1]->claim, file, n))
            return &set->line[i - 1]->claim;
    return NULL;
}

/* ---- nothing is about the model: what comes nearest? */

/* Does another claim of the set point to this one? */
static bool
is_ancestor(const sov_claims *set, const struct sov_claim *c)
{
    for (size_t i = 0; i < set->n; i++) {
        const struct sov_statement *st = &set->line[i]->claim.statement;

        for (size_t k = 0; k < st->n_dependencies; k++)
            if (st->dependency[k].claim != NULL &&
                strcmp(st->dependency[k].claim, c->id) == 0)
                return true;
    }
    return false;
}

/* How near: believed claims first, then those with more names in common; a
 * lone file that was renamed is what a claim beside it ends in. */
static size_t
nearness(const struct asking *q, const struct sov_claim *c)
{
    const struct sov_statement *st = &c->statement;
    size_t common = 0;

    if (!sov_statement_is_provenance(st))
        return 0;
    for (size_t i = 0; i < q->n; i++)
        for (size_t k = 0; k < st->n_subjects; k++)
            common += same_name(&st->subject[k], &q->file[i]) ||
                      bytes_fit(&st->subject[k], &q->file[i]);
    if (common == 0 && st->n_subjects == 1 && name_free(q->file, q->n) &&
        !c->embedded && !is_ancestor(q->set, c))
        common = 1;
    if (common == 0)
        return 0;
    return 2 * common + (c->trust == SOV_TRUST_GOOD);
}

static int
no_file(struct asking *q, const char *name, size_t at, const char *fmt)
{
    char text[300];

    q->v->file = name;
    q->v->file_index = at;
    snprintf(text, sizeof(text), "%s%s", name != NULL ? name : "the model",
             fmt);
    return no(q, SOV_ANSWER_FILES, q->v->leaf, "%s", text);
}

/* Its bytes are not those that the claim says of this name. */
static int
other_bytes(struct asking *q, const struct sov_resource *s, size_t i)
{
    const struct sov_claim_file *f = &q->file[i];
    const char *name = f->name != NULL ? f->name : "the model";
    unsigned both = s->digest.has & f->digest.has & PROOFS;

    q->v->file = f->name != NULL ? f->name : s->name;
    q->v->file_index = i;
    if (s->has_size && s->digest.size != f->digest.size)
        return no(q, SOV_ANSWER_BYTES, q->v->leaf,
                  "%s: %llu bytes, claim " ID " says %llu", name,
                  (unsigned long long)f->digest.size, q->v->leaf->id,
                  (unsigned long long)s->digest.size);
    if (both == 0)
        return no(q, SOV_ANSWER_BYTES, q->v->leaf,
                  "%s: claim " ID " has no digest of it that was computed",
                  name, q->v->leaf->id);
    return no(q, SOV_ANSWER_BYTES, q->v->leaf,
              "%s: the bytes are not those that claim " ID " says", name,
              q->v->leaf->id);
}

/* Tell what is wrong with the files by the claim that comes nearest. */
static int
say_nearest(struct asking *q)
{
    const struct sov_statement *st = &q->v->leaf->statement;

    for (size_t i = 0; i < q->n; i++)
        for (size_t k = 0; k < st->n_subjects; k++)
            if (name_fits(&st->subject[k], &q->file[i], q->n) &&
                (st->n_subjects == 1 ||
                 same_name(&st->subject[k], &q->file[i])) &&
                !bytes_fit(&st->subject[k], &q->file[i]))
                return other_bytes(q, &st->subject[k], i);
    for (size_t k = 0; k < st->n_subjects; k++) {
        const char *name = st->subject[k].name;
        size_t i = 0;

        while (i < q->n && !name_fits(&st->subject[k], &q->file[i], q->n))
            i++;
        if (i == q->n)
            return no_file(q, name, SIZE_MAX,
                           ": claimed, but there is no such file");
    }
    for (size_t i = 0; i < q->n; i++) {
        size_t k = 0;

        while (k < st->n_subjects && !same_name(&st->subject[k], &q->file[i]))
            k++;
        if (k == st->n_subjects)
            return no_file(q, q->file[i].name, i,
                           ": a file that the claim does not have");
    }
    return no_file(q, NULL, SIZE_MAX, " is one file, the claim is about more");
}

static bool
was_tested(const struct asking *q)
{
    for (size_t i = 0; i < q->set->n; i++) {
        const struct sov_claim *c = &q->set->line[i]->claim;

        if (c->trust == SOV_TRUST_GOOD &&
            sov_statement_is_test(&c->statement) &&
            sov_claim_is_of(c, q->file, q->n))
            return true;
    }
    return false;
}

static int
say_why_not(struct asking *q)
{
    size_t best = 0;

    for (size_t i = 0; i < q->set->n; i++) {
        const struct sov_claim *c = &q->set->line[i]->claim;
        size_t near = nearness(q, c);

        if (near > 0 && near >= best) {
            best = near;
            q->v->leaf = c;
        }
    }
    if (q->v->leaf != NULL)
        return say_nearest(q);
    return no(q, SOV_ANSWER_NO_CLAIM, NULL,
              q->set->n == 0 ? "there is no claim"
              : was_tested(q)
                  ? "it was tested, but no claim says where it comes from"
                  : "no claim is about these bytes");
}

/* ---- the chain */

/* One of the claim's files has the digests that the pointer to it gives. */
static bool
points_right(const struct sov_resource *dep, const struct sov_claim *to)
{
    for (size_t i = 0; i < to->statement.n_subjects; i++) {
        const struct sov_resource *s = &to->statement.subject[i];

        if (sov_digests_fit(dep, s) &&
            !(dep->has_root && s->has_root && !same(dep->root, s->root)))
            return true;
    }
    return false;
}

static bool
has_label(const struct sov_statement *st, const char *key, const char *text)
{
    for (size_t i = 0; i < st->n_labels; i++)
        if (strcmp(st->label[i].key, key) == 0)
            for (size_t k = 0; k < st->label[i].n; k++)
                if (strcmp(st->label[i].item[k].str, text) == 0)
                    return true;
    return false;
}

static int
check_labels(struct asking *q, const struct sov_claim *child,
             const struct sov_claim *parent)
{
    const struct sov_statement *st = &parent->statement;

    for (size_t i = 0; i < st->n_labels; i++)
        for (size_t k = 0; k < st->label[i].n; k++)
            if (!has_label(&child->statement, st->label[i].key,
                           st->label[i].item[k].str))
                return no(q, SOV_ANSWER_LABELS, child,
                          "claim " ID " drops the label %.60s=%.60s of "
                          "claim " ID,
                          child->id, st->label[i].key, st->label[i].item[k].str,
                          parent->id);
    return 0;
}

/* What one claim says of those it points to. */
static int
check_links(struct asking *q, const struct sov_claim *c)
{
    int rc = 0;

    for (size_t i = 0; i < c->statement.n_dependencies && rc == 0; i++) {
        const struct sov_resource *dep = &c->statement.dependency[i];
        const struct sov_claim *to;

        if (dep->claim == NULL)
            continue;
        to = sov_claims_find(q->set, dep->claim);
        if (to == NULL || !points_right(dep, to))
            return no(q, SOV_ANSWER_CHAIN, c,
                      "claim " ID " was made from %.80s, but claim " ID
                      " is about something else",
                      c->id, dep->name != NULL ? dep->name : "something",
                      dep->claim);
        rc = check_labels(q, c, to);
    }
    return rc;
}

/* From a leaf to all roots; the leaf with the longest history is shown. */
static int
check_chain(struct asking *q, const struct sov_claim *leaf)
{
    struct sov_walk walk;
    size_t from = sov_claims_index(q->set, leaf->id);
    size_t vouched = 0;
    int rc = sov_claims_walk(q->set, &from, 1, &walk, q->err);

    if (rc == SOV_ENO) {
        q->v->answer = SOV_ANSWER_CHAIN;
        q->v->at = &q->set->line[walk.at]->claim;
    }
    for (size_t i = 0; i < walk.n && rc == 0; i++) {
        const char *id = q->set->line[walk.order[i]]->claim.id;
        const struct sov_claim *c = sov_claims_find(q->set, id);

        vouched += c->trust == SOV_TRUST_GOOD;
        rc = check_links(q, c);
    }
    if (rc == 0 && walk.n >= q->v->n_chain) {
        q->v->leaf = leaf;
        q->v->n_chain = walk.n;
        q->v->n_vouched = vouched;
        q->v->depth = walk.depth[walk.n - 1]; /* the leaf comes last */
    }
    sov_walk_free(&walk);
    return rc;
}

/* ---- all of it */

static void
count_lines(struct asking *q)
{
    q->v->n_lines = q->set->n;
    for (size_t i = 0; i < q->set->n; i++) {
        enum sov_trust trust = q->set->line[i]->claim.trust;

        q->v->n_unknown += trust == SOV_TRUST_UNKNOWN;
        q->v->n_denied += trust == SOV_TRUST_DENIED;
    }
}

static int
check_signatures(struct asking *q)
{
    for (size_t i = 0; i < q->set->n; i++) {
        const struct sov_claim *c = &q->set->line[i]->claim;

        if (c->trust == SOV_TRUST_BAD)
            return no(q, SOV_ANSWER_BAD_SIG, c,
                      "%sline %u: the signature is not by key " ID,
                      c->embedded ? SOV_LINEAGE_KEY ", " : "", c->line,
                      c->key_id);
    }
    return 0;
}

/* The claim is about the model, and nobody who is believed says so. */
static int
not_believed(struct asking *q, const struct sov_claim *c)
{
    if (c->trust == SOV_TRUST_DENIED)
        return no(q, SOV_ANSWER_DENIED, c,
                  "signed by key " ID ", which is not valid any more",
                  c->key_id);
    if (c->key_id[0] == '\0')
        return no(q, SOV_ANSWER_UNKNOWN, c, "signed by a key without an id");
    return no(q, SOV_ANSWER_UNKNOWN, c,
              "signed by key " ID ", which nothing names", c->key_id);
}

/*
 * Every believed claim about the model must hold, whichever is looked at
 * first: a second one cannot hide what is wrong with another.
 */
static int
check_leaves(struct asking *q)
{
    const struct sov_claim *any = NULL;
    int rc = 0;

    for (size_t i = 0; i < q->set->n && rc == 0; i++) {
        const struct sov_claim *c = &q->set->line[i]->claim;

        if (!is_about(c, q->file, q->n))
            continue;
        if (any == NULL || c->trust > any->trust)
            any = c;
        if (c->trust != SOV_TRUST_GOOD)
            continue;
        rc = check_chain(q, c);
    }
    if (rc < 0 || q->v->leaf != NULL)
        return rc;
    if (any == NULL)
        return say_why_not(q);
    q->v->leaf = any;
    return not_believed(q, any);
}

/* Keys differ under one id: the set has no claim twice by one key. */
static size_t
count_signers(const struct asking *q)
{
    size_t n = 0;

    for (size_t i = 0; i < q->set->n; i++) {
        const struct sov_claim *c = &q->set->line[i]->claim;

        n += strcmp(c->id, q->v->leaf->id) == 0 && c->trust == SOV_TRUST_GOOD;
    }
    return n;
}

/* What the caller may hand in. */
static int
check_question(const struct asking *q)
{
    if (q->n == 0)
        return sov_fail(q->err, SOV_EARG, "a model of no files");
    for (size_t i = 0; i < q->n; i++) {
        if ((q->file[i].digest.has & PROOFS) == 0)
            return sov_fail(q->err, SOV_EARG, "a file without digest");
        if (q->n > 1 && q->file[i].name == NULL)
            return sov_fail(q->err, SOV_EARG, "a file without name");
        for (size_t k = 0; k < i; k++)
            if (strcmp(q->file[k].name, q->file[i].name) == 0)
                return sov_fail(q->err, SOV_EARG, "two files named %s",
                                q->file[i].name);
    }
    return 0;
}

int
sov_claims_verify(sov_claims *set, const sov_keyring *ring,
                  const struct sov_claim_file *file, size_t n,
                  struct sov_verdict *v, struct sov_err *err)
{
    struct asking q = { set, file, n, v, err };
    int rc;

    *v = (struct sov_verdict){ .answer = SOV_ANSWER_NONE,
                               .file_index = SIZE_MAX };
    rc = check_question(&q);
    if (rc == 0)
        rc = sov_claims_check(set, ring, err);
    if (rc == 0)
        count_lines(&q);
    if (rc == 0)
        rc = check_signatures(&q);
    if (rc == 0)
        rc = check_leaves(&q);
    if (rc < 0 || v->leaf == NULL)
        return rc < 0 ? rc : SOV_ENO;
    v->n_signers = count_signers(&q);
    v->answer = SOV_ANSWER_YES;
    return 0;
}
