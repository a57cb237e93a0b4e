/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uclass.h - what kind of character a code point is
 *
 * Our own table of Unicode 15.1, so that ids do not depend on which version
 * of a library a machine has.  A class is one bit, and sets of classes are
 * masks: the properties that pre-tokenizer patterns ask for.
 */
#ifndef SOV_TOK_UCLASS_H
#define SOV_TOK_UCLASS_H

#include "tok/work.h"

#include <stddef.h>
#include <stdint.h>

enum sov_uclass {
    SOV_UC_NONE = 1u << 0, /* not assigned */
    SOV_UC_LU = 1u << 1,
    SOV_UC_LL = 1u << 2,
    SOV_UC_LT = 1u << 3,
    SOV_UC_LM = 1u << 4,
    SOV_UC_LO = 1u << 5,
    SOV_UC_MN = 1u << 6,
    SOV_UC_MC = 1u << 7,
    SOV_UC_ME = 1u << 8,
    SOV_UC_N = 1u << 9,
    SOV_UC_P = 1u << 10,
    SOV_UC_S = 1u << 11,
    SOV_UC_Z = 1u << 12,
    SOV_UC_BLANK = 1u << 13, /* controls that are white space */
    SOV_UC_EOL = 1u << 14,   /* CR and LF */
    SOV_UC_C = 1u << 15,     /* other controls, formats, private use */

    SOV_UC_L = SOV_UC_LU | SOV_UC_LL | SOV_UC_LT | SOV_UC_LM | SOV_UC_LO,
    SOV_UC_M = SOV_UC_MN | SOV_UC_MC | SOV_UC_ME,
    SOV_UC_SPACE = SOV_UC_Z | SOV_UC_BLANK | SOV_UC_EOL,
};

/* The class of cp, at most U+10FFFF. */
unsigned sov_uclass_of(uint32_t cp);

/* Of the 128 ASCII characters, as bits. */
extern const uint16_t sov_uclass_ascii[128];

/*
 * The character at p, in well-formed UTF-8: its class, and its length in *n.
 */
static inline unsigned
sov_uclass_at(const unsigned char *p, size_t *n)
{
    uint32_t c = p[0];

    SOV_STEPS(1);
    if (c < 0x80) {
        *n = 1;
        return sov_uclass_ascii[c];
    }
    if (c < 0xe0) {
        *n = 2;
        return sov_uclass_of((c & 0x1f) << 6 | (p[1] & 0x3fu));
    }
    if (c < 0xf0) {
        *n = 3;
        return sov_uclass_of((c & 0x0f) << 12 | (p[1] & 0x3fu) << 6 |
                             (p[2] & 0x3fu));
    }
    *n = 4;
    return sov_uclass_of((c & 0x07) << 18 | (p[1] & 0x3fu) << 12 |
                         (p[2] & 0x3fu) << 6 | (p[3] & 0x3fu));
}

#endif
