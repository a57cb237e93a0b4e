/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pack.c - pruned matrices in types that keep some of each 64 weights, and back
 *
 * To pack is to encode: quant/sparse.h draws the blocks.  A matrix gets the type
 * that keeps the fewest weights and still all that are not 0; with a pattern
 * n:m, of which 64 is a multiple, that follows from the pattern and a pipe will
 * do, and a matrix that turns out to have more is refused.  Without one it is
 * looked for first, in a model that is in memory.
 *
 * Values are rounded, once: what is unpacked is all of it half floats, exactly,
 * and packing these again changes nothing.  Blocks that somebody else made may
 * say more than half floats do; they are refused and not rounded.
 *
 * Rows go in batches through decode and encode, all threads at once, and are
 * independent of each other.
 */
#include "prune/pack.h"

#include "base/mem.h"
#include "fmt/plan.h"
#include "compress/mix.h"
#include "fmt/model.h"
#include "kern/kern.h"
#include "quant/sparse.h"
#include "sys/par.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Weights of a batch, but at least a row. */
#define BATCH_WEIGHTS (UINT64_C(1) << 20)

/* The same of tensors that stay as they are, in bytes. */
#define PIECE (UINT64_C(4) << 20)

struct form {
    enum sov_type type;
    unsigned keep, bits;
};

/* Those of fewer weights first. */
static const struct form forms[] = {
#define SPARSE(name, SYM, keep, bits) { SOV_TYPE_##SYM, keep, bits },
#include "quant/sparse.def"
#undef SPARSE
};

#define N_FORMS (sizeof(forms) / sizeof(forms[0]))

static const struct form *
form_of(enum sov_type type)
{
    for (size_t i = 0; i < N_FORMS; i++)
        if (forms[i].type == type)
            return &forms[i];
    return NULL;
}

static enum sov_type
type_for(unsigned keep, unsigned bits)
{
    for (size_t i = 0; i < N_FORMS; i++)
        if (forms[i].bits == bits && forms[i].keep >= keep)
            return forms[i].type;
    return SOV_TYPE_NONE;
}

static bool
is_float(enum sov_type type)
{
    return type == SOV_TYPE_F32 || type == SOV_TYPE_F16 ||
           type == SOV_TYPE_BF16;
}

/* ---- how many weights of 64 there are ---- */

static unsigned
most_of_row(const float *x, size_t k)
{
    unsigned most = 0;

    for (size_t i = 0; i < k; i += 64) {
        unsigned n = 0;

        for (size_t j = i; j < i + 64; j++)
            n += x[j] != 0; /* also what is not a number */
        most = n > most ? n : most;
    }
    return most;
}

struct look {
    const struct sov_tensor *t;
    unsigned *most; /* of each row */
    float *room;    /* a row of each worker */
};

static void
look_at_rows(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct look *l = arg;
    size_t k = (size_t)l->t->dim[0], bytes = (size_t)sov_tensor_row_bytes(l->t);
    float *x = l->room + worker * k;

    for (size_t i = first; i < last; i++) {
        sov_kern()->decode[l->t->type](
            (const unsigned char *)l->t->data + i * bytes, x, k);
        l->most[i] = most_of_row(x, k);
    }
}

/* The most that 64 weights of a tensor in memory have. */
static int
look_at(const struct sov_tensor *t, unsigned *most, struct sov_err *err)
{
    size_t n = (size_t)sov_tensor_rows(t);
    struct look l = { .t = t };
    int rc = 0;

    l.most = sov_mem_array(n, sizeof(*l.most));
    l.room = sov_mem_array(sov_threads() * (size_t)t->dim[0], sizeof(float));
    if (l.most == NULL || l.room == NULL)
        rc = sov_mem_fail(err);
    else
        sov_par_for(n, 16, look_at_rows, &l);
    *most = 0;
    for (size_t i = 0; i < n && rc == 0; i++)
        *most = l.most[i] > *most ? l.most[i] : *most;
    free(l.most);
    free(l.room);
    return rc;
}

/* ---- the plan ---- */

static int
check_pattern(const struct sov_prune_opts *o, struct sov_err *err)
{
    const struct sov_prune_pattern *p = &o->pattern;

    if (!o->patterned)
        return 0;
    if (p->of == 0 || 64 % p->of != 0)
        return sov_fail(err, SOV_EARG,
                        "packed are patterns of 2, 4, 8, 16, 32 or 64 weights; "
                        "without a pattern it is looked for");
    if (type_for(64 / p->of * p->keep, 4) == SOV_TYPE_NONE)
        return sov_fail(err, SOV_EARG,
                        "%u of %u weights are too many to be packed: half of "
                        "them at most",
                        (unsigned)p->keep, (unsigned)p->of);
    return 0;
}

/* The type that a tensor is packed into, or its own. */
static int
packed_type(const struct sov_prune_opts *o, const struct sov_tensor *t,
            enum sov_type *type, struct sov_err *err)
{
    unsigned keep;
    int rc;

