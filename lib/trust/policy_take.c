/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_take.c - the words of each directive of a policy
 *
 * take_ID() looks at the words that follow those with which the row ID of
 * policy.def begins, and puts what they mean into the rule, or, of keys, groups
 * and the file itself, into the file.
 */
#include "trust/policy_in.h"

#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"
#include "sov/facts.h"
#include "trust/armor.h"
#include "trust/dsse.h"
#include "trust/keys.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct sov_said_kind sov_said_kinds[] = {
#define KIND(name, predicate, role, words) { #name, predicate, role, words },
#include "trust/kinds.def"
#undef KIND
};

const size_t sov_n_said_kinds =
    sizeof(sov_said_kinds) / sizeof(sov_said_kinds[0]);

static bool
is(const char *word, const char *text)
{
    return strcmp(word, text) == 0;
}

static int
refuse(struct sov_err *err, const char *what, const char *word)
{
    return sov_fail(err, SOV_EDENY, "%s: %.80s", what, word);
}

static int
date(const char *word, bool last, int64_t *out, struct sov_err *err)
{
    struct sov_span w = { (const unsigned char *)word, strlen(word) };

    if (!sov_word_date(w, last, out))
        return refuse(err, "no date like 2026-01-02 or 2026-01-02T03:04:05Z",
                      word);
    return 0;
}

static int
number(const char *word, uint64_t max, int64_t *out, struct sov_err *err)
{
    struct sov_span w = { (const unsigned char *)word, strlen(word) };
    uint64_t n;

    if (!sov_word_number(w, max, &n))
        return sov_fail(err, SOV_EDENY,
                        "not a whole number up to %" PRIu64 ": %.80s", max,
                        word);
    *out = (int64_t)n;
    return 0;
}

/* Names are printed, and stand between spaces. */
static int
name(const char *word, char out[SOV_POLICY_NAME + 1], struct sov_err *err)
{
    if (strlen(word) > SOV_POLICY_NAME)
        return sov_fail(err, SOV_EDENY, "a name of more than %d bytes",
                        SOV_POLICY_NAME);
    strcpy(out, word);
    return 0;
}

/* ---- keys and the file itself ---- */

static int
take_name(struct sov_policy_reader *r, struct sov_rule *rule,
          struct sov_err *err)
{
    r->file->named = true;
    return name(rule->word[0], r->file->name, err);
}

static int
take_version(struct sov_policy_reader *r, struct sov_rule *rule,
             struct sov_err *err)
{
    int rc = number(rule->word[0], 999999999, &r->file->version, err);

    return rc < 0 ? sov_err_wrap(err, "version") : 0;
}

static int
take_expires(struct sov_policy_reader *r, struct sov_rule *rule,
             struct sov_err *err)
{
    return date(rule->word[0], true, &r->file->expires, err);
}

static int
name_key(struct sov_policy_reader *r, const char *word, const char *id,
         struct sov_err *err)
{
    struct sov_policy_file *f = r->file;
    int rc = sov_mem_grow((void **)&f->key, f->n_keys, &f->keys_cap,
                          sizeof(*f->key), err);

    if (rc == 0)
        rc = name(word, f->key[f->n_keys].name, err);
    if (rc < 0)
        return rc;
    strcpy(f->key[f->n_keys++].id, id);
    return 0;
}

/* NAME KIND BASE64 [from DATE] [to DATE] */
static int
take_key(struct sov_policy_reader *r, struct sov_rule *rule,
         struct sov_err *err)
{
    const char *const *word = rule->word;
    struct sov_ring_entry entry = { .from = INT64_MIN, .to = SOV_FOREVER };
    struct sov_span kind = { (const unsigned char *)word[1], strlen(word[1]) };
    struct sov_span text = { (const unsigned char *)word[2], strlen(word[2]) };
    size_t at = 3;
    int rc = sov_pubkey_word(&entry.key, kind, text, err);

    if (rc == 0 && rule->n >= at + 2 && is(word[at], "from")) {
        rc = date(word[at + 1], false, &entry.from, err);
        at += 2;
    }
    if (rc == 0 && rule->n >= at + 2 && is(word[at], "to")) {
        rc = date(word[at + 1], true, &entry.to, err);
        at += 2;
    }
    if (rc == 0 && rule->n > at)
        rc = refuse(err, "\"from DATE\" and \"to DATE\" may follow a key, not",
                    word[at]);
    if (rc == 0 && entry.from > entry.to)
        rc = sov_fail(err, SOV_EDENY, "the key ends before it begins");
    if (rc == 0)
        rc = name_key(r, word[0], entry.key.id, err);
    if (rc < 0)
        return rc;
    sov_text_safe(word[0], strlen(word[0]), entry.key.name,
                  sizeof(entry.key.name));
    return sov_ring_add(r->ring, &entry, err);
}

