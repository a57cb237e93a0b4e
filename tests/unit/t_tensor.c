/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_tensor.c - unit tests of lib/tensor: sizes, half floats
 */
#include "unit.h"

#include "base/limits.h"
#include "tensor/half.h"
#include "tensor/type.h"

#include <math.h>

/* Every f16 goes to f32 and back; NaN stays NaN. */
START_TEST(all_halves_come_back)
{
    for (uint32_t i = 0; i < 65536; i++) {
        float f = sov_f16_to_f32((uint16_t)i);
        uint32_t exp = i >> 10 & 31;
        uint32_t man = i & 1023;
        double want = exp == 0 ? ldexp(man, -24)
                               : ldexp(1024 + man, (int)exp - 25);

        if (exp == 31) {
            ck_assert(man == 0 ? isinf(f) : isnan(f));
        } else {
            ck_assert_double_eq((double)f, i & 0x8000 ? -want : want);
        }
        if (exp == 31 && man != 0)
            ck_assert_uint_eq(sov_f32_to_f16(f), i | 0x200);
        else
            ck_assert_uint_eq(sov_f32_to_f16(f), i);
    }
}
END_TEST

/* Between two neighbours: the nearer one, and the even one in the middle. */
START_TEST(halves_round_to_nearest_even)
{
    for (uint32_t i = 0; i < 0x7bff; i++) {
        float a = sov_f16_to_f32((uint16_t)i);
        float b = sov_f16_to_f32((uint16_t)(i + 1));
        float mid = (a + b) / 2;
        uint32_t even = i & 1 ? i + 1 : i;

        ck_assert_uint_eq(sov_f32_to_f16(mid), even);
        ck_assert_uint_eq(sov_f32_to_f16(nextafterf(mid, a)), i);
        ck_assert_uint_eq(sov_f32_to_f16(nextafterf(mid, b)), i + 1);
    }
    ck_assert_uint_eq(sov_f32_to_f16(65519.99f), 0x7bff);
    ck_assert_uint_eq(sov_f32_to_f16(65520.0f), 0x7c00);
    ck_assert_uint_eq(sov_f32_to_f16(-1e30f), 0xfc00);
    ck_assert_uint_eq(sov_f32_to_f16(1e-30f), 0);
}
END_TEST

START_TEST(bfloats_come_back_and_round)
{
    for (uint32_t i = 0; i < 65536; i++) {
        float f = sov_bf16_to_f32((uint16_t)i);

        if (isnan(f))
            ck_assert_uint_eq(sov_f32_to_bf16(f), i | 0x40);
        else
            ck_assert_uint_eq(sov_f32_to_bf16(f), i);
    }
    ck_assert_uint_eq(sov_f32_to_bf16(sov_f32_from_bits(0x3f808000)), 0x3f80);
    ck_assert_uint_eq(sov_f32_to_bf16(sov_f32_from_bits(0x3f818000)), 0x3f82);
    ck_assert_uint_eq(sov_f32_to_bf16(sov_f32_from_bits(0x3f808001)), 0x3f81);
}
END_TEST

START_TEST(bytes_are_powers_of_two)
{
    for (int i = 0; i < 255; i++)
        ck_assert(sov_f8_e8m0_to_f32((uint8_t)i) == ldexpf(1, i - 127));
    ck_assert(isnan(sov_f8_e8m0_to_f32(255)));
}
END_TEST

static int
measure(enum sov_type type, uint32_t ndim, uint64_t d0, uint64_t d1,
        struct sov_tensor *t)
{
    *t = (struct sov_tensor){ .type = type, .ndim = ndim,
                              .dim = { d0, d1, 7, 7 } };
    return sov_tensor_measure(t, NULL);
}

START_TEST(sizes_are_checked)
{
    struct sov_tensor t;

    ck_assert_int_eq(measure(SOV_TYPE_Q4_K, 2, 512, 3, &t), 0);
    ck_assert_uint_eq(t.size, 2 * 144 * 3);
    ck_assert_uint_eq(t.dim[2], 1);
    ck_assert_uint_eq(sov_tensor_row_bytes(&t), 288);
    ck_assert_uint_eq(sov_tensor_rows(&t), 3);
    ck_assert_int_eq(measure(SOV_TYPE_Q4_K, 2, 513, 3, &t), SOV_EFORMAT);
    ck_assert_int_eq(measure(SOV_TYPE_F32, 0, 0, 0, &t), 0);
    ck_assert_uint_eq(t.size, 4);
    ck_assert_int_eq(measure(SOV_TYPE_F32, 2, 0, 3, &t), 0);
    ck_assert_uint_eq(t.size, 0);
    ck_assert_int_eq(measure(SOV_TYPE_F32, 5, 1, 1, &t), SOV_EFORMAT);
    ck_assert_int_eq(measure(SOV_TYPE_F32, 1, SOV_COUNT_MAX, 1, &t), 0);
    ck_assert_int_eq(measure(SOV_TYPE_F32, 1, SOV_COUNT_MAX + 1, 1, &t),
                     SOV_EFORMAT);
    ck_assert_int_eq(measure(SOV_TYPE_F32, 2, UINT64_C(1) << 32,
                             UINT64_C(1) << 32, &t),
                     SOV_EFORMAT);
    ck_assert_int_eq(measure(SOV_TYPE_Q8_K, 1, 256, 1, &t), SOV_EFORMAT);
    ck_assert_int_eq(measure((enum sov_type)4, 1, 256, 1, &t), SOV_EFORMAT);
    ck_assert_int_eq(measure((enum sov_type)-1, 1, 256, 1, &t), SOV_EFORMAT);
    ck_assert_int_eq(measure(SOV_TYPE_F32, 2, 0, UINT64_MAX, &t),
                     SOV_EFORMAT);
}
END_TEST

START_TEST(types_are_found_by_name_and_number)
{
    ck_assert_int_eq(sov_type_by_name("q4_k")->type, 12);
    ck_assert_ptr_null(sov_type_by_name("q4_z"));
    ck_assert_str_eq(sov_type_info(30)->name, "bf16");
    ck_assert_ptr_null(sov_type_info(77));
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("tensor");

    tcase_add_test(tc, all_halves_come_back);
    tcase_add_test(tc, halves_round_to_nearest_even);
    tcase_add_test(tc, bfloats_come_back_and_round);
    tcase_add_test(tc, bytes_are_powers_of_two);
    tcase_add_test(tc, sizes_are_checked);
    tcase_add_test(tc, types_are_found_by_name_and_number);
    return unit_main("tensor", tc);
}
