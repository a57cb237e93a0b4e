/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mkarchive - archives that nobody should make, for tests
 *
 *     mkarchive tar|zip|gz OUT [KEY=VALUE]... [.  [KEY=VALUE]... ]...
 *
 * A dot ends a member.  Of a member:
 *
 *     n=NAME      its name; \NNN is a byte in octal
 *     d=FILE      its data; zeros=N instead: so many zeros (zip, gz: deflated,
 *                 1032 to one)
 *     count=N     so many of them, with numbers behind the name
 *
 * tar:  type=C    type of the header (0)     link=NAME   what a link names
 *       size=N    what the header says       mode=OCTAL  mtime=N (may be < 0)
 *       noend=1   no blocks of zeros at the end
 *       magic=0   no "ustar": a header as of 1979
 * zip:  flags=N   general flags              size=N      what the header says
 *       crc=N     what it says of the sum    method=N    of compression
 *       dirname=NAME, dirsize=N, mode=OCTAL  what the directory says
 *       nodir=1   the directory does not say anything of this member
 * gz:   one member, which is the data
 *
 * It shares no line with the library.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 512u

struct member {
    char name[8192];
    size_t name_len;
    const char *file;
    uint64_t zeros;
    uint64_t count;
    char type;
    const char *link;
    bool has_size;
    uint64_t size;
    unsigned mode;
    long long mtime;
    bool no_magic;
    unsigned flags;
    bool has_crc;
    uint32_t crc;
    bool has_method;
    unsigned method;
    const char *dirname;
    bool has_dirsize;
    uint64_t dirsize;
    bool nodir;
};

struct buf {
    unsigned char *p;
    size_t n;
    size_t cap;
    uint64_t bits; /* of a byte that is not full */
    unsigned n_bits;
};

static FILE *out;
static bool no_end;
static struct buf dir; /* of a zip file */
static unsigned dir_n;

static void
die(const char *what)
{
    perror(what);
    exit(1);
}

static void
add(struct buf *b, const void *p, size_t n)
{
    if (n > SIZE_MAX / 4)
        die("too long");
    if (b->n + n > b->cap) {
        b->cap = (b->n + n) * 2;
        b->p = realloc(b->p, b->cap);
        if (b->p == NULL)
            die("realloc");
    }
    if (n > 0)
        memcpy(b->p + b->n, p, n);
    b->n += n;
}

static void
le(struct buf *b, uint64_t v, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        unsigned char c = (unsigned char)(v >> (8 * i));

        add(b, &c, 1);
    }
}

static void
put(const void *p, size_t n)
{
    if (n > 0 && fwrite(p, 1, n, out) != n)
        die("write");
}

/* The bytes of a member that are no zeros of a bomb. */
static struct buf
read_data(const struct member *m)
{
    struct buf b = { 0 };
    unsigned char chunk[65536];
    size_t n;
    FILE *f;

    if (m->file == NULL)
        return b;
    f = fopen(m->file, "rb");
    if (f == NULL)
        die(m->file);
    while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
        add(&b, chunk, n);
    fclose(f);
    return b;
}

/* ---- tar ---- */

static void
octal(unsigned char *field, size_t width, uint64_t v)
{
    for (size_t i = width - 1; i-- > 0; v >>= 3)
        field[i] = (unsigned char)('0' + (v & 7));
}

