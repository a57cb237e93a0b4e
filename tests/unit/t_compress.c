/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_compress.c - unit tests of lib/compress
 *
 * Which tensor gets which type is compared with llama-quantize in
 * tests/cli/sov-quantize/mixes.sh; here stands what must hold for any name and
 * any shape.
 */
#include "unit.h"

#include "compress/error.h"
#include "compress/journal.h"
#include "compress/mix.h"
#include "sov/quant.h"

#include <math.h>
#include <string.h>

START_TEST(every_name_is_found_once)
{
    struct sov_mix mix;
    size_t n = 0;

    for (; sov_mix_name(n) != NULL; n++) {
        ck_assert(sov_mix_find(&mix, sov_mix_name(n)));
        ck_assert_str_eq(mix.name, sov_mix_name(n));
        for (size_t i = 0; i < n; i++)
            ck_assert_str_ne(sov_mix_name(i), sov_mix_name(n));
        ck_assert_str_eq(sov_quant_type_name(n), sov_mix_name(n));
    }
    ck_assert_uint_gt(n, 13);
    ck_assert(!sov_mix_find(&mix, "q4_k_l"));
    ck_assert(!sov_mix_find(&mix, "q8_k"));
    ck_assert(!sov_mix_find(&mix, "i32"));
    ck_assert(!sov_mix_find(&mix, ""));
}
END_TEST

START_TEST(file_types_have_names)
{
    struct sov_mix mix;

    for (uint64_t i = 0; i < 100; i++) {
        const char *name = sov_quant_file_type(i);

        if (name != NULL && sov_mix_find(&mix, name) && !mix.pure)
            ck_assert_uint_eq(mix.file_type, i);
    }
    ck_assert_str_eq(sov_quant_file_type(15), "q4_k_m");
    ck_assert_str_eq(sov_quant_file_type(12), "q3_k_m");
    ck_assert_str_eq(sov_quant_file_type(30), "iq4_xs");
    ck_assert_ptr_null(sov_quant_file_type(4));
    ck_assert_ptr_null(sov_quant_file_type(UINT64_MAX));
}
END_TEST

START_TEST(what_fits_divides)
{
    for (int type = 0; type < SOV_TYPE_GGUF_MAX; type++) {
        const struct sov_type_info *info = sov_type_info(type);

        if (info == NULL || info->kind != SOV_KIND_BLOCK)
            continue;
        for (uint64_t n = 1; n < 2000; n++) {
            enum sov_type got = sov_mix_fit((enum sov_type)type, n);

            ck_assert_uint_eq(n % sov_type_info((int)got)->block, 0);
            if (n % info->block == 0)
                ck_assert_int_eq(got, type);
        }
    }
}
END_TEST

static enum sov_type
pick(const char *mix_name, const char *name, const struct sov_mix_facts *facts)
{
    struct sov_tensor t = {
        .name = name, .type = SOV_TYPE_F16, .ndim = 2, .dim = { 256, 256, 1, 1 }
    };
    struct sov_mix mix;

    ck_assert(sov_mix_find(&mix, mix_name));
    return sov_mix_pick(&mix, facts, &t);
}

START_TEST(odd_names_are_harmless)
{
    static const char *const names[] = {
        "",
        "weight",
        "blk",
        "blk.",
        "blk..attn_v.weight",
        "blk.99999999999999999999.attn_v.weight",
        "blk.4294967295.ffn_down.weight",
        "blk.-1.ffn_down.weight",
        "blk.1ffn_down.weight",
        "ffn_down.weight",
        "enc.blk.3.ffn_down.weight",
        "output.weight",
        "token_embd.weight",
    };
    static const struct sov_mix_facts facts[] = {
        { 0 },
        { .n_layers = 4, .tied = true },
        { .n_layers = 4096, .moe8 = true },
        { .n_layers = 1, .falcon = true, .wide = true },
    };

    for (size_t m = 0; sov_mix_name(m) != NULL; m++)
        for (size_t f = 0; f < sizeof(facts) / sizeof(facts[0]); f++)
            for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                ck_assert_ptr_nonnull(sov_type_info(
                    (int)pick(sov_mix_name(m), names[i], &facts[f])));
}
END_TEST

