/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_base.c - unit tests of lib/base
 */
#include "unit.h"

#include "sov/base.h"

START_TEST(version_is_a_number)
{
    const char *v = sov_version();

    ck_assert_ptr_nonnull(v);
    ck_assert(v[0] >= '0' && v[0] <= '9');
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("base");

    tcase_add_test(tc, version_is_a_number);
    return unit_main("base", tc);
}
