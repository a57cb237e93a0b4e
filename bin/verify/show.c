/* SPDX-License-Identifier: Apache-2.0 */
/*
 * show.c - sov-verify --show: the history of a model
 *
 * The model first, and below it what it was made from, as git draws a log:
 * a line of descent goes straight down, and branches only where a model has
 * several parents.
 *
 *     * quantize q4_k_m                                  2026-11-20 14:02:11
 *     |   small.gguf, 4.1 MB, by sov-quantize 0.1.0
 *     |   signed by team.pub (key 824c89aa8efb95ef), trusted
 *     |
 *     * import                                           2026-11-19 09:30:00
 *         model.gguf, 16 MB, by sov-verify 0.1.0
 *
 * Signatures are checked and said; the bytes of the model are not looked at.
 */
#include "cli/claims.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/text.h"
#include "cli/tool.h"
#include "sov/model.h"
#include "verify/verify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define COLUMNS  80
#define RAIL_MAX 160 /* bytes of what stands before a line */
#define MAX_DEEP 16  /* branches in branches */
#define TEXT_MAX 4000

/* The pieces that lines are drawn with. */
struct pen {
    const char *node, *rail, *fork, *last;
};

static const struct pen pens[2] = {
    { "* ", "| ", "|-", "`-" },
    { "\342\227\217 ", "\342\224\202 ", "\342\224\234\342\224\200",
      "\342\224\224\342\224\200" }, /* as UTF-8 */
};

struct tree {
    const sov_claims *set;
    const sov_policy *policy;
    const struct pen *pen;
    bool *shown;         /* by the number of the claim's first line */
    char rail[RAIL_MAX]; /* before the lines of the present claim */
};

static bool
is_utf8_terminal(void)
{
    static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };

    for (size_t i = 0; i < 3; i++) {
        const char *v = getenv(names[i]);

        if (v != NULL && v[0] != '\0')
            return strstr(v, "UTF-8") != NULL || strstr(v, "utf8") != NULL;
    }
    return false;
}

/* ---- lines ---- */

/* text in as many lines as it takes, each behind the rail. */
static void SOV_PRINTF(2, 3) put(const struct tree *t, const char *fmt, ...)
{
    char text[TEXT_MAX], clean[2 * TEXT_MAX];
    size_t room = COLUMNS - sov_text_width(t->rail) - 2;
    const char *p = clean;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    sov_text_escape(clean, sizeof(clean), text);
    for (bool first = true; *p != '\0'; first = false) {
        size_t wide = first ? room : room - 2;
        size_t len = 0, cut = 0, columns = 0;

        while (p[len] != '\0' && columns <= wide) {
            if (p[len] == ' ')
                cut = len;
            columns += ((unsigned char)p[len] & 0xc0) != 0x80;
            len++;
        }
        if (columns <= wide || cut == 0) /* the rest, or a word too long */
            cut = p[len] == '\0' ? len : strcspn(p, " ");
        printf("%s  %s%.*s\n", t->rail, first ? "" : "  ", (int)cut, p);
        p += cut;
        p += strspn(p, " ");
    }
}

/* "key=value", lists with commas, at the end of buf. */
static void
add_param(char *buf, size_t size, const struct sov_param *p)
{
    size_t at = strlen(buf);

    if (at + 8 >= size)
        return;
    if (p->key != NULL)
        at += (size_t)snprintf(buf + at, size - at, "%s=", p->key);
    if (at >= size)
        return;
    switch (p->kind) {
    case SOV_PARAM_STR:
    case SOV_PARAM_REAL:
        snprintf(buf + at, size - at, "%s", p->str);
        break;
    case SOV_PARAM_INT:
        snprintf(buf + at, size - at, "%" PRId64, p->num);
        break;
    case SOV_PARAM_BOOL:
        snprintf(buf + at, size - at, "%s", p->num != 0 ? "yes" : "no");
        break;
    case SOV_PARAM_NULL:
        snprintf(buf + at, size - at, "-");
        break;
    case SOV_PARAM_LIST:
    case SOV_PARAM_MAP:
        for (size_t i = 0; i < p->n; i++) {
            at = strlen(buf);
            if (i > 0)
                snprintf(buf + at, size - at, ",");
            add_param(buf, size, &p->item[i]);
        }
        break;
    }
}

