/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ugm.c - the unigram model of SentencePiece (tokenizer.ggml.model "t5")
 *
 * T. Kudo, "Subword Regularization", ACL 2018: of all ways to cut a text into
 * tokens the one with the highest sum of scores, by Viterbi's algorithm from
 * the left.  A character that no token has costs ten more than the worst of
 * them and becomes the unknown token; of several in a row one is left.
 *
 *   tokenizer.ggml.precompiled_charsmap       array of u8 or i8, see below
 *   tokenizer.ggml.remove_extra_whitespaces   runs of spaces count as one
 *   sov.tokenizer.byte_fallback   such a character is spelled in tokens <0xXX>
 *
 * The map of characters:
 *
 *   u32 bytes | u32 unit[bytes / 4] | texts, each ending with a NUL
 *
 * The units are a double array (S. Kanda et al., 2017): of the node at i, the
 * child for byte c is at i ^ base(i) ^ c, if its low byte is c.  Bit 8 says
 * that a prefix ends there, and the unit at i ^ base(i) is the place of the
 * text that it becomes; the longest prefix counts.
 *
 * Which tokens begin at a place is asked of the map for each length; bits of
 * a hash of all beginnings of tokens tell when to stop.
 */
#include "tok/tok.h"

#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/rd.h"
#include "base/text.h"
#include "tok/work.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

#define KEY      "tokenizer.ggml."
#define MARK     "\xe2\x96\x81"
#define MARK_LEN 3
#define PENALTY  10.0f
#define BITS     (UINT32_C(1) << 23) /* of the hash of beginnings */

struct ugm {
    uint32_t *unit; /* owned */
    size_t n_units;
    unsigned char *text; /* owned */
    size_t n_text;
    uint32_t *begins; /* owned: BITS bits */
    float unknown;    /* score of the unknown token */
    bool squeeze;
    bool bytes;
};

/* ---- normalizing */

static uint32_t
base_of(uint32_t unit)
{
    return (unit >> 10) << ((unit & 1u << 9) >> 6);
}

/*
 * What the longest prefix of p that the map has becomes, in *to; the length of
 * the prefix, 0 if there is none.
 */
static size_t
mapped(const struct ugm *u, const unsigned char *p, size_t len,
       struct sov_span *to)
{
    size_t best = 0;
    size_t i = 0;

    if (u->n_units == 0)
        return 0;
    i ^= base_of(u->unit[0]);
    for (size_t k = 0; k < len && p[k] != 0; k++) {
        uint32_t unit;

        i ^= p[k];
        if (i >= u->n_units)
            break;
        unit = u->unit[i];
        if ((unit & (1u << 31 | 0xff)) != p[k])
            break;
        i ^= base_of(unit);
        if (i >= u->n_units)
            break;
        if (unit >> 8 & 1) {
            uint32_t at = u->unit[i] & ~(1u << 31);

            if (at >= u->n_text)
                break;
            to->p = u->text + at;
            to->len = strnlen((const char *)to->p, u->n_text - at);
            best = k + 1;
        }
    }
    return best;
}

/* One character, or what stands for it; the bytes that it took. */
static size_t
next_char(const struct ugm *u, const unsigned char *p, size_t len,
          struct sov_span *to)
{
    uint32_t cp;
    size_t n = mapped(u, p, len, to);

    if (n > 0)
        return n;
    n = sov_utf8_step(p, len, &cp);
    if (n > 0) {
        *to = (struct sov_span){ p, n };
        return n;
    }
    *to = (struct sov_span){ (const unsigned char *)"\xef\xbf\xbd", 3 };
    return 1;
}

static int
normalize(const sov_tok *tok, const unsigned char *text, size_t len,
          struct sov_buf *b, struct sov_err *err)
{
    const struct ugm *u = tok->own;
    bool prefixed = false;
    bool in_word = false;

    for (size_t at = 0; at < len && !b->bad;) {
        struct sov_span to;

        SOV_STEPS(1);
        at += next_char(u, text + at, len - at, &to);
        for (size_t i = 0; i < to.len; i++) {
            if (to.p[i] == ' ') {
                in_word = false;
                if (!u->squeeze)
                    sov_buf_add(b, MARK, MARK_LEN);
                continue;
            }
            if (!in_word && ((tok->add_space && !prefixed) || u->squeeze)) {
                sov_buf_add(b, MARK, MARK_LEN);
                prefixed = true;
            }
            in_word = true;
            sov_buf_add(b, to.p + i, 1);
        }
    }
    return b->bad ? sov_mem_fail(err) : 0;
}

/* ---- the best way */

struct best {
    double score;
    uint32_t from;
    int32_t id;
};

