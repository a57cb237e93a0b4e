/* SPDX-License-Identifier: Apache-2.0 */
/*
 * few_code.c - samples of distributions in few bytes
 *
 * The range coder keeps the interval [low, low + range) of the fraction whose
 * first bytes are written already; the last byte, and bytes of 255 behind it,
 * wait for a carry.  The decoder sees what is left of the number, and reads as
 * many bytes as were written.
 */
#include "distill/few_code.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define TOTAL UINT32_C(65536)
#define SMALL (UINT32_C(1) << 24)
#define TRIED 2048 /* tokens by which evenness is chosen */

struct coder {
    struct sov_buf *out; /* NULL: it decodes */
    uint64_t low;
    uint64_t waiting;
    uint8_t byte;
    uint32_t range;
    uint32_t code;
    struct sov_span in;
    bool bad;
};

/* ---- the range coder */

static void
shift(struct coder *c)
{
    if ((uint32_t)c->low < UINT32_C(0xff000000) || c->low >> 32 != 0) {
        uint8_t carry = (uint8_t)(c->low >> 32);

        for (; c->waiting > 0; c->waiting--) {
            sov_buf_u8(c->out, (uint8_t)(c->byte + carry));
            c->byte = 0xff;
        }
        c->byte = (uint8_t)(c->low >> 24);
    }
    c->waiting++;
    c->low = (c->low & 0xffffff) << 8;
}

static void
put(struct coder *c, uint32_t from, uint32_t freq)
{
    uint32_t step = c->range / TOTAL;

    c->low += (uint64_t)step * from;
    c->range = step * freq;
    while (c->range < SMALL) {
        c->range <<= 8;
        shift(c);
    }
}

static uint8_t
next_byte(struct coder *c)
{
    if (c->in.len == 0) {
        c->bad = true;
        return 0;
    }
    c->in.len--;
    return *c->in.p++;
}

/* Where in TOTAL the next symbol lies. */
static uint32_t
look(struct coder *c)
{
    uint32_t at = c->code / (c->range / TOTAL);

    if (at < TOTAL)
        return at;
    c->bad = true;
    return TOTAL - 1;
}

static void
take(struct coder *c, uint32_t from, uint32_t freq)
{
    uint32_t step = c->range / TOTAL;

    c->code -= step * from;
    c->range = step * freq;
    while (c->range < SMALL) {
        c->range <<= 8;
        c->code = c->code << 8 | next_byte(c);
    }
}

static struct coder
begin_encoding(struct sov_buf *out)
{
    return (struct coder){ .out = out, .waiting = 1, .range = UINT32_MAX };
}

static void
end_encoding(struct coder *c)
{
    for (int i = 0; i < 5; i++)
        shift(c);
}

static struct coder
begin_decoding(struct sov_span in)
{
    struct coder c = { .in = in, .range = UINT32_MAX };

    if (next_byte(&c) != 0)
        c.bad = true;
    for (int i = 0; i < 4; i++)
        c.code = c.code << 8 | next_byte(&c);
    return c;
}

/* ---- symbols 0 .. n - 1, by weights or evenly: s is coded, or what is
 * decoded comes back */

/* Weights as parts of TOTAL; p[n] are finite, not negative and not all 0. */
static void
settle(const double *p, size_t n, uint32_t *freq)
{
    double sum = 0, by;
    uint32_t left = TOTAL;
    size_t most = 0;

    for (size_t i = 0; i < n; i++)
        sum += p[i];
    by = (double)(TOTAL - n) / sum;
    for (size_t i = 0; i < n; i++) {
        freq[i] = 1 + (uint32_t)(p[i] * by);
        left -= freq[i];
        most = p[i] > p[most] ? i : most;
    }
    freq[most] += left;
}

static size_t
code_symbol(struct coder *c, const uint32_t *freq, size_t n, size_t s)
{
    uint32_t from = 0;

    if (n == 1)
        return 0;
    if (c->out != NULL) {
        for (size_t i = 0; i < s; i++)
            from += freq[i];
        put(c, from, freq[s]);
        return s;
    }
    for (uint32_t at = look(c); s + 1 < n && at - from >= freq[s]; s++)
        from += freq[s];
    take(c, from, freq[s]);
    return s;
}

static size_t
code_evenly(struct coder *c, size_t n, size_t s)
{
    uint32_t freq = TOTAL / (uint32_t)n;

    if (c->out == NULL) {
        s = look(c) / freq;
        s = s < n ? s : n - 1;
    }
    if (c->out != NULL)
        put(c, freq * (uint32_t)s, freq);
    else
        take(c, freq * (uint32_t)s, freq);
    return s;
}

/* ---- a set of ids */

