/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claims.c - a set of claims: reading lines, checking signatures
 *
 * Order matters here: the envelope is taken apart, the signed bytes are kept,
 * and those same bytes are hashed, checked and parsed.  Nothing is ever
 * written anew and then compared.
 */
#include "trust/claims.h"

#include "base/limits.h"
#include "base/mem.h"
#include "trust/armor.h"
#include "trust/ring.h"
#include "trust/statement.h"

#include <stdlib.h>
#include <string.h>

int
sov_claims_new(sov_claims **set, struct sov_err *err)
{
    sov_claims *s = sov_mem_array(1, sizeof(*s));

    if (s == NULL)
        return sov_mem_fail(err);
    *set = s;
    return 0;
}

static void
line_free(struct sov_claim_line *l)
{
    if (l == NULL)
        return;
    free(l->text);
    sov_envelope_free(&l->env);
    json_decref(l->json);
    sov_pool_free(&l->pool);
    free(l);
}

/* Back to n lines. */
static void
cut(sov_claims *set, size_t n)
{
    while (set->n > n) {
        struct sov_claim_line *l = set->line[--set->n];

        set->bytes -= l->claim.text.len;
        set->values -= l->values;
        line_free(l);
    }
}

void
sov_claims_free(sov_claims *set)
{
    if (set == NULL)
        return;
    cut(set, 0);
    free(set->line);
    free(set);
}

size_t
sov_claims_count(const sov_claims *set)
{
    return set->n;
}

const struct sov_claim *
sov_claims_at(const sov_claims *set, size_t i)
{
    return i < set->n ? &set->line[i]->claim : NULL;
}

size_t
sov_claims_index(const sov_claims *set, const char *id)
{
    for (size_t i = 0; i < set->n; i++)
        if (strcmp(set->line[i]->claim.id, id) == 0)
            return i;
    return SIZE_MAX;
}

const struct sov_claim *
sov_claims_find(const sov_claims *set, const char *id)
{
    const struct sov_claim *best = NULL;

    for (size_t i = 0; i < set->n; i++) {
        const struct sov_claim *c = &set->line[i]->claim;

        if (strcmp(c->id, id) == 0 && (best == NULL || c->trust > best->trust))
            best = c;
    }
    return best;
}

/* ---- reading */

static size_t
count_values(const json_t *json)
{
    size_t n = 1;
    const char *key;
    json_t *v;

    json_object_foreach((json_t *)json, key, v) n += count_values(v);
    for (size_t i = 0; i < json_array_size(json); i++)
        n += count_values(json_array_get(json, i));
    return n;
}

/* Take one line apart; left: JSON values that the set has room for. */
static int
read_line(struct sov_claim_line *l, struct sov_span text, size_t left,
          struct sov_err *err)
{
    struct sov_claim *c = &l->claim;
    unsigned char sum[SOV_SHA256_LEN];
    int rc;

    if (text.len > SOV_CLAIM_LINE_MAX)
        return sov_fail(err, SOV_EFORMAT, "%zu bytes, the limit is %d",
                        text.len, (int)SOV_CLAIM_LINE_MAX);
    l->text = sov_mem_dup(text.p, text.len);
    if (l->text == NULL)
        return sov_mem_fail(err);
    c->text.p = (const unsigned char *)l->text;
    c->text.len = text.len;
    rc = sov_envelope_parse(c->text, NULL, &l->env, err);
    if (rc < 0)
        return rc;
    c->bundle = l->env.bundle;
    memcpy(c->key_id, l->env.key_id, sizeof(c->key_id));
    c->payload.p = l->env.payload;
    c->payload.len = l->env.len;
    sov_sha256(c->payload.p, c->payload.len, sum);
    sov_hex_text(sum, c->id);
    rc = sov_statement_parse(c->payload,
                             left < SOV_CLAIM_VALUES ? left : SOV_CLAIM_VALUES,
                             &l->pool, &l->json, &c->statement, err);
    if (rc == 0)
        l->values = count_values(l->json);
    return rc;
}