static inline uint32_t
hash_step(uint32_t h, unsigned char c)
{
    return (h ^ c) * UINT32_C(0x9e3779b1);
}

static inline uint32_t
bit_of(uint32_t h)
{
    return (h ^ h >> 15) & (BITS - 1);
}

static inline void
offer(struct best *to, double score, size_t from, int32_t id)
{
    if (score > to->score)
        *to = (struct best){ score, (uint32_t)from, id };
}

/* All tokens that begin at p[at]; is one of them one character long? */
static bool
offer_tokens(const sov_tok *tok, const unsigned char *p, size_t at, size_t len,
             size_t n_char, struct best *best)
{
    const struct ugm *u = tok->own;
    size_t most = len - at < tok->longest ? len - at : tok->longest;
    bool single = false;
    uint32_t h = 0;

    for (size_t n = 1; n <= most; n++) {
        uint32_t id;

        SOV_STEPS(1);
        h = hash_step(h, p[at + n - 1]);
        if ((u->begins[bit_of(h) / 32] >> bit_of(h) % 32 & 1) == 0)
            break;
        if ((n < most && (p[at + n] & 0xc0) == 0x80) ||
            !sov_tok_lookup(tok, p + at, n, &id))
            continue;
        if (n == n_char)
            single = true;
        offer(&best[at + n],
              best[at].score +
                  (tok->type[id] == SOV_TOK_USER ? 0 : tok->score[id]),
              at, (int32_t)id);
    }
    return single;
}

/* p[at, end) byte by byte, the last one first; 1: there are no such tokens. */
static int
add_bytes(const sov_tok *tok, const unsigned char *p, size_t at, size_t end,
          struct sov_ids *out, struct sov_err *err)
{
    const struct ugm *u = tok->own;
    int rc = 0;

    for (size_t i = at; i < end; i++)
        if (!u->bytes || tok->byte_id[p[i]] < 0)
            return 1;
    for (size_t i = end; i > at && rc == 0; i--)
        rc = sov_ids_add(out, tok->byte_id[p[i - 1]], err);
    return rc;
}

static int
add_path(const sov_tok *tok, const unsigned char *p, const struct best *best,
         size_t len, struct sov_ids *out, struct sov_err *err)
{
    const size_t first = out->n;
    bool unknown = false;
    int rc = 0;

    for (size_t at = len; at > 0 && rc == 0; at = best[at].from) {
        bool is = best[at].id == tok->unk;

        if (is) {
            rc = add_bytes(tok, p, best[at].from, at, out, err);
            is = rc == 1;
            if (is)
                rc = unknown ? 0 : sov_ids_add(out, best[at].id, err);
        } else {
            rc = sov_ids_add(out, best[at].id, err);
        }
        unknown = is;
    }
    for (size_t i = first, k = out->n; i + 1 < k; i++) {
        int32_t id = out->p[i];

        out->p[i] = out->p[--k];
        out->p[k] = id;
    }
    return rc;
}

static int
find_best(const sov_tok *tok, const unsigned char *p, size_t len,
          struct sov_ids *out, struct sov_err *err)
{
    const struct ugm *u = tok->own;
    struct best *best = sov_mem_array(len + 1, sizeof(*best));
    size_t n;
    int rc;

    if (best == NULL)
        return sov_mem_fail(err);
    for (size_t i = 1; i <= len; i++)
        best[i].score = -DBL_MAX;
    for (size_t at = 0; at < len; at += n) {
        uint32_t cp;

        n = sov_utf8_step(p + at, len - at, &cp);
        n = n == 0 ? 1 : n;
        if (!offer_tokens(tok, p, at, len, n, best))
            offer(&best[at + n], best[at].score + (double)u->unknown, at,
                  tok->unk);
    }
    rc = add_path(tok, p, best, len, out, err);
    sov_mem_forget(best);
    return rc;
}

static int
ugm_encode(struct sov_encoder *enc, const unsigned char *text, size_t len,
           bool first, struct sov_err *err)
{
    struct sov_buf b = { 0 };
    int rc = normalize(enc->tok, text, len, &b, err);

    (void)first;
    if (rc == 0 && b.len > UINT32_MAX - 1)
        rc = sov_fail(err, SOV_EFORMAT, "a text is too long when normalized");
    if (rc == 0 && b.len > 0)
        rc = find_best(enc->tok, b.p, b.len, &enc->out, err);
    sov_buf_free(&b);
    return rc;
}

/* ---- loading */