/* How many of k, of the tokens [a, b), lie below mid. */
static uint32_t
code_lower(struct coder *c, const struct sov_few_model *m, uint32_t a,
           uint32_t mid, uint32_t b, uint32_t k, uint32_t lower)
{
    uint32_t least = k > b - mid ? k - (b - mid) : 0;
    uint32_t most = k < mid - a ? k : mid - a;
    uint32_t share = m->shares[mid], freq[SOV_FEW_MAX + 1];
    double p[SOV_FEW_MAX + 1], odds;

    if (k == 1) {
        freq[0] = TOTAL - share * 256;
        freq[1] = share * 256;
        return (uint32_t)code_symbol(c, freq, 2, lower);
    }
    odds = (double)share / (double)(256 - share);
    p[0] = 1;
    for (uint32_t j = least; j < most; j++)
        p[j - least + 1] =
            p[j - least] * ((double)(k - j) / (double)(j + 1) * odds);
    settle(p, most - least + 1, freq);
    return least + (uint32_t)code_symbol(c, freq, most - least + 1,
                                         c->out != NULL ? lower - least : 0);
}

/* k ids of [a, b), rising. */
static void
code_set(struct coder *c, const struct sov_few_model *m, int32_t *id,
         uint32_t k, uint32_t a, uint32_t b)
{
    uint32_t mid = a + (b - a) / 2, lower = 0;

    if (k == 0)
        return;
    if (k == b - a) {
        for (uint32_t i = 0; i < k; i++)
            id[i] = (int32_t)(a + i);
        return;
    }
    while (c->out != NULL && lower < k && (uint32_t)id[lower] < mid)
        lower++;
    lower = code_lower(c, m, a, mid, b, k, lower);
    code_set(c, m, id, lower, a, mid);
    code_set(c, m, id + lower, k - lower, mid, b);
}

/* ---- counts, and the likeliest */

static void
code_counts(struct coder *c, const struct sov_few_model *m, uint32_t *count,
            uint32_t n)
{
    double p[SOV_FEW_MAX + 1], each = m->evenness / 32.0;
    uint32_t freq[SOV_FEW_MAX + 1];
    uint32_t more = m->n_draws - n; /* than one of each */

    for (uint32_t i = 0; i + 1 < n; i++) {
        double rest = each * (n - i - 1);

        p[0] = 1;
        for (uint32_t j = 0; j < more; j++)
            p[j + 1] = p[j] * ((more - j) * (j + each)) /
                       ((j + 1) * (more - j - 1 + rest));
        settle(p, more + 1, freq);
        count[i] = 1 + (uint32_t)code_symbol(c, freq, more + 1,
                                             c->out != NULL ? count[i] - 1 : 0);
        more -= count[i] - 1;
    }
    count[n - 1] = 1 + more;
}

static void
top_range(const struct sov_few_model *m, const uint32_t *count, uint32_t n,
          uint32_t *least, uint32_t *most)
{
    uint32_t c = 0;

    for (uint32_t i = 0; i < n; i++)
        c = count[i] > c ? count[i] : c;
    *least = 255 * (c - 1) / m->n_draws;
    *most = (255 * (c + 1) + m->n_draws - 1) / m->n_draws;
    *most = *most < 255 ? *most : 255;
}

static uint8_t
code_top(struct coder *c, const struct sov_few_model *m, const uint32_t *count,
         uint32_t n, uint8_t top)
{
    uint32_t least, most;

    top_range(m, count, n, &least, &most);
    return (uint8_t)(least + code_evenly(c, most - least + 1,
                                         c->out != NULL ? top - least : 0));
}

uint8_t
sov_few_top(const struct sov_few_model *m, const uint32_t *count, uint32_t n,
            float top)
{
    double step = (double)top * 255 + 0.5;
    uint32_t least, most, t;

    t = step < 255 ? step > 0 ? (uint32_t)step : 0 : 255;
    top_range(m, count, n, &least, &most);
    t = t < least ? least : t;
    return (uint8_t)(t > most ? most : t);
}

/* ---- tokens */

static uint32_t
code_token(struct coder *c, const struct sov_few_model *m, uint32_t n,
           uint8_t *top, int32_t *id, uint32_t *count)
{
    uint32_t freq[SOV_FEW_MAX], sum = 0;

    for (uint32_t i = 0; i < m->n_draws; i++)
        sum += freq[i] = m->sizes[i + 1];
    freq[0] += TOTAL - sum;
    n = 1 +
        (uint32_t)code_symbol(c, freq, m->n_draws, c->out != NULL ? n - 1 : 0);
    code_set(c, m, id, n, 0, m->n_vocab);
    code_counts(c, m, count, n);
    *top = code_top(c, m, count, n, *top);
    return n;
}

void
sov_few_encode(const struct sov_few_model *m, const struct sov_few_list *list,
               size_t first, size_t n, size_t at, struct sov_buf *b)
{
    struct coder c = begin_encoding(b);

    for (size_t i = first; i < first + n; i++)
        at += code_token(&c, m, list->size[i], &list->top[i], list->id + at,
                         list->count + at);
    end_encoding(&c);
}