static void
put_params(const struct tree *t, const struct sov_param *p, size_t n)
{
    char text[TEXT_MAX] = "";

    for (size_t i = 0; i < n; i++) {
        size_t at = strlen(text);

        if (p[i].key != NULL &&
            (strcmp(p[i].key, "input") == 0 || strcmp(p[i].key, "output") == 0))
            continue; /* the files are named anyway */
        if (at > 0)
            snprintf(text + at, sizeof(text) - at, " ");
        add_param(text, sizeof(text), &p[i]);
    }
    if (text[0] != '\0')
        put(t, "%s", text);
}

/* ---- one claim ---- */

static void
put_head(const struct tree *t, const char *rail, const struct sov_claim *c,
         const char *role)
{
    char deed[240], title[600], clean[1200], when[32];
    const struct sov_statement *st = &c->statement;
    const char *type = "";
    int pad;

    if (sov_statement_is_test(st))
        type = sov_test_word(st->result);
    sov_verify_deed(c, deed, sizeof(deed));
    for (size_t i = 0; i < st->n_external; i++)
        if (strcmp(st->external[i].key, "type") == 0 &&
            st->external[i].kind == SOV_PARAM_STR)
            type = st->external[i].str;
    snprintf(title, sizeof(title), "%s%s%s%s%s%s", deed,
             type[0] != '\0' ? " " : "", type, role != NULL ? " (" : "",
             role != NULL ? role : "", role != NULL ? ")" : "");
    sov_verify_time(st->finished, when, sizeof(when));
    /* what does not fit before the time is cut: it is a foreign URI */
    sov_text_escape(clean, COLUMNS - sov_text_width(rail) - strlen(when) - 3,
                    title);
    pad = COLUMNS - (int)(sov_text_width(rail) + 2 + sov_text_width(clean) +
                          strlen(when));
    printf("%s%s%s%*s%s\n", rail, t->pen->node, clean, pad > 1 ? pad : 2, "",
           when);
}

static void
put_files(const struct tree *t, const struct sov_statement *st)
{
    char by[300] = "", size[24], more[40] = "";
    const char *builder = st->builder;
    const char *tail = builder != NULL ? strstr(builder, ":builder:") : NULL;
    uint64_t bytes = 0;

    for (size_t i = 0; i < st->n_subjects; i++)
        bytes += st->subject[i].has_size ? st->subject[i].digest.size : 0;
    if (tail != NULL)
        builder = tail + strlen(":builder:");
    if (builder != NULL) {
        const char *end = strstr(builder, ":v");
        const char *version = "";

        for (size_t i = 0; i < st->n_versions; i++)
            if (strcmp(st->version[i].key, "sov") == 0 &&
                st->version[i].kind == SOV_PARAM_STR)
                version = st->version[i].str;
        snprintf(by, sizeof(by), ", by %.*s%s%s",
                 end != NULL ? (int)(end - builder) : 200, builder,
                 version[0] != '\0' ? " " : "", version);
    }
    sov_progress_bytes(size, bytes);
    if (st->n_subjects > 1)
        snprintf(more, sizeof(more), " and %zu more", st->n_subjects - 1);
    if (st->n_subjects > 0)
        put(t, "%s%s%s%s%s", sov_verify_file_of(st), more,
            bytes > 0 ? ", " : "", bytes > 0 ? size : "", by);
    if (sov_common.verbose > 0)
        for (size_t i = 0; i < st->n_subjects; i++) {
            char hex[65] = "";

            if (st->n_subjects > 1 && st->subject[i].name != NULL)
                put(t, "%s", st->subject[i].name);
            for (int k = 0; k < SOV_SHA256_LEN; k++)
                snprintf(hex + 2 * k, 3, "%02x",
                         st->subject[i].digest.sha256[k]);
            put(t, "sha256 %s", hex);
        }
}

