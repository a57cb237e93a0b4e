/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_fmt.c - unit tests of lib/fmt
 */
#include "fmt_make.h"

int
main(void)
{
    TCase *tc = tcase_create("fmt");

    tcase_add_checked_fixture(tc, NULL, remove_dirs);
    meta_tests(tc);
    gguf_tests(tc);
    gguf_bad_tests(tc);
    safetensors_tests(tc);
    model_tests(tc);
    write_tests(tc);
    return unit_main("fmt", tc);
}
