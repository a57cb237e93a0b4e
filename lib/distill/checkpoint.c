/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checkpoint.c - a run of training, to go on from
 */
#include "distill/checkpoint.h"

#include "base/le.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/rd.h"
#include "distill/limits.h"
#include "sov/io.h"
#include "sys/file.h"
#include "sys/hash.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC  "SOVCKPT1"
#define HEAD   160
#define POINT  32
#define EVAL   24
#define CHUNK  16384 /* numbers at a time */
#define PREFIX "step-"
#define SUFFIX ".ckpt"

const char *
sov_ckpt_differs(const struct sov_ckpt_id *a, const struct sov_ckpt_id *b)
{
    static const char *const words[SOV_CKPT_WHATS] = {
        "other texts",
        "another student",
        "another teacher",
        "other options",
    };

    for (size_t i = 0; i < SOV_CKPT_WHATS; i++)
        if (memcmp(a->of[i], b->of[i], SOV_SHA256_LEN) != 0)
            return words[i];
    return NULL;
}

/* ---- reading ---- */

static int
check_sum(const unsigned char *bytes, size_t len, struct sov_err *err)
{
    unsigned char sum[SOV_XXH3_LEN];

    sov_xxh3(bytes, len - SOV_XXH3_LEN, sum);
    if (memcmp(sum, bytes + len - SOV_XXH3_LEN, SOV_XXH3_LEN) != 0)
        return sov_fail(err, SOV_EFORMAT,
                        "is damaged: its sum is not that of its bytes");
    return 0;
}

/* Bytes of all that stands behind the header, but for the sum. */
static bool
body_bytes(const struct sov_ckpt *c, uint64_t *bytes)
{
    uint64_t points, evals, arrays;

    return sov_mul(c->steps, POINT, &points) &&
           sov_mul(c->n_evals, EVAL, &evals) &&
           sov_mul(c->count, (uint64_t)4 * c->n_arrays, &arrays) &&
           sov_add(points, evals, bytes) && sov_add(*bytes, arrays, bytes);
}

static int
check_head(const struct sov_ckpt *c, struct sov_err *err)
{
    if (c->n_arrays < 1 || c->n_arrays > SOV_CKPT_ARRAYS)
        return sov_fail(err, SOV_EFORMAT, "has %" PRIu32 " arrays, not 1 to %d",
                        c->n_arrays, SOV_CKPT_ARRAYS);
    if (c->steps > SOV_STEPS_MAX)
        return sov_fail(err, SOV_EFORMAT,
                        "is of step %" PRIu64 ", the limit is %" PRIu64,
                        c->steps, SOV_STEPS_MAX);
    if (c->n_evals > c->steps + 1)
        return sov_fail(err, SOV_EFORMAT,
                        "has %" PRIu32 " evaluations in %" PRIu64 " steps",
                        c->n_evals, c->steps);
    if (c->count > SOV_COUNT_MAX)
        return sov_fail(err, SOV_EFORMAT, "has %" PRIu64 " weights", c->count);
    return 0;
}

int
sov_ckpt_parse(struct sov_ckpt *ckpt, const void *bytes, size_t len,
               struct sov_err *err)
{
    struct sov_rd rd = sov_rd_over(bytes, len);
    struct sov_span magic = sov_rd_bytes(&rd, sizeof(MAGIC) - 1);
    struct sov_ckpt c = { 0 };
    uint64_t body;
    int rc;

