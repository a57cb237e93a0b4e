/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hf_text.c - what a tokenizer.json does to a text beside cutting it
 *
 *   normalizer      NFC, BertNormalizer, or the parts of which it is made;
 *                   Precompiled { precompiled_charsmap in base64 } and
 *                   Replace { " {2,}" } of unigram; Prepend
 *   pre_tokenizer   Metaspace: whether a space stands before a text;
 *                   WhitespaceSplit: spaces but one in a row are lost
 *   post_processor  what a text begins and ends with
 *
 * What changes a text otherwise is named in hf->ignored.
 */
#include "tok/hf.h"

#include "base/mem.h"

#include <string.h>

/* ---- base64 (RFC 4648, section 4) */

static int
digit_of(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c == '\0' ? NULL : strchr(digits, c);

    return at == NULL ? -1 : (int)(at - digits);
}

/* False for what is none; up to two signs "=" end it. */
static bool
from_base64(const char *s, struct sov_buf *b)
{
    uint32_t bits = 0;
    size_t n = 0;

    for (; *s != '\0' && *s != '='; s++, n++) {
        int d = digit_of(*s);

        if (d < 0)
            return false;
        bits = bits << 6 | (uint32_t)d;
        if (n % 4 != 0)
            sov_buf_u8(b, (uint8_t)(bits >> (6 - n % 4 * 2)));
    }
    for (; *s == '=' && n % 4 > 1; s++)
        n++;
    return *s == '\0' && n % 4 == 0;
}

/* ---- changes */

static const json_t *
in_text(const struct sov_hf *hf, const char *type)
{
    return sov_hf_part(hf, "normalizer", type);
}

/* Is what this expression matches replaced, wherever in the list? */
static bool
replaces(const struct sov_hf *hf, const char *regex)
{
    const json_t *all = json_object_get(hf->json, "normalizer");
    const json_t *list = json_object_get(all, "normalizers");
    size_t n = json_is_array(list) ? json_array_size(list) : 1;

    for (size_t i = 0; i < n; i++) {
        const json_t *part =
            json_is_array(list) ? json_array_get(list, i) : all;
        const char *s = sov_hf_text(json_object_get(part, "pattern"), "Regex");

        if (s != NULL && strcmp(s, regex) == 0)
            return true;
    }
    return false;
}

static void
name_ignored(struct sov_hf *hf)
{
    static const struct {
        const char *type;
        unsigned done; /* bits of the kinds that do it */
    } parts[] = {
        { "NFC", 1u << SOV_HF_BPE },
        { "NFKC", 0 },
        { "NFD", 1u << SOV_HF_WPM },
        { "NFKD", 0 },
        { "Lowercase", 1u << SOV_HF_WPM },
        { "StripAccents", 1u << SOV_HF_WPM },
        { "Strip", 1u << SOV_HF_UGM },
        { "Nmt", 0 },
        { "Precompiled", 1u << SOV_HF_UGM },
        { "BertNormalizer", 1u << SOV_HF_WPM },
    };

    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
        if ((parts[i].done >> hf->kind & 1) == 0 &&
            in_text(hf, parts[i].type) != NULL)
            hf->ignored = parts[i].type;
    if (hf->kind == SOV_HF_BPE &&
        json_is_true(json_object_get(
            sov_hf_part(hf, "pre_tokenizer", "ByteLevel"), "add_prefix_space")))
        hf->ignored = "add_prefix_space";
}

static void
read_words(struct sov_hf *hf)
{
    const json_t *bert = in_text(hf, "BertNormalizer");
    const json_t *strip = json_object_get(bert, "strip_accents");

    if (bert == NULL) {
        hf->lower = in_text(hf, "Lowercase") != NULL;
        hf->strip = in_text(hf, "StripAccents") != NULL;
        return;
    }
    hf->lower = json_is_true(json_object_get(bert, "lowercase"));
    hf->strip = json_is_boolean(strip) ? json_is_true(strip) : hf->lower;
    if (json_is_false(json_object_get(bert, "handle_chinese_chars")))
        hf->ignored = "handle_chinese_chars";
}

static int
read_unigram(struct sov_hf *hf, struct sov_err *err)
{
    const json_t *map =
        json_object_get(in_text(hf, "Precompiled"), "precompiled_charsmap");

    hf->squeeze = replaces(hf, " {2,}") ||
                  sov_hf_part(hf, "pre_tokenizer", "WhitespaceSplit") != NULL;
    if (map == NULL || json_is_null(map))
        return 0;
    if (!json_is_string(map) ||
        !from_base64(json_string_value(map), &hf->charsmap))
        return sov_fail(err, SOV_EFORMAT, "precompiled_charsmap is not base64");
    return hf->charsmap.bad ? sov_mem_fail(err) : 0;
}

/* Is a space put before a text that nobody typed? */
static bool
adds_prefix(const struct sov_hf *hf)
{
    const json_t *mark = sov_hf_part(hf, "pre_tokenizer", "Metaspace");
    const char *scheme = sov_hf_text(mark, "prepend_scheme");

    if (in_text(hf, "Prepend") != NULL)
        return true;
    if (mark == NULL)
        return false;
    if (scheme != NULL)
        return strcmp(scheme, "never") != 0;
    return !json_is_false(json_object_get(mark, "add_prefix_space"));
}

/* ---- what stands around a text */

/* The token that a frame names, at its beginning or its end. */
static int64_t
special_at(const struct sov_hf *hf, const json_t *list, size_t i)
{
    return sov_hf_find(hf, sov_hf_text(json_object_get(json_array_get(list, i),
                                                       "SpecialToken"),
                                       "id"));
}

static int64_t
pair_id(const struct sov_hf *hf, const json_t *obj, const char *name)
{
    return sov_hf_find(
        hf, json_string_value(json_array_get(json_object_get(obj, name), 0)));
}

static void
read_frame(struct sov_hf *hf)
{
    const json_t *post =
        sov_hf_part(hf, "post_processor", "TemplateProcessing");
    const json_t *list = json_object_get(post, "single");

    hf->first = hf->last = -1;
    if (json_array_size(list) > 0) {
        hf->framed = true;
        hf->first = special_at(hf, list, 0);
        if (json_array_size(list) > 1)
            hf->last = special_at(hf, list, json_array_size(list) - 1);
        return;
    }
    post = sov_hf_part(hf, "post_processor", "BertProcessing");
    if (post == NULL)
        post = sov_hf_part(hf, "post_processor", "RobertaProcessing");
    if (post != NULL) {
        hf->framed = true;
        hf->first = pair_id(hf, post, "cls");
        hf->last = pair_id(hf, post, "sep");
    }
}

int
sov_hf_changes(struct sov_hf *hf, struct sov_err *err)
{
    hf->nfc = in_text(hf, "NFC") != NULL;
    name_ignored(hf);
    if (hf->kind == SOV_HF_WPM)
        read_words(hf);
    read_frame(hf);
    hf->vocab.add_prefix = adds_prefix(hf);
    return hf->kind == SOV_HF_UGM ? read_unigram(hf, err) : 0;
}
