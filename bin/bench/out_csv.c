/* SPDX-License-Identifier: Apache-2.0 */
/*
 * out_csv.c - sov-bench --csv: RFC 4180, a line for each record
 *
 * What is not known is an empty field.  A text that a spreadsheet would take
 * for a formula begins with an apostrophe.
 */
#include "bench/view.h"

#include "cli/text.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static const char head[] =
    "run,time,metric,unit,model,type,arch,model_bytes,params,model_sha256,"
    "prompt,gen,depth,batch,threads,kv,text,samples,median,low,high,"
    "confidence,mad,outliers,warmup,bandwidth_share,compute_share,"
    "bytes_per_s,flop_per_s,machine,cpu,isa,cpus,memory,kernel,"
    "answer,before,change,change_low,change_high,p_holm,note";

/* Its characters as they are shown; quotes are doubled. */
static void
put_text(FILE *f, const char *text)
{
    char one[8];
    size_t n;

    text = bench_text(text);
    fputc('"', f);
    if (text[0] != '\0' && strchr("=+-@", text[0]) != NULL)
        fputc('\'', f);
    while ((n = sov_text_next(text, one)) > 0) {
        fputs(one[0] == '"' ? "\"\"" : one, f);
        text += n;
    }
    fputc('"', f);
}

static void
put_texts(FILE *f, const char *const *texts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (bench_text(texts[i])[0] != '\0')
            put_text(f, texts[i]);
        fputc(',', f);
    }
}

static void
put_counts(FILE *f, const uint64_t *counts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (counts[i] > 0)
            fprintf(f, "%" PRIu64, counts[i]);
        fputc(',', f);
    }
}

static void
put_reals(FILE *f, const double *reals, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (isfinite(reals[i]))
            fprintf(f, "%.10g", reals[i]);
        fputc(',', f);
    }
}

#define N(array) (sizeof(array) / sizeof((array)[0]))

static void
put_verdict(FILE *f, const struct sov_bench_verdict *v)
{
    if (v == NULL) {
        fputs(",,,,,,", f);
        return;
    }
    fprintf(f, "%s,", sov_bench_answer_name(v->answer));
    put_reals(f,
              (double[]){ v->base != NULL ? v->before : NAN,
                          v->base != NULL ? v->change : NAN, v->low, v->high,
                          v->p_holm },
              5);
}

static void
put_record(FILE *f, const struct sov_bench_record *r)
{
    const char *texts[] = { r->run,        r->time,       r->metric,    r->unit,
                            r->model.name, r->model.type, r->model.arch };
    const uint64_t sizes[] = { r->model.bytes, r->model.params };
    const char *digest[] = { r->model.digest };
    const uint64_t cell[] = { r->cell.prompt, r->cell.gen, r->cell.depth,
                              r->cell.batch, r->cell.threads };
    const char *data[] = { r->cell.kv, r->cell.text };
    const double stat[] = { r->stat.median, r->stat.low, r->stat.high,
                            r->stat.confidence, r->stat.mad };
    const double shares[] = { r->bandwidth_share, r->compute_share,
                              r->bytes_per_s, r->flop_per_s };
    const char *machine[] = { r->machine.id, r->machine.cpu, r->machine.isa };
    const uint64_t has[] = { r->machine.cpus, r->machine.memory };
    const char *kernel[] = { r->machine.kernel };

    put_texts(f, texts, N(texts));
    put_counts(f, sizes, N(sizes));
    put_texts(f, digest, N(digest));
    put_counts(f, cell, N(cell));
    put_texts(f, data, N(data));
    fprintf(f, "%zu,", r->stat.n);
    put_reals(f, stat, N(stat));
    fprintf(f, "%zu,%zu,", r->stat.outliers, r->warmup);
    put_reals(f, shares, N(shares));
    put_texts(f, machine, N(machine));
    put_counts(f, has, N(has));
    put_texts(f, kernel, N(kernel));
}

int
bench_out_csv(FILE *f, const struct bench_view *view, struct sov_err *err)
{
    (void)err;
    fprintf(f, "%s\r\n", head);
    for (size_t i = 0; i < view->n; i++) {
        const struct bench_row *row = &view->rows[i];

        put_record(f, row->r);
        put_verdict(f, row->v);
        if (bench_text(row->r->note)[0] != '\0')
            put_text(f, row->r->note);
        fputs("\r\n", f);
    }
    return 0;
}
