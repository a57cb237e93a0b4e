/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lineage.c - claims and the claims they point to
 *
 * A pointer is the SHA-256 of what it points to, so an honest chain has no
 * circle; a walk that meets one says so all the same, and never recurses.
 */
#include "trust/claims.h"

#include "base/buf.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* ---- the walk */

enum { FRESH, OPEN, DONE };

struct step {
    size_t at;   /* line */
    size_t next; /* dependency to look at next */
};

struct walker {
    const sov_claims *set;
    struct sov_walk *out;
    unsigned char *state; /* of each line that is the first with its id */
    size_t *depth;        /* of each line */
    struct step *step;    /* the way to where we are */
    size_t n_steps;
};

void
sov_walk_free(struct sov_walk *walk)
{
    free(walk->order);
    free(walk->depth);
    walk->order = NULL;
    walk->depth = NULL;
}

static int
dead_end(struct walker *w, size_t at, const struct sov_resource *dep,
         const char *what, struct sov_err *err)
{
    w->out->at = at;
    w->out->to = dep->claim;
    return sov_fail(err, SOV_ENO,
                    "claim %.16s points to claim %.16s about %.80s, %s",
                    w->set->line[at]->claim.id, dep->claim,
                    dep->name != NULL ? dep->name : "something", what);
}

static void
enter(struct walker *w, size_t at)
{
    w->state[at] = OPEN;
    w->step[w->n_steps++] = (struct step){ at, 0 };
}

/* at points to another one. */
static void
count_hop(struct walker *w, size_t at, size_t to)
{
    size_t hop =
        sov_statement_is_provenance(&w->set->line[to]->claim.statement);

    if (w->depth[at] < w->depth[to] + hop)
        w->depth[at] = w->depth[to] + hop;
}

/* All that it points to is done. */
static void
leave(struct walker *w)
{
    size_t at = w->step[--w->n_steps].at;

    w->state[at] = DONE;
    w->out->depth[w->out->n] = w->depth[at];
    w->out->order[w->out->n++] = at;
    if (w->n_steps > 0)
        count_hop(w, w->step[w->n_steps - 1].at, at);
}

/* One dependency of the claim we are at. */
static int
follow(struct walker *w, const struct sov_resource *dep, struct sov_err *err)
{
    size_t at = w->step[w->n_steps - 1].at;
    size_t to;

    if (dep->claim == NULL)
        return 0;
    to = sov_claims_index(w->set, dep->claim);
    if (to == SIZE_MAX)
        return dead_end(w, at, dep, "which is missing", err);
    if (w->state[to] == OPEN)
        return dead_end(w, at, dep, "which leads back to it", err);
    if (w->state[to] == FRESH)
        enter(w, to);
    else
        count_hop(w, at, to);
    return 0;
}

static int
walk_from(struct walker *w, size_t from, struct sov_err *err)
{
    int rc = 0;

    if (w->state[from] != FRESH)
        return 0;
    enter(w, from);
    while (w->n_steps > 0 && rc == 0) {
        struct step *s = &w->step[w->n_steps - 1];
        const struct sov_statement *st = &w->set->line[s->at]->claim.statement;

        if (s->next == st->n_dependencies)
            leave(w);
        else
            rc = follow(w, &st->dependency[s->next++], err);
    }
    return rc;
}

int
sov_claims_walk(const sov_claims *set, const size_t *from, size_t n,
                struct sov_walk *walk, struct sov_err *err)
{
    struct walker w = { .set = set, .out = walk };
    int rc = 0;

    *walk = (struct sov_walk){ .order = sov_mem_array(set->n, sizeof(size_t)),
                               .depth = sov_mem_array(set->n, sizeof(size_t)) };
    w.state = sov_mem_array(set->n, 1);
    w.depth = sov_mem_array(set->n, sizeof(*w.depth));
    w.step = sov_mem_array(set->n, sizeof(*w.step));
    if (walk->order == NULL || walk->depth == NULL || w.state == NULL ||
        w.depth == NULL || w.step == NULL)
        rc = sov_mem_fail(err);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = walk_from(&w, from[i], err);
    free(w.state);
    free(w.depth);
    free(w.step);
    return rc;
}

/* ---- what is handed on */

/* First lines of the ids, or of all claims; free() *from. */
static int
starts(const sov_claims *set, const char *const *id, size_t n, size_t **from,
       struct sov_err *err)
{
    if (id == NULL)
        n = set->n;
    *from = sov_mem_array(n, sizeof(**from));
    if (*from == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < n; i++) {
        (*from)[i] =
            sov_claims_index(set, id != NULL ? id[i] : set->line[i]->claim.id);
        if ((*from)[i] == SIZE_MAX) {
            sov_fail(err, SOV_ENO, "there is no claim %.16s", id[i]);
            free(*from);
            *from = NULL;
            return SOV_ENO;
        }
    }
    return 0;
}

