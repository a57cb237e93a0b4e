/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map.h - from a string to a number
 *
 * Open addressing over SipHash-1-3 with a key drawn once per process, so that
 * no file can choose names that collide.  Keys are borrowed and must stay
 * where they are.  Start with { 0 }.
 */
#ifndef SOV_BASE_MAP_H
#define SOV_BASE_MAP_H

#include "sov/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sov_map_slot;

struct sov_map {
    struct sov_map_slot *slot; /* owned */
    size_t cap;                /* power of two, or 0 */
    size_t n;
};

void sov_map_free(struct sov_map *m);

/* 0 if added, 1 if the key was there (and nothing changed), or SOV_EMEM. */
int sov_map_add(struct sov_map *m, const void *key, size_t len, uint64_t val,
                struct sov_err *err);

bool sov_map_get(const struct sov_map *m, const void *key, size_t len,
                 uint64_t *val);

/*
 * Two random odd numbers, the same for the life of the process, for whoever
 * has a table of another kind to protect.  No result may depend on them.
 */
void sov_map_key(uint64_t key[2]);

#endif
