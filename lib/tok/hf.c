/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hf.c - the file tokenizer.json of Hugging Face
 *
 *   model           which kind it is, its tokens and rules: hf_vocab.c and
 *                   hf_rules.c
 *   added_tokens    hf_vocab.c
 *   normalizer, pre_tokenizer, post_processor, decoder
 *                   an object with a type, or a Sequence of such: hf_text.c,
 *                   and how texts are cut: hf_pre.c
 *
 * BPE works on bytes where ByteLevel is among the parts, and on characters, as
 * SentencePiece does it, where it may fall back to bytes.  hf_keys.c writes
 * what was read as keys of GGUF.
 */
#include "tok/hf.h"

#include <stdlib.h>
#include <string.h>

/* ---- parts with a type */

const char *
sov_hf_text(const json_t *obj, const char *name)
{
    return json_string_value(json_object_get(obj, name));
}

static bool
has_type(const json_t *obj, const char *type)
{
    const char *s = sov_hf_text(obj, "type");

    return s != NULL && strcmp(s, type) == 0;
}

const json_t *
sov_hf_part(const struct sov_hf *hf, const char *group, const char *type)
{
    static const char *const lists[] = { "normalizers", "pretokenizers",
                                         "processors", "decoders" };
    const json_t *obj = json_object_get(hf->json, group);
    size_t i;
    json_t *part;

    if (has_type(obj, type))
        return obj;
    for (size_t k = 0; k < sizeof(lists) / sizeof(*lists); k++)
        json_array_foreach(json_object_get(obj, lists[k]), i, part)
        {
            if (has_type(part, type))
                return part;
        }
    return NULL;
}

/* ---- the file */

static int
find_kind(struct sov_hf *hf, const json_t *model, struct sov_err *err)
{
    const char *type = sov_hf_text(model, "type");

    hf->bytes = json_is_true(json_object_get(model, "byte_fallback"));
    if (type == NULL && json_is_array(json_object_get(model, "merges")))
        type = "BPE"; /* files of early versions do not say */
    if (type == NULL && json_is_array(json_object_get(model, "vocab")))
        type = "Unigram";
    if (type == NULL ||
        (strcmp(type, "WordPiece") != 0 && strcmp(type, "Unigram") != 0 &&
         strcmp(type, "BPE") != 0))
        return sov_fail(err, SOV_EUNSUP,
                        "tokenizers of the kind %.30s are not supported",
                        type != NULL ? type : "unknown");
    hf->kind = *type == 'W'   ? SOV_HF_WPM
               : *type == 'U' ? SOV_HF_UGM
               : hf->bytes    ? SOV_HF_SPM
                              : SOV_HF_BPE;
    if (*type != 'B')
        return 0;
    if (sov_hf_part(hf, "pre_tokenizer", "ByteLevel") != NULL ||
        sov_hf_part(hf, "decoder", "ByteLevel") != NULL)
        hf->kind = SOV_HF_BPE;
    else if (!hf->bytes)
        return sov_fail(err, SOV_EUNSUP,
                        "tokenizers of the kind BPE without bytes are not "
                        "supported");
    return 0;
}

static int
read_all(struct sov_hf *hf, struct sov_err *err)
{
    const json_t *model = json_object_get(hf->json, "model");
    int rc = find_kind(hf, model, err);

    if (rc == 0)
        rc = sov_hf_tokens(hf, model, err);
    if (rc == 0 && (hf->kind == SOV_HF_BPE || hf->kind == SOV_HF_SPM))
        rc = sov_hf_rules(hf, model, err);
    if (rc < 0)
        return rc;
    hf->whole = json_is_true(json_object_get(model, "ignore_merges"));
    rc = sov_hf_changes(hf, err);
    if (rc == 0 && hf->kind == SOV_HF_BPE)
        rc = sov_hf_pre(hf, err);
    return rc;
}

int
sov_hf_take(struct sov_hf *hf, json_t *json, struct sov_err *err)
{
    int rc;

    *hf = (struct sov_hf){
        .json = json,
        .vocab = { .unk = -1, .bos = -1, .eos = -1, .pad = -1 },
        .first = -1,
        .last = -1,
    };
    rc = read_all(hf, err);
    if (rc < 0)
        sov_hf_free(hf);
    return rc;
}

int
sov_hf_read(struct sov_hf *hf, const void *p, size_t len, struct sov_err *err)
{
    json_t *json;
    int rc = sov_json_parse(p, len, &json, err);

    return rc < 0 ? rc : sov_hf_take(hf, json, err);
}

void
sov_hf_free(struct sov_hf *hf)
{
    sov_spm_free(&hf->vocab);
    sov_buf_free(&hf->merges);
    sov_buf_free(&hf->lstrip);
    sov_buf_free(&hf->rstrip);
    sov_buf_free(&hf->charsmap);
    free(hf->texts);
    json_decref(hf->json);
    hf->texts = NULL;
    hf->json = NULL;
}