START_TEST(layers_are_read_and_not_counted)
{
    static uint32_t layers[] = { 8, 9, 10, 11, 12, 13, 14, 15 };
    struct sov_mix_facts facts = { .n_layers = 16,
                                   .n_values = 8,
                                   .value_layer = layers };

    /* the first value matrix of the file is the first of eight */
    ck_assert_int_eq(pick("q4_k_m", "blk.8.attn_v.weight", &facts),
                     SOV_TYPE_Q6_K);
    ck_assert_int_eq(pick("q4_k_m", "blk.9.attn_v.weight", &facts),
                     SOV_TYPE_Q4_K);
    ck_assert_int_eq(pick("q4_k_m", "blk.15.attn_v.weight", &facts),
                     SOV_TYPE_Q6_K);
    /* the layer of ffn_down is one of sixteen */
    ck_assert_int_eq(pick("q4_k_m", "blk.8.ffn_down.weight", &facts),
                     SOV_TYPE_Q4_K);
    ck_assert_int_eq(pick("q4_k_m", "blk.1.ffn_down.weight", &facts),
                     SOV_TYPE_Q6_K);
    ck_assert_int_eq(pick("q4_k", "blk.1.ffn_down.weight", &facts),
                     SOV_TYPE_Q4_K);
}
END_TEST

START_TEST(small_things_stay_plain)
{
    struct sov_tensor t = { .name = "blk.0.attn_norm.weight",
                            .type = SOV_TYPE_BF16,
                            .ndim = 1,
                            .dim = { 256, 1, 1, 1 } };

    ck_assert(!sov_mix_is_matrix(&t));
    ck_assert_int_eq(sov_mix_keep(&t), SOV_TYPE_F32);
    t.name = "blk.0.attn_q.weight";
    ck_assert(!sov_mix_is_matrix(&t));
    t.dim[1] = 2;
    t.ndim = 2;
    ck_assert(sov_mix_is_matrix(&t));
    t.name = "blk.0.ffn_gate_inp.weight";
    ck_assert(!sov_mix_is_matrix(&t));
    ck_assert_int_eq(sov_mix_keep(&t), SOV_TYPE_F32);
    t.name = "blk.0.indexer.k_proj.weight";
    ck_assert_int_eq(sov_mix_keep(&t), SOV_TYPE_BF16);
    t.type = SOV_TYPE_I32;
    ck_assert_int_eq(sov_mix_keep(&t), SOV_TYPE_I32);
    t.type = SOV_TYPE_Q4_K;
    ck_assert_int_eq(sov_mix_keep(&t), SOV_TYPE_Q4_K);
}
END_TEST

/* ---- the journal ---- */

#define N_NOTED 5

static void
fill_journal(unsigned char *bytes)
{
    struct sov_journal_begin b;
    struct sov_journal_tensor t;

    memset(&b, 7, sizeof(b));
    sov_journal_put_begin(bytes, &b);
    for (uint32_t i = 0; i < N_NOTED; i++) {
        memset(&t, (int)i, sizeof(t));
        t.tensor = 2 * i;
        sov_journal_put_tensor(bytes + (i + 1) * SOV_JOURNAL_RECORD, &t);
    }
}

