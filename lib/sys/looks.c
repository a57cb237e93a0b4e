/* SPDX-License-Identifier: Apache-2.0 */
/*
 * looks.c - what the first bytes of a file say about archives
 */
#include "sys/archive.h"

#include "base/rd.h"

#include <string.h>

static const struct {
    enum sov_pack how;
    size_t off;
    const char *magic;
    size_t len;
    const char *what;
} looks[] = {
    { SOV_PACK_GZIP, 0, "\037\213\010", 3, "gzip data" },
    { SOV_PACK_XZ, 0,
      "\375"
      "7zXZ\0",
      6, "xz data" },
    { SOV_PACK_BZIP2, 4, "1AY&SY", 6, "bzip2 data" },
    { SOV_PACK_ZSTD, 0, "\050\265\057\375", 4, "zstd data" },
    { SOV_PACK_PLAIN, 0, "PK\003\004", 4, "zip archive" },
    { SOV_PACK_PLAIN, 0, "PK\005\006", 4, "zip archive" },
    { SOV_PACK_PLAIN, 257, "ustar", 5, "tar archive" },
};

const char *
sov_archive_look(struct sov_span head, enum sov_pack *how)
{
    for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
        if (head.len < looks[i].off + looks[i].len ||
            memcmp(head.p + looks[i].off, looks[i].magic, looks[i].len) != 0)
            continue;
        *how = looks[i].how;
        return looks[i].what;
    }
    return NULL;
}

/* A number as xz writes it: seven bits a byte, the lowest first. */
static uint64_t
xz_number(struct sov_rd *rd)
{
    uint64_t v = 0;
    uint8_t b;
    int shift = 0;

    do {
        b = sov_rd_u8(rd);
        v |= (uint64_t)(b & 0x7f) << shift;
        shift += 7;
    } while (b & 0x80 && shift < 63);
    return v;
}

/*
 * Memory that the first block of an xz file asks for; 0 where it cannot be
 * seen.  12 bytes of stream header, then
 *
 *   u8 size | u8 flags | [number] | [number] | filters: id, length, bytes
 */
static uint64_t
xz_window(struct sov_span head)
{
    struct sov_rd rd = sov_rd_over(head.p, head.len);
    uint64_t id, len;
    uint8_t flags, bits;

    sov_rd_bytes(&rd, 13);
    flags = sov_rd_u8(&rd);
    if (flags & 0x40)
        xz_number(&rd);
    if (flags & 0x80)
        xz_number(&rd);
    for (int i = 0; i <= (flags & 3); i++) {
        id = xz_number(&rd);
        len = xz_number(&rd);
        if (id == 0x21 && len == 1) {
            bits = sov_rd_u8(&rd);
            return rd.bad || bits > 40
                       ? 0
                       : (uint64_t)(2 | (bits & 1)) << (bits / 2 + 11);
        }
        sov_rd_bytes(&rd, len);
    }
    return 0;
}

uint64_t
sov_archive_window(struct sov_span head)
{
    enum sov_pack how;

    return sov_archive_look(head, &how) != NULL && how == SOV_PACK_XZ
               ? xz_window(head)
               : 0;
}