    *type = t->type;
    if (!sov_prune_is_usual(t) || !is_float(t->type) || t->dim[0] % 256 != 0 ||
        t->size == 0)
        return 0;
    if (o->patterned) {
        keep = 64 / o->pattern.of * o->pattern.keep;
    } else if (t->data == NULL) {
        return sov_fail(err, SOV_EARG,
                        "what comes through a pipe cannot be looked at first: "
                        "a pattern such as 32:64 is missing");
    } else {
        rc = look_at(t, &keep, err);
        if (rc < 0)
            return rc;
    }
    if (type_for(keep, o->pack_bits) != SOV_TYPE_NONE)
        *type = type_for(keep, o->pack_bits);
    return 0;
}

static int
add_tensors(struct sov_prune *job, const struct sov_prune_opts *o,
            size_t *changed, enum sov_type *last, struct sov_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < sov_model_count(job->model) && rc == 0; i++) {
        const struct sov_tensor *t = sov_model_at(job->model, i);
        enum sov_type type = t->type;

        if (o->pack_bits != 0)
            rc = packed_type(o, t, &type, err);
        else if (form_of(t->type) != NULL)
            type = SOV_TYPE_F16;
        if (rc == 0)
            rc = sov_plan_add(job->plan, t->name, type, t->ndim, t->dim, err);
        if (type != t->type) {
            ++*changed;
            *last = type;
        }
    }
    return rc;
}

/* The number that the file is known by: that of -t of the same name. */
static int
set_file_type(struct sov_prune *job, enum sov_type type, struct sov_err *err)
{
    struct sov_mix mix;

    if (!sov_mix_find(&mix, sov_type_info((int)type)->name))
        return 0;
    return sov_meta_set_u32(sov_plan_meta(job->plan), "general.file_type",
                            mix.file_type, err);
}

static void
tell(struct sov_prune *job, const struct sov_prune_opts *o, size_t n)
{
    if (o->pack_bits == 0)
        return;
    sov_prune_remark(job,
                     "the values of %zu matrices are rounded to %u bits; "
                     "--unpack gives them back as they are then",
                     n, o->pack_bits);
    sov_prune_remark(job, "packed matrices have types of sov's own: llama.cpp "
                          "cannot load the model, sov-run can");
}

int
sov_pack_new(struct sov_prune *job, const struct sov_prune_opts *opts,
             struct sov_err *err)
{
    enum sov_type type = SOV_TYPE_NONE;
    size_t n = 0;
    int rc = check_pattern(opts, err);

    if (rc == 0 && opts->calib != NULL)
        rc = sov_fail(err, SOV_EARG, "what packs reads no text");
    if (rc == 0)
        rc = sov_plan_new(&job->plan, sov_model_meta(job->model), err);
    if (rc == 0 && opts->edit != NULL)
        rc = opts->edit(opts->edit_arg, sov_plan_meta(job->plan), err);
    if (rc == 0)
        rc = add_tensors(job, opts, &n, &type, err);
    if (rc == 0 && n == 0)
        return sov_fail(err, SOV_EUNSUP,
                        opts->pack_bits == 0
                            ? "nothing is packed here"
                            : "no matrix of layers is f32, f16 or bf16, has "
                              "rows of whole 256 weights, and of each 64 at "
                              "most 32 that are not 0");
    if (rc == 0)
        rc = set_file_type(job, type, err);
    if (rc == 0)
        rc = sov_plan_lay(job->plan, &opts->layout, err);
    if (rc == 0)
        tell(job, opts, n);
    return rc;
}

/* ---- rows ---- */

struct pack {
    struct sov_prune *job;
    sov_writer *writer;
    unsigned char *in; /* owned, as the others: a batch */
    unsigned char *out;
    float *x;
    unsigned char *bad; /* rows that do not fit */
    uint64_t done;

    /* The tensor that is at work: */
    const struct sov_tensor *from, *to;
    size_t tensor;
    size_t k, from_bytes, to_bytes;
};

/* Packed: has it more weights than there is room for?  Unpacked: is what
 * stands there now not what it says? */
static bool
misfits(const struct pack *p, const float *x, const unsigned char *row)
{
    const struct form *f = form_of(p->to->type);
    bool differs = false;

    if (f != NULL)
        return most_of_row(x, p->k) > f->keep;
    for (size_t i = 0; i < p->k; i++)
        differs = differs || sov_f16_to_f32(sov_le16(row + 2 * i)) != x[i];
    return differs;
}

static void
do_rows(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct pack *p = arg;

    (void)worker;
    for (size_t i = first; i < last; i++) {
        unsigned char *out = p->out + i * p->to_bytes;
        float *x = p->x + i * p->k;

        sov_kern()->decode[p->from->type](p->in + i * p->from_bytes, x, p->k);
        sov_kern()->encode[p->to->type](x, NULL, out, p->k, 9);
        p->bad[i] = misfits(p, x, out);
    }
}

