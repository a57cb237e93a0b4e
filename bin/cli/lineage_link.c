/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lineage_link.c - what the claim of an output points to
 *
 * The claim about the input, what people declare of it, and the claims about
 * whatever else was read: so nobody can take one of them away, and all their
 * labels are inherited.
 */
#include "cli/lineage_link.h"

#include "cli/names.h"
#include "cli/tool.h"

#include <stdlib.h>
#include <string.h>

static bool
same_digest(const struct sov_digest *a, const struct sov_digest *b)
{
    unsigned both = a->has & b->has & (SOV_HASH_SHA256 | SOV_HASH_VERITY);

    return both != 0 &&
           ((both & SOV_HASH_SHA256) == 0 ||
            memcmp(a->sha256, b->sha256, SOV_SHA256_LEN) == 0) &&
           ((both & SOV_HASH_VERITY) == 0 ||
            memcmp(a->verity, b->verity, SOV_SHA256_LEN) == 0);
}

/* Where a file comes from, by whom it is believed most. */
static const struct sov_claim *
origin_of(const struct sov_lineage *l, const struct sov_digest *is)
{
    const struct sov_claim *best = NULL;

    for (size_t i = 0; i < sov_claims_count(l->set); i++) {
        const struct sov_claim *c = sov_claims_at(l->set, i);
        const struct sov_statement *st = &c->statement;

        for (size_t k = 0; k < st->n_subjects; k++)
            if (sov_statement_is_provenance(st) &&
                same_digest(&st->subject[k].digest, is) &&
                (best == NULL || c->trust > best->trust))
                best = c;
    }
    return best;
}

/* Ids of all of them; *n of them, free() it. */
static int
linked_ids(const struct sov_lineage *l, const char ***id, size_t *n,
           struct sov_err *err)
{
    *n = 0;
    *id = calloc(l->n_also + 1, sizeof(**id));
    if (*id == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    if (l->parent != NULL)
        (*id)[(*n)++] = l->parent->id;
    for (size_t i = 0; i < l->n_also; i++)
        (*id)[(*n)++] = l->also[i]->id;
    return 0;
}

/* The origins of the inputs join what is pointed to, those with a whole history
 * of their own. */
int
sov_lineage_origins(struct sov_lineage *l, const struct sov_deed *deed,
                    struct sov_err *err)
{
    const struct sov_claim **more =
        realloc(l->also, (l->n_also + deed->n_inputs + 1) * sizeof(*l->also));

    if (more == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    l->also = more;
    for (size_t i = 0; i < deed->n_inputs; i++) {
        const struct sov_claim *c = origin_of(l, &deed->input[i].digest);
        const char *id = c != NULL ? c->id : NULL;
        bool known = c == NULL || c == l->parent;
        char *text;
        size_t len;
        int rc;

        for (size_t k = 0; k < l->n_also; k++)
            known = known || l->also[k] == c;
        if (known)
            continue;
        rc = sov_claims_ancestry(l->set, &id, 1, &text, &len, err);
        if (rc == 0) {
            free(text);
            l->also[l->n_also++] = c;
        } else if (rc == SOV_ENO) {
            sov_warn("%s: %s; its history is left out", deed->input[i].name,
                     err->msg);
        } else {
            return rc;
        }
    }
    return 0;
}

/* The lines before the new one.  A history with a hole in it is no history. */
int
sov_lineage_ancestors(struct sov_lineage *l, struct sov_err *err)
{
    const char **id = NULL;
    size_t n;
    int rc = linked_ids(l, &id, &n, err);

    if (rc == 0)
        rc = sov_claims_ancestry(l->set, id, n, &l->text, &l->text_len, err);
    free(id);
    if (rc != SOV_ENO)
        return rc;
    sov_warn("%s: %s; its history is left out", sov_lineage_source(l),
             err->msg);
    l->parent = NULL;
    l->verified = false;
    return sov_lineage_ancestors(l, err);
}

/* An input of the deed, with where it comes from if that is known. */
void
sov_deed_file(struct sov_resource *r, const char *path, const char *role,
              const struct sov_digest *is)
{
    r->name = sov_name_base(sov_name_in(path));
    r->role = role;
    r->digest = *is;
}

static struct sov_resource
describe_input(const struct sov_lineage *l, const struct sov_resource *input)
{
    struct sov_resource r = *input;
    const struct sov_claim *c = origin_of(l, &input->digest);

    for (size_t i = 0; i < l->n_also; i++)
        if (l->also[i] == c)
            r.claim = c->id;
    return r;
}

/* What people declared of the input is what the output was made under. */
static struct sov_resource
describe_facts(const struct sov_claim *c)
{
    const struct sov_resource *s = &c->statement.subject[0];

    return (struct sov_resource){
        .name = s->name,
        .digest = s->digest,
        .has_size = s->has_size,
        .role = "facts",
        .claim = c->id,
    };
}

/* The files of the input and the program, as what the output was made from. */
int
sov_lineage_describe(struct sov_lineage *l, const struct sov_deed *deed,
                     const struct sov_param *unverified,
                     struct sov_resource **list, size_t *n, struct sov_err *err)
{
    size_t room = l->n_files + l->n_also + deed->n_inputs + 1;
    struct sov_resource *r = calloc(room, sizeof(*r));
    int rc;

    if (r == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    *list = r;
    for (size_t i = 0; i < l->n_files; i++) {
        const char *name = l->file[i].name;

        r[i].name = name != NULL        ? sov_name_base(name)
                    : l->parent != NULL ? l->parent->statement.subject[0].name
                                        : "standard input";
        r[i].digest = l->file[i].digest;
        r[i].digest.has &= SOV_HASH_SHA256 | SOV_HASH_VERITY;
        r[i].has_size = true;
        r[i].role = l->role != NULL ? l->role : "parent";
        r[i].claim = l->parent != NULL ? l->parent->id : NULL;
        r[i].notes = unverified;
        r[i].n_notes = l->verified ? 0 : 1;
    }
    *n = l->n_files;
    for (size_t i = 0; i < deed->n_inputs; i++)
        r[(*n)++] = describe_input(l, &deed->input[i]);
    for (size_t i = 0; i < l->n_also; i++)
        if (sov_statement_is_facts(&l->also[i]->statement))
            r[(*n)++] = describe_facts(l->also[i]);
    r[*n].name = sov_tool_name();
    r[*n].role = "tool";
    rc = sov_hash_path("/proc/self/exe", SOV_HASH_SHA256, &r[*n].digest, err);
    if (rc == 0)
        ++*n;
    return rc;
}

/* The labels of the parents, and that nobody vouches for them. */
int
sov_lineage_labels(struct sov_lineage *l, struct sov_statement *st,
                   struct sov_param **list, struct sov_err *err)
{
    static const struct sov_param value = { NULL, SOV_PARAM_STR, "unverified",
                                            0,    NULL,          0 };
    static const struct sov_param own = { "input", SOV_PARAM_LIST, NULL,
                                          0,       &value,         1 };
    const char **id = NULL;
    size_t n;
    int rc = linked_ids(l, &id, &n, err);

    if (rc == 0)
        rc = sov_claims_labels(l->set, id, n, &own, l->verified ? 0 : 1, list,
                               &st->n_labels, err);
    free(id);
    if (rc == 0)
        st->label = *list;
    return rc;
}
