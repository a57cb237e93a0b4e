/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache.h - how much of memory a machine's last caches hold
 */
#ifndef SOV_BENCH_CACHE_H
#define SOV_BENCH_CACHE_H

#include <stdint.h>

/*
 * Bytes of the last caches of the processors that this process may run on, by
 * the kernel (/sys/devices/system/cpu/cpu0/cache ...); 0: not told.  What the
 * processor says of itself in a virtual machine may be of a whole socket.
 */
uint64_t sov_cache_last(const char *root);

#endif
