/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_ledger.c - any bytes as the answers and the journal of a run that ended
 *
 * The input up to the first byte 0xff is the journal, and the rest the answers.
 */
#include "sov/ledger.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[] = "/tmp/sov-fuzz.XXXXXX";
static char out[64];
static char journal[80];

static void
tidy(void)
{
    unlink(out);
    unlink(journal);
    rmdir(dir);
}

static void
begin(void)
{
    if (out[0] != '\0')
        return;
    if (mkdtemp(dir) == NULL)
        abort();
    snprintf(out, sizeof(out), "%s/out", dir);
    snprintf(journal, sizeof(journal), "%s.journal", out);
    atexit(tidy);
}

static void
put_file(const char *path, const uint8_t *p, size_t len)
{
    FILE *f = fopen(path, "w");

    if (f == NULL || (len > 0 && fwrite(p, 1, len, f) != len) || fclose(f) != 0)
        abort();
}

static struct sov_span
span_of(const char *text)
{
    return (struct sov_span){ (const unsigned char *)text, strlen(text) };
}

/* What was there is there, and what comes behind it too, once. */
static void
go_on(void)
{
    static const char settings[] = "{\"seed\":1}";
    struct sov_ledger_counts before, after;
    struct sov_err err;
    sov_ledger *l;
    uint64_t line;
    size_t at = 0;
    int known;

    if (sov_ledger_open(&l, out, NULL, &err) < 0)
        return;
    sov_ledger_count(l, &before);
    free(sov_ledger_setting(l, "seed"));
    if (sov_ledger_begin(l, settings, strlen(settings), NULL, &err) < 0) {
        sov_ledger_close(l);
        return;
    }
    known = sov_ledger_look(l, 7, span_of("{\"id\":1}"), &err);
    if (known == 0 &&
        (sov_ledger_note(l, 7, 1, &err) < 0 ||
         sov_ledger_put(l, span_of("{\"line\":7,\"text\":\"\"}\n"), &err) < 0))
        abort();
    while (sov_ledger_unwritten(l, &at, &line))
        if (line == 0)
            abort();
    sov_ledger_close(l);
    if (sov_ledger_open(&l, out, NULL, &err) < 0)
        abort();
    sov_ledger_count(l, &after);
    sov_ledger_close(l);
    if (after.answered != before.answered + (known == 0) || after.cut != 0)
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *mark = size > 0 ? memchr(data, 0xff, size) : NULL;
    size_t n = mark != NULL ? (size_t)(mark - data) : size;

    begin();
    put_file(journal, data, n);
    put_file(out, mark != NULL ? mark + 1 : data,
             mark != NULL ? size - n - 1 : 0);
    go_on();
    return 0;
}
