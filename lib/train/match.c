/* SPDX-License-Identifier: Apache-2.0 */
/* match.c - layers of a student that shall see what layers of a teacher see */
#include "train/match.h"

#include "base/limits.h"
#include "sys/par.h"
#include "train/loss_row.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST 1024 /* bytes of a text of them */

struct sov_match_row {
    const char *name;
    /* The loss of a token, and its gradient in place of y. */
    double (*token)(const struct sov_kern *k, sov_real *y, const sov_real *h,
                    size_t n, double weight);
};

/* ---- rows */

static double
mse(const struct sov_kern *k, sov_real *y, const sov_real *h, size_t n,
    double weight)
{
    double size = sov_loss_dot(k, h, h, n);
    double by = size > 0 ? 2 * weight / size : 0;
    double loss;
    size_t i;

    for (i = 0; i < n; i++)
        y[i] -= h[i];
    loss = weight * sov_loss_dot(k, y, y, n);
    for (i = 0; i < n; i++)
        y[i] *= (sov_real)by;
    return size > 0 ? loss / size : 0;
}

static double
cosine(const struct sov_kern *k, sov_real *y, const sov_real *h, size_t n,
       double weight)
{
    double along = sov_loss_dot(k, y, h, n);
    double size_y = sov_loss_dot(k, y, y, n);
    double size_h = sov_loss_dot(k, h, h, n);
    double both = sqrt(size_y) * sqrt(size_h);
    sov_real a, b;
    size_t i;

    if (both == 0) { /* it points nowhere */
        memset(y, 0, n * sizeof(*y));
        return size_h > 0 ? weight : 0;
    }
    a = (sov_real)(weight / both);
    b = (sov_real)(weight * along / both / size_y);
    for (i = 0; i < n; i++)
        y[i] = b * y[i] - a * h[i];
    return weight * (1 - along / both);
}

static const struct sov_match_row rows[] = {
    { "mse", mse },
    { "cos", cosine },
};

#define N_ROWS (sizeof(rows) / sizeof(*rows))

/* ---- tokens */

struct job {
    const struct sov_match *match;
    const struct sov_kern *k;
    const int32_t *next;
    size_t width;
    sov_real *y;
    const sov_real *h;
    double *loss;
};

static void
run_tokens(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct job *job = arg;
    size_t n = job->width, i;

    (void)worker;
    for (i = first; i < last; i++) {
        sov_real *y = job->y + i * n;

        if (job->next[i] < 0) {
            memset(y, 0, n * sizeof(*y));
            job->loss[i] = 0;
            continue;
        }
        job->loss[i] = job->match->row->token(job->k, y, job->h + i * n, n,
                                              job->match->weight);
    }
}

void
sov_match_run(const struct sov_match *match, const struct sov_kern *k,
              const int32_t *next, size_t n, size_t width, sov_real *y,
              const sov_real *h, double *loss)
{
    struct job job = { match, k, next, width, y, h, loss };

    if (k == NULL)
        job.k = sov_kern();
    sov_par_for(n, 1, run_tokens, &job);
}

/* ---- as text */

static int
not_so(const char *text, struct sov_err *err)
{
    return sov_fail(err, SOV_EARG,
                    "'%.80s' is not KIND:WEIGHT:LAYER=LAYER[,...], as in "
                    "mse:0.5:3=7,5=11; kinds are mse and cos",
                    text);
}

/* Digits, and the character behind them. */
static bool
read_layer(const char **at, size_t *layer)
{
    char *after;
    unsigned long v;

    if (**at < '0' || **at > '9')
        return false;
    v = strtoul(*at, &after, 10);
    *layer = (size_t)v;
    *at = after;
    return v <= SOV_LAYERS_MAX;
}

static int
read_pairs(struct sov_match *list, size_t *n, const struct sov_match *like,
           const char *at, const char *text, struct sov_err *err)
{
    for (*n = 0; *n == 0 || *at++ == ','; ++*n) {
        struct sov_match m = *like;

        if (*n == SOV_MATCHES_MAX)
            return sov_fail(err, SOV_EARG, "more than %d pairs of layers",
                            SOV_MATCHES_MAX);
        if (!read_layer(&at, &m.student) || *at++ != '=' ||
            !read_layer(&at, &m.teacher) || (*at != ',' && *at != '\0'))
            return not_so(text, err);
        for (size_t i = 0; i < *n; i++)
            if (list[i].student == m.student)
                return sov_fail(err, SOV_EARG,
                                "layer %zu of the student stands twice in "
                                "'%.80s'",
                                m.student, text);
        list[*n] = m;
    }
    return 0;
}

int
sov_match_parse(struct sov_match *list, size_t *n, const char *text,
                struct sov_err *err)
{
    size_t len = strcspn(text, ":"), count, i;
    struct sov_match like = { 0 };
    const char *at = text + len;
    char *end;
    int rc;

    for (i = 0; i < N_ROWS; i++)
        if (strlen(rows[i].name) == len && memcmp(rows[i].name, text, len) == 0)
            like.row = &rows[i];
    if (like.row == NULL || *at != ':' || strlen(text) > LONGEST)
        return not_so(text, err);
    at++;
    if (strspn(at, "+.0123456789eE-") != strcspn(at, ":"))
        return not_so(text, err);
    like.weight = strtod(at, &end);
    if (end == at || *end != ':')
        return not_so(text, err);
    if (!(like.weight > 0 && like.weight <= 1e6))
        return sov_fail(err, SOV_EARG, "a weight of %g", like.weight);
    rc = read_pairs(list, &count, &like, end + 1, text, err);
    if (rc == 0)
        *n = count;
    return rc;
}

int
sov_match_check(const struct sov_match *list, size_t n, size_t student,
                size_t teacher, struct sov_err *err)
{
    for (size_t i = 0; i < n; i++) {
        if (list[i].student >= student)
            return sov_fail(err, SOV_EARG,
                            "layer %zu of the student, which has %zu (from 0)",
                            list[i].student, student);
        if (list[i].teacher >= teacher)
            return sov_fail(err, SOV_EARG,
                            "layer %zu of the teacher, which has %zu (from 0)",
                            list[i].teacher, teacher);
    }
    return 0;
}
