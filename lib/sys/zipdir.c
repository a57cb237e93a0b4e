/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zipdir.c - what stands behind the last member of a zip file
 *
 * The members say by themselves what they are; the directory at the end says
 * it again, and most programs believe the directory.  An archive that says two
 * things is refused, so both are read.
 *
 *   PK 1 2   an entry: 46 bytes, name, extra, comment        any number
 *   PK 6 6   zip64 end: u64 length of what follows           maybe
 *   PK 6 7   where that is: 20 bytes                         with it
 *   PK 5 6   end: 22 bytes, comment                          and nothing more
 */
#include "sys/zipdir.h"

#include "base/limits.h"
#include "base/rd.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SIG(a, b)  (0x4b50u | (uint32_t)(a) << 16 | (uint32_t)(b) << 24)
#define TEXT_MAX   65535u
#define END64_MAX  65536u
#define HOST_UNIX  3
#define HOST_MACOS 19

struct zipdir {
    sov_pull_fn pull;
    void *arg;
    sov_zip_fn each;
    void *each_arg;
    uint64_t n;
    unsigned char text[3 * TEXT_MAX]; /* name, extra, comment */
};

static int
cut_short(struct sov_err *err)
{
    return sov_fail(err, SOV_EFORMAT,
                    "zip archive: cut short in its directory");
}

static int
take(struct zipdir *z, void *buf, size_t len, struct sov_err *err)
{
    int64_t n = z->pull(z->arg, buf, len, err);

    if (n < 0)
        return (int)n;
    return (size_t)n < len ? cut_short(err) : 0;
}

/* The size of the entry is in the extra field, if it is 2^32 or more. */
static void
find_size64(const unsigned char *extra, size_t len, uint64_t *size)
{
    struct sov_rd rd = sov_rd_over(extra, len);

    while (!rd.bad && rd.left.len >= 4) {
        uint16_t id = sov_rd_u16(&rd);
        uint16_t n = sov_rd_u16(&rd);
        struct sov_span body = sov_rd_bytes(&rd, n);
        struct sov_rd in = sov_rd_over(body.p, body.len);

        if (id == 1 && body.len >= 8) {
            *size = sov_rd_u64(&in);
            return;
        }
    }
}

/* The 42 bytes behind the signature, and what follows them. */
static int
read_entry(struct zipdir *z, struct sov_err *err)
{
    struct sov_zip_entry e = { .name = (const char *)z->text };
    unsigned char head[42];
    struct sov_rd rd = sov_rd_over(head, sizeof(head));
    size_t name, extra, comment;
    uint16_t made_by, flags;
    uint32_t mode;
    int rc;

    if (++z->n > SOV_MEMBERS_MAX)
        return sov_fail(err, SOV_EFORMAT,
                        "zip archive: more entries than the limit of %" PRIu64,
                        SOV_MEMBERS_MAX);
    rc = take(z, head, sizeof(head), err);
    if (rc < 0)
        return rc;
    made_by = sov_rd_u16(&rd);
    sov_rd_bytes(&rd, 2);
    flags = sov_rd_u16(&rd);
    sov_rd_bytes(&rd, 14);
    e.size = sov_rd_u32(&rd);
    name = sov_rd_u16(&rd);
    extra = sov_rd_u16(&rd);
    comment = sov_rd_u16(&rd);
    sov_rd_bytes(&rd, 4);
    mode = sov_rd_u32(&rd) >> 16;
    rc = take(z, z->text, name + extra + comment, err);
    if (rc < 0)
        return rc;
    e.len = name;
    e.utf8 = (flags & 0x800) != 0;
    e.encrypted = (flags & 0x2041) != 0;
    if (made_by >> 8 == HOST_UNIX || made_by >> 8 == HOST_MACOS)
        e.mode = mode;
    if (e.size == UINT32_MAX)
        find_size64(z->text + name, extra, &e.size);
    return z->each(z->each_arg, &e, err);
}

/* After the last entry; sig was read. */
static int
read_end(struct zipdir *z, uint32_t sig, struct sov_err *err)
{
    unsigned char head[22];
    struct sov_rd rd;
    uint64_t len;
    int64_t more;
    int rc = 0;

    if (sig == SIG(6, 6)) {
        rc = take(z, head, 8, err);
        rd = sov_rd_over(head, 8);
        len = sov_rd_u64(&rd);
        if (rc == 0 && len > END64_MAX)
            rc = sov_fail(err, SOV_EFORMAT,
                          "zip archive: its zip64 end has %" PRIu64 " bytes",
                          len);
        if (rc == 0)
            rc = take(z, z->text, (size_t)len, err);
        if (rc == 0)
            rc = take(z, head, 20, err); /* PK 6 7 */
        if (rc == 0)
            rc = take(z, head, 4, err);
        rd = sov_rd_over(head, 4);
        sig = rc == 0 ? sov_rd_u32(&rd) : 0;
    }
    if (rc < 0)
        return rc;
    if (sig != SIG(5, 6))
        return sov_fail(err, SOV_EFORMAT,
                        "zip archive: its directory is broken");
    rc = take(z, head, 18, err);
    rd = sov_rd_over(head + 16, 2);
    if (rc == 0)
        rc = take(z, z->text, sov_rd_u16(&rd), err);
    if (rc < 0)
        return rc;
    more = z->pull(z->arg, head, 1, err);
    if (more > 0)
        return sov_fail(err, SOV_EFORMAT, "zip archive: bytes follow its end");
    return more < 0 ? (int)more : 0;
}

int
sov_zip_dir(sov_pull_fn pull, void *pull_arg, sov_zip_fn each, void *each_arg,
            struct sov_err *err)
{
    struct zipdir *z = malloc(sizeof(*z));
    unsigned char head[4];
    uint32_t sig;
    int rc;

    if (z == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    z->pull = pull;
    z->arg = pull_arg;
    z->each = each;
    z->each_arg = each_arg;
    z->n = 0;
    do {
        struct sov_rd rd = sov_rd_over(head, sizeof(head));

        rc = take(z, head, sizeof(head), err);
        sig = rc == 0 ? sov_rd_u32(&rd) : 0;
        if (rc == 0 && sig == SIG(1, 2))
            rc = read_entry(z, err);
    } while (rc == 0 && sig == SIG(1, 2));
    if (rc == 0)
        rc = read_end(z, sig, err);
    free(z);
    return rc;
}
