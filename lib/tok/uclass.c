/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uclass.c - what kind of character a code point is
 */
#include "tok/uclass.h"

#include "tok/uclass_table.h"

unsigned
sov_uclass_of(uint32_t cp)
{
    return 1u << stage2[stage1[cp >> 7]][cp & 127];
}

/* clang-format off */
#define C  SOV_UC_C
#define B  SOV_UC_BLANK
#define E  SOV_UC_EOL
#define Z  SOV_UC_Z
#define P  SOV_UC_P
#define S  SOV_UC_S
#define N  SOV_UC_N
#define U  SOV_UC_LU
#define L  SOV_UC_LL
const uint16_t sov_uclass_ascii[128] = {
    C, C, C, C, C, C, C, C, C, B, E, B, B, E, C, C,
    C, C, C, C, C, C, C, C, C, C, C, C, C, C, C, C,
    Z, P, P, P, S, P, P, P, P, P, P, S, P, P, P, P,
    N, N, N, N, N, N, N, N, N, N, P, P, S, S, S, P,
    P, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U,
    U, U, U, U, U, U, U, U, U, U, U, P, P, P, S, P,
    S, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L,
    L, L, L, L, L, L, L, L, L, L, L, P, S, P, S, C,
};
/* clang-format on */
