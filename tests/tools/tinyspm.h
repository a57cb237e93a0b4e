/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tinyspm.h - a tokenizer.model for the tiny folders that tests are given
 */
#ifndef SOV_TESTS_TOOLS_TINYSPM_H
#define SOV_TESTS_TOOLS_TINYSPM_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static inline void
tiny_spm_piece(FILE *f, const char *text, int type)
{
    size_t len = strlen(text);

    fprintf(f, "\x0a%c\x0a%c%s\x15%c%c%c%c\x18%c", (int)(len + 9), (int)len,
            text, 0, 0, 0x80, 0xbf, type);
}

/* n pieces: letters; of a larger vocabulary all bytes before them, on which the
 * peer insists.  False if there are not so many. */
static inline bool
tiny_spm(FILE *f, int n)
{
    int i = 3;

    if (n < 3 || n > 26 + 256)
        return false;
    tiny_spm_piece(f, "<unk>", 2);
    tiny_spm_piece(f, "<s>", 3);
    tiny_spm_piece(f, "</s>", 3);
    for (int k = 0; k < 256 && n > 26; k++, i++) {
        char text[8];

        snprintf(text, sizeof(text), "<0x%02X>", (unsigned)k);
        tiny_spm_piece(f, text, 6);
    }
    for (int k = 0; i < n; k++, i++) {
        const char text[2] = { (char)('a' + k), '\0' };

        tiny_spm_piece(f, text, 1);
    }
    fwrite("\x12\x02\x18\x02", 1, 4, f); /* trainer: byte-pair encoding */
    return true;
}

#endif
