/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.c - what the options of sov-prune say, and what cannot be
 */
#include "prune/prune.h"

#include "cli/tool.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- which method ---- */

static bool
is_method(const char *name)
{
    const char *known;

    for (size_t i = 0; (known = sov_prune_method_name(i)) != NULL; i++)
        if (strcmp(known, name) == 0)
            return true;
    return false;
}

static int
no_method(const char *name, struct sov_err *err)
{
    const char *names[32];
    const char *near;
    char list[200] = "";
    size_t n = 0;

    for (; n < 31 && (names[n] = sov_prune_method_name(n)) != NULL; n++)
        if (strlen(list) + strlen(names[n]) + 2 < sizeof(list))
            strcat(strcat(list, " "), names[n]);
    names[n] = NULL;
    near = sov_opt_nearest(name, names);
    if (near != NULL)
        return sov_fail(err, SOV_EARG,
                        "--method: there is no '%s'; did you mean '%s'?", name,
                        near);
    return sov_fail(err, SOV_EARG, "--method: there is no '%s'; there are:%s",
                    name, list);
}

/* Who brings statistics wants them used. */
static int
choose_method(struct prune *p, struct sov_err *err)
{
    const struct prune_options *o = &prune_options;

    p->method = o->method;
    if (o->method != NULL)
        return is_method(o->method) ? 0 : no_method(o->method, err);
    if (o->plan != NULL)
        return 0;
    if (o->stats == NULL && o->calib == NULL)
        return sov_fail(err, SOV_EARG,
                        "--method NAME is missing: wanda is good and takes "
                        "--stats or --calib, magnitude takes nothing");
    p->method = "wanda";
    return 0;
}

/* ---- what goes together ---- */

static bool
gives_shape(const struct prune *p)
{
    return p->method != NULL && sov_prune_method_shapes(p->method);
}

/* Is anything asked for that takes weights? */
static bool
prunes(void)
{
    const struct prune_options *o = &prune_options;

    return o->method != NULL || o->ratio_given || o->tensor_ratios.n > 0 ||
           o->stats != NULL || o->calib != NULL || o->plan != NULL ||
           o->plan_out != NULL || o->heal || o->dsnot || o->owl ||
           o->heal_steps > 0 || o->joint_bits > 0 || o->target_size > 0 ||
           o->speedup > 0;
}

/* Packing is all that is done then, or what is done last. */
static int
check_pack(struct prune *p, struct sov_err *err)
{
    const struct prune_options *o = &prune_options;

    p->packs = o->pack && prunes();
    if (o->pack_bits != 0 && !o->pack)
        return sov_fail(err, SOV_EARG, "--pack-bits: --pack is missing");
    if (o->pack_bits != 0 && o->pack_bits != 4 && o->pack_bits != 8)
        return sov_fail(err, SOV_EARG, "--pack-bits: 4 or 8");
    if (!o->pack && !o->unpack)
        return 0;
    if (o->pack && o->unpack)
        return sov_fail(err, SOV_EARG, "--pack and --unpack: give one");
    if (sov_common.resume)
        return sov_fail(err, SOV_EARG,
                        "--resume: what packs or unpacks is not gone on with");
    if (o->unpack && (prunes() || o->compare != NULL || o->pattern != NULL))
        return sov_fail(err, SOV_EARG,
                        "--unpack does nothing else: unpack first");
    if (!p->packs && o->compare != NULL)
        return sov_fail(err, SOV_EARG,
                        "--compare: with which model? --pack alone does not "
                        "know what was pruned; with a --method it does");
    if (!p->packs)
        p->method = o->pack ? "pack" : "unpack";
    return 0;
}

/* What is packed behind a method leaves half of each 64 at most. */
static int
check_packed(const struct prune *p, struct sov_err *err)
{
    const struct prune_options *o = &prune_options;

    if (!p->packs)
        return 0;
    if (gives_shape(p))
        return sov_fail(err, SOV_EARG,
                        "--pack: %s leaves no zeros that packing could leave "
                        "out; sov-quantize makes the output smaller",
                        p->method);
    if (o->joint_bits != 0 && o->joint_bits != prune_pack_bits())
        return sov_fail(err, SOV_EARG,
                        "--pack-bits and --joint-bits: give the same");
    if (o->target_size > 0 && (o->pattern != NULL || o->ratio_given ||
                               o->plan != NULL || o->tensor_ratios.n > 0))
        return sov_fail(err, SOV_EARG,
                        "--target-size and --pack choose the pattern, of all "
                        "matrices: give nothing else that says how much goes");
    if (o->target_size == 0 && o->pattern == NULL && o->plan == NULL)
        return sov_fail(err, SOV_EARG,
                        "--pack: packed are matrices of which each 64 weights "
                        "keep 32 at most: --pattern 32:64 or --target-size is "
                        "missing");
    return 0;
}

