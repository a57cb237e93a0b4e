/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pack.c - a tar file that is the same whenever and by whomever
 *
 * ustar headers of 512 bytes; where a name, size or time does not fit, and
 * where the data shall begin at a multiple of align, a pax header before:
 *
 *   | header 'x' | records, zeros to 512 | header '0' | data, zeros to 512 |
 *                  ^ the last is a comment of the right length ^ align
 *
 * Owner and group are 0 and have no names, modes are 0644, there are no
 * folders, links or attributes.  Two blocks of zeros end the file.
 */
#include "sov/archive.h"

#include "base/mem.h"
#include "sys/archive.h"
#include "sys/squeeze.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK      512u
#define NAME_LEN   100u
#define PREFIX_LEN 155u
#define SIZE_OCTAL UINT64_C(0100000000000) /* what 11 digits cannot hold */
#define ALIGN_MAX  65536u
#define PAX_NAME   "././@PaxHeader"

struct sov_packer {
    struct sov_squeeze *out;
    int64_t mtime;
    uint64_t at;   /* bytes of the tar so far */
    uint64_t left; /* of the member that was begun */
    uint64_t pad;  /* zeros behind it */
};

static const unsigned char zeros[BLOCK];

static int
put(sov_packer *p, const void *buf, size_t len, struct sov_err *err)
{
    int rc = sov_squeeze_write(p->out, buf, len, err);

    p->at += len;
    return rc;
}

static int
put_zeros(sov_packer *p, uint64_t len, struct sov_err *err)
{
    int rc = 0;

    while (len > 0 && rc == 0) {
        size_t n = len < BLOCK ? (size_t)len : BLOCK;

        rc = put(p, zeros, n, err);
        len -= n;
    }
    return rc;
}

int
sov_packer_new(sov_packer **packer, sov_sink *sink, enum sov_pack how,
               int64_t mtime, struct sov_err *err)
{
    sov_packer *p = sov_mem_array(1, sizeof(*p));
    int rc;

    if (p == NULL)
        return sov_mem_fail(err);
    p->mtime = mtime;
    rc = sov_squeeze_new(&p->out, sink, how, err);
    if (rc < 0) {
        free(p);
        return rc;
    }
    *packer = p;
    return 0;
}

/* ---- headers ---- */

static bool
mtime_fits(int64_t mtime)
{
    return mtime >= 0 && (uint64_t)mtime < SIZE_OCTAL;
}

static bool
is_ascii(const char *name)
{
    for (; *name != '\0'; name++)
        if ((unsigned char)*name >= 0x80)
            return false;
    return true;
}

/* Where a name can be cut into prefix and name; NULL if nowhere. */
static const char *
cut_name(const char *name)
{
    size_t len = strlen(name);

    if (len <= NAME_LEN)
        return name;
    for (const char *s = strchr(name, '/'); s != NULL; s = strchr(s + 1, '/'))
        if ((size_t)(s - name) <= PREFIX_LEN && strlen(s + 1) <= NAME_LEN)
            return s + 1;
    return NULL;
}

static void
octal(unsigned char *field, size_t width, uint64_t value)
{
    for (size_t i = width - 1; i-- > 0; value >>= 3)
        field[i] = (unsigned char)('0' + (value & 7));
}

/* A header; a name that does not fit was told by pax and is cut. */
static int
put_header(sov_packer *p, const char *name, uint64_t size, char type,
           struct sov_err *err)
{
    unsigned char h[BLOCK] = { 0 };
    const char *rest = cut_name(name);
    size_t prefix = rest == NULL || rest == name ? 0 : (size_t)(rest - name);
    unsigned sum = 0;
    size_t len;

    if (rest == NULL)
        rest = name;
    len = strlen(rest);
    memcpy(h, rest, len < NAME_LEN ? len : NAME_LEN);
    octal(h + 100, 8, 0644);
    octal(h + 108, 8, 0);
    octal(h + 116, 8, 0);
    octal(h + 124, 12, size < SIZE_OCTAL ? size : 0);
    octal(h + 136, 12, mtime_fits(p->mtime) ? (uint64_t)p->mtime : 0);
    memset(h + 148, ' ', 8);
    h[156] = (unsigned char)type;
    memcpy(h + 257, "ustar\00000", 8);
    octal(h + 329, 8, 0);
    octal(h + 337, 8, 0);
    if (prefix > 0)
        memcpy(h + 345, name, prefix - 1);
    for (size_t i = 0; i < BLOCK; i++)
        sum += h[i];
    octal(h + 148, 7, sum);
    return put(p, h, BLOCK, err);
}

/* "LEN KEY=VALUE\n", where LEN counts its own digits. */
static size_t
record(char *to, const char *key, const char *value)
{
    size_t body = strlen(key) + strlen(value) + 3;
    size_t len = body + 1;
    char digits[24];