bool
sov_few_decode(const struct sov_few_model *m, struct sov_span bytes, size_t n,
               bool whole, struct sov_few_list *list)
{
    struct coder c = begin_decoding(bytes);

    for (size_t i = 0; i < n && !c.bad; i++) {
        uint32_t k =
            code_token(&c, m, 0, &list->top[list->n], list->id + list->n_ids,
                       list->count + list->n_ids);

        list->size[list->n++] = (uint8_t)k;
        list->n_ids += k;
    }
    return !c.bad && (!whole || c.in.len == 0);
}

/* ---- the model */

bool
sov_few_model_sane(const struct sov_few_model *m)
{
    uint32_t sum = 0;

    for (uint32_t i = 1; i <= m->n_draws; i++) {
        if (m->sizes[i] == 0)
            return false;
        sum += m->sizes[i];
    }
    for (uint32_t i = 1; i < m->n_vocab; i++)
        if (m->shares[i] == 0)
            return false;
    return sum <= TOTAL && m->evenness > 0;
}

struct halves {
    uint32_t *all;   /* [n_vocab] ids of each part that is cut, */
    uint32_t *lower; /* and those below the cut */
    uint8_t *shares;
};

static void
count_id(const struct halves *h, uint32_t id, uint32_t n_vocab)
{
    uint32_t a = 0, b = n_vocab;

    while (b - a > 1) {
        uint32_t mid = a + (b - a) / 2;

        h->all[mid]++;
        if (id < mid) {
            h->lower[mid]++;
            b = mid;
        } else {
            a = mid;
        }
    }
}

/* As they were counted; of few or none, as many as there are tokens. */
static void
set_shares(const struct halves *h, uint32_t a, uint32_t b)
{
    uint32_t mid = a + (b - a) / 2;
    double share;

    if (b - a < 2)
        return;
    share = (h->lower[mid] + (double)(mid - a) / (double)(b - a)) /
            (h->all[mid] + 1.0);
    share = share * 256 + 0.5;
    h->shares[mid] = (uint8_t)(share < 1 ? 1 : share > 255 ? 255 : share);
    set_shares(h, a, mid);
    set_shares(h, mid, b);
}

static void
learn_sizes(struct sov_few_model *m, const struct sov_few_list *list)
{
    double p[SOV_FEW_MAX];
    uint32_t freq[SOV_FEW_MAX];

    for (uint32_t i = 0; i < SOV_FEW_MAX; i++)
        p[i] = 0.25;
    for (size_t i = 0; i < list->n; i++)
        p[list->size[i] - 1]++;
    settle(p, m->n_draws, freq);
    for (uint32_t i = 0; i < m->n_draws; i++)
        m->sizes[i + 1] = (uint16_t)(freq[i] < TOTAL ? freq[i] : TOTAL - 1);
}

/* What takes the fewest bytes. */
static int
learn_evenness(struct sov_few_model *m, const struct sov_few_list *list,
               struct sov_err *err)
{
    static const uint8_t tried[] = { 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64 };
    size_t least = SIZE_MAX;
    uint8_t best = 8;

    for (size_t e = 0; e < sizeof(tried); e++) {
        struct sov_buf b = { 0 };
        struct coder c = begin_encoding(&b);
        size_t at = 0;

        m->evenness = tried[e];
        for (size_t i = 0; i < list->n && i < TRIED; i++) {
            code_counts(&c, m, list->count + at, list->size[i]);
            at += list->size[i];
        }
        end_encoding(&c);
        if (b.bad) {
            sov_buf_free(&b);
            return sov_mem_fail(err);
        }
        best = b.len < least ? tried[e] : best;
        least = b.len < least ? b.len : least;
        sov_buf_free(&b);
    }
    m->evenness = best;
    return 0;
}

int
sov_few_learn(struct sov_few_model *m, const struct sov_few_list *list,
              uint32_t n_vocab, uint32_t n_draws, uint8_t *shares,
              struct sov_err *err)
{
    struct halves h = { .shares = shares };
    int rc = 0;

    *m = (struct sov_few_model){ .n_vocab = n_vocab,
                                 .n_draws = n_draws,
                                 .shares = shares };
    h.all = sov_mem_array(n_vocab, sizeof(*h.all));
    h.lower = sov_mem_array(n_vocab, sizeof(*h.lower));
    if (h.all == NULL || h.lower == NULL)
        rc = sov_mem_fail(err);
    for (size_t i = 0; i < list->n_ids && rc == 0; i++)
        count_id(&h, (uint32_t)list->id[i], n_vocab);
    if (rc == 0)
        set_shares(&h, 0, n_vocab);
    free(h.all);
    free(h.lower);
    learn_sizes(m, list);
    return rc == 0 ? learn_evenness(m, list, err) : rc;
}
