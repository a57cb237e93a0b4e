/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_proof.c - unit tests of proofs of answers
 *
 * The digests below are those that Python's hashlib gives of the texts drawn in
 * sov/proof.h.
 */
#include "unit.h"

#include "sov/proof.h"

#include <stdio.h>
#include <string.h>

static struct sov_digest
digest(unsigned char last, uint64_t size)
{
    struct sov_digest d = { .has = SOV_HASH_VERITY, .size = size };

    d.verity[SOV_SHA256_LEN - 1] = last;
    return d;
}

static sov_proof *
make(const struct sov_proof_opts *o)
{
    struct sov_err err = { 0 };
    sov_proof *p = NULL;

    ck_assert_msg(sov_proof_new(&p, o, &err) == 0, "%s", err.msg);
    return p;
}

static const struct sov_sampler_opts warm = {
    .temp = 0.8f,
    .top_k = 40,
    .top_p = 0.95f,
    .min_p = 0.05f,
    .repeat_penalty = 1.1f,
    .repeat_last = 64,
    .seed = 7,
};

START_TEST(a_proof_is_what_the_picture_says)
{
    const struct sov_digest d[] = { digest(9, 34), digest(7, 12),
                                    digest(11, 56) };
    const struct sov_proof_file files[] = { { "b", &d[0] }, { "a", &d[1] } };
    const struct sov_proof_file adapter = { "x\n", &d[2] };
    const float scale = 0.8f;
    const struct sov_proof_opts opts = {
        .file = files,
        .n_files = 2,
        .adapter = &adapter,
        .scale = &scale,
        .n_adapters = 1,
    };
    const int32_t ids[] = { 1, 5, 4095, 0, 17 };
    char out[SOV_PROOF_LEN + 1];
    sov_proof *p = make(&opts);

    ck_assert_int_eq(sov_proof_answer(p, &warm, ids, 3, 5, out, NULL), 0);
    ck_assert_str_eq(out, "sov-proof-v1:5ab4a3c7137f9c32f1b1803a8f5a6025"
                          "1c43887bf7108f247d1f5d11048ea610");
    ck_assert(sov_proof_is(out));
    sov_proof_free(p);
}
END_TEST

START_TEST(what_has_no_effect_is_not_in_it)
{
    const struct sov_digest d = digest(7, 12);
    const struct sov_proof_file file = { "any.gguf", &d };
    const struct sov_proof_opts opts = {
        .file = &file,
        .n_files = 1,
        .precise = true,
    };
    struct sov_sampler_opts s = warm;
    const int32_t ids[] = { 9 };
    char out[SOV_PROOF_LEN + 1], other[SOV_PROOF_LEN + 1];
    sov_proof *p = make(&opts);

    s.temp = 0;
    s.repeat_penalty = 1;
    ck_assert_int_eq(sov_proof_answer(p, &s, ids, 1, 1, out, NULL), 0);
    ck_assert_str_eq(out, "sov-proof-v1:f9966e58abd366315217c219415093d0"
                          "22e788ed86dc34320386d7bd226c7533");
    s = (struct sov_sampler_opts){ .repeat_penalty = 1 };
    ck_assert_int_eq(sov_proof_answer(p, &s, ids, 1, 1, other, NULL), 0);
    ck_assert_str_eq(out, other);
    sov_proof_free(p);
}
END_TEST

/* All proofs of these are different. */
START_TEST(what_has_an_effect_is_in_it)
{
    const struct sov_digest d[] = { digest(1, 5), digest(2, 5), digest(1, 6) };
    const float half = 0.5f;
    const struct sov_proof_file file[] = {
        { "a", &d[0] }, { "a", &d[1] }, { "a", &d[2] }, { "b", &d[1] }
    };
    const struct sov_proof_opts opts[] = {
        { .file = &file[0], .n_files = 1 },
        { .file = &file[1], .n_files = 1 },
        { .file = &file[2], .n_files = 1 },
        { .file = &file[2], .n_files = 2 },
        { .file = &file[0], .n_files = 1, .precise = true },
        { .file = &file[0], .n_files = 1, .kv = SOV_KV_F16 },
        { .file = &file[0], .n_files = 1, .kv = SOV_KV_BF16 },
        { .file = &file[0], .n_files = 1, .kv = SOV_KV_F32 },
        { .file = &file[0],
          .n_files = 1,
          .adapter = &file[1],
          .scale = &half,
          .n_adapters = 1 },
    };
    const size_t n_opts = sizeof(opts) / sizeof(*opts);
    struct sov_sampler_opts s[8];
    const int32_t ids[] = { 1, 23, 4 };
    char out[32][SOV_PROOF_LEN + 1];
    size_t n = 0;

    for (size_t i = 0; i < 8; i++)
        s[i] = warm;
    s[1].temp = 1;
    s[2].top_k = 41;
    s[3].top_p = 1;
    s[4].min_p = 0;
    s[5].repeat_penalty = 1.2f;
    s[6].repeat_last = 65;
    s[7].seed = 8;
    for (size_t i = 0; i < n_opts; i++) {
        sov_proof *p = make(&opts[i]);

        for (size_t k = 0; k < (i == 0 ? 8 : 1); k++, n++)
            ck_assert_int_eq(
                sov_proof_answer(p, &s[k], ids, 1, 3, out[n], NULL), 0);
        if (i == 0) {
            ck_assert_int_eq(
                sov_proof_answer(p, &warm, ids, 2, 3, out[n++], NULL), 0);
            ck_assert_int_eq(
                sov_proof_answer(p, &warm, ids, 1, 2, out[n++], NULL), 0);
        }
        sov_proof_free(p);
    }
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++)
            ck_assert_str_ne(out[i], out[k]);
}
END_TEST

START_TEST(without_digests_there_is_none)
{
    struct sov_digest d = digest(1, 5);
    struct sov_proof_file file[] = { { "a", &d }, { "b\nc", &d } };
    struct sov_proof_opts opts = { .file = file };
    sov_proof *p;

    ck_assert_int_eq(sov_proof_new(&p, &opts, NULL), SOV_EARG);
    opts.n_files = 2;
    ck_assert_int_eq(sov_proof_new(&p, &opts, NULL), SOV_EARG);
    ck_assert_ptr_null(p);
    opts.n_files = 1;
    d.has = SOV_HASH_SHA256;
    ck_assert_int_eq(sov_proof_new(&p, &opts, NULL), SOV_EARG);
    file[0].digest = NULL;
    ck_assert_int_eq(sov_proof_new(&p, &opts, NULL), SOV_EARG);
}
END_TEST

START_TEST(proofs_are_recognised)
{
    char text[SOV_PROOF_LEN + 2] = "sov-proof-v1:";

    ck_assert(!sov_proof_is(text));
    memset(text + 13, 'a', 64);
    ck_assert(sov_proof_is(text));
    text[20] = 'A';
    ck_assert(!sov_proof_is(text));
    text[20] = '0';
    text[77] = '0';
    ck_assert(!sov_proof_is(text));
    text[77] = '\0';
    text[11] = '2';
    ck_assert(!sov_proof_is(text));
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("proof");

    tcase_add_test(tc, a_proof_is_what_the_picture_says);
    tcase_add_test(tc, what_has_no_effect_is_not_in_it);
    tcase_add_test(tc, what_has_an_effect_is_in_it);
    tcase_add_test(tc, without_digests_there_is_none);
    tcase_add_test(tc, proofs_are_recognised);
    return unit_main("proof", tc);
}