/* Every line of one claim, whoever signed it. */
static void
put_claim(const sov_claims *set, size_t first, struct sov_buf *out)
{
    for (size_t i = first; i < set->n; i++) {
        const struct sov_claim *c = &set->line[i]->claim;

        if (strcmp(c->id, set->line[first]->claim.id) != 0)
            continue;
        sov_buf_add(out, c->text.p, c->text.len);
        sov_buf_u8(out, '\n');
    }
}

int
sov_claims_ancestry(const sov_claims *set, const char *const *id, size_t n,
                    char **text, size_t *len, struct sov_err *err)
{
    struct sov_walk walk = { 0 };
    struct sov_buf out = { 0 };
    size_t *from = NULL;
    int rc = starts(set, id, n, &from, err);

    if (rc == 0)
        rc = sov_claims_walk(set, from, id != NULL ? n : set->n, &walk, err);
    for (size_t i = 0; i < walk.n && rc == 0; i++)
        put_claim(set, walk.order[i], &out);
    sov_walk_free(&walk);
    free(from);
    return sov_buf_give(&out, rc, text, len, err);
}

int
sov_claims_embed(sov_meta *meta, const char *text, size_t len,
                 struct sov_err *err)
{
    struct sov_kv kv = { .key = SOV_LINEAGE_KEY,
                         .type = SOV_V_STR,
                         .elem = SOV_V_STR,
                         .n = 1,
                         .val = { (const unsigned char *)text, len } };

    if (len > 0)
        return sov_meta_set(meta, &kv, err);
    sov_meta_unset(meta, SOV_LINEAGE_KEY);
    return 0;
}

/* ---- labels */

/* One value of one label. */
struct value {
    const char *key;
    const char *text;
};

static int
by_text(const void *a, const void *b)
{
    const struct value *x = a, *y = b;
    int order = strcmp(x->key, y->key);

    return order != 0 ? order : strcmp(x->text, y->text);
}

static size_t
count_texts(const struct sov_param *label, size_t n)
{
    size_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += label[i].n;
    return sum;
}

static size_t
take_texts(const struct sov_param *label, size_t n, struct value *out)
{
    size_t at = 0;

    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < label[i].n; k++)
            out[at++] = (struct value){ label[i].key, label[i].item[k].str };
    return at;
}

/* Sorted values without repetition, as labels in one block. */
static int
build_labels(const struct value *v, size_t n, struct sov_param **label,
             size_t *n_labels, struct sov_err *err)
{
    /* at most n labels, and behind them n values */
    struct sov_param *all = sov_mem_array(2 * n, sizeof(*all));
    struct sov_param *item;
    size_t used = 0;

    if (all == NULL)
        return sov_mem_fail(err);
    item = all + n;
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && by_text(&v[i - 1], &v[i]) == 0)
            continue;
        if (i == 0 || strcmp(v[i - 1].key, v[i].key) != 0)
            all[used++] = (struct sov_param){ .key = v[i].key,
                                              .kind = SOV_PARAM_LIST,
                                              .item = item };
        *item++ = (struct sov_param){ .kind = SOV_PARAM_STR, .str = v[i].text };
        all[used - 1].n++;
    }
    *label = all;
    *n_labels = used;
    return 0;
}

int
sov_claims_labels(const sov_claims *set, const char *const *id, size_t n,
                  const struct sov_param *own, size_t n_own,
                  struct sov_param **label, size_t *n_labels,
                  struct sov_err *err)
{
    size_t sum = count_texts(own, n_own);
    struct value *v;
    size_t at;
    int rc;

    for (size_t i = 0; i < n; i++) {
        const struct sov_claim *c = sov_claims_find(set, id[i]);

        if (c == NULL)
            return sov_fail(err, SOV_ENO, "there is no claim %.16s", id[i]);
        sum += count_texts(c->statement.label, c->statement.n_labels);
    }
    v = sov_mem_array(sum, sizeof(*v));
    if (v == NULL)
        return sov_mem_fail(err);
    at = take_texts(own, n_own, v);
    for (size_t i = 0; i < n; i++) {
        const struct sov_claim *c = sov_claims_find(set, id[i]);

        at += take_texts(c->statement.label, c->statement.n_labels, v + at);
    }
    qsort(v, at, sizeof(*v), by_text);
    rc = build_labels(v, at, label, n_labels, err);
    free(v);
    return rc;
}