/* Healing is what helps: least squares where zeros are, and where whole things
 * went, training. */
static void
settle_heal(const struct prune *p)
{
    struct prune_options *o = &prune_options;

    if (!o->heal || !gives_shape(p))
        return;
    o->heal = false;
    if (o->heal_steps == 0)
        o->heal_steps = PRUNE_HEAL_STEPS;
}

static int
check_amount(const struct prune *p, struct sov_err *err)
{
    const struct prune_options *o = &prune_options;

    if (o->ratio_given + (o->target_size > 0) + (o->speedup > 0) > 1)
        return sov_fail(err, SOV_EARG,
                        "--ratio, --target-size and --speedup each say how "
                        "much goes: give one");
    if (gives_shape(p) || (p->packs && o->target_size > 0))
        return 0; /* the library, or pack.c, knows */
    if (o->target_size > 0 || o->speedup > 0)
        return sov_fail(err, SOV_EARG,
                        "%s: zeros take as many bytes, and as much time, as "
                        "other numbers; a method is needed that takes layers, "
                        "heads or the like out%s",
                        o->target_size > 0 ? "--target-size" : "--speedup",
                        o->target_size > 0 ? ", or --pack" : "");
    if (o->plan != NULL && (o->ratio_given || o->pattern != NULL))
        return sov_fail(err, SOV_EARG,
                        "--plan says how much goes, and so do --ratio and "
                        "--pattern: give one");
    if (o->plan == NULL && !o->ratio_given && o->pattern == NULL &&
        o->tensor_ratios.n == 0)
        return sov_fail(err, SOV_EARG,
                        "how much shall go? --ratio 0.5 or --pattern 2:4 is "
                        "missing");
    if (o->ratio_given && o->ratio == 0 && o->tensor_ratios.n == 0)
        return sov_fail(err, SOV_EARG, "--ratio 0: then nothing would go");
    return 0;
}

static int
check_knowledge(const struct prune *p, struct sov_err *err)
{
    const struct prune_options *o = &prune_options;

    if (o->calib == NULL && o->calib_tokens != 0)
        return sov_fail(err, SOV_EARG,
                        "--calib-tokens: of which text? --calib TEXT is "
                        "missing");
    if (sov_common.resume && (o->calib != NULL || o->owl || gives_shape(p)))
        return sov_fail(err, SOV_EARG,
                        "--resume: a run that reads a text, or gives the model "
                        "another shape, cannot be gone on with");
    if (o->calib != NULL && o->stats != NULL)
        return sov_fail(err, SOV_EARG,
                        "--calib makes statistics and --stats brings some: "
                        "give one");
    if (o->stats != NULL && o->stats[0] == '\0')
        return sov_fail(err, SOV_EARG, "--stats: the name is empty");
    if (o->stats != NULL && strcmp(o->stats, "-") == 0 &&
        strcmp(p->source, "-") == 0)
        return sov_fail(err, SOV_EARG,
                        "--stats: standard input is the model already");
    if (o->stats != NULL && strcmp(o->stats, "-") == 0 && isatty(STDIN_FILENO))
        return sov_fail(err, SOV_EARG, "--stats: standard input is a terminal");
    return o->calib != NULL ? sov_reading_check(o->calib, p->source, err) : 0;
}

