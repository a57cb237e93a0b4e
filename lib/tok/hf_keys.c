/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hf_keys.c - a tokenizer.json as keys of GGUF
 *
 * Those that all kinds share are written by spm_model.c; here is what each has
 * of its own (bpe_load.c, wpm.c and ugm.c say what the keys mean).
 */
#include "tok/hf.h"

#include "base/mem.h"

#include <string.h>

#define KEY "tokenizer.ggml."
#define CLS 101 /* what begins a text where no key says so: see wpm.c */

static int
put_ids(sov_meta *meta, const char *key, const struct sov_buf *b,
        struct sov_err *err)
{
    struct sov_kv kv = { .key = key,
                         .type = SOV_V_ARR,
                         .elem = SOV_V_U32,
                         .n = b->len / 4,
                         .val = { b->p, b->len } };

    if (b->bad)
        return sov_mem_fail(err);
    return b->len == 0 ? 0 : sov_meta_set(meta, &kv, err);
}

static int
put_rules(const struct sov_hf *hf, sov_meta *meta, struct sov_err *err)
{
    struct sov_kv kv = { .key = KEY "merges",
                         .type = SOV_V_ARR,
                         .elem = SOV_V_STR,
                         .n = hf->n_merges,
                         .val = { hf->merges.p, hf->merges.len } };
    char name[32];
    size_t n = strcspn(hf->pre->names, " ");
    int rc;

    memcpy(name, hf->pre->names, n < sizeof(name) ? n : sizeof(name) - 1);
    name[n < sizeof(name) ? n : sizeof(name) - 1] = '\0';
    rc = sov_meta_set_str(meta, KEY "model", "gpt2", err);
    if (rc == 0)
        rc = sov_meta_set_str(meta, KEY "pre", name, err);
    if (rc == 0)
        rc = sov_meta_set(meta, &kv, err);
    if (rc == 0 && hf->nfc)
        rc = sov_meta_set_bool(meta, "sov.tokenizer.nfc", true, err);
    if (rc == 0 && hf->whole != ((hf->pre->flags & SOV_PRE_WHOLE) != 0))
        rc = sov_meta_set_bool(meta, "sov.tokenizer.ignore_merges", hf->whole,
                               err);
    return rc;
}

static int
put_words(const struct sov_hf *hf, sov_meta *meta, struct sov_err *err)
{
    int rc = sov_meta_set_str(meta, KEY "model", "bert", err);

    if (rc == 0 && !hf->lower)
        rc = sov_meta_set_bool(meta, KEY "normalizer.lowercase", false, err);
    if (rc == 0 && hf->strip != hf->lower)
        rc = sov_meta_set_bool(meta, KEY "normalizer.strip_accents", hf->strip,
                               err);
    if (rc == 0 && hf->strip)
        rc = sov_meta_set_bool(meta, "sov.tokenizer.full_nfd", true, err);
    if (rc == 0 && hf->first >= 0 && hf->first != CLS)
        rc = sov_meta_set_u32(meta, KEY "bos_token_id", (uint32_t)hf->first,
                              err);
    if (rc == 0 && hf->first >= 0)
        rc = sov_meta_set_u32(meta, KEY "cls_token_id", (uint32_t)hf->first,
                              err);
    if (rc == 0 && hf->last >= 0)
        rc = sov_meta_set_u32(meta, KEY "seperator_token_id",
                              (uint32_t)hf->last, err);
    return rc;
}

static int
put_unigram(const struct sov_hf *hf, sov_meta *meta, struct sov_err *err)
{
    struct sov_kv kv = { .key = KEY "precompiled_charsmap",
                         .type = SOV_V_ARR,
                         .elem = SOV_V_U8,
                         .n = hf->charsmap.len,
                         .val = { hf->charsmap.p, hf->charsmap.len } };
    int rc = sov_meta_set_str(meta, KEY "model", "t5", err);

    /* no key would mean 1, whatever that is here */
    if (rc == 0 && sov_meta_find(meta, KEY "eos_token_id") == NULL)
        rc = sov_meta_set_u32(meta, KEY "eos_token_id",
                              hf->last >= 0 ? (uint32_t)hf->last : UINT32_MAX,
                              err);
    if (rc == 0)
        rc = sov_meta_set_bool(meta, KEY "add_space_prefix",
                               hf->vocab.add_prefix, err);
    if (rc == 0)
        rc = sov_meta_set_bool(meta, KEY "remove_extra_whitespaces",
                               hf->squeeze, err);
    if (rc == 0 && hf->charsmap.len > 0)
        rc = sov_meta_set(meta, &kv, err);
    if (rc == 0 && hf->bytes)
        rc = sov_meta_set_bool(meta, "sov.tokenizer.byte_fallback", true, err);
    return rc;
}

int
sov_hf_keys(const struct sov_hf *hf, sov_meta *meta, struct sov_err *err)
{
    int rc = 0;

    if (hf->kind == SOV_HF_BPE || hf->kind == SOV_HF_WPM)
        sov_meta_unset(meta, KEY "scores");
    if (hf->kind == SOV_HF_BPE)
        rc = put_rules(hf, meta, err);
    else if (hf->kind == SOV_HF_WPM)
        rc = put_words(hf, meta, err);
    else if (hf->kind == SOV_HF_UGM)
        rc = put_unigram(hf, meta, err);
    if (rc == 0 && hf->framed && hf->kind != SOV_HF_WPM) {
        rc = sov_meta_set_bool(meta, KEY "add_bos_token", hf->first >= 0, err);
        if (rc == 0)
            rc = sov_meta_set_bool(meta, KEY "add_eos_token", hf->last >= 0,
                                   err);
    }
    if (rc == 0)
        rc = put_ids(meta, "sov.tokenizer.lstrip", &hf->lstrip, err);
    if (rc == 0)
        rc = put_ids(meta, "sov.tokenizer.rstrip", &hf->rstrip, err);
    return rc;
}
