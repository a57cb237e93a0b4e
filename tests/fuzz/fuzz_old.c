/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_old.c - any bytes as the files that were before tokenizer.json
 *
 * An input is up to five files, each ending with a line "%": vocab.txt, or
 * vocab.json and merges.txt if the first begins with a brace; then
 * tokenizer_config.json, special_tokens_map.json, added_tokens.json.
 */
#include "fuzz_tok.h"

#include "sov/meta.h"
#include "sov/token.h"
#include "tok/hf.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sov_span
next_file(const uint8_t **data, size_t *size)
{
    static const char end[] = "\n%\n";
    const uint8_t *at = memmem(*data, *size, end, strlen(end));
    struct sov_span s = { *data, at == NULL ? *size
                                            : (size_t)(at - *data) + 1 };
    size_t step = at == NULL ? *size : s.len + strlen(end) - 1;

    *data += step;
    *size -= step;
    return s;
}

static json_t *
next_json(const uint8_t **data, size_t *size)
{
    struct sov_span s = next_file(data, size);
    json_t *json = NULL;

    if (sov_json_parse(s.p, s.len, &json, NULL) < 0)
        return NULL;
    return json;
}

static void
take(json_t *json)
{
    static const char text[] = "abc ab Ab1,\n[SEP]<s> e\xcc\x81\xff";
    struct sov_hf hf;
    sov_meta *meta = NULL;
    sov_tok *tok = NULL;

    if (sov_hf_take(&hf, json, NULL) < 0)
        return;
    if (sov_meta_new(&meta, NULL) == 0 &&
        sov_spm_keys(&hf.vocab, meta, NULL) == 0 &&
        sov_hf_keys(&hf, meta, NULL) == 0 &&
        sov_tok_load(&tok, meta, NULL) == 0)
        fuzz_use_tok(tok, text, sizeof(text) - 1);
    sov_tok_free(tok);
    sov_meta_free(meta);
    sov_hf_free(&hf);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sov_hf_old old = { 0 };
    json_t *config, *specials, *added, *json = NULL;

    if (size > 0 && data[0] == '{') {
        old.vocab = next_file(&data, &size);
        old.merges = next_file(&data, &size);
    } else {
        old.words = next_file(&data, &size);
    }
    old.config = config = next_json(&data, &size);
    old.specials = specials = next_json(&data, &size);
    old.added = added = next_json(&data, &size);
    if (sov_hf_modern(&old, &json, NULL) == 0)
        take(json);
    json_decref(config);
    json_decref(specials);
    json_decref(added);
    return 0;
}