/* Everybody who signed this claim. */
static void
put_signers(const struct tree *t, const char *id)
{
    for (size_t i = 0; i < sov_claims_count(t->set); i++) {
        const struct sov_claim *c = sov_claims_at(t->set, i);
        const char *word = sov_verify_trust_word(c->trust);

        if (strcmp(c->id, id) != 0)
            continue;
        if (c->trust == SOV_TRUST_GOOD &&
            !sov_policy_allows(t->policy, t->set, c))
            word = "trusted, but not for this";
        if (c->signer[0] != '\0')
            put(t, "signed by %s (key %.16s), %s", c->signer, c->key_id, word);
        else
            put(t, "signed by key %s, %s", c->key_id, word);
    }
}

/* What went in and has no claim here. */
static void
put_inputs(const struct tree *t, const struct sov_statement *st)
{
    for (size_t i = 0; i < st->n_dependencies; i++) {
        const struct sov_resource *d = &st->dependency[i];
        const char *role = d->role != NULL ? d->role : "input";
        bool tool = strcmp(role, "tool") == 0;

        if ((d->claim != NULL && sov_claims_find(t->set, d->claim) != NULL) ||
            (tool && sov_common.verbose == 0))
            continue;
        put(t, "%s %s%s", role,
            d->name != NULL  ? d->name
            : d->uri != NULL ? d->uri
                             : "(no name)",
            d->claim != NULL              ? ", its claim is MISSING"
            : strcmp(role, "parent") == 0 ? ", which has no claim"
                                          : "");
    }
}

/* What it says of a test: what was measured, and with what. */
static void
put_test(const struct tree *t, const struct sov_statement *st)
{
    char text[TEXT_MAX];

    if (!sov_statement_is_test(st))
        return;
    put(t, "%s", sov_verify_test(st, text, sizeof(text)));
    for (size_t i = 0; sov_verify_measured(st, i, text, sizeof(text)); i++)
        put(t, "%s", text);
    for (int k = SOV_TEST_FAILED; k > SOV_TEST_PASSED; k--)
        for (size_t i = 0; i < st->test[k].n; i++)
            put(t, "%s: %s", k == SOV_TEST_FAILED ? "failed" : "warned",
                st->test[k].item[i].str);
    for (size_t i = 0; i < st->n_configuration; i++) {
        const struct sov_resource *d = &st->configuration[i];
        const char *name = d->name != NULL ? d->name : d->uri;

        put(t, "%s %s", d->role != NULL ? d->role : "with",
            name != NULL ? name : "(no name)");
    }
}

/* What people declare, each fact on lines of its own. */
static void
put_facts(const struct tree *t, const struct sov_statement *st)
{
    for (size_t i = 0; i < st->n_facts; i++)
        for (size_t k = 0; k < st->fact[i].n; k++)
            put(t, "%s: %s", st->fact[i].key, st->fact[i].item[k].str);
}

static void
put_claim(struct tree *t, const struct sov_claim *c)
{
    const struct sov_statement *st = &c->statement;

    put_files(t, st);
    put_signers(t, c->id);
    put_params(t, st->external, st->n_external);
    put_test(t, st);
    put_facts(t, st);
    for (size_t i = 0; i < st->n_labels && st->n_facts == 0; i++) {
        char text[TEXT_MAX] = "";
        struct sov_param values = st->label[i];

        values.key = NULL;
        add_param(text, sizeof(text), &values);
        put(t, "%s: %s", st->label[i].key, text);
    }
    put_inputs(t, st);
    if (sov_common.verbose > 0) {
        put_params(t, st->internal, st->n_internal);
        put(t, "claim %s%s", c->id, c->embedded ? " (in the model)" : "");
    }
}

/* ---- the tree ---- */

static size_t
number_of(const struct tree *t, const struct sov_claim *c)
{
    for (size_t i = 0; i < sov_claims_count(t->set); i++)
        if (strcmp(sov_claims_at(t->set, i)->id, c->id) == 0)
            return i;
    return 0;
}