/*
 * Is the claim there already, by the same signer?  1 if it is; SOV_EFORMAT if
 * it is under another signature: Ed25519 gives one message one signature.
 */
static int
look_for_twin(const sov_claims *set, const struct sov_claim_line *l,
              struct sov_err *err)
{
    const struct sov_claim *c = &l->claim;

    for (size_t i = 0; i < set->n; i++) {
        struct sov_claim_line *old = set->line[i];

        if (strcmp(old->claim.id, c->id) != 0 ||
            strcmp(old->claim.key_id, c->key_id) != 0)
            continue;
        if (memcmp(old->env.sig, l->env.sig, SOV_SIG_LEN) == 0) {
            if (c->embedded)
                old->claim.embedded = true;
            return 1;
        }
        if (c->key_id[0] != '\0')
            return sov_fail(err, SOV_EFORMAT,
                            "key %.16s signed this claim before, with "
                            "another signature",
                            c->key_id);
    }
    return 0;
}

static int
add_line(sov_claims *set, struct sov_span text, unsigned no, bool embedded,
         struct sov_err *err)
{
    struct sov_claim_line *l = NULL;
    int rc = sov_mem_grow((void **)&set->line, set->n, &set->cap,
                          sizeof(*set->line), err);

    if (rc == 0 && (l = sov_mem_array(1, sizeof(*l))) == NULL)
        rc = sov_mem_fail(err);
    if (rc < 0)
        return rc;
    l->claim.line = no;
    l->claim.embedded = embedded;
    rc = read_line(l, text, SOV_CLAIMS_VALUES - set->values, err);
    if (rc == 0)
        rc = look_for_twin(set, l, err);
    if (rc == 0 && set->n >= SOV_CLAIM_LINES)
        rc = sov_fail(err, SOV_EFORMAT, "more than %d claims",
                      (int)SOV_CLAIM_LINES);
    if (rc == 0 && text.len > SOV_CLAIMS_MAX - set->bytes)
        rc = sov_fail(err, SOV_EFORMAT, "claims of more than %d bytes",
                      (int)SOV_CLAIMS_MAX);
    if (rc != 0) {
        line_free(l);
        return rc < 0 ? rc : 0;
    }
    set->line[set->n++] = l;
    set->bytes += text.len;
    set->values += l->values;
    return 0;
}

static int
read_text(sov_claims *set, struct sov_span left, bool embedded,
          const char *where, struct sov_err *err)
{
    struct sov_span line;
    size_t before = set->n;
    unsigned no = 0;
    int rc = 0;

    if (left.len > SOV_CLAIMS_MAX)
        return sov_fail(err, SOV_EFORMAT, "%s: %zu bytes, the limit is %d",
                        where, left.len, (int)SOV_CLAIMS_MAX);
    while (left.len > 0 && rc == 0) {
        no++;
        if (!sov_line_take(&left, &line))
            rc = sov_fail(err, SOV_EFORMAT, "no newline at the end");
        else if (no > 2 * SOV_CLAIM_LINES) /* twins count a little, too */
            rc = sov_fail(err, SOV_EFORMAT, "more than %d lines",
                          2 * (int)SOV_CLAIM_LINES);
        else
            rc = add_line(set, line, no, embedded, err);
    }
    if (rc < 0) {
        cut(set, before);
        sov_err_wrap(err, "%s, line %u", where, no);
    }
    return rc;
}

int
sov_claims_read(sov_claims *set, const void *text, size_t len,
                const char *where, struct sov_err *err)
{
    struct sov_span all = { text, len };

    return read_text(set, all, false, where, err);
}

int
sov_claims_read_meta(sov_claims *set, const sov_meta *meta, struct sov_err *err)
{
    struct sov_span text;
    int rc = sov_meta_str(meta, SOV_LINEAGE_KEY, &text, err);

    if (rc != 0)
        return rc;
    return read_text(set, text, true, SOV_LINEAGE_KEY, err);
}

/* ---- signatures */

