/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_arch.c - unit tests of lib/arch: hyper-parameters and tensors that do not
 * fit together, and the golden logits of stock llama.cpp
 *
 * golden_*: in shared/golden/arch beside the source tree; skipped with a line
 * where that folder is absent.
 */
#include "tiny.h"

#include "arch/arch.h"
#include "base/le.h"
#include "sov/run.h"

#include <jansson.h>
#include <math.h>

/* ---- metadata that is wrong; each names what must be in the message */

#define SET_U32(name, key, value) \
    static void name(sov_meta *m) \
    { \
        ck_assert_int_eq(sov_meta_set_u32(m, "llama." key, value, NULL), 0); \
    }
#define SET_F32(name, key, value) \
    static void name(sov_meta *m) \
    { \
        ck_assert_int_eq(sov_meta_set_f32(m, "llama." key, value, NULL), 0); \
    }
#define UNSET(name, key) \
    static void name(sov_meta *m) \
    { \
        sov_meta_unset(m, "llama." key); \
    }

SET_U32(no_blocks, "block_count", 0)
SET_U32(one_block, "block_count", 1)
SET_U32(three_blocks, "block_count", 3)
SET_U32(endless_blocks, "block_count", UINT32_MAX)
SET_U32(no_heads, "attention.head_count", 0)
SET_U32(odd_heads, "attention.head_count", 3)
SET_U32(many_heads, "attention.head_count", UINT32_MAX)
SET_U32(wide_values, "attention.value_length", 1 << 23)
SET_U32(eight_heads, "attention.head_count", 8)
SET_U32(no_kv_heads, "attention.head_count_kv", 0)
SET_U32(three_kv_heads, "attention.head_count_kv", 3)
SET_U32(four_kv_heads, "attention.head_count_kv", 4)
SET_U32(no_width, "embedding_length", 0)
SET_U32(other_width, "embedding_length", 512)
SET_U32(great_width, "embedding_length", UINT32_MAX)
SET_U32(no_ff, "feed_forward_length", 0)
SET_U32(other_ff, "feed_forward_length", 1024)
SET_U32(no_context, "context_length", 0)
SET_U32(no_key, "attention.key_length", 0)
SET_U32(great_key, "attention.key_length", 1u << 24)
SET_U32(odd_rope, "rope.dimension_count", 31)
SET_U32(long_rope, "rope.dimension_count", 128)
SET_U32(experts, "expert_count", 8)
SET_F32(eps_nan, "attention.layer_norm_rms_epsilon", NAN)
SET_F32(eps_inf, "attention.layer_norm_rms_epsilon", INFINITY)
SET_F32(eps_zero, "attention.layer_norm_rms_epsilon", 0)
SET_F32(eps_minus, "attention.layer_norm_rms_epsilon", -1e-5f)
SET_F32(base_nan, "rope.freq_base", NAN)
SET_F32(base_zero, "rope.freq_base", 0)
SET_F32(base_tiny, "rope.freq_base", 1e-8f)
SET_F32(factor_tiny, "rope.scaling.factor", 1e-30f)
SET_F32(factor_minus, "rope.scaling.factor", -1)
SET_F32(scale_nan, "attention.scale", NAN)
UNSET(lost_blocks, "block_count")
UNSET(lost_heads, "attention.head_count")
UNSET(lost_eps, "attention.layer_norm_rms_epsilon")
UNSET(lost_context, "context_length")

static void
heads_text(sov_meta *m)
{
    ck_assert_int_eq(
        sov_meta_set_str(m, "llama.attention.head_count", "four", NULL), 0);
}

static void
yarn(sov_meta *m)
{
    ck_assert_int_eq(
        sov_meta_set_str(m, "llama.rope.scaling.type", "yarn", NULL), 0);
}

static void
other_arch(sov_meta *m)
{
    ck_assert_int_eq(
        sov_meta_set_str(m, "general.architecture", "mamba", NULL), 0);
}

static void
no_arch(sov_meta *m)
{
    sov_meta_unset(m, "general.architecture");
}

static void
set_heads(sov_meta *m, enum sov_vtype elem, const void *p, size_t len,
          uint64_t n)
{
    struct sov_kv kv = { .key = "llama.attention.head_count",
                         .type = SOV_V_ARR, .elem = elem, .n = n,
                         .val = { p, len } };

    ck_assert_int_eq(sov_meta_set(m, &kv, NULL), 0);
}

static void
three_numbers(sov_meta *m)
{
    set_heads(m, SOV_V_U32, "\4\0\0\0\4\0\0\0\4\0\0\0", 12, 3);
}

static void
zero_in_array(sov_meta *m)
{
    set_heads(m, SOV_V_U32, "\4\0\0\0\0\0\0\0", 8, 2);
}

static void
minus_in_array(sov_meta *m)
{
    set_heads(m, SOV_V_I32, "\4\0\0\0\377\377\377\377", 8, 2);
}

static void
floats_in_array(sov_meta *m)
{
    set_heads(m, SOV_V_F32, "\0\0\200\77\0\0\200\77", 8, 2);
}