/* The claims that c points to, each once; gives how many. */
static size_t
parents_of(const struct tree *t, const struct sov_claim *c,
           const struct sov_claim **list, const char **role)
{
    const struct sov_statement *st = &c->statement;
    size_t n = 0;

    for (size_t i = 0; i < st->n_dependencies; i++) {
        const struct sov_resource *d = &st->dependency[i];
        const struct sov_claim *p =
            d->claim != NULL ? sov_claims_find(t->set, d->claim) : NULL;
        bool known = false;

        for (size_t k = 0; k < n; k++)
            known = known || list[k] == p;
        if (p == NULL || known)
            continue;
        if (list != NULL) {
            list[n] = p;
            role[n] = d->role;
        }
        n++;
    }
    return n;
}

static int put_node(struct tree *t, const char *first, const char *rest,
                    const struct sov_claim *c, const char *role, int deep,
                    struct sov_err *err);

static int
put_parents(struct tree *t, const char *rest, const struct sov_claim **parent,
            const char **role, size_t n, int deep, struct sov_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++) {
        bool last = i + 1 == n;
        char first[RAIL_MAX], below[RAIL_MAX];
        const char *what =
            role[i] != NULL && strcmp(role[i], "parent") != 0 ? role[i] : NULL;

        printf("%s%.*s\n", rest, (int)strlen(t->pen->rail) - 1,
               t->pen->rail); /* no space at its end */
        if (n == 1) {
            rc = put_node(t, rest, rest, parent[i], what, deep, err);
            continue;
        }
        snprintf(first, sizeof(first), "%s%s", rest,
                 last ? t->pen->last : t->pen->fork);
        snprintf(below, sizeof(below), "%s%s", rest,
                 last ? "  " : t->pen->rail);
        rc = put_node(t, first, below, parent[i], what, deep + 1, err);
    }
    return rc;
}

static int
put_node(struct tree *t, const char *first, const char *rest,
         const struct sov_claim *c, const char *role, int deep,
         struct sov_err *err)
{
    size_t number = number_of(t, c);
    size_t max = c->statement.n_dependencies + 1;
    const struct sov_claim **parent = calloc(max, sizeof(*parent));
    const char **roles = calloc(max, sizeof(*roles));
    size_t n;
    int rc = 0;

    if (parent == NULL || roles == NULL) {
        rc = sov_fail(err, SOV_EMEM, "out of memory");
        goto out;
    }
    n = parents_of(t, c, parent, roles);
    put_head(t, first, c, role);
    snprintf(t->rail, sizeof(t->rail), "%s%s", rest,
             n > 0 && !t->shown[number] ? t->pen->rail : "  ");
    if (t->shown[number]) {
        put(t, "(shown above)");
    } else {
        t->shown[number] = true;
        put_claim(t, c);
        if (n > 0 && deep >= MAX_DEEP)
            put(t, "(the history goes on; see --json)");
        else
            rc = put_parents(t, rest, parent, roles, n, deep, err);
    }
out:
    free(parent);
    free(roles);
    return rc;
}

/* Does any other claim point to it? */
static bool
is_pointed_to(const sov_claims *set, const char *id)
{
    for (size_t i = 0; i < sov_claims_count(set); i++) {
        const struct sov_statement *st = &sov_claims_at(set, i)->statement;

        for (size_t k = 0; k < st->n_dependencies; k++)
            if (st->dependency[k].claim != NULL &&
                strcmp(st->dependency[k].claim, id) == 0)
                return true;
    }
    return false;
}

/* From every claim that nothing was made from, the newest first; then what
 * only a circle leads to. */