/* The signature of a line, for a key that had to be valid at a time. */
static int
check_line(struct sov_claim_line *l, const sov_keyring *ring, int64_t when,
           bool witnessed, struct sov_err *err)
{
    struct sov_claim *c = &l->claim;
    const struct sov_pubkey *key = NULL;
    struct sov_err why = { .rc = SOV_OK };
    struct sov_buf pae = { 0 };
    int rc;

    c->trust = SOV_TRUST_UNKNOWN;
    c->signer[0] = '\0';
    if (ring != NULL && c->key_id[0] != '\0')
        key = sov_ring_find_at(ring, c->key_id, when, witnessed, &why);
    if (key == NULL) {
        if (why.rc == SOV_EDENY)
            c->trust = SOV_TRUST_DENIED;
        return 0;
    }
    c->trust = SOV_TRUST_BAD;
    rc = sov_envelope_pae(&pae, NULL, c->payload.p, c->payload.len, err);
    if (rc == 0 && sov_sig_ok(key, pae.p, pae.len, l->env.sig)) {
        c->trust = SOV_TRUST_GOOD;
        memcpy(c->signer, key->name, sizeof(c->signer));
    }
    sov_buf_free(&pae);
    return rc;
}

static bool
points_to(const struct sov_claim *from, const struct sov_claim *to)
{
    const struct sov_statement *st = &from->statement;

    for (size_t i = 0; i < st->n_dependencies; i++)
        if (st->dependency[i].claim != NULL &&
            strcmp(st->dependency[i].claim, to->id) == 0)
            return true;
    return false;
}

/* The first time that somebody else who counts has pointed to it; 0: none. */
static int64_t
seen_at(const sov_claims *set, const struct sov_claim *c)
{
    int64_t first = 0;

    for (size_t i = 0; i < set->n; i++) {
        const struct sov_claim *by = &set->line[i]->claim;

        if (by->trust == SOV_TRUST_GOOD && by->statement.finished > 0 &&
            strcmp(by->key_id, c->key_id) != 0 && points_to(by, c) &&
            (first == 0 || by->statement.finished < first))
            first = by->statement.finished;
    }
    return first;
}

/* Lines by keys that do not count any more, and were seen while they did;
 * those make others seen. */
static int
check_witnessed(sov_claims *set, const sov_keyring *ring, struct sov_err *err)
{
    bool more = true;
    int rc = 0;

    while (more && rc == 0) {
        more = false;
        for (size_t i = 0; i < set->n && rc == 0; i++) {
            struct sov_claim *c = &set->line[i]->claim;
            int64_t when = c->trust == SOV_TRUST_DENIED ? seen_at(set, c) : 0;

            if (when > 0)
                rc = check_line(set->line[i], ring, when, true, err);
            more = more || (when > 0 && c->trust == SOV_TRUST_GOOD);
        }
    }
    return rc;
}

int
sov_claims_check(sov_claims *set, const sov_keyring *ring, struct sov_err *err)
{
    enum sov_ring_time mode =
        ring != NULL ? sov_ring_time(ring) : SOV_TIME_UNSAID;
    int64_t now = ring != NULL ? sov_ring_now(ring) : 0;
    int rc = 0;

    for (size_t i = 0; i < set->n && rc == 0; i++) {
        int64_t said = set->line[i]->claim.statement.finished;

        rc = check_line(set->line[i], ring,
                        mode == SOV_TIME_CLAIM && said > 0 ? said : now, false,
                        err);
    }
    if (rc == 0 && mode == SOV_TIME_WITNESSED)
        rc = check_witnessed(set, ring, err);
    return rc;
}

bool
sov_claim_names(const struct sov_claim *claim, const char *role,
                const unsigned char sha256[SOV_SHA256_LEN])
{
    for (size_t i = 0; i < claim->statement.n_byproducts; i++) {
        const struct sov_resource *b = &claim->statement.byproduct[i];

        if (b->role != NULL && strcmp(b->role, role) == 0 &&
            (b->digest.has & SOV_HASH_SHA256) != 0 &&
            memcmp(b->digest.sha256, sha256, SOV_SHA256_LEN) == 0)
            return true;
    }
    return false;
}