static int
fail_row(const struct pack *p, uint64_t row, struct sov_err *err)
{
    const struct form *f = form_of(p->to->type);

    if (f == NULL)
        return sov_fail(err, SOV_EUNSUP,
                        "tensor %.80s: row %" PRIu64 " says more than half "
                        "floats do; sov-quantize -t f32 unpacks it",
                        p->from->name, row);
    return sov_fail(err, SOV_EFORMAT,
                    "tensor %.80s: row %" PRIu64 " has more than %u weights of "
                    "64 that are not 0",
                    p->from->name, row, f->keep);
}

static int
write_some(struct pack *p, const unsigned char *bytes, size_t len,
           struct sov_err *err)
{
    int rc = sov_writer_data(p->writer, bytes, len, err);

    p->done += len;
    if (rc == 0 && p->job->progress != NULL)
        p->job->progress(p->job->progress_arg, p->done,
                         sov_plan_bytes(p->job->plan), p->to->name);
    return rc;
}

static int
do_batch(struct pack *p, uint64_t first, size_t n, struct sov_err *err)
{
    int rc = sov_model_read(p->job->model, p->tensor, first * p->from_bytes,
                            p->in, n * p->from_bytes, err);

    if (rc < 0)
        return rc;
    sov_par_for(n, 0, do_rows, p);
    for (size_t i = 0; i < n; i++)
        if (p->bad[i])
            return fail_row(p, first + i, err);
    return write_some(p, p->out, n * p->to_bytes, err);
}

static size_t
batch_rows(uint64_t k)
{
    return k < BATCH_WEIGHTS ? (size_t)(BATCH_WEIGHTS / k) : 1;
}

static int
do_tensor(struct pack *p, struct sov_err *err)
{
    uint64_t rows = sov_tensor_rows(p->from);
    size_t most = batch_rows(p->from->dim[0]);
    int rc = 0;

    p->k = (size_t)p->from->dim[0];
    p->from_bytes = (size_t)sov_tensor_row_bytes(p->from);
    p->to_bytes = (size_t)sov_tensor_row_bytes(p->to);
    for (uint64_t i = 0; i < rows && rc == 0; i += most)
        rc = do_batch(p, i, rows - i < most ? (size_t)(rows - i) : most, err);
    return rc;
}

static int
copy_tensor(struct pack *p, struct sov_err *err)
{
    int rc = 0;

    for (uint64_t at = 0; at < p->from->size && rc == 0; at += PIECE) {
        uint64_t left = p->from->size - at;
        size_t len = (size_t)(left < PIECE ? left : PIECE);

        rc = sov_model_read(p->job->model, p->tensor, at, p->in, len, err);
        if (rc == 0)
            rc = write_some(p, p->in, len, err);
    }
    return rc;
}

/* Room for the widest rows; no type has more than four bytes a weight. */
static int
furnish(struct pack *p, struct sov_err *err)
{
    uint64_t widest = BATCH_WEIGHTS, need;

    for (size_t i = 0; i < sov_plan_count(p->job->plan); i++) {
        const struct sov_tensor *t = sov_plan_at(p->job->plan, i);

        if (t->type != sov_model_at(p->job->model, i)->type &&
            t->dim[0] > widest)
            widest = t->dim[0];
    }
    need = 13 * widest;
    if (need > p->job->max_memory)
        return sov_fail(err, SOV_EMEM,
                        "needs %" PRIu64 " bytes of memory, the limit is "
                        "%" PRIu64,
                        need, p->job->max_memory);
    p->in = sov_mem_array((size_t)widest, 4);
    p->out = sov_mem_array((size_t)widest, 4);
    p->x = sov_mem_array((size_t)widest, sizeof(float));
    p->bad = sov_mem_array((size_t)widest, 1);
    if (p->in == NULL || p->out == NULL || p->x == NULL || p->bad == NULL)
        return sov_mem_fail(err);
    return 0;
}

int
sov_pack_run(struct sov_prune *job, sov_sink *const *sinks, struct sov_err *err)
{
    struct pack p = { .job = job };
    int rc = furnish(&p, err);

    if (rc == 0)
        rc = sov_writer_open(&p.writer, job->plan, job->taker, sinks, 0, err);
    for (; rc == 0 && p.tensor < sov_plan_count(job->plan); p.tensor++) {
        if (!sov_taker_wants(job->taker, p.tensor))
            continue;
        p.from = sov_model_at(job->model, p.tensor);
        p.to = sov_plan_at(job->plan, p.tensor);
        rc = p.from->type != p.to->type ? do_tensor(&p, err)
                                        : copy_tensor(&p, err);
        sov_model_unneeded(job->model, p.tensor);
    }
    if (rc == 0)
        rc = sov_writer_end(&p.writer, err);
    else
        sov_writer_abort(p.writer);
    free(p.in);
    free(p.out);
    free(p.x);
    free(p.bad);
    return rc;
}