    if (rd.bad || memcmp(magic.p, MAGIC, magic.len) != 0)
        return sov_fail(err, SOV_EFORMAT, "is no checkpoint");
    c.n_arrays = sov_rd_u32(&rd);
    c.n_evals = sov_rd_u32(&rd);
    c.count = sov_rd_u64(&rd);
    c.steps = sov_rd_u64(&rd);
    for (size_t i = 0; i < SOV_CKPT_WHATS; i++) {
        struct sov_span digest = sov_rd_bytes(&rd, SOV_SHA256_LEN);

        if (!rd.bad)
            memcpy(c.id.of[i], digest.p, SOV_SHA256_LEN);
    }
    if (rd.bad)
        return sov_fail(err, SOV_EFORMAT, "is cut short");
    rc = check_head(&c, err);
    if (rc < 0)
        return rc;
    if (!body_bytes(&c, &body) || body + SOV_XXH3_LEN != rd.left.len)
        return sov_fail(err, SOV_EFORMAT,
                        "has %zu bytes, which is not what its header says",
                        len);
    rc = check_sum(bytes, len, err);
    if (rc < 0)
        return rc;
    c.points = sov_rd_bytes(&rd, c.steps * POINT);
    c.evals = sov_rd_bytes(&rd, (uint64_t)c.n_evals * EVAL);
    c.arrays = sov_rd_bytes(&rd, c.count * 4 * c.n_arrays);
    *ckpt = c;
    return 0;
}

static double
get_real(const unsigned char *p)
{
    uint64_t u = sov_le64(p);
    double x;

    memcpy(&x, &u, sizeof(x));
    return x;
}

void
sov_ckpt_points(const struct sov_ckpt *c, struct sov_distill_point *p)
{
    for (uint64_t i = 0; i < c->steps; i++) {
        const unsigned char *at = c->points.p + i * POINT;

        p[i].loss = get_real(at);
        p[i].ce = get_real(at + 8);
        p[i].norm = get_real(at + 16);
        p[i].rate = get_real(at + 24);
    }
}

void
sov_ckpt_evals(const struct sov_ckpt *c, struct sov_distill_eval *e)
{
    for (uint32_t i = 0; i < c->n_evals; i++) {
        const unsigned char *at = c->evals.p + (size_t)i * EVAL;

        e[i].step = sov_le64(at);
        e[i].nats = get_real(at + 8);
        e[i].bits = get_real(at + 16);
    }
}

void
sov_ckpt_array(const struct sov_ckpt *c, size_t i, uint64_t from, uint64_t to,
               float *x)
{
    const unsigned char *p = c->arrays.p + i * c->count * 4;

    for (uint64_t k = from; k < to; k++)
        x[k - from] = sov_lef32(p + 4 * k);
}

/* ---- writing ---- */

struct sov_ckpt_out {
    sov_sink *sink;
    struct sov_sum *sum;
    unsigned char *buf; /* of CHUNK numbers */
    uint64_t count;
};

static int
put(struct sov_ckpt_out *o, const void *p, size_t len, struct sov_err *err)
{
    sov_sum_add(o->sum, p, len);
    return sov_sink_write(o->sink, p, len, err);
}

static void
put_real(unsigned char *p, double x)
{
    uint64_t u;

    memcpy(&u, &x, sizeof(u));
    sov_put64(p, u);
}

static int
put_head(struct sov_ckpt_out *o, const struct sov_ckpt_head *s,
         struct sov_err *err)
{
    unsigned char h[HEAD] = MAGIC;

    sov_put32(h + 8, (uint32_t)s->n_arrays);
    sov_put32(h + 12, (uint32_t)s->n_evals);
    sov_put64(h + 16, s->count);
    sov_put64(h + 24, s->steps);
    memcpy(h + 32, s->id->of, sizeof(s->id->of));
    return put(o, h, sizeof(h), err);
}

static int
put_history(struct sov_ckpt_out *o, const struct sov_ckpt_head *s,
            struct sov_err *err)
{
    unsigned char b[POINT];
    int rc = 0;

    for (uint64_t i = 0; i < s->steps && rc == 0; i++) {
        put_real(b, s->point[i].loss);
        put_real(b + 8, s->point[i].ce);
        put_real(b + 16, s->point[i].norm);
        put_real(b + 24, s->point[i].rate);
        rc = put(o, b, POINT, err);
    }
    for (size_t i = 0; i < s->n_evals && rc == 0; i++) {
        sov_put64(b, s->eval[i].step);
        put_real(b + 8, s->eval[i].nats);
        put_real(b + 16, s->eval[i].bits);
        rc = put(o, b, EVAL, err);
    }
    return rc;
}

