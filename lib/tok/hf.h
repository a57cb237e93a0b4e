/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hf.h - the file tokenizer.json of Hugging Face
 */
#ifndef SOV_TOK_HF_H
#define SOV_TOK_HF_H

#include "base/buf.h"
#include "base/json.h"
#include "tok/pretok.h"
#include "tok/spm_model.h"

enum sov_hf_kind {
    SOV_HF_BPE, /* of bytes: tokenizer.ggml.model "gpt2" */
    SOV_HF_SPM, /* of characters, as SentencePiece does it: "llama" */
    SOV_HF_WPM, /* WordPiece: "bert" */
};

struct sov_hf {
    json_t *json; /* owned; tokens borrow from it, or from texts */
    unsigned char *texts;
    enum sov_hf_kind kind;
    struct sov_spm vocab;  /* tokens, and unk */
    struct sov_buf merges; /* strings "left right", as GGUF has arrays */
    uint64_t n_merges;
    const struct sov_pre *pre;
    bool whole; /* a piece that is a token is taken whole */
    bool nfc;   /* texts are normalized to form C */
    bool lower;
    bool strip;
    bool framed;   /* it says what texts begin and end with */
    int64_t first; /* ... ids of these, -1 for nothing */
    int64_t last;
    struct sov_buf lstrip; /* u32 ids that swallow white space before them */
    struct sov_buf rstrip; /* ... and behind them */
    const char *ignored;   /* a part that changes texts and is not done here */
};

/*
 * Parse the len bytes of the file.  A tokenizer that cannot be written as GGUF
 * keys is SOV_EUNSUP, and what it is of is named.
 */
int sov_hf_read(struct sov_hf *hf, const void *p, size_t len,
                struct sov_err *err) SOV_MUST_CHECK;
void sov_hf_free(struct sov_hf *hf);

/*
 * The keys that hf has beyond those of sov_spm_keys(), which came before;
 * scores go where they have no meaning.
 */
int sov_hf_keys(const struct sov_hf *hf, sov_meta *meta,
                struct sov_err *err) SOV_MUST_CHECK;

/* Some publishers forget to call their control tokens special. */
bool sov_hf_looks_special(const char *text);

/* hf_pre.c: how texts are cut, in hf->pre. */
int sov_hf_pre(struct sov_hf *hf, struct sov_err *err) SOV_MUST_CHECK;

#endif
