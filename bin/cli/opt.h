/* SPDX-License-Identifier: Apache-2.0 */
/*
 * opt.h - the option table
 *
 * One row is everything about an option: parsing, --help, the suggestion for
 * a mistyped name, --dump-options and, made from that, the completions.
 *
 *     static const char *key_path = "sov.pub";
 *     static const struct sov_opt opts[] = {
 *         { 'k', "key", SOV_OPT_FILE, &key_path, "FILE",
 *           "trust signatures made by this public key" },
 *         { 0 },
 *     };
 *
 * What stands in the destination before parsing is the default, and --help
 * shows it.  Names are matched whole: an abbreviation that works today would
 * mean something else when the next option arrives.
 */
#ifndef SOV_CLI_OPT_H
#define SOV_CLI_OPT_H

#include "sov/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* What an option takes, and what its destination points at. */
enum sov_opt_type {
    SOV_OPT_END = 0,
    SOV_OPT_GROUP,  /* no option: help is the title of the rows below */
    SOV_OPT_FLAG,   /* bool; --no-NAME takes it back */
    SOV_OPT_COUNT,  /* int; each time one more */
    SOV_OPT_STRING, /* const char *, borrowed from argv */
    SOV_OPT_FILE,   /* the same, and completed as a file name */
    SOV_OPT_INT,    /* int64_t */
    SOV_OPT_UINT,   /* uint64_t */
    SOV_OPT_FLOAT,  /* double; never NaN or infinite */
    SOV_OPT_SIZE,   /* uint64_t: 4096, 800M, 5.2G, 2Gi */
    SOV_OPT_ENUM,   /* int: index into values */
    SOV_OPT_LIST,   /* struct sov_opt_list: every value, in order */
    SOV_OPT_CALL,   /* whatever call() makes of it */
};

struct sov_opt_list {
    const char **items; /* strings borrowed from argv */
    size_t n;
};

struct sov_opt {
    int letter;       /* 'k', or 0 */
    const char *name; /* "key": the long name, without dashes */
    enum sov_opt_type type;
    void *dest;
    const char *arg;  /* "FILE"; NULL for flags, may be NULL for enums */
    const char *help; /* lower case, no full stop */

    /* What follows may be left out. */
    double min, max;           /* of numbers, if min < max */
    const char *const *values; /* of enums; completed for other types */
    int (*call)(void *dest, const char *value, struct sov_err *err);
    const char *preset; /* default to show instead of dest's; "": none */
    bool *given;        /* set when the option is met */
    bool hidden;        /* not in --help */
    bool optional;      /* --name or --name=VALUE; value NULL in call() */
};

/*
 * Read the options of argv[1..argc) and move the operands, in order, to the
 * front of argv (operands[0] is argv[0] then).  Gives their number, or
 * SOV_EARG with a line that says what to do.
 */
int sov_opt_parse(const struct sov_opt *opts, int argc, char **argv,
                  struct sov_err *err) SOV_MUST_CHECK;

/* One value into one destination, as the row says. */
int sov_opt_set(const struct sov_opt *o, const char *value,
                struct sov_err *err) SOV_MUST_CHECK;

/* The rows as aligned text, 80 columns wide. */
void sov_opt_help(FILE *f, const struct sov_opt *opts);

/* letter TAB name TAB argument TAB default TAB help TAB values, one a line.
 * values: "a|b|c", "@file", or nothing. */
void sov_opt_dump(FILE *f, const struct sov_opt *opts);

/* The default as --help shows it; false if there is none to show. */
bool sov_opt_default(const struct sov_opt *o, char *buf, size_t size);

/* The one of names (NULL at the end) that word was meant to be, or NULL. */
const char *sov_opt_nearest(const char *word, const char *const *names);

/* "800M", "5.2G", "2Gi", "4096" to bytes. */
int sov_opt_size(const char *text, uint64_t *bytes, struct sov_err *err)
    SOV_MUST_CHECK;

#endif