    while (body + (size_t)snprintf(digits, sizeof(digits), "%zu", len) != len)
        len++;
    return (size_t)sprintf(to, "%zu %s=%s\n", len, key, value);
}

/* A comment that fills n bytes; n is 16 at least. */
static void
filler(char *to, size_t n)
{
    size_t at = (size_t)sprintf(to, "%zu comment=", n);

    memset(to + at, ' ', n - at - 1);
    to[n - 1] = '\n';
}

/* Bytes of pax records so that header, records and header end at align. */
static size_t
records_size(const sov_packer *p, size_t used, uint32_t align)
{
    size_t size = (used + BLOCK - 1) / BLOCK * BLOCK;

    if (size - used > 0 && size - used < 16 && align > 0)
        size += BLOCK; /* no room for the filler */
    while (align > 0 && (p->at + 2 * BLOCK + size) % align != 0)
        size += BLOCK;
    return size;
}

/* The pax header, if anything calls for one. */
static int
put_pax(sov_packer *p, const char *name, uint64_t size, uint32_t align,
        struct sov_err *err)
{
    size_t cap = strlen(name) + 2 * ALIGN_MAX;
    char *text = sov_mem_array(cap, 1);
    char number[24];
    size_t used = 0, len;
    int rc;

    if (text == NULL)
        return sov_mem_fail(err);
    if (cut_name(name) == NULL || !is_ascii(name))
        used += record(text + used, "path", name);
    if (size >= SIZE_OCTAL) {
        snprintf(number, sizeof(number), "%" PRIu64, size);
        used += record(text + used, "size", number);
    }
    if (!mtime_fits(p->mtime)) {
        snprintf(number, sizeof(number), "%" PRId64, p->mtime);
        used += record(text + used, "mtime", number);
    }
    if (used == 0 && (align == 0 || (p->at + BLOCK) % align == 0)) {
        free(text);
        return 0;
    }
    len = records_size(p, used, align);
    if (align > 0 && len > used) {
        filler(text + used, len - used);
        used = len;
    }
    rc = put_header(p, PAX_NAME, used, 'x', err);
    if (rc == 0)
        rc = put(p, text, len, err);
    free(text);
    return rc;
}

/* ---- members ---- */

static int
missing(const sov_packer *p, struct sov_err *err)
{
    return sov_fail(err, SOV_EARG, "%" PRIu64 " bytes of a member are missing",
                    p->left);
}

static int
finish_member(sov_packer *p, struct sov_err *err)
{
    uint64_t pad = p->pad;

    if (p->left > 0)
        return missing(p, err);
    p->pad = 0;
    return put_zeros(p, pad, err);
}

int
sov_packer_member(sov_packer *p, const char *name, uint64_t size,
                  uint32_t align, struct sov_err *err)
{
    const char *bad = sov_archive_bad_name(name, strlen(name));
    int rc;

    if (bad == NULL && name[strlen(name) - 1] == '/')
        bad = "is that of a folder";
    if (bad != NULL)
        return sov_fail(err, SOV_EARG, "name of a member %s: \"%.100s\"", bad,
                        name);
    if (align > ALIGN_MAX || (align & (align - 1)) != 0)
        return sov_fail(err, SOV_EARG,
                        "%s: alignment %u is not a power of two up to %u", name,
                        (unsigned)align, ALIGN_MAX);
    if (size > INT64_MAX)
        return sov_fail(err, SOV_EARG, "%s: too large", name);
    rc = finish_member(p, err);
    if (rc == 0)
        rc = put_pax(p, name, size, align < BLOCK ? 0 : align, err);
    if (rc == 0)
        rc = put_header(p, name, size, '0', err);
    p->left = size;
    p->pad = (BLOCK - size % BLOCK) % BLOCK;
    return rc;
}

int
sov_packer_data(sov_packer *p, const void *buf, size_t len, struct sov_err *err)
{
    if (len > p->left)
        return sov_fail(err, SOV_EARG, "more bytes than the member has");
    p->left -= len;
    return put(p, buf, len, err);
}

int
sov_packer_end(sov_packer **packer, struct sov_err *err)
{
    sov_packer *p = *packer;
    int rc = finish_member(p, err);

    *packer = NULL;
    if (rc == 0)
        rc = put_zeros(p, 2 * BLOCK, err);
    if (rc < 0) {
        sov_packer_abort(p);
        return rc;
    }
    rc = sov_squeeze_end(p->out, err);
    free(p);
    return rc;
}

void
sov_packer_abort(sov_packer *p)
{
    if (p == NULL)
        return;
    sov_squeeze_abort(p->out);
    free(p);
}