char *
sov_ckpt_path(const char *folder, uint64_t steps)
{
    char name[48];

    snprintf(name, sizeof(name), PREFIX "%" PRIu64 SUFFIX, steps);
    return sov_path_join(folder, name);
}

/* What is there and no file is neither read nor replaced: a pipe would wait
 * for somebody at its other end. */
static int
check_plain(const char *path, struct sov_err *err)
{
    struct stat st;

    if (stat(path, &st) < 0 || S_ISREG(st.st_mode))
        return 0;
    sov_fail(err, SOV_EIO, "%s: is no file; move it away", path);
    if (err != NULL)
        err->where = SOV_WHERE_OUTPUT;
    return SOV_EIO;
}

int
sov_ckpt_begin(struct sov_ckpt_out **out, const char *folder,
               const struct sov_ckpt_head *s, struct sov_err *err)
{
    const struct sov_sink_opts opts = {
        .force = true,
        .size = HEAD + s->steps * POINT + s->n_evals * EVAL +
                s->n_arrays * s->count * 4 + SOV_XXH3_LEN,
    };
    char *path = sov_ckpt_path(folder, s->steps);
    struct sov_ckpt_out *o = sov_mem_array(1, sizeof(*o));
    int rc = path == NULL || o == NULL ? sov_mem_fail(err) : 0;

    if (rc == 0) {
        o->count = s->count;
        o->sum = sov_sum_new();
        o->buf = sov_mem_array(CHUNK, 4);
        if (o->sum == NULL || o->buf == NULL)
            rc = sov_mem_fail(err);
    }
    if (rc == 0)
        rc = check_plain(path, err);
    if (rc == 0)
        rc = sov_sink_open(&o->sink, path, &opts, err);
    if (rc == 0)
        rc = put_head(o, s, err);
    if (rc == 0)
        rc = put_history(o, s, err);
    free(path);
    if (rc < 0) {
        sov_ckpt_free(o);
        return rc;
    }
    *out = o;
    return 0;
}

int
sov_ckpt_put(struct sov_ckpt_out *o, const float *x, struct sov_err *err)
{
    int rc = 0;

    for (uint64_t at = 0; at < o->count && rc == 0; at += CHUNK) {
        size_t n = o->count - at < CHUNK ? (size_t)(o->count - at) : CHUNK;

        for (size_t i = 0; i < n; i++)
            sov_putf32(o->buf + 4 * i, x[at + i]);
        rc = put(o, o->buf, 4 * n, err);
    }
    return rc;
}

int
sov_ckpt_end(struct sov_ckpt_out *o, struct sov_err *err)
{
    unsigned char sum[SOV_XXH3_LEN];
    int rc;

    sov_sum_take(o->sum, sum);
    rc = sov_sink_write(o->sink, sum, sizeof(sum), err);
    return rc == 0 ? sov_sink_commit(&o->sink, err) : rc;
}

void
sov_ckpt_free(struct sov_ckpt_out *o)
{
    if (o == NULL)
        return;
    sov_sink_abort(o->sink);
    sov_sum_free(o->sum);
    free(o->buf);
    free(o);
}

/* ---- the folder ---- */

/* N of "step-N.ckpt", as we would have written it. */
static bool
steps_of(const char *name, uint64_t *steps)
{
    char again[48];
    const char *at = name + sizeof(PREFIX) - 1;

    if (strncmp(name, PREFIX, sizeof(PREFIX) - 1) != 0)
        return false;
    for (*steps = 0; *at >= '0' && *at <= '9' && *steps <= SOV_STEPS_MAX; at++)
        *steps = *steps * 10 + (uint64_t)(*at - '0');
    snprintf(again, sizeof(again), PREFIX "%" PRIu64 SUFFIX, *steps);
    return *steps <= SOV_STEPS_MAX && strcmp(again, name) == 0;
}