static void
tar_header(const struct member *m, uint64_t size)
{
    unsigned char h[BLOCK] = { 0 };
    unsigned sum = 0;

    memcpy(h, m->name, m->name_len < 100 ? m->name_len : 100);
    octal(h + 100, 8, m->mode);
    octal(h + 108, 8, 0);
    octal(h + 116, 8, 0);
    octal(h + 124, 12, m->has_size ? m->size : size);
    if (m->mtime >= 0) {
        octal(h + 136, 12, (uint64_t)m->mtime);
    } else { /* base 256, as GNU tar has it */
        for (int i = 0; i < 12; i++)
            h[136 + i] =
                (unsigned char)(i < 4 ? 0xff
                                      : (uint64_t)m->mtime >> (8 * (11 - i)));
    }
    memset(h + 148, ' ', 8);
    h[156] = (unsigned char)m->type;
    if (m->link != NULL)
        memcpy(h + 157, m->link, strlen(m->link));
    if (!m->no_magic)
        memcpy(h + 257, "ustar\00000", 8);
    for (size_t i = 0; i < BLOCK; i++)
        sum += h[i];
    octal(h + 148, 7, sum);
    put(h, BLOCK);
}

static void
tar_member(const struct member *m)
{
    static const unsigned char zero[BLOCK];
    struct buf data = read_data(m);
    uint64_t size = m->zeros > 0 ? m->zeros : data.n;

    tar_header(m, size);
    put(data.p, data.n);
    for (uint64_t i = 0; i < m->zeros; i += BLOCK)
        put(zero, BLOCK);
    if (m->zeros == 0)
        put(zero, (BLOCK - data.n % BLOCK) % BLOCK);
    free(data.p);
}

/* ---- deflate ---- */

static void
bits(struct buf *b, unsigned v, unsigned n)
{
    b->bits |= (uint64_t)v << b->n_bits;
    b->n_bits += n;
    while (b->n_bits >= 8) {
        unsigned char c = (unsigned char)b->bits;

        add(b, &c, 1);
        b->bits >>= 8;
        b->n_bits -= 8;
    }
}

/*
 * One block of zeros: a literal and then copies of 258 of them.  Codes, as
 * their bits come: 285 (copy) 0, literal 01, end 11, distance 0.
 */
static void
deflate_zeros(struct buf *b, uint64_t n)
{
    static const unsigned char order[] = { 16, 17, 18, 0,  8, 7,  9, 6,  10,
                                           5,  11, 4,  12, 3, 13, 2, 14, 1 };
    uint64_t copies = n > 0 ? (n - 1) / 258 : 0;

    bits(b, 1, 1);  /* the last block */
    bits(b, 2, 2);  /* with its own codes */
    bits(b, 29, 5); /* 286 of literals and lengths */
    bits(b, 0, 5);  /* one of distances */
    bits(b, sizeof(order) - 4, 4);
    /* lengths are told by: 18 -> 0, 1 -> 01, 2 -> 11 */
    for (size_t i = 0; i < sizeof(order); i++)
        bits(b, order[i] == 18 ? 1 : order[i] == 1 || order[i] == 2 ? 2 : 0, 3);
    bits(b, 3, 2); /* 0: 2 bits */
    bits(b, 0, 1);
    bits(b, 138 - 11, 7);
    bits(b, 0, 1);
    bits(b, 117 - 11, 7);
    bits(b, 3, 2); /* 256: 2 bits */
    bits(b, 0, 1);
    bits(b, 28 - 11, 7);
    bits(b, 1, 2); /* 285: 1 bit */
    bits(b, 1, 2); /* distance 0: 1 bit */
    if (n > 0)
        bits(b, 1, 2);
    for (uint64_t i = 0; i < copies; i++)
        bits(b, 0, 2);
    for (uint64_t i = 0; n > 0 && i < n - 1 - copies * 258; i++)
        bits(b, 1, 2);
    bits(b, 3, 2);
    if (b->n_bits > 0)
        bits(b, 0, 8 - b->n_bits);
}

static void
deflate_stored(struct buf *b, const struct buf *data)
{
    size_t at = 0;

    do {
        size_t n = data->n - at < 65535 ? data->n - at : 65535;

        le(b, at + n == data->n, 1);
        le(b, n, 2);
        le(b, ~n, 2);
        add(b, data->p + at, n);
        at += n;
    } while (at < data->n);
}

static uint32_t
crc_step(uint32_t crc, unsigned char c)
{
    crc ^= c;
    for (int i = 0; i < 8; i++)
        crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    return crc;
}

