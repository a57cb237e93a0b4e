/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make.c - tensors that are made of others while they are read
 *
 * Sources are looked at through windows: a few kilobytes of each at a time, on
 * the stack of who reads.  What a source is, a range of a file or something
 * that is made itself, is sov_entry_read()'s business.
 *
 * Scales must be numbers: one that is not would spoil a whole block, which
 * nobody sees in codes of four bits.
 */
#include "fmt/make.h"

#include "base/le.h"
#include "base/limits.h"
#include "base/num.h"
#include "fmt/format.h"
#include "tensor/half.h"
#include "tensor/type.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define WINDOW 16384
#define BATCH  256 /* weights that are worked on at a time */

/* A part of a source, or all of it where that is in memory. */
struct window {
    const struct sov_entry *e;
    uint64_t begin;
    size_t len;
    unsigned char bytes[WINDOW];
};

struct cook;
struct order;

struct maker {
    int (*fn)(struct cook *c, const struct order *o, struct sov_err *err);
    unsigned out; /* see makes.def */
    unsigned in;
    unsigned side;
};

/* Who reads, and what he sees. */
struct cook {
    sov_model *m;
    const struct sov_recipe *r;
    const struct maker *maker;
    const struct sov_tensor *t;
    uint64_t left; /* elements that are still to be made */
    struct window from;
    struct window side;
};

/* What is made in one go: n elements of a row, from element `col` on. */
struct order {
    const struct sov_entry *from;
    const struct sov_entry *side; /* or NULL */
    uint64_t row;                 /* of the source */
    uint64_t col;
    size_t n;
    unsigned char *out;
};

/* n bytes at off of a source, n <= WINDOW; who asks goes on to `end`. */
static int
look(struct cook *c, struct window *w, const struct sov_entry *e, uint64_t off,
     size_t n, uint64_t end, const unsigned char **p, struct sov_err *err)
{
    size_t len;
    int rc;

    if (e->t.data != NULL) {
        *p = (const unsigned char *)e->t.data + off;
        return 0;
    }
    if (w->e == e && off >= w->begin && off - w->begin <= w->len &&
        n <= w->len - (size_t)(off - w->begin)) {
        *p = w->bytes + (off - w->begin);
        return 0;
    }
    if (end > e->t.size)
        end = e->t.size;
    len = end <= off + n       ? n
          : end - off < WINDOW ? (size_t)(end - off)
                               : WINDOW;
    w->e = NULL;
    rc = sov_entry_read(c->m, e, off, w->bytes, len, err);
    if (rc < 0)
        return rc;
    w->e = e;
    w->begin = off;
    w->len = len;
    *p = w->bytes;
    return 0;
}

/* Where the source's bytes end that are needed for what is left, from off on. */
static uint64_t
needed(const struct cook *c, uint64_t off)
{
    return off + c->left / c->maker->out * c->r->step * c->maker->in;
}

static int
no_number(const struct sov_entry *e, uint64_t at, struct sov_err *err)
{
    return sov_fail(err, SOV_EFORMAT,
                    "tensor %.80s: scale %" PRIu64 " is not a number",
                    e->t.name, at);
}

/* ---- as they are */

static int
rows(struct cook *c, const struct order *o, struct sov_err *err)
{
    const struct sov_type_info *info = sov_type_info((int)c->t->type);
    uint64_t at = o->row * c->r->cols + o->col;

    return sov_entry_read(c->m, o->from, at / info->block * info->bytes, o->out,
                          o->n / info->block * info->bytes, err);
}

/* ---- plain numbers and their scales */

static void
widen_f32(const unsigned char *p, float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = sov_lef32(p + 4 * i);
}

static void
widen_f16(const unsigned char *p, float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = sov_f16_to_f32(sov_le16(p + 2 * i));
}

static void
widen_bf16(const unsigned char *p, float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = sov_bf16_to_f32(sov_le16(p + 2 * i));
}

static void
widen_e4m3(const unsigned char *p, float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = sov_f8_e4m3_to_f32(p[i]);
}

static void
widen_e5m2(const unsigned char *p, float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = sov_f8_e5m2_to_f32(p[i]);
}

static void
widen_e8m0(const unsigned char *p, float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = sov_f8_e8m0_to_f32(p[i]);
}

static void
widen_i8(const unsigned char *p, float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(p[i] < 128 ? p[i] : p[i] - 256);
}

typedef void (*widen_fn)(const unsigned char *p, float *x, size_t n);