static int
read_map(struct ugm *u, const sov_meta *meta, struct sov_err *err)
{
    const struct sov_kv *kv = sov_meta_find(meta, KEY "precompiled_charsmap");
    struct sov_rd rd;
    uint32_t size;

    if (kv == NULL)
        return 0;
    if (kv->type != SOV_V_ARR || (kv->elem != SOV_V_U8 && kv->elem != SOV_V_I8))
        return sov_fail(err, SOV_EFORMAT,
                        KEY "precompiled_charsmap has the wrong type");
    rd = sov_rd_over(kv->val.p, kv->val.len);
    size = sov_rd_u32(&rd);
    if (rd.bad || size > rd.left.len || size % 4 != 0)
        return sov_fail(err, SOV_EFORMAT,
                        KEY "precompiled_charsmap: %u of %zu bytes are units",
                        size, kv->val.len);
    u->n_units = size / 4;
    u->unit = sov_mem_array(u->n_units, sizeof(*u->unit));
    if (u->unit == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < u->n_units; i++)
        u->unit[i] = sov_rd_u32(&rd);
    u->n_text = rd.left.len;
    u->text = sov_mem_array(u->n_text, 1);
    if (u->text == NULL)
        return sov_mem_fail(err);
    if (u->n_text > 0)
        memcpy(u->text, rd.left.p, u->n_text);
    return 0;
}

static int
mark_begins(const sov_tok *tok, struct ugm *u, struct sov_err *err)
{
    u->begins = sov_mem_array(BITS / 32, sizeof(*u->begins));
    if (u->begins == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < tok->n; i++) {
        struct sov_span name = sov_tok_name(tok, (int32_t)i);
        uint32_t h = 0;

        if (!sov_tok_mapped(tok, (int32_t)i))
            continue;
        if (name.len > SOV_SPECIAL_MAX)
            return sov_fail(err, SOV_EFORMAT,
                            "token %zu has %zu bytes, the limit is %llu", i,
                            name.len, (unsigned long long)SOV_SPECIAL_MAX);
        for (size_t k = 0; k < name.len; k++) {
            h = hash_step(h, name.p[k]);
            u->begins[bit_of(h) / 32] |= 1u << bit_of(h) % 32;
        }
    }
    return 0;
}

static void
find_bytes(sov_tok *tok)
{
    for (int b = 0; b < 256; b++)
        tok->byte_id[b] = -1;
    for (size_t i = 0; i < tok->n; i++) {
        struct sov_span name = sov_tok_name(tok, (int32_t)i);
        int byte =
            tok->type[i] == SOV_TOK_BYTE ? sov_tok_byte(name.p, name.len) : -1;

        if (byte >= 0 && !sov_tok_is_control(tok, (int32_t)i))
            tok->byte_id[byte] = (int32_t)i;
    }
}

static int
ugm_prepare(sov_tok *tok, const sov_meta *meta, struct sov_err *err)
{
    struct ugm *u = sov_mem_array(1, sizeof(*u));
    float least = FLT_MAX;
    int rc;

    if (u == NULL)
        return sov_mem_fail(err);
    tok->own = u;
    if (sov_meta_find(meta, KEY "scores") == NULL)
        return sov_fail(err, SOV_EFORMAT, KEY "scores is missing");
    if (tok->unk < 0)
        return sov_fail(err, SOV_EFORMAT, "there is no unknown token");
    rc = sov_meta_bool(meta, KEY "remove_extra_whitespaces", &u->squeeze, err);
    if (rc >= 0)
        rc = sov_meta_bool(meta, "sov.tokenizer.byte_fallback", &u->bytes, err);
    if (rc >= 0)
        rc = read_map(u, meta, err);
    find_bytes(tok);
    if (rc >= 0)
        rc = mark_begins(tok, u, err);
    for (size_t i = 0; i < tok->n; i++)
        if (tok->type[i] == SOV_TOK_NORMAL && tok->score[i] < least)
            least = tok->score[i];
    u->unknown = least - PENALTY;
    return rc < 0 ? rc : 0;
}

static void
ugm_drop(sov_tok *tok)
{
    struct ugm *u = tok->own;

    if (u == NULL)
        return;
    free(u->unit);
    free(u->text);
    free(u->begins);
    free(u);
    tok->own = NULL;
}

static size_t
ugm_piece(const sov_tok *tok, int32_t id, unsigned char *out)
{
    return sov_tok_piece_of(tok, id, true, out);
}

const struct sov_tokenizer sov_tokenizer_ugm = {
    .name = "t5",
    .bos = -1,
    .eos = 1,
    .unk = 2,
    .sep = -1,
    .add_eos = true,
    .prepare = ugm_prepare,
    .drop = ugm_drop,
    .piece = ugm_piece,
    .encode = ugm_encode,
};