static int
take_revoke_key(struct sov_policy_reader *r, struct sov_rule *rule,
                struct sov_err *err)
{
    struct sov_revoked who = { .since = INT64_MIN };
    int rc = 0;

    if (!sov_hex_id(rule->word[0]))
        return refuse(err, "no key id of 64 lower-case hex digits",
                      rule->word[0]);
    strcpy(who.id, rule->word[0]);
    if (rule->n == 3 && is(rule->word[1], "since"))
        rc = date(rule->word[2], false, &who.since, err);
    else if (rule->n > 1)
        rc = refuse(err, "\"since DATE\" may follow, not", rule->word[1]);
    return rc < 0 ? rc : sov_ring_revoke(r->ring, &who, err);
}

static int
take_time(struct sov_policy_reader *r, struct sov_rule *rule,
          struct sov_err *err)
{
    const char *word = rule->word[0];

    if (is(word, "clock"))
        r->file->time = SOV_TIME_CLOCK;
    else if (is(word, "trust-claim"))
        r->file->time = SOV_TIME_CLAIM;
    else if (is(word, "witnessed"))
        r->file->time = SOV_TIME_WITNESSED;
    else
        return refuse(err, "neither clock, trust-claim nor witnessed", word);
    return 0;
}

/* ---- groups ---- */

const struct sov_group *
sov_policy_group(const struct sov_policy_file *file, const char *word)
{
    for (size_t i = 0; i < file->n_groups; i++)
        if (is(file->group[i].name, word))
            return &file->group[i];
    return NULL;
}

static bool
is_key(const struct sov_policy_file *file, const char *word)
{
    for (size_t i = 0; i < file->n_keys; i++)
        if (is(file->key[i].name, word))
            return true;
    return false;
}

/* Who has two names would count twice. */
static int
check_names(const struct sov_policy_file *file, const char *word,
            struct sov_err *err)
{
    for (size_t i = 0; i < file->n_keys; i++)
        for (size_t k = 0; is(file->key[i].name, word) && k < file->n_keys; k++)
            if (is(file->key[i].id, file->key[k].id) &&
                !is(file->key[k].name, word))
                return sov_fail(err, SOV_EDENY,
                                "%.60s and %.60s have the same key", word,
                                file->key[k].name);
    return 0;
}

/* Does the group, or one in it, have that member? */
static bool
has_member(const struct sov_group *group, const char *word)
{
    for (size_t m = 0; m < group->n; m++)
        if (is(group->member[m].name, word) ||
            (group->member[m].group != NULL &&
             has_member(group->member[m].group, word)))
            return true;
    return false;
}

/* ... or any that this group has? */
static bool
overlaps(const struct sov_group *group, const struct sov_group *other)
{
    for (size_t m = 0; m < other->n; m++)
        if (other->member[m].group != NULL
                ? overlaps(group, other->member[m].group)
                : has_member(group, other->member[m].name))
            return true;
    return false;
}

static int
add_member(struct sov_policy_reader *r, struct sov_group *g,
           struct sov_member *to, const char *word, struct sov_err *err)
{
    to->name = word;
    to->group = sov_policy_group(r->file, word);
    if (to->group == NULL && !is_key(r->file, word))
        return refuse(err, "no key and no group above has the name", word);
    if (to->group != NULL ? overlaps(g, to->group) : has_member(g, word))
        return refuse(err, "would count twice in the group", word);
    g->n++;
    return to->group == NULL ? check_names(r->file, word, err) : 0;
}

/* NAME any|all|NUMBER MEMBER... */
static int
take_group(struct sov_policy_reader *r, struct sov_rule *rule,
           struct sov_err *err)
{
    struct sov_policy_file *f = r->file;
    const char *const *word = rule->word;
    struct sov_group *g = &f->group[f->n_groups];
    char ignored[SOV_POLICY_NAME + 1];
    struct sov_member *member = NULL;
    int64_t need = 0;
    int rc;