static int
put_tree(const sov_claims *set, const sov_policy *policy, struct sov_err *err)
{
    struct tree t = { .set = set,
                      .policy = policy,
                      .pen = &pens[is_utf8_terminal()] };
    size_t n = sov_claims_count(set);
    bool any = false;
    int rc = 0;

    t.shown = calloc(n + 1, sizeof(*t.shown));
    if (t.shown == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (int circle = 0; circle < 2; circle++)
        for (size_t i = n; i-- > 0 && rc == 0;) {
            const struct sov_claim *c = sov_claims_at(set, i);

            if (t.shown[number_of(&t, c)] ||
                (circle == 0 && is_pointed_to(set, c->id)))
                continue;
            if (any)
                putchar('\n');
            any = true;
            rc = put_node(&t, "", "", c, NULL, 0, err);
        }
    free(t.shown);
    return rc;
}

static int
report_claims(const sov_claims *set, const sov_policy *policy,
              const char *model, struct sov_err *err)
{
    struct sov_report *r = sov_report_new("sov.verify/1");

    sov_report_text(r, "mode", NULL, "show");
    sov_report_text(r, "model", NULL, model);
    sov_report_table(r, "claims");
    for (size_t i = 0; i < sov_claims_count(set); i++) {
        const struct sov_claim *c = sov_claims_at(set, i);
        static const char *const words[] = { "unknown", "denied", "bad",
                                             "good" };

        sov_report_row(r);
        sov_report_text(r, "claim", NULL, c->id);
        sov_report_text(r, "key_id", NULL, c->key_id);
        sov_report_text(r, "trust", NULL, words[c->trust]);
        sov_report_bool(r, "allowed", NULL, sov_policy_allows(policy, set, c));
        if (c->signer[0] != '\0')
            sov_report_text(r, "signer", NULL, c->signer);
        sov_report_bool(r, "embedded", NULL, c->embedded);
        sov_report_json(r, "statement", (const char *)c->payload.p,
                        c->payload.len);
    }
    sov_report_table_end(r);
    return sov_report_end(r, err);
}

/* Claims in the model.  A model that cannot be read keeps its file of claims
 * from nobody. */
static int
add_embedded(sov_claims *set, const char *path, struct sov_err *err)
{
    struct sov_err why = { 0 };
    sov_model *model = NULL;
    int rc = sov_model_open(&model, path, SOV_ACCESS_STREAM, &why);

    if (rc < 0) {
        if (sov_claims_count(set) > 0)
            sov_warn("%s", why.msg);
        else
            *err = why;
        return sov_claims_count(set) > 0 ? 0 : rc;
    }
    rc = sov_claims_read_meta(set, sov_model_meta(model), err);
    if (rc >= 0 && sov_fileset_is_stream(path)) {
        bool found;

        rc = sov_model_finish(model, err);
        if (rc == 0)
            rc = sov_claims_sides(set, model, &found, err);
    }
    sov_model_close(model);
    return rc < 0 ? rc : 0;
}

int
sov_verify_show(int argc, char **argv, struct sov_err *err)
{
    sov_policy *policy = NULL;
    sov_claims *set = NULL;
    char *path = NULL;
    bool found = false;
    struct stat st;
    bool dir;
    int rc;

    if (argc != 1)
        return sov_fail(err, SOV_EARG, "--show shows one model");
    dir = stat(argv[0], &st) == 0 && S_ISDIR(st.st_mode);
    rc = sov_verify_policy(&policy, err);
    if (rc == 0)
        rc = sov_verify_claims(&set, &path, &found, argv[0], dir, err);
    if (rc == 0)
        rc = add_embedded(set, argv[0], err);
    if (rc == 0)
        rc = sov_claims_check(set, sov_policy_ring(policy), err);
    if (rc == 0 && sov_claims_count(set) == 0) {
        rc = sov_fail(err, SOV_EIO,
                      found ? "%s: has no claims: there are none in %s"
                            : "%s: has no claims: there is no %s",
                      argv[0], path);
        err->where = SOV_WHERE_INPUT;
    }
    if (rc == 0)
        rc = sov_common.json ? report_claims(set, policy, argv[0], err)
                             : put_tree(set, policy, err);
    sov_claims_free(set);
    sov_policy_free(policy);
    free(path);
    return rc;
}