static uint32_t
crc_of(const struct buf *data, uint64_t zeros)
{
    uint32_t crc = 0xffffffffu;

    for (size_t i = 0; i < data->n; i++)
        crc = crc_step(crc, data->p[i]);
    for (uint64_t i = 0; i < zeros; i++)
        crc = crc_step(crc, 0);
    return ~crc;
}

/* ---- zip, gz ---- */

static void
zip_member(const struct member *m)
{
    struct buf data = read_data(m), body = { 0 }, h = { 0 };
    uint64_t size = m->zeros > 0 ? m->zeros : data.n;
    uint32_t crc = m->has_crc ? m->crc : crc_of(&data, m->zeros);
    unsigned method = m->zeros > 0 ? 8 : 0;
    const char *dirname = m->dirname != NULL ? m->dirname : m->name;
    size_t dirlen = m->dirname != NULL ? strlen(dirname) : m->name_len;
    long at = ftell(out);

    if (m->zeros > 0)
        deflate_zeros(&body, m->zeros);
    else
        add(&body, data.p, data.n);
    if (m->has_method)
        method = m->method;
    le(&h, 0x04034b50, 4);
    le(&h, 20, 2);
    le(&h, m->flags, 2);
    le(&h, method, 2);
    le(&h, 0x21 << 16, 4);
    le(&h, crc, 4);
    le(&h, body.n, 4);
    le(&h, m->has_size ? m->size : size, 4);
    le(&h, m->name_len, 2);
    le(&h, 0, 2);
    add(&h, m->name, m->name_len);
    put(h.p, h.n);
    put(body.p, body.n);
    if (!m->nodir) {
        le(&dir, 0x02014b50, 4);
        le(&dir, 0x031e, 2);
        le(&dir, 20, 2);
        le(&dir, m->flags, 2);
        le(&dir, method, 2);
        le(&dir, 0x21 << 16, 4);
        le(&dir, crc, 4);
        le(&dir, body.n, 4);
        le(&dir, m->has_dirsize ? m->dirsize : m->has_size ? m->size : size, 4);
        le(&dir, dirlen, 2);
        le(&dir, 0, 8);
        le(&dir, (uint64_t)m->mode << 16, 4);
        le(&dir, (uint64_t)at, 4);
        add(&dir, dirname, dirlen);
        dir_n++;
    }
    free(data.p);
    free(body.p);
    free(h.p);
}

static void
zip_end(void)
{
    struct buf end = { 0 };

    le(&end, 0x06054b50, 4);
    le(&end, 0, 4);
    le(&end, dir_n, 2);
    le(&end, dir_n, 2);
    le(&end, dir.n, 4);
    le(&end, (uint64_t)ftell(out), 4);
    le(&end, 0, 2);
    put(dir.p, dir.n);
    put(end.p, end.n);
    free(dir.p);
    free(end.p);
}

static void
gz_member(const struct member *m)
{
    struct buf data = read_data(m), b = { 0 };

    le(&b, 0x00088b1f, 4);
    le(&b, 0, 4);
    le(&b, 0x0300, 2);
    if (m->zeros > 0)
        deflate_zeros(&b, m->zeros);
    else
        deflate_stored(&b, &data);
    le(&b, m->has_crc ? m->crc : crc_of(&data, m->zeros), 4);
    le(&b, m->zeros > 0 ? m->zeros : data.n, 4);
    put(b.p, b.n);
    free(data.p);
    free(b.p);
}

/* ---- arguments ---- */

static void
set_name(struct member *m, const char *text)
{
    m->name_len = 0;
    while (*text != '\0' && m->name_len < sizeof(m->name) - 32) {
        unsigned v = (unsigned char)*text++;

        if (v == '\\' && text[0] >= '0' && text[0] <= '3' && text[1] != '\0' &&
            text[2] != '\0') {
            v = (unsigned)(text[0] - '0') << 6 |
                (unsigned)(text[1] - '0') << 3 | (unsigned)(text[2] - '0');
            text += 3;
        }
        m->name[m->name_len++] = (char)v;
    }
    m->name[m->name_len] = '\0';
}

