/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_sane.c - metadata that contradicts itself is not carried along
 */
#include "fmt_make.h"

#include "arch/sane.h"

#include <string.h>

/* A model of arch with one tensor of a layer, to be added to. */
static struct make
begin(const char *arch, const char *tensor)
{
    static const unsigned char zero[128];
    struct make mk = { 0 };

    if (arch != NULL)
        add_text(&mk, "general.architecture", arch);
    add_tensor(&mk, tensor, SOV_TYPE_F32, 1, 32, zero, sizeof(zero));
    return mk;
}

/* want NULL: nothing is wrong */
static void
judge(struct make *mk, const char *want)
{
    struct sov_buf b = finish(mk);
    sov_model *m = must_open(as_file(b), SOV_ACCESS_STREAM);
    struct sov_err err = { 0 };
    int rc = sov_model_sane(m, &err);

    if (want == NULL ? rc != 0 : rc != SOV_EFORMAT)
        ck_abort_msg("%d, %s", rc, err.msg);
    if (want != NULL && strstr(err.msg, want) == NULL)
        ck_abort_msg("\"%s\" does not say \"%s\"", err.msg, want);
    sov_model_close(m);
    sov_buf_free(&b);
}

START_TEST(what_is_missing_is_no_matter)
{
    struct make mk = begin("llama", "t");

    judge(&mk, NULL);
    mk = begin(NULL, "t");
    judge(&mk, NULL);
    mk = begin(NULL, "t");
    add_u32(&mk, "other", 1);
    judge(&mk, "general.architecture is missing");
}
END_TEST

START_TEST(numbers_are_possible)
{
    static const struct {
        const char *key;
        uint32_t v;
        const char *want;
    } row[] = {
        { "llama.block_count", 1, NULL },
        { "llama.block_count", 0, "llama.block_count is 0" },
        { "llama.block_count", 4294967295u, "not 1 to 4096" },
        { "llama.block_count", 2, "tensors are those of 1 layers" },
        { "llama.embedding_length", 0, "embedding_length is 0" },
        { "llama.attention.head_count", 0, "head_count is 0" },
        { "llama.attention.head_count", 32, NULL },
        { "other.block_count", 0, NULL },
    };
    struct make mk;

    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        mk = begin("llama", "blk.0.attn_q.weight");
        add_u32(&mk, row[i].key, row[i].v);
        judge(&mk, row[i].want);
    }
    mk = begin("llama", "blk.0.attn_q.weight");
    add_text(&mk, "llama.block_count", "one");
    judge(&mk, "is string, not an integer");
    mk = begin("mamba", "blk.0.ssm_in.weight"); /* has no heads */
    add_u32(&mk, "mamba.attention.head_count", 0);
    judge(&mk, NULL);
}
END_TEST

static void
add_list(struct make *mk, const char *key, uint32_t elem, uint64_t n)
{
    add_key(mk, key, SOV_V_ARR);
    put_u32(mk, &mk->keys, elem);
    put_u64(mk, &mk->keys, n);
    for (uint64_t i = 0; i < n; i++) {
        if (elem == SOV_V_STR)
            put_str(mk, &mk->keys, "t");
        else if (elem == SOV_V_U8)
            sov_buf_u8(&mk->keys, 1);
        else
            put_u32(mk, &mk->keys, 1);
    }
}

START_TEST(vocabularies_are_of_one_size)
{
    struct make mk = begin("llama", "t");

    add_list(&mk, "tokenizer.ggml.tokens", SOV_V_STR, 3);
    add_list(&mk, "tokenizer.ggml.scores", SOV_V_F32, 3);
    add_list(&mk, "tokenizer.ggml.token_type", SOV_V_I32, 3);
    judge(&mk, NULL);
    mk = begin("llama", "t");
    add_list(&mk, "tokenizer.ggml.tokens", SOV_V_STR, 3);
    add_list(&mk, "tokenizer.ggml.scores", SOV_V_U8, 3);
    judge(&mk, "scores is not an array of f32");
    mk = begin("llama", "t");
    add_list(&mk, "tokenizer.ggml.tokens", SOV_V_STR, 3);
    add_list(&mk, "tokenizer.ggml.token_type", SOV_V_I32, 4);
    judge(&mk, "token_type has 4 elements for 3 tokens");
    mk = begin("llama", "t");
    add_list(&mk, "tokenizer.ggml.tokens", SOV_V_U8, 3);
    judge(&mk, "tokens is not an array of strings");
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("sane");

    tcase_add_test(tc, what_is_missing_is_no_matter);
    tcase_add_test(tc, numbers_are_possible);
    tcase_add_test(tc, vocabularies_are_of_one_size);
    return unit_main("sane", tc);
}