    if (f->n_groups == SOV_POLICY_GROUPS)
        return sov_fail(err, SOV_EDENY, "more than %d groups",
                        SOV_POLICY_GROUPS);
    if (is_key(f, word[0]) || sov_policy_group(f, word[0]) != NULL)
        return refuse(err, "a name that is taken", word[0]);
    if (rule->n - 2 > SOV_POLICY_MEMBERS)
        return sov_fail(err, SOV_EDENY, "more than %d members",
                        SOV_POLICY_MEMBERS);
    rc = name(word[0], ignored, err);
    if (rc == 0)
        rc = sov_pool_array(&f->pool, rule->n, sizeof(*member), &member, err);
    *g = (struct sov_group){ .name = word[0], .member = member };
    for (size_t i = 2; i < rule->n && rc == 0; i++)
        rc = add_member(r, g, &member[i - 2], word[i], err);
    if (rc == 0 && is(word[1], "any"))
        need = 1;
    else if (rc == 0 && is(word[1], "all"))
        need = (int64_t)g->n;
    else if (rc == 0)
        rc = number(word[1], g->n, &need, err);
    if (rc == 0 && need == 0)
        rc = sov_fail(err, SOV_EDENY, "a group that needs nobody");
    if (rc < 0)
        return rc;
    g->need = (size_t)need;
    f->n_groups++;
    return 0;
}

/* A group above, or a key as a group of its own. */
static int
find_group(struct sov_policy_reader *r, const char *word,
           const struct sov_group **out, struct sov_err *err)
{
    struct sov_group *g;
    struct sov_member *m;
    int rc;

    *out = sov_policy_group(r->file, word);
    if (*out != NULL)
        return 0;
    if (!is_key(r->file, word))
        return refuse(err, "no group and no key above has the name", word);
    rc = check_names(r->file, word, err);
    if (rc == 0)
        rc = sov_pool_array(&r->file->pool, 1, sizeof(*g), &g, err);
    if (rc == 0)
        rc = sov_pool_array(&r->file->pool, 1, sizeof(*m), &m, err);
    if (rc < 0)
        return rc;
    m->name = word;
    *g = (struct sov_group){ .name = word, .need = 1, .member = m, .n = 1 };
    *out = g;
    return 0;
}

/* ---- rules ---- */

static int
take_allow(struct sov_policy_reader *r, struct sov_rule *rule,
           struct sov_err *err)
{
    return find_group(r, rule->word[1], &rule->group, err);
}

/* "within DAYS", or nothing, from word number at on. */
static int
within(struct sov_rule *rule, size_t at, struct sov_err *err)
{
    const char *const *word = rule->word;
    int rc;

    if (rule->n == at)
        return 0;
    if (rule->n != at + 2 || !is(word[at], "within"))
        return refuse(err, "\"within DAYS\" may follow, not", word[at]);
    rc = number(word[at + 1], 36500, &rule->number, err);
    if (rc == 0 && rule->number == 0)
        rc = sov_fail(err, SOV_EDENY, "within no days");
    return rc;
}

/* KIND GROUP [within DAYS] */
static int
take_require(struct sov_policy_reader *r, struct sov_rule *rule,
             struct sov_err *err)
{
    const char *const *word = rule->word;
    int rc;

    for (size_t i = 0; i < sov_n_said_kinds; i++)
        if (is(sov_said_kinds[i].name, word[0]))
            rule->kind = &sov_said_kinds[i];
    if (rule->kind == NULL)
        return refuse(err, "nothing that can be required", word[0]);
    rc = within(rule, 2, err);
    return rc == 0 ? find_group(r, word[1], &rule->group, err) : rc;
}

/* WHAT GROUP all|CHANCE [within DAYS] */
static int
take_recomputed(struct sov_policy_reader *r, struct sov_rule *rule,
                struct sov_err *err)
{
    const char *text = rule->word[2];
    struct sov_span w = { (const unsigned char *)text, strlen(text) };
    int rc;

    rule->real = 1;
    if (!is(text, "all") &&
        (!sov_word_real(w, &rule->real) || rule->real <= 0 || rule->real > 1))
        return refuse(err, "neither all nor a chance up to 1", text);
    rc = within(rule, 3, err);
    return rc == 0 ? find_group(r, rule->word[1], &rule->group, err) : rc;
}

/* METRIC max|min NUMBER */
static int
take_bench(struct sov_policy_reader *r, struct sov_rule *rule,
           struct sov_err *err)
{
    const char *text = rule->word[2];
    struct sov_span w = { (const unsigned char *)text, strlen(text) };

