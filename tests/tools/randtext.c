/* SPDX-License-Identifier: Apache-2.0 */
/*
 * randtext.c - text that nobody wrote: randtext SEED BYTES
 *
 * Well-formed UTF-8: two characters of five are those that tokenizers look at,
 * two come from one of the blocks that are written in, and one from anywhere.
 * No NUL.
 */
#include "base/rng.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t seed;
static uint64_t count;

static uint32_t
below(uint32_t n)
{
    uint32_t r[4];

    sov_rng_block(seed, 0, count++, r);
    return r[0] % n;
}

static uint32_t
pick(void)
{
    static const char telling[] =
        " \t\n\r'sStTmMdDlLrReEvV0123456789.,!?-/_ abcXYZ";
    static const uint32_t block[][2] = {
        { 0x20, 0x7f },       { 0xa0, 0x250 },      { 0x370, 0x400 },
        { 0x400, 0x530 },     { 0x590, 0x700 },     { 0x900, 0xd80 },
        { 0x1100, 0x1200 },   { 0x1e00, 0x2000 },   { 0x2000, 0x20d0 },
        { 0x2100, 0x2c00 },   { 0x3000, 0x3100 },   { 0x4e00, 0xa000 },
        { 0xac00, 0xd7a4 },   { 0xfb00, 0xfe00 },   { 0xff00, 0xfff0 },
        { 0x10000, 0x11000 }, { 0x1f300, 0x1fb00 }, { 0x20000, 0x30000 },
    };
    uint32_t kind = below(5);
    uint32_t b = below(sizeof(block) / sizeof(*block));
    uint32_t cp;

    if (kind < 2)
        return (unsigned char)telling[below(sizeof(telling) - 1)];
    if (kind < 4)
        return block[b][0] + below(block[b][1] - block[b][0]);
    do
        cp = 1 + below(0x10ffff);
    while (cp >= 0xd800 && cp < 0xe000);
    return cp;
}

int
main(int argc, char **argv)
{
    unsigned long long size;

    if (argc != 3) {
        fprintf(stderr, "usage: randtext SEED BYTES\n");
        return 64;
    }
    seed = strtoull(argv[1], NULL, 10);
    size = strtoull(argv[2], NULL, 10);
    for (size_t n = 0; n < size;) {
        unsigned char utf8[4];
        size_t len = sov_utf8_put(pick(), utf8);

        fwrite(utf8, 1, len, stdout);
        n += len;
    }
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