static int
latest_first(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return *x < *y ? 1 : *x > *y ? -1 : 0;
}

int
sov_ckpt_list(const char *folder, uint64_t **steps, size_t *n,
              struct sov_err *err)
{
    DIR *d = opendir(folder);
    uint64_t *list = NULL;
    size_t cap = 0, found = 0;
    struct dirent *e;
    uint64_t at;
    int rc = 0;

    *steps = NULL;
    *n = 0;
    if (d == NULL && errno == ENOENT)
        return 0;
    if (d == NULL)
        return sov_fail_sys(err, SOV_WHERE_OUTPUT, "%s", folder);
    while (rc == 0 && (e = readdir(d)) != NULL) {
        if (!steps_of(e->d_name, &at))
            continue;
        rc = sov_mem_grow((void **)&list, found, &cap, sizeof(*list), err);
        if (rc == 0)
            list[found++] = at;
    }
    closedir(d);
    if (rc < 0) {
        free(list);
        return rc;
    }
    if (found > 0)
        qsort(list, found, sizeof(*list), latest_first);
    *steps = list;
    *n = found;
    return 0;
}

int
sov_ckpt_folder(const char *folder, struct sov_err *err)
{
    if (mkdir(folder, 0777) == 0 ||
        (errno == EEXIST && sov_path_is_dir(folder)))
        return 0;
    if (errno == EEXIST)
        errno = ENOTDIR;
    return sov_fail_sys(err, SOV_WHERE_OUTPUT, "%s", folder);
}

int
sov_ckpt_prune(const char *folder, uint64_t now, uint64_t best,
               struct sov_err *err)
{
    uint64_t *steps;
    size_t n, kept = 0;
    int rc = sov_ckpt_list(folder, &steps, &n, err);

    for (size_t i = 0; i < n && rc == 0; i++) {
        char *path;

        if (steps[i] <= now && (kept++ < 2 || steps[i] == best))
            continue;
        path = sov_ckpt_path(folder, steps[i]);
        if (path == NULL)
            rc = sov_mem_fail(err);
        else if (unlink(path) < 0 && errno != ENOENT)
            rc = sov_fail_sys(err, SOV_WHERE_ANY, "%s", path);
        free(path);
    }
    free(steps);
    return rc;
}

int
sov_ckpt_open(struct sov_ckpt_file *f, const char *folder, uint64_t steps,
              struct sov_err *err)
{
    char *path = sov_ckpt_path(folder, steps);
    struct sov_file file = { .fd = -1 };
    int rc;

    *f = (struct sov_ckpt_file){ 0 };
    if (path == NULL)
        return sov_mem_fail(err);
    rc = check_plain(path, err);
    if (rc == 0) {
        rc = sov_file_open(&file, path, err);
        if (rc < 0)
            sov_err_wrap(err, "%s", path);
    }
    if (rc == 0) {
        rc = sov_file_map(&file, &f->map, err);
        f->size = file.size;
    }
    if (rc == 0)
        rc = sov_ckpt_parse(&f->ckpt, f->map != NULL ? f->map : "",
                            (size_t)f->size, err);
    if (rc == 0 && f->ckpt.steps != steps)
        rc = sov_fail(err, SOV_EFORMAT, "is of step %" PRIu64, f->ckpt.steps);
    sov_file_close(&file);
    if (rc == SOV_EFORMAT)
        sov_err_wrap(err, "%s", path);
    if (rc < 0)
        sov_ckpt_close(f);
    free(path);
    return rc;
}

void
sov_ckpt_close(struct sov_ckpt_file *f)
{
    if (f->map != NULL)
        sov_file_unmap(f->map, f->size);
    *f = (struct sov_ckpt_file){ 0 };
}
