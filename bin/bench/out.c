/* SPDX-License-Identifier: Apache-2.0 */
/*
 * out.c - how sov-bench shows what it measured
 *
 * Every output is made in memory and then written whole: a file that somebody
 * reads meanwhile is the one before or the one after.
 */
#include "bench/out.h"

#include "bench/view.h"
#include "cli/ours.h"
#include "cli/tool.h"
#include "sov/io.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROM_MAX (16u << 20) /* bytes of a file of metrics that is read */

typedef int (*make_fn)(FILE *f, const struct bench_view *view,
                       struct sov_err *err);

struct form {
    const char *option;
    const char *head;
    make_fn make;
    size_t path; /* where in struct bench_outputs */
};

static const struct form forms[] = {
/* clang-format off */
#define OUTPUT(name, head) \
    { "--" #name, head, bench_out_##name, offsetof(struct bench_outputs, name) },
#include "bench/outputs.def"
    /* clang-format on */
};

#define N_FORMS (sizeof(forms) / sizeof(forms[0]))

static const char *
path_of(const struct bench_outputs *o, const struct form *form)
{
    return *(const char *const *)((const char *)o + form->path);
}

static bool
is_stream(const char *path)
{
    return strcmp(path, "-") == 0;
}

static int
check_forms(const struct bench_outputs *o, struct sov_err *err)
{
    size_t streams = o->json && o->output == NULL;

    for (size_t i = 0; i < N_FORMS; i++) {
        const char *path = path_of(o, &forms[i]);
        int rc;

        if (path == NULL)
            continue;
        streams += is_stream(path);
        if (streams > 1)
            return sov_fail(err, SOV_EARG,
                            "only one output can be standard output");
        if (is_stream(path))
            continue;
        if (o->output != NULL && strcmp(o->output, path) == 0)
            return sov_fail(err, SOV_EARG, "--output and %s: the same file",
                            forms[i].option);
        for (size_t k = 0; k < i; k++)
            if (path_of(o, &forms[k]) != NULL &&
                strcmp(path_of(o, &forms[k]), path) == 0)
                return sov_fail(err, SOV_EARG, "%s and %s: the same file",
                                forms[k].option, forms[i].option);
        rc = sov_ours_check(forms[i].option, path, forms[i].head,
                            "such file of sov-bench", sov_common.force, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int
bench_out_check(struct bench_outputs *o, struct sov_err *err)
{
    const struct sov_sink_opts opts = {
        .force = sov_common.force,
        .inputs = o->inputs,
        .n_inputs = o->n_inputs,
    };
    int rc;

    if (o->output != NULL && is_stream(o->output))
        o->output = NULL;
    rc = check_forms(o, err);
    if (rc < 0 || o->output == NULL)
        return rc;
    return sov_sink_open(&o->sink, o->output, &opts, err);
}

void
bench_out_end(struct bench_outputs *o)
{
    sov_sink_abort(o->sink);
    o->sink = NULL;
}

/* ---- writing */

static int
write_text(const struct bench_outputs *o, const char *path, const char *text,
           size_t len, struct sov_err *err)
{
    const struct sov_sink_opts opts = {
        .force = true, /* bench_out_check() has looked */
        .inputs = o->inputs,
        .n_inputs = o->n_inputs,
    };

    return sov_tool_write_file(path, &opts, text, len, err);
}

/* Text that grows as it is written to. */
struct page {
    FILE *f;
    char *text;
    size_t len;
};

static int
page_open(struct page *p, struct sov_err *err)
{
    *p = (struct page){ NULL, NULL, 0 };
    p->f = open_memstream(&p->text, &p->len);
    return p->f != NULL ? 0 : sov_fail(err, SOV_EMEM, "out of memory");
}

static int
page_end(struct page *p, struct sov_err *err)
{
    bool bad = ferror(p->f) != 0;

    if (fclose(p->f) != 0 || bad || p->text == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    return 0;
}

static int
write_form(const struct bench_outputs *o, const struct form *form,
           const struct bench_view *view, struct sov_err *err)
{
    struct page page;
    int rc = page_open(&page, err);

    if (rc < 0)
        return rc;
    rc = form->make(page.f, view, err);
    if (page_end(&page, rc == 0 ? err : NULL) < 0 && rc == 0)
        rc = SOV_EMEM;
    if (rc == 0)
        rc = write_text(o, path_of(o, form), page.text, page.len, err);
    free(page.text);
    return rc < 0 ? sov_err_wrap(err, "%s", form->option) : 0;
}

/* ---- what stands in a file of metrics that will be replaced */

static double
last_success(const char *path)
{
    static const char name[] = "\nsov_bench_last_success_timestamp_seconds ";
    double at = NAN;
    char *text = NULL;
    const char *line;
    size_t len;

    if (path == NULL || is_stream(path) ||
        sov_read_whole(path, PROM_MAX, &text, &len, NULL) < 0)
        return NAN;
    line = strstr(text, name);
    if (line != NULL)
        at = strtod(line + strlen(name), NULL);
    free(text);
    return at > 0 && at < 1e15 ? at : NAN;
}

int
bench_out_failed(const struct bench_outputs *o, int status, struct sov_err *err)
{
    struct page page;
    int rc;

    if (o->prom == NULL || is_stream(o->prom))
        return 0;
    rc = page_open(&page, err);
    if (rc < 0)
        return rc;
    bench_prom_failed(page.f, status, last_success(o->prom));
    rc = page_end(&page, err);
    if (rc == 0)
        rc = write_text(o, o->prom, page.text, page.len, err);
    free(page.text);
    return rc < 0 ? sov_err_wrap(err, "--prom") : 0;
}

/* ---- standard output, or -o */

static int
print_records(FILE *f, const struct sov_bench_set *set, struct sov_err *err)
{
    for (size_t i = 0; i < set->n; i++) {
        char *line;
        size_t len;
        int rc = sov_bench_record_write(&set->record[i], &line, &len, err);

        if (rc < 0)
            return rc;
        fwrite(line, 1, len, f);
        free(line);
    }
    return 0;
}

static int
print(FILE *f, const struct bench_outputs *o, const struct bench_view *view,
      struct sov_err *err)
{
    return o->json ? print_records(f, view->now, err)
                   : bench_out_table(f, view, err);
}

static int
print_to_file(struct bench_outputs *o, const struct bench_view *view,
              struct sov_err *err)
{
    struct page page;
    int rc = page_open(&page, err);

    if (rc < 0)
        return rc;
    rc = print(page.f, o, view, err);
    if (page_end(&page, rc == 0 ? err : NULL) < 0 && rc == 0)
        rc = SOV_EMEM;
    if (rc == 0)
        rc = sov_sink_write(o->sink, page.text, page.len, err);
    if (rc == 0)
        rc = sov_sink_commit(&o->sink, err);
    free(page.text);
    return rc;
}

static int
print_all(struct bench_outputs *o, const struct bench_view *view,
          struct sov_err *err)
{
    if (o->sink != NULL)
        return print_to_file(o, view, err);
    if (sov_common.quiet && !o->json)
        return 0;
    for (size_t i = 0; i < N_FORMS && !o->json; i++)
        if (path_of(o, &forms[i]) != NULL && is_stream(path_of(o, &forms[i])))
            return 0;
    return print(stdout, o, view, err);
}

int
bench_out(struct bench_outputs *o, const struct sov_bench_set *now,
          const struct sov_bench_set *past, const struct sov_bench_verdict *v,
          size_t n_v, struct sov_err *err)
{
    struct bench_view view;
    int rc = bench_view_make(&view, o, now, past, v, n_v, err);

    if (rc < 0)
        return rc;
    view.last_success = last_success(o->prom);
    for (size_t i = 0; i < N_FORMS && rc == 0; i++)
        if (path_of(o, &forms[i]) != NULL)
            rc = write_form(o, &forms[i], &view, err);
    if (rc == 0)
        rc = print_all(o, &view, err);
    bench_view_free(&view);
    return rc;
}
