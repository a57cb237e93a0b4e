/* SPDX-License-Identifier: Apache-2.0 */
/*
 * opt_help.c - the option table as text: for people, and for programs
 */
#include "cli/opt.h"

#include <string.h>

#define WIDTH  80
#define INDENT 28 /* column where the explanations start */

static void
join_values(const struct sov_opt *o, char *buf, size_t size)
{
    size_t at = 0;

    buf[0] = '\0';
    for (size_t i = 0; o->values != NULL && o->values[i] != NULL; i++) {
        int n = snprintf(buf + at, size - at, "%s%s", i > 0 ? "|" : "",
                         o->values[i]);

        if (n < 0 || (size_t)n >= size - at)
            return;
        at += (size_t)n;
    }
}

/* The argument as --help names it: "FILE", or the values of an enum. */
static void
argument(const struct sov_opt *o, char *buf, size_t size)
{
    if (o->arg != NULL)
        snprintf(buf, size, "%s", o->arg);
    else if (o->type == SOV_OPT_ENUM)
        join_values(o, buf, size);
    else
        buf[0] = '\0';
}

/* Words of text from column INDENT on, at most WIDTH wide. */
static void
print_wrapped(FILE *f, const char *text, int column)
{
    while (*text != '\0') {
        int len = (int)strcspn(text, " ");

        if (column > INDENT && column + 1 + len > WIDTH) {
            fprintf(f, "\n%*s", INDENT, "");
            column = INDENT;
        } else if (column > INDENT) {
            fputc(' ', f);
            column++;
        }
        fprintf(f, "%.*s", len, text);
        column += len;
        text += len;
        text += strspn(text, " ");
    }
    fputc('\n', f);
}

static void
print_row(FILE *f, const struct sov_opt *o)
{
    char arg[160];
    char preset[120];
    char left[240];
    char right[700];
    int n;

    argument(o, arg, sizeof(arg));
    n = snprintf(left, sizeof(left), "  %c%c%s --%s%s%s%s",
                 o->letter ? '-' : ' ', o->letter ? o->letter : ' ',
                 o->letter ? "," : " ", o->name, o->optional ? "[" : "",
                 arg[0] != '\0' ? "=" : "", arg);
    fprintf(f, "%s%s", left, o->optional ? "]" : "");
    n += o->optional;
    if (n > INDENT - 2) {
        fputc('\n', f);
        n = 0;
    }
    fprintf(f, "%*s", INDENT - n, "");
    if (sov_opt_default(o, preset, sizeof(preset)))
        snprintf(right, sizeof(right), "%s [%s]", o->help, preset);
    else
        snprintf(right, sizeof(right), "%s", o->help);
    print_wrapped(f, right, INDENT);
}

void
sov_opt_help(FILE *f, const struct sov_opt *opts)
{
    for (const struct sov_opt *o = opts; o->type != SOV_OPT_END; o++) {
        if (o->type == SOV_OPT_GROUP)
            fprintf(f, "\n%s:\n", o->help);
        else if (!o->hidden)
            print_row(f, o);
    }
}

void
sov_opt_dump(FILE *f, const struct sov_opt *opts)
{
    char arg[160];
    char preset[120];
    char values[600];

    for (const struct sov_opt *o = opts; o->type != SOV_OPT_END; o++) {
        if (o->type == SOV_OPT_GROUP || o->hidden)
            continue;
        argument(o, arg, sizeof(arg));
        sov_opt_default(o, preset, sizeof(preset));
        join_values(o, values, sizeof(values));
        if (o->type == SOV_OPT_FILE ||
            (o->type == SOV_OPT_LIST && strncmp(arg, "FILE", 4) == 0))
            snprintf(values, sizeof(values), "@file");
        if (o->letter)
            fputc(o->letter, f);
        fprintf(f, "\t%s\t%s\t%s\t%s\t%s\n", o->name, arg, preset, o->help,
                values);
    }
}
