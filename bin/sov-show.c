/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sov-show - what is in a model
 *
 * Exit status: 0 shown, all good, the same; 1 there is no such key or tensor,
 * --check found something, --diff a difference; 64-78 trouble.
 */
#include "cli/lineage.h"
#include "cli/tool.h"
#include "show/show.h"

#include <string.h>

static bool all;
static bool check;
static bool values;
static const char *get_key;
static const char *other;
static struct sov_opt_list tensors;

static const struct sov_opt opts[] = {
    { 'a', "all", SOV_OPT_FLAG, &all, NULL,
      "every tensor on a line of its own, and longer values" },
    { 0, "get", SOV_OPT_STRING, &get_key, "KEY",
      "print one value of the metadata, an array one element a line" },
    { 0, "tensor", SOV_OPT_LIST, &tensors, "NAME",
      "the weights of a tensor in numbers; a shell pattern will do" },
    { 0, "values", SOV_OPT_FLAG, &values, NULL,
      "with --tensor: the weights themselves, a row on a line" },
    { 0, "check", SOV_OPT_FLAG, &check, NULL,
      "look for NaN, infinities, broken scales, odd ranges" },
    { 0, "diff", SOV_OPT_FILE, &other, "MODEL",
      "what is different from this model" },
    SOV_REQUIRE_ROWS,
    { 0 },
};

static int
check_arguments(const char *path, struct sov_err *err)
{
    if ((get_key != NULL) + check + (other != NULL) + values > 1)
        return sov_fail(err, SOV_EARG,
                        "--get, --check, --diff and --values: only one of "
                        "them");
    if (sov_lineage_options.claims != NULL &&
        sov_lineage_options.require == NULL)
        return sov_fail(err, SOV_EARG,
                        "--claims is read with --require-claims");
    if (get_key != NULL && tensors.n > 0)
        return sov_fail(err, SOV_EARG, "--get has nothing to do with --tensor");
    if (values && tensors.n == 0)
        return sov_fail(err, SOV_EARG, "--values needs --tensor NAME");
    if (values && sov_common.json)
        return sov_fail(err, SOV_EARG, "--values has no --json");
    if (other != NULL && strcmp(other, "-") == 0 && strcmp(path, "-") == 0)
        return sov_fail(err, SOV_EARG,
                        "only one of two models can be standard input");
    return 0;
}

/*
 * Open the other model.  Two pipes cannot both be read in an order that suits
 * the other: the second is kept in a file.
 */
static int
open_other(struct show_facts *g, const struct show_facts *f,
           struct sov_err *err)
{
    bool both = sov_model_forward(f->model);
    int rc;

    if (both && show_is_stream(other))
        return show_open(g, other, SOV_ACCESS_MAP, false, err);
    rc = show_open(g, other, SOV_ACCESS_STREAM, false, err);
    if (rc < 0 || !both || !sov_model_forward(g->model))
        return rc;
    show_close(g);
    return show_open(g, other, SOV_ACCESS_MAP, false, err);
}

static int
diff(const struct show_facts *f, const struct show_pick *pick,
     struct sov_err *err)
{
    struct show_facts g;
    int rc = open_other(&g, f, err);

    if (rc == 0 && show_check_picks(f, pick, err) < 0)
        rc = show_check_picks(&g, pick, err);
    if (rc == 0)
        rc = show_diff(&g, f, pick, all || sov_common.verbose > 0, err);
    show_close(&g);
    return rc;
}

static int
show(const struct show_facts *f, struct sov_err *err)
{
    struct show_pick pick = { tensors.items, tensors.n };
    int rc;

    if (get_key != NULL)
        return show_get(f, get_key, err);
    if (other != NULL)
        return diff(f, &pick, err);
    rc = show_check_picks(f, &pick, err);
    if (rc < 0)
        return rc;
    if (check)
        return show_check(f, &pick, err);
    if (values)
        return show_values(f, &pick, err);
    if (tensors.n > 0)
        return show_stats(f, &pick, err);
    if (sov_common.json)
        return show_json(f, err);
    return show_card(f, all || sov_common.verbose > 0, err);
}

static int
run(int argc, char **argv, struct sov_err *err)
{
    struct show_facts f = { .model = NULL };
    int rc = check_arguments(argv[0], err);

    (void)argc;
    if (rc == 0)
        rc = show_open(&f, argv[0], SOV_ACCESS_STREAM, true, err);
    if (rc == 0)
        rc = show(&f, err);
    show_close(&f);
    return rc;
}

int
main(int argc, char **argv)
{
    static const struct sov_tool tool = {
        .name = "sov-show",
        .summary = "what is in a model",
        .operands = "MODEL",
        .min_operands = 1,
        .max_operands = 1,
        .common = SOV_COMMON_JSON | SOV_COMMON_COLOR | SOV_COMMON_THREADS |
                  SOV_COMMON_PROGRESS,
        .opts = opts,
        .run = run,
    };

    return sov_tool_main(&tool, argc, argv);
}
