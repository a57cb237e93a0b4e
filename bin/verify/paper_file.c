/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paper_file.c - facts that anybody can read in the model's file
 */
#include "verify/paper.h"

#include "cli/progress.h"
#include "sov/quant.h"

#include <inttypes.h>
#include <string.h>

/* A number of the architecture; 0: none, or one for each layer. */
static uint64_t
number(const struct paper *p, const char *key)
{
    uint64_t v = 0;

    return sov_meta_arch_u64(p->meta, key, &v, NULL) == 0 ? v : 0;
}

static bool
string(const struct paper *p, const char *key, struct sov_span *s)
{
    return sov_meta_str(p->meta, key, s, NULL) == 0 && s->len > 0;
}

static void
put_string(FILE *f, struct sov_span s)
{
    for (size_t i = 0; i < s.len; i++)
        fputc(s.p[i] != '\0' && s.p[i] != '\n' ? s.p[i] : ' ', f);
}

void
paper_fact_name(const struct paper *p, struct paper_pen *pen)
{
    struct sov_span s;

    if (!string(p, "general.name", &s))
        return;
    put_string(pen->f, s);
    pen->from = PAPER_HEADER;
}

void
paper_fact_architecture(const struct paper *p, struct paper_pen *pen)
{
    static const char *const part[][2] = {
        { "block_count", "layers" },
        { "embedding_length", "width" },
        { "attention.head_count", "heads" },
        { "attention.head_count_kv", "heads of keys and values" },
        { "feed_forward_length", "width of the feed-forward part" },
        { "expert_count", "experts" },
        { "expert_used_count", "experts used for a token" },
    };
    struct sov_span s;

    if (!string(p, "general.architecture", &s))
        return;
    put_string(pen->f, s);
    for (size_t i = 0; i < sizeof(part) / sizeof(part[0]); i++) {
        uint64_t v = number(p, part[i][0]);

        if (v > 0)
            fprintf(pen->f, ", %s %" PRIu64, part[i][1], v);
    }
}

/* 1234567 as 1,234,567 */
static void
put_count(FILE *f, uint64_t n)
{
    char text[24];
    size_t len = (size_t)snprintf(text, sizeof(text), "%" PRIu64, n);

    for (size_t i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            fputc(',', f);
        fputc(text[i], f);
    }
}

void
paper_fact_parameters(const struct paper *p, struct paper_pen *pen)
{
    put_count(pen->f, p->parameters);
}

void
paper_fact_weights(const struct paper *p, struct paper_pen *pen)
{
    uint64_t bytes[SOV_TYPE_GGUF_MAX] = { 0 };
    uint64_t mix;
    int most = -1;

    for (size_t i = 0; i < sov_model_count(p->model); i++) {
        const struct sov_tensor *t = sov_model_at(p->model, i);

        if (t->type >= 0 && t->type < SOV_TYPE_GGUF_MAX)
            bytes[t->type] += t->size;
    }
    for (int i = 0; i < SOV_TYPE_GGUF_MAX; i++)
        if (bytes[i] > 0 && (most < 0 || bytes[i] > bytes[most]))
            most = i;
    if (most < 0 || p->parameters == 0)
        return;
    fprintf(pen->f, "%.2f bits each, %s%s",
            8 * (double)p->bytes / (double)p->parameters,
            bytes[most] == p->bytes ? "all " : "mostly ",
            sov_type_info(most)->name);
    if (sov_meta_u64(p->meta, "general.file_type", &mix, NULL) == 0 &&
        sov_quant_file_type(mix) != NULL &&
        strcmp(sov_quant_file_type(mix), sov_type_info(most)->name) != 0)
        fprintf(pen->f, " (%s)", sov_quant_file_type(mix));
}

void
paper_fact_format(const struct paper *p, struct paper_pen *pen)
{
    const char *format = sov_model_format(p->model);
    uint64_t bytes = 0;

    for (size_t i = 0; i < p->set.n; i++)
        bytes += p->set.file[i].digest.size;
    fprintf(pen->f, "%s, %zu file%s, ",
            strcmp(format, "gguf") == 0          ? "GGUF"
            : strcmp(format, "huggingface") == 0 ? "Hugging Face folder"
                                                 : format,
            p->set.n, p->set.n == 1 ? "" : "s");
    put_count(pen->f, bytes);
    fputs(" bytes", pen->f);
}

static bool
has_words(const struct paper *p)
{
    return sov_meta_find(p->meta, "tokenizer.ggml.tokens") != NULL;
}

void
paper_fact_modality(const struct paper *p, struct paper_pen *pen)
{
    if (has_words(p))
        fprintf(pen->f, "text in, %s out",
                number(p, "pooling_type") > 0 ? "a vector of numbers" : "text");
}

void
paper_fact_context(const struct paper *p, struct paper_pen *pen)
{
    uint64_t n = number(p, "context_length");

    if (n > 0) {
        put_count(pen->f, n);
        fputs(" tokens, input and output together", pen->f);
    }
}

void
paper_fact_vocabulary(const struct paper *p, struct paper_pen *pen)
{
    const struct sov_kv *kv = sov_meta_find(p->meta, "tokenizer.ggml.tokens");
    struct sov_span s;

    if (kv == NULL)
        return;
    put_count(pen->f, kv->n);
    fputs(" tokens", pen->f);
    if (string(p, "tokenizer.ggml.model", &s)) {
        fputs(", tokenizer ", pen->f);
        put_string(pen->f, s);
    }
}

void
paper_fact_template(const struct paper *p, struct paper_pen *pen)
{
    struct sov_span s;

    if (has_words(p))
        fputs(string(p, "tokenizer.chat_template", &s)
                  ? "yes: it was made for conversations"
                  : "none: it continues a text",
              pen->f);
}

void
paper_fact_digests(const struct paper *p, struct paper_pen *pen)
{
    char hex[65];

    for (size_t i = 0; i < p->set.n; i++) {
        const struct sov_claim_file *file = &p->set.file[i];

        fputs(i > 0 ? "\n" : "", pen->f);
        paper_hex(hex, file->digest.sha256);
        put_string(pen->f, (struct sov_span){ (const unsigned char *)file->name,
                                              strlen(file->name) });
        fprintf(pen->f, ": sha256 %s", hex);
        paper_hex(hex, file->digest.verity);
        fprintf(pen->f, ", fs-verity sha256 %s", hex);
    }
}

/* What publishers write into the file about licence, author, origin. */
void
paper_fact_header(const struct paper *p, struct paper_pen *pen)
{
    static const char *const keys[] = {
        "general.author",       "general.organization",
        "general.version",      "general.license",
        "general.license.link", "general.url",
        "general.repo_url",     "general.source.url",
        "general.description",  "general.base_model.0.name",
    };
    const char *before = "";
    struct sov_span s;

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (!string(p, keys[i], &s) || s.len > 1000)
            continue;
        fprintf(pen->f, "%s%s: ", before, keys[i]);
        put_string(pen->f, s);
        before = "\n";
    }
    pen->from = PAPER_HEADER;
}
