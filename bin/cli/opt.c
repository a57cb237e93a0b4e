/* SPDX-License-Identifier: Apache-2.0 */
/*
 * opt.c - the command line against the option table
 *
 * As GNU programs read it: -kFILE, -k FILE, --key=FILE, --key FILE, -qv,
 * options after operands, "--" before operands that start with a dash, and
 * "-" as an operand.
 */
#include "cli/opt.h"

#include <stdlib.h>
#include <string.h>

#define WORD_MAX 64 /* longer words get no suggestion */

static bool
takes_value(const struct sov_opt *o)
{
    return o->type != SOV_OPT_FLAG && o->type != SOV_OPT_COUNT &&
           !(o->type == SOV_OPT_CALL && o->arg == NULL);
}

static size_t
min3(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;

    return m < c ? m : c;
}

/* Edit distance in which swapping two neighbours counts once, as typing
 * errors go. */
static size_t
distance(const char *a, const char *b)
{
    size_t row[3][WORD_MAX + 1];
    size_t n = strlen(a);
    size_t m = strlen(b);

    if (n > WORD_MAX || m > WORD_MAX)
        return WORD_MAX;
    for (size_t j = 0; j <= m; j++)
        row[1][j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t *now = row[(i + 1) % 3];
        const size_t *up = row[i % 3];
        const size_t *up2 = row[(i + 2) % 3];

        now[0] = i;
        for (size_t j = 1; j <= m; j++) {
            now[j] = min3(now[j - 1] + 1, up[j] + 1,
                          up[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
                a[i - 2] == b[j - 1] && up2[j - 2] + 1 < now[j])
                now[j] = up2[j - 2] + 1;
        }
    }
    return row[(n + 1) % 3][m];
}

/* How far off word is: 0 is a prefix, large is something else altogether. */
static size_t
strangeness(const char *word, const char *name)
{
    size_t len = strlen(word);
    size_t d;

    if (len == 0)
        return WORD_MAX;
    if (len >= 2 && strncmp(word, name, len) == 0)
        return 0;
    d = distance(word, name);
    return d <= (len < 4 ? 1 : len / 3) ? d : WORD_MAX;
}

const char *
sov_opt_nearest(const char *word, const char *const *names)
{
    const char *best = NULL;
    size_t least = WORD_MAX;

    for (size_t i = 0; names[i] != NULL; i++) {
        size_t d = strangeness(word, names[i]);

        if (d < least) {
            least = d;
            best = names[i];
        }
    }
    return best;
}

static int
unknown_option(const struct sov_opt *opts, const char *word,
               struct sov_err *err)
{
    const char *best = NULL;
    size_t least = WORD_MAX;

    for (const struct sov_opt *o = opts; o->type != SOV_OPT_END; o++) {
        size_t d;

        if (o->name == NULL || o->hidden)
            continue;
        d = strangeness(word, o->name);
        if (d < least) {
            least = d;
            best = o->name;
        }
    }
    if (best != NULL)
        return sov_fail(err, SOV_EARG,
                        "unknown option '--%s', did you mean '--%s'?", word,
                        best);
    return sov_fail(err, SOV_EARG, "unknown option '--%s'", word);
}

static const struct sov_opt *
find_name(const struct sov_opt *opts, const char *name, size_t len)
{
    for (const struct sov_opt *o = opts; o->type != SOV_OPT_END; o++)
        if (o->name != NULL && strlen(o->name) == len &&
            memcmp(o->name, name, len) == 0)
            return o;
    return NULL;
}

static const struct sov_opt *
find_letter(const struct sov_opt *opts, int letter)
{
    for (const struct sov_opt *o = opts; o->type != SOV_OPT_END; o++)
        if (o->name != NULL && o->letter == letter)
            return o;
    return NULL;
}

/*
 * --name, --name=value or --name value.  next is the argument behind it, or
 * NULL; gives how many arguments were used, or an error.
 */
static int
parse_long(const struct sov_opt *opts, const char *word, const char *next,
           struct sov_err *err)
{
    size_t len = strcspn(word, "=");
    const char *value = word[len] == '=' ? word + len + 1 : NULL;
    const struct sov_opt *o = find_name(opts, word, len);
    int used = 1;
    int rc;

    if (o == NULL && strncmp(word, "no-", 3) == 0 && value == NULL) {
        o = find_name(opts, word + 3, len - 3);
        if (o != NULL && o->type == SOV_OPT_FLAG && !o->hidden) {
            *(bool *)o->dest = false;
            return 1;
        }
        o = NULL;
    }
    if (o == NULL) {
        char name[WORD_MAX + 1];

        snprintf(name, sizeof(name), "%.*s", len < WORD_MAX ? (int)len : WORD_MAX,
                 word);
        return unknown_option(opts, name, err);
    }
    if (!takes_value(o) && value != NULL)
        return sov_fail(err, SOV_EARG, "--%s takes no value", o->name);
    if (takes_value(o) && value == NULL && !o->optional) {
        if (next == NULL)
            return sov_fail(err, SOV_EARG, "--%s needs a value (%s)", o->name,
                            o->arg != NULL ? o->arg : "see --help");
        value = next;
        used = 2;
    }
    rc = sov_opt_set(o, value, err);
    return rc < 0 ? rc : used;
}

/* -k, -kvalue, -k value, or several flags in one word. */
static int
parse_short(const struct sov_opt *opts, const char *word, const char *next,
            struct sov_err *err)
{
    for (const char *p = word; *p != '\0'; p++) {
        const struct sov_opt *o = find_letter(opts, (unsigned char)*p);
        const char *value = NULL;
        int rc;

        if (o == NULL && word[1] != '\0' && find_name(opts, word, strlen(word)))
            return sov_fail(err, SOV_EARG,
                            "unknown option '-%s', did you mean '--%s'?", word,
                            word);
        if (o == NULL)
            return sov_fail(err, SOV_EARG, "unknown option '-%c'", *p);
        if (takes_value(o) && !o->optional) {
            value = p[1] != '\0' ? p + 1 : next;
            if (value == NULL)
                return sov_fail(err, SOV_EARG, "-%c needs a value (%s)", *p,
                                o->arg != NULL ? o->arg : "see --help");
            rc = sov_opt_set(o, value, err);
            return rc < 0 ? rc : p[1] != '\0' ? 1 : 2;
        }
        rc = sov_opt_set(o, value, err);
        if (rc < 0)
            return rc;
    }
    return 1;
}

int
sov_opt_parse(const struct sov_opt *opts, int argc, char **argv,
              struct sov_err *err)
{
    int n = 0;
    int i = 1;

    while (i < argc) {
        char *word = argv[i];
        const char *next = i + 1 < argc ? argv[i + 1] : NULL;
        int used;

        if (word[0] != '-' || word[1] == '\0') {
            argv[n++] = word;
            i++;
            continue;
        }
        if (strcmp(word, "--") == 0) {
            for (i++; i < argc; i++)
                argv[n++] = argv[i];
            break;
        }
        if (word[1] == '-')
            used = parse_long(opts, word + 2, next, err);
        else
            used = parse_short(opts, word + 1, next, err);
        if (used < 0)
            return used;
        i += used;
    }
    return n;
}