START_TEST(a_journal_holds_up_to_its_first_fault)
{
    unsigned char bytes[(N_NOTED + 1) * SOV_JOURNAL_RECORD];
    struct sov_journal j;

    fill_journal(bytes);
    for (size_t len = 0; len <= sizeof(bytes); len++) {
        size_t whole = len / SOV_JOURNAL_RECORD;

        ck_assert_int_eq(sov_journal_parse(&j, bytes, len, NULL), 0);
        ck_assert_uint_eq(j.end, whole * SOV_JOURNAL_RECORD);
        ck_assert_uint_eq(j.n, whole > 0 ? whole - 1 : 0);
        ck_assert_int_eq(j.begun, whole > 0);
        sov_journal_free(&j);
    }
    for (size_t bit = 0; bit < 8 * sizeof(bytes); bit++) {
        size_t before = bit / 8 / SOV_JOURNAL_RECORD;

        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        ck_assert_int_eq(sov_journal_parse(&j, bytes, sizeof(bytes), NULL), 0);
        ck_assert_uint_eq(j.end, before * SOV_JOURNAL_RECORD);
        ck_assert_uint_eq(j.n, before > 0 ? before - 1 : 0);
        sov_journal_free(&j);
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
}
END_TEST

START_TEST(a_journal_goes_forward_and_stays_with_its_output)
{
    unsigned char bytes[(N_NOTED + 3) * SOV_JOURNAL_RECORD];
    struct sov_journal_begin b;
    struct sov_journal j;

    fill_journal(bytes);
    memset(&b, 7, sizeof(b));
    memset(b.files, 9, sizeof(b.files)); /* found in other files */
    sov_journal_put_begin(bytes + (N_NOTED + 1) * SOV_JOURNAL_RECORD, &b);
    memcpy(bytes + (N_NOTED + 2) * SOV_JOURNAL_RECORD,
           bytes + 2 * SOV_JOURNAL_RECORD, SOV_JOURNAL_RECORD);
    ck_assert_int_eq(sov_journal_parse(&j, bytes, sizeof(bytes), NULL), 0);
    ck_assert_uint_eq(j.n, N_NOTED); /* the copy is out of order */
    ck_assert_uint_eq(j.end, (N_NOTED + 2) * SOV_JOURNAL_RECORD);
    ck_assert_mem_eq(j.begin.files, b.files, sizeof(b.files));
    sov_journal_free(&j);
    b.binding[0] ^= 1; /* of another output */
    sov_journal_put_begin(bytes + (N_NOTED + 1) * SOV_JOURNAL_RECORD, &b);
    ck_assert_int_eq(sov_journal_parse(&j, bytes, sizeof(bytes), NULL), 0);
    ck_assert_uint_eq(j.end, (N_NOTED + 1) * SOV_JOURNAL_RECORD);
    ck_assert_uint_eq(j.begin.files[0], 7);
    sov_journal_free(&j);
    /* tensors of nothing */
    ck_assert_int_eq(sov_journal_parse(&j, bytes + SOV_JOURNAL_RECORD,
                                       SOV_JOURNAL_RECORD, NULL),
                     0);
    ck_assert_uint_eq(j.end, 0);
    ck_assert(!j.begun);
    sov_journal_free(&j);
}
END_TEST

START_TEST(sums_do_not_hang_on_their_order)
{
    static const double v[] = { 1, 1e-30, 3.5, 1e30, 1e-45, 0, 7e-12, 2e38 };
    struct sov_tally all = { 0 }, a = { 0 };
    double sum;

    for (size_t k = 0; k < 3000; k++)
        sov_tally_add(&all, v[k % 8]);
    sum = sov_tally_sum(&all);
    ck_assert(fabs(sum / (375 * (2e38 + 1e30)) - 1) < 1e-7);
    for (size_t k = 3000; k-- > 0;)
        sov_tally_add(&a, v[k % 8]);
    ck_assert_mem_eq(&a, &all, sizeof(a));
    sov_tally_add(&a, 1e300); /* as much as there is, and no infinity */
    ck_assert(sov_tally_sum(&a) > 2 * sum / 375 && sov_tally_sum(&a) < 1e42);
    memset(&a, 0, sizeof(a));
    sov_tally_add(&a, 0.25);
    ck_assert(sov_tally_sum(&a) == 0.25);
    sov_tally_add(&a, 0x1p-149);
    ck_assert(sov_tally_sum(&a) == 0.25 + 0x1p-149);
}
END_TEST

/* Rows of any length, whole vectors or not, are compared to the last weight. */
START_TEST(an_error_is_what_it_says)
{
    static float x[5003], imp[5003];
    static uint16_t half[5003];
    struct sov_error e = { 0 }, part = { 0 };
    struct sov_quant_error f;

    for (size_t i = 0; i < 5003; i++) {
        x[i] = 2;
        imp[i] = i < 1000 ? 1 : 0;
        half[i] = 0x4000; /* 2 */
    }
    half[5002] = 0x4200; /* 3 */
    half[3] = 0x3c00;    /* 1 */
    sov_error_row(&e, x, imp, SOV_TYPE_F16, half, 5003);
    sov_error_row(&part, x, NULL, SOV_TYPE_F16, half, 3);
    sov_error_merge(&e, &part);
    f = sov_error_figures(&e);
    ck_assert_uint_eq(f.weights, 5006);
    ck_assert(f.most == 1);
    ck_assert(fabs(f.error - 2.0 / (4 * 5006)) < 1e-12);
    ck_assert(f.weighed);
    ck_assert(fabs(f.weighed_error - 1.0 / (4 * 1000)) < 1e-12);
    memset(&e, 0, sizeof(e));
    memset(x, 0, sizeof(x));
    memset(half, 0, sizeof(half));
    sov_error_row(&e, x, NULL, SOV_TYPE_F16, half, 17);
    ck_assert(sov_error_figures(&e).error == 0);
    half[5] = 0x3c00;
    sov_error_row(&e, x, NULL, SOV_TYPE_F16, half, 17);
    ck_assert(isinf(sov_error_figures(&e).error)); /* out of nothing */
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("compress");

    tcase_add_test(tc, every_name_is_found_once);
    tcase_add_test(tc, file_types_have_names);
    tcase_add_test(tc, what_fits_divides);
    tcase_add_test(tc, odd_names_are_harmless);
    tcase_add_test(tc, layers_are_read_and_not_counted);
    tcase_add_test(tc, small_things_stay_plain);
    tcase_add_test(tc, a_journal_holds_up_to_its_first_fault);
    tcase_add_test(tc, a_journal_goes_forward_and_stays_with_its_output);
    tcase_add_test(tc, sums_do_not_hang_on_their_order);
    tcase_add_test(tc, an_error_is_what_it_says);
    return unit_main("compress", tc);
}