static void
good_array(sov_meta *m)
{
    set_heads(m, SOV_V_I32, "\4\0\0\0\4\0\0\0", 8, 2);
}

struct bad {
    void (*change)(sov_meta *meta);
    const char *leave_out;
    const char *misshape;
    const char *says;
};

static const struct bad bads[] = {
    { no_blocks, NULL, NULL, "block_count" },
    { one_block, NULL, NULL, "block_count" },
    { three_blocks, NULL, NULL, "blk.2." },
    { endless_blocks, NULL, NULL, "block_count" },
    { no_heads, NULL, NULL, "head_count" },
    { odd_heads, NULL, NULL, "head" },
    { many_heads, NULL, NULL, "head_count" },
    { wide_values, NULL, NULL, "heads of 8388608" },
    { eight_heads, NULL, NULL, "attn_k" },
    { no_kv_heads, NULL, NULL, "head_count_kv" },
    { three_kv_heads, NULL, NULL, "heads" },
    { four_kv_heads, NULL, NULL, "attn_k" },
    { no_width, NULL, NULL, "embedding_length" },
    { other_width, NULL, NULL, "token_embd" },
    { great_width, NULL, NULL, "embedding_length" },
    { no_ff, NULL, NULL, "feed_forward" },
    { other_ff, NULL, NULL, "ffn_gate" },
    { no_context, NULL, NULL, "context_length" },
    { no_key, NULL, NULL, "key_length" },
    { great_key, NULL, NULL, "heads of 16777216" },
    { odd_rope, NULL, NULL, "dimension_count" },
    { long_rope, NULL, NULL, "dimension_count" },
    { experts, NULL, NULL, "experts" },
    { eps_nan, NULL, NULL, "epsilon" },
    { eps_inf, NULL, NULL, "epsilon" },
    { eps_zero, NULL, NULL, "epsilon" },
    { eps_minus, NULL, NULL, "epsilon" },
    { base_nan, NULL, NULL, "freq_base" },
    { base_zero, NULL, NULL, "freq_base" },
    { base_tiny, NULL, NULL, "rotary" },
    { factor_tiny, NULL, NULL, "rotary" },
    { factor_minus, NULL, NULL, "factor" },
    { scale_nan, NULL, NULL, "attention.scale" },
    { lost_blocks, NULL, NULL, "block_count" },
    { lost_heads, NULL, NULL, "head_count" },
    { lost_eps, NULL, NULL, "epsilon" },
    { lost_context, NULL, NULL, "context_length" },
    { heads_text, NULL, NULL, "head_count" },
    { yarn, NULL, NULL, "yarn" },
    { other_arch, NULL, NULL, "mamba" },
    { no_arch, NULL, NULL, "general.architecture" },
    { three_numbers, NULL, NULL, "head_count" },
    { zero_in_array, NULL, NULL, "head_count" },
    { minus_in_array, NULL, NULL, "head_count" },
    { floats_in_array, NULL, NULL, "head_count" },
    { NULL, "token_embd.weight", NULL, "token_embd" },
    { NULL, "output_norm.weight", NULL, "output_norm" },
    { NULL, "blk.1.ffn_down.weight", NULL, "blk.1.ffn_down" },
    { NULL, "blk.0.attn_norm.weight", NULL, "blk.0.attn_norm" },
    { NULL, NULL, "blk.0.attn_norm.weight", "blk.0.attn_norm" },
    { NULL, NULL, "blk.1.attn_v.weight", "blk.1.attn_v" },
    { NULL, NULL, "blk.1.attn_v.bias", "blk.1.attn_v.bias" },
    { NULL, NULL, "output.weight", "output.weight" },
    { NULL, NULL, "rope_freqs.weight", "rope_freqs" },
};

START_TEST(what_does_not_fit_is_named)
{
    const struct bad *bad = &bads[_i];
    struct tiny t = { .type = SOV_TYPE_F32, .biases = true,
                      .rope_freqs = true, .change = bad->change,
                      .leave_out = bad->leave_out, .misshape = bad->misshape };
    sov_model *model = tiny_open(&t);
    struct sov_err err = { 0 };
    sov_session *session;

    ck_assert_int_lt(sov_session_open(&session, model, NULL, &err), 0);
    ck_assert_ptr_null(session);
    ck_assert(err.rc == SOV_EFORMAT || err.rc == SOV_EUNSUP);
    ck_assert_msg(strstr(err.msg, bad->says) != NULL, "%s: %s", bad->says,
                  err.msg);
    sov_model_close(model);
}
END_TEST

static void
assert_opens(const struct tiny *t)
{
    sov_model *model = tiny_open(t);
    struct sov_err err = { 0 };
    sov_session *session;

    ck_assert_msg(sov_session_open(&session, model, NULL, &err) == 0, "%s",
                  err.msg);
    ck_assert_int_eq(sov_session_vocab(session), TINY_VOCAB);
    ck_assert_int_eq(sov_session_ctx(session), TINY_CTX);
    sov_session_close(session);
    sov_model_close(model);
}