    (void)r;
    if (!is(rule->word[1], "max") && !is(rule->word[1], "min"))
        return refuse(err, "neither max nor min", rule->word[1]);
    return sov_word_real(w, &rule->real) ? 0
                                         : refuse(err, "not a number", text);
}

/* Words of these may be any. */
static int
take_any(struct sov_policy_reader *r, struct sov_rule *rule,
         struct sov_err *err)
{
    (void)r;
    (void)rule;
    (void)err;
    return 0;
}
#define take_lineage_complete take_any
#define take_lineage_roots    take_any
#define take_lineage_claimed  take_any

static int
take_lineage_max_depth(struct sov_policy_reader *r, struct sov_rule *rule,
                       struct sov_err *err)
{
    (void)r;
    return number(rule->word[0], SOV_CLAIM_LINES, &rule->number, err);
}

/* Every word is one that a fact of this name may have. */
static int
take_labels(const struct sov_rule *rule, const char *fact, struct sov_err *err)
{
    for (size_t i = 0; i < rule->n; i++) {
        const char *no = sov_fact_wrong(sov_fact_named(fact), rule->word[i]);

        if (no != NULL)
            return refuse(err, no, rule->word[i]);
    }
    return 0;
}

static int
take_license_allow(struct sov_policy_reader *r, struct sov_rule *rule,
                   struct sov_err *err)
{
    (void)r;
    return take_labels(rule, "license", err);
}

static int
take_jurisdiction_allow(struct sov_policy_reader *r, struct sov_rule *rule,
                        struct sov_err *err)
{
    (void)r;
    return take_labels(rule, "jurisdiction", err);
}

static int
take_license_unknown(struct sov_policy_reader *r, struct sov_rule *rule,
                     struct sov_err *err)
{
    (void)r;
    if (!is(rule->word[0], "deny") && !is(rule->word[0], "allow"))
        return refuse(err, "neither deny nor allow", rule->word[0]);
    return 0;
}

static int
take_jurisdiction_unknown(struct sov_policy_reader *r, struct sov_rule *rule,
                          struct sov_err *err)
{
    return take_license_unknown(r, rule, err);
}

/* WHAT.NAME allow VALUE... */
static int
take_param(struct sov_policy_reader *r, struct sov_rule *rule,
           struct sov_err *err)
{
    const char *dot = strchr(rule->word[0], '.');

    (void)r;
    if (dot == NULL || dot == rule->word[0] || dot[1] == '\0')
        return refuse(err, "not of the form quantize.type", rule->word[0]);
    return is(rule->word[1], "allow")
               ? 0
               : refuse(err, "\"allow VALUE...\" has to follow, not",
                        rule->word[1]);
}

static int
take_digest(struct sov_policy_reader *r, struct sov_rule *rule,
            struct sov_err *err)
{
    (void)r;
    for (size_t i = 0; i < rule->n; i++)
        if (!is(rule->word[i], "sha256") &&
            !is(rule->word[i], "fsverity_sha256"))
            return refuse(err, "neither sha256 nor fsverity_sha256",
                          rule->word[i]);
    return 0;
}

static int
take_revoke_claim(struct sov_policy_reader *r, struct sov_rule *rule,
                  struct sov_err *err)
{
    (void)r;
    return sov_hex_id(rule->word[0])
               ? 0
               : refuse(err, "no claim id of 64 lower-case hex digits",
                        rule->word[0]);
}

static int
take_recall(struct sov_policy_reader *r, struct sov_rule *rule,
            struct sov_err *err)
{
    const char *colon = strchr(rule->word[0], ':');
    size_t len = colon != NULL ? (size_t)(colon - rule->word[0]) : 0;

    (void)r;
    if (colon == NULL || !sov_hex_id(colon + 1) ||
        !((len == 6 && strncmp(rule->word[0], "sha256", len) == 0) ||
          (len == 15 && strncmp(rule->word[0], "fsverity_sha256", len) == 0)))
        return refuse(err,
                      "neither sha256: nor fsverity_sha256: and 64 lower-case "
                      "hex digits",
                      rule->word[0]);
    return 0;
}

static int
take_min_epoch(struct sov_policy_reader *r, struct sov_rule *rule,
               struct sov_err *err)
{
    (void)r;
    return number(rule->word[0], (UINT64_C(1) << 53) - 1, &rule->number, err);
}

const sov_policy_take_fn sov_policy_take[] = {
#define DIRECTIVE(id, first, second, min, max, flags, form) take_##id,
#include "trust/policy.def"
#undef DIRECTIVE
};