static bool
key_is(const char *arg, const char *key, const char **value)
{
    size_t n = strlen(key);

    if (strncmp(arg, key, n) != 0 || arg[n] != '=')
        return false;
    *value = arg + n + 1;
    return true;
}

static void
set(struct member *m, const char *arg)
{
    const char *v;

    if (key_is(arg, "n", &v)) {
        set_name(m, v);
    } else if (key_is(arg, "d", &v)) {
        m->file = v;
    } else if (key_is(arg, "zeros", &v)) {
        m->zeros = strtoull(v, NULL, 0);
    } else if (key_is(arg, "count", &v)) {
        m->count = strtoull(v, NULL, 0);
    } else if (key_is(arg, "type", &v)) {
        m->type = v[0];
    } else if (key_is(arg, "link", &v)) {
        m->link = v;
    } else if (key_is(arg, "size", &v)) {
        m->has_size = true;
        m->size = strtoull(v, NULL, 0);
    } else if (key_is(arg, "mode", &v)) {
        m->mode = (unsigned)strtoul(v, NULL, 8);
    } else if (key_is(arg, "mtime", &v)) {
        m->mtime = strtoll(v, NULL, 0);
    } else if (key_is(arg, "magic", &v)) {
        m->no_magic = v[0] == '0';
    } else if (key_is(arg, "flags", &v)) {
        m->flags = (unsigned)strtoul(v, NULL, 0);
    } else if (key_is(arg, "crc", &v)) {
        m->has_crc = true;
        m->crc = (uint32_t)strtoul(v, NULL, 0);
    } else if (key_is(arg, "method", &v)) {
        m->has_method = true;
        m->method = (unsigned)strtoul(v, NULL, 0);
    } else if (key_is(arg, "dirname", &v)) {
        m->dirname = v;
    } else if (key_is(arg, "dirsize", &v)) {
        m->has_dirsize = true;
        m->dirsize = strtoull(v, NULL, 0);
    } else if (key_is(arg, "nodir", &v)) {
        m->nodir = true;
    } else if (key_is(arg, "noend", &v)) {
        no_end = true;
    } else {
        fprintf(stderr, "mkarchive: %s?\n", arg);
        exit(64);
    }
}

static void
write_member(struct member *m, void (*one)(const struct member *))
{
    size_t len = m->name_len;
    char number[24];

    if (m->count == 0)
        one(m);
    for (uint64_t i = 0; i < m->count; i++) {
        snprintf(number, sizeof(number), "%llu", (unsigned long long)i);
        memcpy(m->name + len, number, strlen(number) + 1);
        m->name_len = len + strlen(number);
        one(m);
    }
}

int
main(int argc, char **argv)
{
    static const unsigned char zero[2 * BLOCK];
    static struct member m;
    const struct member fresh = { .type = '0', .mode = 0644 };
    bool tar, zip, begun = false;

    if (argc < 3)
        return 64;
    tar = strcmp(argv[1], "tar") == 0;
    zip = strcmp(argv[1], "zip") == 0;
    out = fopen(argv[2], "wb");
    if (out == NULL)
        die(argv[2]);
    m = fresh;
    for (int i = 3; i <= argc; i++) {
        if (i < argc && strcmp(argv[i], ".") != 0) {
            set(&m, argv[i]);
            begun = true;
        } else if (begun) {
            write_member(&m, tar ? tar_member : zip ? zip_member : gz_member);
            m = fresh;
            begun = false;
        }
    }
    if (tar && !no_end)
        put(zero, sizeof(zero));
    if (zip)
        zip_end();
    if (fclose(out) != 0)
        die(argv[2]);
    return 0;
}
