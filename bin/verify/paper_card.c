/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paper_card.c - a model card: a YAML head as hubs read it, and text
 *
 * The head has what hubs know keys for, and nothing that is not known.  Every
 * value of the text has where it is from.
 */
#include "verify/paper.h"

#include "cli/jsonw.h"
#include "sov/base.h"

#include <string.h>

/* ---- the head */

/* Values under a name as a list, if there are any. */
static bool
put_list(const struct paper *p, FILE *f, const char *key, const char *name)
{
    struct paper_value v;
    bool any = false;

    for (size_t i = 0; paper_value(p, name, i, &v) && v.text != NULL; i++) {
        if (!any)
            fprintf(f, "%s:\n", key);
        fputs("- ", f);
        sov_jsonw_quote(f, v.text);
        fputc('\n', f);
        any = true;
    }
    return any;
}

static void
put_one(FILE *f, const char *key, const char *text)
{
    if (text == NULL)
        return;
    fprintf(f, "%s: ", key);
    sov_jsonw_quote(f, text);
    fputc('\n', f);
}

/* Ids of hubs are lower case; one licence alone has a place. */
static void
put_license(const struct paper *p, FILE *f)
{
    const char *text = paper_text(p, "license");
    char low[64];
    size_t n;

    if (text == NULL)
        text = paper_text(p, "@licenses");
    if (text == NULL)
        return;
    n = strlen(text);
    if (n >= sizeof(low) || strpbrk(text, ", ") != NULL) {
        put_one(f, "license", "other");
        put_one(f, "license_name", text);
        return;
    }
    for (size_t i = 0; i <= n; i++)
        low[i] =
            text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] + 32) : text[i];
    put_one(f, "license", low);
}

/* What the last step did to its parent, in the words of hubs. */
static const char *
relation(const struct paper *p)
{
    char deed[240];

    if (p->leaf == NULL)
        return NULL;
    sov_verify_deed(p->leaf, deed, sizeof(deed));
    return strcmp(deed, "quantize") == 0  ? "quantized"
           : strcmp(deed, "distill") == 0 ? "finetune"
           : strcmp(deed, "prune") == 0   ? "finetune"
                                          : NULL;
}

static const char *
parent(const struct paper *p)
{
    for (size_t i = 0; p->leaf != NULL && i < p->leaf->statement.n_dependencies;
         i++) {
        const struct sov_resource *d = &p->leaf->statement.dependency[i];

        if (d->role != NULL && strcmp(d->role, "parent") == 0)
            return d->name;
    }
    return NULL;
}

static void
put_yaml(const struct paper *p, FILE *f)
{
    fputs("---\n", f);
    put_license(p, f);
    put_list(p, f, "language", "language");
    put_one(f, "base_model", parent(p));
    if (parent(p) != NULL)
        put_one(f, "base_model_relation", relation(p));
    if (paper_text(p, "@modality") != NULL)
        put_one(f, "pipeline_tag",
                strstr(paper_text(p, "@modality"), "vector") != NULL
                    ? "feature-extraction"
                    : "text-generation");
    if (strcmp(sov_model_format(p->model), "gguf") == 0)
        put_one(f, "library_name", "gguf");
    fputs("tags:\n- sov\n---\n\n", f);
}

/* ---- the text */

static void
put_part(const struct paper *p, FILE *f, const char *title,
         const char *const *names)
{
    struct paper_value v;

    fprintf(f, "\n## %s\n\n", title);
    for (; *names != NULL; names++)
        for (size_t i = 0; paper_value(p, *names, i, &v); i++)
            paper_put(p, f, *names, &v);
}

int
paper_card(const struct paper *p, FILE *f, struct sov_err *err)
{
    static const char *const details[] = {
        "provider", "contact",   "version",       "release_date", "@name",
        "license",  "@licenses", "@architecture", "@parameters",  "@weights",
        "@format",  "@modality", "@context",      "@vocabulary",  "@template",
        "language", NULL
    };
    static const char *const uses[] = { "intended_use",   "task",
                                        "acceptable_use", "prohibited_use",
                                        "user",           NULL };
    static const char *const limits[] = { "limitation", "risk", "mitigation",
                                          NULL };
    static const char *const data[] = { "data_type",     "data_source",
                                        "data_curation", "training",
                                        "@data",         "@tokens",
                                        "@process",      NULL };
    static const char *const tests[] = { "@tests", "evaluation", NULL };
    static const char *const cost[] = { "training_flop", "@flop",   "@wall",
                                        "energy_mwh",    "@energy", NULL };
    static const char *const origin[] = { "@digests", "@authenticity",
                                          "@ancestry", "@software", NULL };
    const char *name = paper_text(p, "name");

    (void)err;
    put_yaml(p, f);
    fputs("# ", f);
    paper_md(f, name != NULL ? name : p->name);
    fputs("\n\n", f);
    paper_md(f, p->standing);
    fprintf(f,
            "\nBehind every value stands where it is from: a *fact* of the "
            "file or of a signed claim, *declared* by a person, or MISSING. "
            "Made by sov-verify %s.\n",
            sov_version());
    put_part(p, f, "Model details", details);
    put_part(p, f, "Uses", uses);
    put_part(p, f, "Risks and limits", limits);
    put_part(p, f, "Training", data);
    put_part(p, f, "Evaluation", tests);
    put_part(p, f, "Environment", cost);
    put_part(p, f, "Origin", origin);
    return 0;
}
