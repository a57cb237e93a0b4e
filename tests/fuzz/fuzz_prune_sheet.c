/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_prune_sheet.c - any text as a plan of pruning
 *
 * What is read has names, ratios and patterns that there are, and can be
 * written and read again.
 */
#include "fuzz_text.h"

#include "sov/prune.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
write_again(const struct sov_prune_sheet *s)
{
    struct fuzz_text t = { 0 };
    struct sov_prune_sheet *back;
    sov_sink *sink;

    if (sov_sink_call(&sink, "text", fuzz_take, &t, NULL) < 0 ||
        sov_prune_sheet_write(s, sink, NULL) < 0 ||
        sov_sink_commit(&sink, NULL) < 0 ||
        sov_prune_sheet_parse(&back, t.p, t.len, NULL) < 0 || back->n != s->n ||
        strcmp(back->method, s->method) != 0)
        abort();
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(back->row[i].name, s->row[i].name) != 0 ||
            back->row[i].ratio < s->row[i].ratio ||
            back->row[i].ratio > s->row[i].ratio ||
            memcmp(&back->row[i].pattern, &s->row[i].pattern,
                   sizeof(s->row[i].pattern)) != 0)
            abort();
    sov_prune_sheet_free(back);
    free(t.p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sov_prune_sheet *s;
    struct sov_err err;

    if (sov_prune_sheet_parse(&s, (const char *)data, size, &err) < 0) {
        if (s != NULL || strchr(err.msg, '\n') != NULL)
            abort();
        return 0;
    }
    for (size_t i = 0; i < s->n; i++)
        if (s->row[i].name[0] == '\0' || !(s->row[i].ratio >= 0) ||
            s->row[i].ratio > 1 || s->row[i].pattern.rows == 0)
            abort();
    write_again(s);
    sov_prune_sheet_free(s);
    return 0;
}
