/* SPDX-License-Identifier: Apache-2.0 */
/*
 * normal.c - forms of characters that count as the same
 */
#include "tok/normal.h"

#include <utf8proc.h>

size_t
sov_normal_parts(uint32_t cp, uint32_t *out)
{
    utf8proc_int32_t part[SOV_NFD_MAX];
    int last = 0;
    utf8proc_ssize_t n =
        utf8proc_decompose_char((utf8proc_int32_t)cp, part, SOV_NFD_MAX,
                                UTF8PROC_DECOMPOSE | UTF8PROC_STABLE, &last);

    if (n < 1 || n > SOV_NFD_MAX) {
        out[0] = cp;
        return 1;
    }
    for (utf8proc_ssize_t i = 0; i < n; i++)
        out[i] = (uint32_t)part[i];
    return (size_t)n;
}

uint32_t
sov_normal_lower(uint32_t cp)
{
    return (uint32_t)utf8proc_tolower((utf8proc_int32_t)cp);
}
