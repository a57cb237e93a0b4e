/* SPDX-License-Identifier: Apache-2.0 */
/*
 * panel_tiles.h - multiplications with panels, of tiles that know their columns
 *
 * Whoever includes it says with TILE, 2 to 4, how many columns its registers
 * have room for.
 */
#ifndef SOV_KERN_PANEL_TILES_H
#define SOV_KERN_PANEL_TILES_H

#include "kern/panel.h"

#define TILE_OF(NAME, step, how, n)                                    \
    static void NAME##_##n(const struct sov_panel *p, const void *act, \
                           size_t stride, float *f)                    \
    {                                                                  \
        step(p, how, act, stride, n, f);                               \
    }
#define TILE_LIST(NAME, ...)                                          \
    static void NAME(const struct sov_panel *p, const void *act,      \
                     size_t stride, size_t n, float *f)               \
    {                                                                 \
        static sov_panel_tile *const tiles[] = { NULL, __VA_ARGS__ }; \
                                                                      \
        sov_panel_tiles(tiles, TILE, p, act, stride, n, f);           \
    }
#define TILES_2(NAME, step, how) \
    TILE_OF(NAME, step, how, 1) TILE_OF(NAME, step, how, 2)
#define TILES_3(NAME, step, how) \
    TILES_2(NAME, step, how) TILE_OF(NAME, step, how, 3)
#define TILES_4(NAME, step, how) \
    TILES_3(NAME, step, how) TILE_OF(NAME, step, how, 4)

/*
 * NAME(), a multiplication as struct sov_panel_type has it, of step(p, how,
 * act, stride, n, f) for n columns.
 */
#if TILE == 2
#define TILES_OF(NAME, step, how) \
    TILES_2(NAME, step, how)      \
    TILE_LIST(NAME, NAME##_1, NAME##_2)
#elif TILE == 3
#define TILES_OF(NAME, step, how) \
    TILES_3(NAME, step, how)      \
    TILE_LIST(NAME, NAME##_1, NAME##_2, NAME##_3)
#elif TILE == 4
#define TILES_OF(NAME, step, how) \
    TILES_4(NAME, step, how)      \
    TILE_LIST(NAME, NAME##_1, NAME##_2, NAME##_3, NAME##_4)
#endif

#endif