/* What has to see a text, or statistics; of methods the library knows. */
static int
check_healing(struct sov_err *err)
{
    const struct prune_options *o = &prune_options;

    if ((o->heal || o->dsnot) && o->calib == NULL)
        return sov_fail(err, SOV_EARG,
                        "%s has to see a text: --calib TEXT is missing",
                        o->heal ? "--heal" : "--dsnot");
    if (o->joint_bits != 0 && o->joint_bits != 4 && o->joint_bits != 8)
        return sov_fail(err, SOV_EARG, "--joint-bits: 4 or 8");
    if (o->joint_bits != 0 && o->calib == NULL)
        return sov_fail(err, SOV_EARG,
                        "--joint-bits has to see a text: --calib TEXT is "
                        "missing");
    if (o->owl && o->calib == NULL && o->stats == NULL)
        return sov_fail(err, SOV_EARG,
                        "--owl has to know what enters the matrices: --stats "
                        "FILE or --calib TEXT is missing");
    return 0;
}

bool
prune_looks_first(void)
{
    return prune_options.calib != NULL || prune_options.owl;
}

/* Standard input can be read once; whether it is the model each asks itself. */
static int
check_input(struct sov_err *err)
{
    const struct prune_options *o = &prune_options;
    const struct {
        const char *name, *path;
    } given[] = {
        { "--stats", o->stats },
        { "--calib", o->calib },
        { "--plan", o->plan },
        { "--compare", o->compare },
    };
    const char *first = NULL;

    for (size_t i = 0; i < sizeof(given) / sizeof(*given); i++) {
        if (given[i].path == NULL || strcmp(given[i].path, "-") != 0)
            continue;
        if (first != NULL)
            return sov_fail(err, SOV_EARG,
                            "%s: standard input is that of %s already",
                            given[i].name, first);
        first = given[i].name;
    }
    return 0;
}

static int
check_streams(const struct prune *p, struct sov_err *err)
{
    const struct prune_options *o = &prune_options;
    const char *out = sov_common.output;
    int rc = sov_tool_check_streams(false, err);

    if (rc < 0)
        return rc;
    if (strcmp(p->source, "-") == 0 && isatty(STDIN_FILENO))
        return sov_fail(err, SOV_EARG,
                        "standard input is a terminal, not a model");
    if (p->source[0] == '\0')
        return sov_fail(err, SOV_EARG, "the name of the model is empty");
    if (o->plan != NULL && strcmp(o->plan, "-") == 0 &&
        strcmp(p->source, "-") == 0)
        return sov_fail(err, SOV_EARG,
                        "--plan: standard input is the model already");
    if (o->plan_out != NULL && strcmp(o->plan_out, "-") == 0 &&
        (sov_common.json || sov_common.dry_run ||
         (out != NULL && strcmp(out, "-") == 0)))
        return sov_fail(err, SOV_EARG,
                        "--plan-out: standard output has something else");
    return sov_tool_check_output(err);
}

int
prune_check(struct prune *p, struct sov_err *err)
{
    int rc = check_input(err);
    bool method;

    if (rc == 0)
        rc = check_pack(p, err);
    method = p->method == NULL; /* not one that packs or unpacks alone */
    if (rc == 0 && method)
        rc = choose_method(p, err);
    if (rc == 0 && method)
        settle_heal(p);
    if (rc == 0 && method)
        rc = check_packed(p, err);
    if (rc == 0 && method)
        rc = check_amount(p, err);
    if (rc == 0)
        rc = check_knowledge(p, err);
    if (rc == 0)
        rc = check_healing(err);
    if (rc == 0)
        rc = check_streams(p, err);
    return rc;
}

/* ---- --pattern and --tensor-ratio ---- */

int
prune_rules(struct prune *p, struct sov_err *err)
{
    const struct sov_opt_list *list = &prune_options.tensor_ratios;
    size_t len = 1, at = 0;
    int rc = 0;

    if (prune_options.pattern != NULL) {
        rc = sov_prune_pattern_parse(&p->pattern, prune_options.pattern, err);
        if (rc < 0)
            return sov_err_wrap(err, "--pattern");
    }
    for (size_t i = 0; i < list->n; i++)
        len += strlen(list->items[i]) + 1;
    free(p->rule);
    free(p->names);
    p->rule = calloc(list->n + 1, sizeof(*p->rule));
    p->names = malloc(len);
    if (p->rule == NULL || p->names == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (size_t i = 0; i < list->n && rc == 0; i++) {
        size_t n = strlen(list->items[i]) + 1;

        memcpy(p->names + at, list->items[i], n);
        rc = sov_prune_rule_parse(&p->rule[i], p->names + at, err);
        if (rc < 0)
            sov_err_wrap(err, "--tensor-ratio");
        at += n;
    }
    return rc;
}
