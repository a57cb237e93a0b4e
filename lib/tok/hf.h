/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hf.h - the file tokenizer.json of Hugging Face, and what was before it
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
    SOV_HF_UGM, /* unigram: "t5" */
};

struct sov_hf {
    json_t *json; /* owned; tokens borrow from it, or from texts */
    unsigned char *texts;
    enum sov_hf_kind kind;
    struct sov_spm vocab;  /* tokens, and unk */
    struct sov_buf merges; /* strings "left right", as GGUF has arrays */
    uint64_t n_merges;
    const struct sov_pre *pre;
    bool whole;              /* a piece that is a token is taken whole */
    bool nfc;                /* texts are normalized to form C */
    bool lower;              /* ... to small letters */
    bool strip;              /* ... and lose their accents */
    bool squeeze;            /* several spaces count as one */
    bool bytes;              /* what is in no token is spelled in bytes */
    struct sov_buf charsmap; /* what characters become before unigram */
    bool framed;             /* it says what texts begin and end with */
    int64_t first;           /* ... ids of these, -1 for nothing */
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
/* The same with the file parsed, which is taken over in any case. */
int sov_hf_take(struct sov_hf *hf, json_t *json,
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

/* ---- hf_old.c: the files that were before tokenizer.json */

struct sov_hf_old {
    struct sov_span words; /* vocab.txt, or nothing ... */
    struct sov_span vocab; /* ... and vocab.json with merges.txt */
    struct sov_span merges;
    const json_t *config;   /* tokenizer_config.json; each of them or NULL */
    const json_t *specials; /* special_tokens_map.json */
    const json_t *added;    /* added_tokens.json */
};

/* A tokenizer.json that says the same, in *json; json_decref() it. */
int sov_hf_modern(const struct sov_hf_old *old, json_t **json,
                  struct sov_err *err) SOV_MUST_CHECK;

/* ---- parts of hf.c */

/* A member that is a string, or NULL. */
const char *sov_hf_text(const json_t *obj, const char *name);

/* The part with this type in an object, or in the list that it is; or NULL. */
const json_t *sov_hf_part(const struct sov_hf *hf, const char *group,
                          const char *type);

/* The id of the token with this text; -1 for none, and for NULL. */
int64_t sov_hf_find(const struct sov_hf *hf, const char *text);

/* hf_vocab.c: model.vocab and added_tokens, in hf->vocab. */
int sov_hf_tokens(struct sov_hf *hf, const json_t *model,
                  struct sov_err *err) SOV_MUST_CHECK;

/* hf_rules.c: model.merges as rules, or as scores. */
int sov_hf_rules(struct sov_hf *hf, const json_t *model,
                 struct sov_err *err) SOV_MUST_CHECK;

/* hf_text.c: what else becomes of a text, and what stands around it. */
int sov_hf_changes(struct sov_hf *hf, struct sov_err *err) SOV_MUST_CHECK;

/* hf_pre.c: how texts are cut, in hf->pre. */
int sov_hf_pre(struct sov_hf *hf, struct sov_err *err) SOV_MUST_CHECK;

#endif
