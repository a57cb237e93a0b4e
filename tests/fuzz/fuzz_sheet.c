/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_sheet.c - any text as a plan: which type each matrix gets
 *
 * What is read has names and types that there are, and can be written and read
 * again.
 */
#include "fuzz_text.h"

#include "sov/allot.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
write_again(const struct sov_sheet *s)
{
    struct fuzz_text t = { 0 };
    struct sov_sheet *back;
    sov_sink *sink;

    if (sov_sink_call(&sink, "text", fuzz_take, &t, NULL) < 0 ||
        sov_sheet_write(s, sink, NULL) < 0 ||
        sov_sink_commit(&sink, NULL) < 0 ||
        sov_sheet_parse(&back, t.p, t.len, NULL) < 0 || back->n != s->n)
        abort();
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(back->row[i].name, s->row[i].name) != 0 ||
            back->row[i].type != s->row[i].type)
            abort();
    sov_sheet_free(back);
    free(t.p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sov_sheet *s;
    struct sov_err err;

    if (sov_sheet_parse(&s, (const char *)data, size, &err) < 0) {
        if (s != NULL || strchr(err.msg, '\n') != NULL)
            abort();
        return 0;
    }
    for (size_t i = 0; i < s->n; i++)
        if (s->row[i].name[0] == '\0' || sov_type_info(s->row[i].type) == NULL)
            abort();
    write_again(s);
    sov_sheet_free(s);
    return 0;
}
