/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit.h - what every unit test program ends with
 *
 * A test program defines its test cases with Check's START_TEST and hands
 * the suite to unit_main():
 *
 *     int
 *     main(void)
 *     {
 *         TCase *tc = tcase_create("rd");
 *         tcase_add_test(tc, reads_past_the_end_give_zero);
 *         return unit_main("base", tc);
 *     }
 */
#ifndef SOV_TESTS_UNIT_UNIT_H
#define SOV_TESTS_UNIT_UNIT_H

#include <check.h>
#include <stdlib.h>

/* Run the suite of one test case; the exit status for main. */
static inline int
unit_main(const char *name, TCase *tc)
{
    Suite *suite = suite_create(name);
    SRunner *runner;
    int failed;

    tcase_set_timeout(tc, 120);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