START_TEST(what_fits_opens)
{
    assert_opens(&(struct tiny){ .type = SOV_TYPE_F32 });
    assert_opens(&(struct tiny){ .type = SOV_TYPE_F32, .tied = true });
    assert_opens(&(struct tiny){ .type = SOV_TYPE_F16, .fused = true });
    assert_opens(&(struct tiny){ .type = SOV_TYPE_Q4_K, .biases = true });
    assert_opens(&(struct tiny){ .type = SOV_TYPE_Q8_0,
                                 .change = good_array });
}
END_TEST

START_TEST(a_stream_is_refused)
{
    struct tiny t = { .type = SOV_TYPE_F32 };
    struct sov_err err = { 0 };
    sov_session *session;
    sov_model *model;

    tiny_make(&t, tiny_path());
    ck_assert_int_eq(
        sov_model_open(&model, tiny_path(), SOV_ACCESS_STREAM, &err), 0);
    unlink(tiny_path());
    ck_assert_int_eq(sov_session_open(&session, model, NULL, &err), SOV_EARG);
    sov_model_close(model);
}
END_TEST

/* ---- against stock llama.cpp */

#define GOLDEN_IDS 48

static char golden_dir[4096];

static bool
golden_is_here(void)
{
    const char *top = getenv("top_srcdir");
    char path[4200];

    snprintf(golden_dir, sizeof(golden_dir), "%s/../shared/golden/arch/",
             top != NULL ? top : ".");
    snprintf(path, sizeof(path), "%sllama.gguf", golden_dir);
    return access(path, R_OK) == 0;
}

static void
golden_ids(const char *name, int32_t ids[GOLDEN_IDS])
{
    char path[4200];
    json_error_t error;
    json_t *json;

    snprintf(path, sizeof(path), "%s%s.json", golden_dir, name);
    json = json_load_file(path, 0, &error);
    ck_assert_msg(json != NULL, "%s: %s", path, error.text);
    for (int i = 0; i < GOLDEN_IDS; i++)
        ids[i] = (int32_t)json_integer_value(
            json_array_get(json_object_get(json, "tokens"), (size_t)i));
    json_decref(json);
}

/* Mean squared error of the logits over the mean square of the golden ones. */
static double
golden_error(const char *name, bool precise, enum sov_kv_form kv)
{
    struct sov_session_opts opts = { .precise = precise,
                                     .kv = kv,
                                     .n_logits = GOLDEN_IDS };
    int32_t ids[GOLDEN_IDS];
    char path[4200];
    unsigned char number[4];
    double error = 0;
    double size = 0;
    sov_session *session;
    sov_model *model;
    struct sov_err err;
    FILE *f;

    golden_ids(name, ids);
    snprintf(path, sizeof(path), "%s%s.gguf", golden_dir, name);
    ck_assert_msg(sov_model_open(&model, path, SOV_ACCESS_MAP, &err) == 0,
                  "%s", err.msg);
    ck_assert_msg(sov_session_open(&session, model, &opts, &err) == 0, "%s",
                  err.msg);
    ck_assert_int_eq(sov_session_eval(session, ids, GOLDEN_IDS,
                                      SOV_LOGITS_ALL, &err), 0);
    snprintf(path, sizeof(path), "%s%s.f32", golden_dir, name);
    f = fopen(path, "rb");
    ck_assert_ptr_nonnull(f);
    for (size_t i = 0; i < GOLDEN_IDS; i++)
        for (size_t j = 0; j < sov_session_vocab(session); j++) {
            double want, got = (double)sov_session_logits(session, i)[j];

            ck_assert_int_eq(fread(number, 1, 4, f), 4);
            want = (double)sov_lef32(number);
            error += (got - want) * (got - want);
            size += want * want;
        }
    fclose(f);
    sov_session_close(session);
    sov_model_close(model);
    return error / size;
}

static const char *const golden_names[] = { "llama", "llama31", "llama-bias" };

START_TEST(golden_precise)
{
    double error = golden_error(golden_names[_i], true, SOV_KV_AUTO);

    ck_assert_msg(error <= 1e-9, "%s: %g", golden_names[_i], error);
}
END_TEST

START_TEST(golden_fast)
{
    double error = golden_error(golden_names[_i], false, SOV_KV_F16);

    ck_assert_msg(error <= 1e-5, "%s: %g", golden_names[_i], error);
}
END_TEST

/* Eight bits of keys and values, which the golden ones did not have. */
START_TEST(golden_q8)
{
    double error = golden_error(golden_names[_i], false, SOV_KV_AUTO);

    ck_assert_msg(error <= 1e-3, "%s: %g", golden_names[_i], error);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("arch");
    int n = (int)(sizeof(bads) / sizeof(bads[0]));

    tcase_add_loop_test(tc, what_does_not_fit_is_named, 0, n);
    tcase_add_test(tc, what_fits_opens);
    tcase_add_test(tc, a_stream_is_refused);
    if (golden_is_here()) {
        tcase_add_loop_test(tc, golden_precise, 0, 3);
        tcase_add_loop_test(tc, golden_fast, 0, 3);
        tcase_add_loop_test(tc, golden_q8, 0, 3);
    } else {
        printf("golden logits are not here: not compared\n");
    }
    return unit_main("arch", tc);
}