static widen_fn
widener(enum sov_type type)
{
    static const struct {
        enum sov_type type;
        widen_fn fn;
    } known[] = {
        { SOV_TYPE_F32, widen_f32 },      { SOV_TYPE_F16, widen_f16 },
        { SOV_TYPE_BF16, widen_bf16 },    { SOV_TYPE_F8_E4M3, widen_e4m3 },
        { SOV_TYPE_F8_E5M2, widen_e5m2 }, { SOV_TYPE_F8_E8M0, widen_e8m0 },
        { SOV_TYPE_I8, widen_i8 },
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (known[i].type == type)
            return known[i].fn;
    return NULL;
}

/* The scale of the weight at row and column. */
static int
find_scale(struct cook *c, const struct order *o, uint64_t col, float *scale,
           struct sov_err *err)
{
    const struct sov_recipe *r = c->r;
    uint64_t in_row = (r->cols - 1) / r->wide + 1;
    uint64_t at = o->row / r->tall * in_row + col / r->wide;
    size_t bytes = sov_type_info((int)o->side->t.type)->bytes;
    const unsigned char *p = NULL;
    int rc = look(c, &c->side, o->side, at * bytes, bytes,
                  (at + in_row) * bytes, &p, err);

    if (rc < 0)
        return rc;
    widener(o->side->t.type)(p, scale, 1);
    return isfinite(*scale) ? 0 : no_number(o->side, at, err);
}

static int
scaled(struct cook *c, const struct order *o, struct sov_err *err)
{
    const struct sov_recipe *r = c->r;
    size_t bytes = sov_type_info((int)o->from->t.type)->bytes;
    widen_fn widen = widener(o->from->t.type);
    float scale = 1, x[BATCH];
    int rc = 0;

    for (size_t i = 0, n; i < o->n && rc == 0; i += n) {
        uint64_t col = o->col + i, at = (o->row * r->cols + col) * bytes;
        const unsigned char *p = NULL;

        n = o->n - i < BATCH ? o->n - i : BATCH;
        if (o->side != NULL && n > r->wide - col % r->wide)
            n = (size_t)(r->wide - col % r->wide);
        if (o->side != NULL)
            rc = find_scale(c, o, col, &scale, err);
        if (rc == 0)
            rc = look(c, &c->from, o->from, at, n * bytes,
                      at + (c->left - i) * bytes * r->step, &p, err);
        if (rc < 0)
            return rc;
        widen(p, x, n);
        for (size_t k = 0; k < n; k++)
            sov_putf32(o->out + 4 * (i + k), x[k] * scale);
    }
    return rc;
}

/* ---- rows and columns exchanged */

/*
 * [matrices, cols, wide] is read a column of the result at a time, for as many
 * of its rows as are whole; o->n is of such rows, or a part of one.
 */
static int
turned(struct cook *c, const struct order *o, struct sov_err *err)
{
    const struct sov_recipe *r = c->r;
    size_t bytes = sov_type_info((int)c->t->type)->bytes;
    size_t n_cols = o->n < r->cols ? o->n : (size_t)r->cols;
    size_t n_rows = o->n / n_cols;
    uint64_t matrix = o->row / r->wide, at = o->row % r->wide;
    size_t span = ((n_rows - 1) * (size_t)r->step + 1) * bytes;
    int rc = 0;

    for (size_t i = 0; i < n_cols && rc == 0; i++) {
        uint64_t off = ((matrix * r->cols + o->col + i) * r->wide + at) * bytes;
        const unsigned char *p = NULL;

        rc = look(c, &c->from, o->from, off, span, off + span, &p, err);
        for (size_t k = 0; k < n_rows && rc == 0; k++)
            memcpy(o->out + (k * n_cols + i) * bytes,
                   p + k * (size_t)r->step * bytes, bytes);
    }
    return rc;
}

/* Rows that are taken at once: those of one matrix, as far as they fit. */
static uint64_t
turned_rows(const struct sov_recipe *r, uint64_t row, size_t bytes)
{
    uint64_t fit = (WINDOW / bytes - 1) / r->step + 1;
    uint64_t same = (r->wide - 1 - row % r->wide) / r->step + 1;

    return fit < same ? fit : same;
}

/* ---- MXFP4
 *
 *     published   codes u8[16]: element 2i in the low half of byte i, 2i + 1 in
 *                 the high half; scales u8, in another tensor
 *     GGUF        u8 e | u8 qs[16]: element i in the low half of byte i,
 *                 16 + i in the high half
 */

#define NO_SCALE 255 /* is NaN there */

static void
put_codes(const unsigned char *codes, unsigned char *qs)
{
    for (unsigned i = 0; i < 8; i++) {
        unsigned low = codes[i], high = codes[8 + i];

        qs[2 * i] = (unsigned char)((low & 15) | high << 4);
        qs[2 * i + 1] = (unsigned char)(low >> 4 | (high & 0xf0));
    }
}

static int
mxfp4(struct cook *c, const struct order *o, struct sov_err *err)
{
    uint64_t at = (o->row * c->r->cols + o->col) / 32;
    uint64_t end = c->left / 32 * c->r->step;
    unsigned char *out = o->out;

    for (size_t i = 0, n; i < o->n / 32; i += n) {
        const unsigned char *codes = NULL, *scale = NULL;
        int rc;

        n = o->n / 32 - i < BATCH ? o->n / 32 - i : BATCH;
        rc = look(c, &c->from, o->from, (at + i) * 16, n * 16, (at + end) * 16,
                  &codes, err);
        if (rc == 0)
            rc = look(c, &c->side, o->side, at + i, n, at + end, &scale, err);
        if (rc < 0)
            return rc;
        for (size_t k = 0; k < n; k++, out += 17) {
            if (scale[k] == NO_SCALE)
                return no_number(o->side, at + i + k, err);
            out[0] = scale[k];
            put_codes(codes + 16 * k, out + 1);
        }
    }
    return 0;
}

static int
codes(struct cook *c, const struct order *o, struct sov_err *err)
{
    uint64_t at = (o->row * c->r->cols + o->col) / 16 * 17;
    int rc = 0;

    for (size_t i = 0; i < o->n / 16 && rc == 0; i++, at += 17) {
        const unsigned char *p = NULL;

        rc = look(c, &c->from, o->from, at, 17, needed(c, at), &p, err);
        for (unsigned j = 0; j < 16 && rc == 0; j++) {
            unsigned at_low = 2 * j % 16, high = j < 8 ? 0 : 4;

            o->out[16 * i + j] =
                (unsigned char)((p[1 + at_low] >> high & 15) |
                                (p[2 + at_low] >> high & 15) << 4);
        }
    }
    return rc;
}

static int
scales(struct cook *c, const struct order *o, struct sov_err *err)
{
    uint64_t at = (o->row * c->r->cols + o->col) * 17;
    int rc = 0;

    for (size_t i = 0; i < o->n && rc == 0; i++, at += 17) {
        const unsigned char *p = NULL;

        rc = look(c, &c->from, o->from, at, 1, needed(c, at), &p, err);
        if (rc == 0)
            o->out[i] = *p;
    }
    return rc;
}

/* ---- all of them */

static const struct maker makers[] = {
#define MAKE(sym, fn, out, in, side) { fn, out, in, side },
#include "fmt/makes.def"
#undef MAKE
};

/* The bytes of a row of a source; 0: that is no row, or too long a one. */
static uint64_t
row_bytes(const struct sov_recipe *r, const struct sov_entry *from)
{
    const struct sov_type_info *info = sov_type_info((int)from->t.type);
    const struct maker *k = &makers[r->make];
    uint64_t out = k->out != 0 ? k->out : info->block;
    uint64_t in = k->in != 0 ? k->in : info->bytes;

    if (r->cols == 0 || r->cols % out != 0 || r->cols > SOV_COUNT_MAX ||
        (k->in == 0 && info->block % out != 0))
        return 0;
    return r->cols / out * in;
}

static int
broken(const struct sov_tensor *t, struct sov_err *err)
{
    return sov_fail(err, SOV_EARG, "tensor %.80s cannot be made so",
                    t->name != NULL ? t->name : "?");
}

/* Are the rows of a piece, and their scales, there? */
static bool
piece_fits(const struct sov_made *made, size_t n_base,
           const struct sov_piece *p)
{
    const struct sov_recipe *r = &made->recipe;
    const struct sov_entry *from, *side;
    uint64_t last, in, size;

    if (p->from >= n_base || (p->side != SOV_NO_TENSOR && p->side >= n_base))
        return false;
    from = &made->base[p->from];
    in = row_bytes(r, from);
    if (in == 0 || !sov_mul(r->rows - 1, r->step, &last) ||
        !sov_add(last, p->first, &last) || last >= SOV_COUNT_MAX ||
        !sov_mul(last + 1, in, &size))
        return false;
    if (r->make == SOV_MAKE_TURNED) /* the last row's matrix as a whole */
        size = (last / r->wide + 1) * r->wide * in;
    if (size > from->t.size)
        return false;
    if (p->side == SOV_NO_TENSOR)
        return r->make != SOV_MAKE_MXFP4;
    side = &made->base[p->side];
    if (r->make == SOV_MAKE_MXFP4)
        return (last + 1) * (r->cols / 32) <= side->t.size;
    size = (last / r->tall + 1) * ((r->cols - 1) / r->wide + 1);
    return widener(side->t.type) != NULL &&
           size * sov_type_info((int)side->t.type)->bytes <= side->t.size;
}

int
sov_made_check(const struct sov_made *made, size_t n_base,
               const struct sov_tensor *t, struct sov_err *err)
{
    const struct sov_recipe *r = &made->recipe;
    uint64_t count;

    if (r->n == 0 || r->rows == 0 || r->step == 0 || r->cols == 0 ||
        r->tall == 0 || r->wide == 0 || r->wide > SOV_COUNT_MAX ||
        !sov_mul(r->n, r->rows, &count) || !sov_mul(count, r->cols, &count) ||
        count != sov_tensor_count(t) || t->size == 0)
        return broken(t, err);
    for (size_t i = 0; i < r->n; i++) {
        const struct sov_entry *from;

        if (!piece_fits(made, n_base, &r->piece[i]))
            return broken(t, err);
        from = &made->base[r->piece[i].from];
        if (r->make == SOV_MAKE_SCALED
                ? widener(from->t.type) == NULL || t->type != SOV_TYPE_F32
            : makers[r->make].in == 0 ? from->t.type != t->type
                                      : false)
            return broken(t, err);
    }
    return 0;
}

/* Where row `row` of the result comes from. */
static void
find_row(const struct sov_made *made, uint64_t row, struct order *o)
{
    const struct sov_recipe *r = &made->recipe;
    const struct sov_piece *p =
        &r->piece[r->woven ? row % r->n : row / r->rows];
    uint64_t at = r->woven ? row / r->n : row % r->rows;

    o->from = &made->base[p->from];
    o->side = p->side == SOV_NO_TENSOR ? NULL : &made->base[p->side];
    o->row = p->first + at * r->step;
}

/* How many elements from element `at` on are made at once. */
static uint64_t
portion(const struct sov_recipe *r, const struct order *o, uint64_t at,
        size_t bytes)
{
    uint64_t in_row = r->cols - at % r->cols;
    uint64_t below = r->woven ? 0 : r->rows - 1 - at / r->cols % r->rows;

    if (r->make == SOV_MAKE_ROWS && r->step == 1)
        return in_row + below * r->cols;
    if (r->make == SOV_MAKE_TURNED && in_row == r->cols) {
        uint64_t n = turned_rows(r, o->row, bytes);

        return (n <= below ? n : below + 1) * r->cols;
    }
    return in_row;
}

int
sov_made_read(struct sov_model *m, const struct sov_made *made,
              const struct sov_tensor *t, uint64_t off, void *buf, size_t len,
              struct sov_err *err)
{
    const struct sov_type_info *info = sov_type_info((int)t->type);
    const struct sov_recipe *r = &made->recipe;
    const struct maker *maker = &makers[r->make];
    struct cook c;
    struct order o = { .out = buf };
    uint64_t at = off / info->bytes * info->block;
    int rc = 0;

    c.m = m;
    c.r = r;
    c.maker = maker;
    c.t = t;
    c.from.e = c.side.e = NULL;
    c.left = len / info->bytes * info->block;
    if (off % info->bytes != 0 || len % info->bytes != 0 ||
        (maker->out != 0 && (at % maker->out != 0 || c.left % maker->out != 0)))
        return sov_fail(err, SOV_EARG, "not a whole number of blocks");
    while (c.left > 0 && rc == 0) {
        uint64_t n;

        find_row(made, at / r->cols, &o);
        n = portion(r, &o, at, info->bytes);
        if (n > c.left && r->make == SOV_MAKE_TURNED && c.left > r->cols)
            n = c.left / r->cols * r->cols;
        o.col = at % r->cols;
        o.n = (size_t)(n < c.left ? n : c.left);
        rc = maker->fn(&c, &o, err);
        o.out += o.n / info->block * info->bytes;
        at += o.n;
        c.left -= o.n;
    }
    return rc;
}
