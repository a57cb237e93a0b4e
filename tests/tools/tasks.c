/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tasks - what a model makes of each task of a file
 *
 *     tasks [-n LIMIT] [-r SEED] [-c CONTEXT] [-p] hellaswag|lambada|choice
 *           FILE MODEL
 *
 * A line for each task: its number, the answer, the best choice, the best with
 * lengths taken into account, whether the answer was greedy, and the logarithm
 * of each choice's probability; then a line with the figures of all.  With -r
 * the tasks are drawn, LIMIT of them.  With -p nothing is rounded.
 */
#include "sov/task.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct sov_err err;

static void
check(int rc, const char *what)
{
    if (rc == 0)
        return;
    fprintf(stderr, "tasks: %s: %s\n", what, err.msg);
    exit(2);
}

static void
show(void *arg, const struct sov_task_result *r)
{
    (void)arg;
    printf("%" PRIu64 " %zu %zu %zu %d", r->number, r->answer, r->best,
           r->best_norm, r->greedy);
    for (size_t i = 0; i < r->n; i++)
        printf(" %.6f", r->logprob[i]);
    printf("\n");
}

static void
show_figure(const char *name, const struct sov_figure *f)
{
    printf(" %s %.6f +/- %.6f (%.6f to %.6f)", name, f->value, f->error,
           f->low, f->high);
}

int
main(int argc, char **argv)
{
    static const char *const forms[] = { "hellaswag", "lambada", "choice" };
    struct sov_session_opts so = { .kv = SOV_KV_F16 };
    struct sov_score_opts o = { .session = &so, .each = show };
    struct sov_scores scores;
    sov_model *model;
    sov_tok *tok;
    long seed = -1;
    int form = 0, c;

    while ((c = getopt(argc, argv, "n:r:c:p")) != -1) {
        if (c == 'n')
            o.limit = strtoull(optarg, NULL, 10);
        else if (c == 'r')
            seed = strtol(optarg, NULL, 10);
        else if (c == 'c')
            so.n_ctx = (uint32_t)strtoul(optarg, NULL, 10);
        else if (c == 'p')
            so.precise = true;
        else
            return 2;
    }
    if (argc - optind != 3)
        return 2;
    while (form < 2 && strcmp(argv[optind], forms[form]) != 0)
        form++;
    if (so.precise)
        so.kv = SOV_KV_AUTO;
    check(sov_tasks_open(&o.tasks, argv[optind + 1], (enum sov_task_form)form,
                         &err), "tasks");
    if (seed >= 0)
        check(sov_tasks_draw(o.tasks, o.limit, (uint32_t)seed, &err), "draw");
    check(sov_model_open(&model, argv[optind + 2], SOV_ACCESS_MAP, &err),
          argv[optind + 2]);
    check(sov_tok_load(&tok, sov_model_meta(model), &err), "tokens");
    o.model = model;
    o.tok = tok;
    check(sov_score(&o, &scores, &err), "score");
    printf("%s: %" PRIu64 " tasks, %" PRIu64 " cut, %" PRIu64 " tokens",
           sov_tasks_kind(o.tasks), scores.tasks, scores.cut, scores.tokens);
    show_figure("right", &scores.right);
    show_figure("norm", &scores.right_norm);
    show_figure("greedy", &scores.greedy);
    show_figure("ppl", &scores.ppl);
    printf("\n");
    sov_tasks_close(o.tasks);
    sov_tok_free(tok);
    sov_model_close(model);
    return 0;
}
