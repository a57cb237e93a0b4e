/* SPDX-License-Identifier: Apache-2.0 */
/*
 * archive.c - reading tar and zip as a stream, believing nothing
 *
 * libarchive takes the containers apart.  What it may do is small: one filter
 * (gzip, xz or zstd, chosen here by the first bytes, so that nothing is
 * decompressed twice), then tar or zip, or one compressed file.  Zip is read
 * from its beginning to its end too, from a file as from a pipe, so that an
 * archive means one thing.
 *
 * Bombs: libarchive asks for compressed bytes piece by piece, and is given no
 * more when too much came out of too little.
 *
 *     file --> give() --> filter --> tar, zip --> sov_archive_read()
 *               |                                     |
 *              `in'        position                 `out'
 */
#include "sys/archive.h"

#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/rd.h"
#include "base/text.h"

#include <archive.h>
#include <archive_entry.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#define HEAD        512u              /* bytes that show what it is */
#define BLOCK       ((size_t)1 << 18) /* read at a time */
#define BLOCK_SMALL ((size_t)1 << 15) /* ... where it may blow up */

enum kind { FOLDER = 1, PLAIN = 2 };

struct sov_archive {
    struct archive *la;
    struct sov_file own;   /* opened here, or fd -1 */
    struct sov_file *from; /* own, or borrowed */
    char *name;            /* of the archive, for messages */
    char *single;          /* name of the member, if it is one file */
    char *member;          /* name of the present member */
    int filter;            /* ARCHIVE_FILTER_... */
    const char *what;      /* it is, by its first bytes */
    unsigned char *buf;
    size_t head;           /* bytes of buf that were read before */
    size_t cap;
    uint64_t in;           /* bytes given to libarchive, skipped ones too */
    uint64_t out;          /* bytes of members */
    bool in_place;
    bool ended;
    struct sov_map seen;   /* names in lower case -> kind */
    char **key;            /* owned; what seen borrows */
    size_t n;
    size_t key_cap;
    uint64_t key_bytes;
    locale_t utf8;
    struct sov_err trouble; /* of give(), rc not 0 */
};

/* ---- what it is ---- */

static const struct {
    int filter;
    size_t off;
    const char *magic;
    size_t len;
    const char *what;
} looks[] = {
    { ARCHIVE_FILTER_GZIP, 0, "\037\213\010", 3, "gzip data" },
    { ARCHIVE_FILTER_XZ, 0, "\375" "7zXZ\0", 6, "xz data" },
    { ARCHIVE_FILTER_ZSTD, 0, "\050\265\057\375", 4, "zstd data" },
    { ARCHIVE_FILTER_NONE, 0, "PK\003\004", 4, "zip archive" },
    { ARCHIVE_FILTER_NONE, 0, "PK\005\006", 4, "zip archive" },
    { ARCHIVE_FILTER_NONE, 257, "ustar", 5, "tar archive" },
};

/* Index in looks, or -1. */
static int
look(struct sov_span head)
{
    for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++)
        if (head.len >= looks[i].off + looks[i].len &&
            memcmp(head.p + looks[i].off, looks[i].magic, looks[i].len) == 0)
            return (int)i;
    return -1;
}

bool
sov_archive_looks(struct sov_span head)
{
    return look(head) >= 0;
}

bool
sov_archive_single(const sov_archive *a)
{
    return a->single != NULL;
}

bool
sov_archive_in_place(const sov_archive *a, uint64_t *off)
{
    if (a->in_place)
        *off = (uint64_t)archive_filter_bytes(a->la, 0);
    return a->in_place;
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

/* ---- names ---- */

static const char *
bad_part(const char *part, size_t len)
{
    if (len == 0)
        return "has an empty part";
    if (len > SOV_MEMBER_PART)
        return "has a part of more than 255 bytes";
    if (len == 1 && part[0] == '.')
        return "has the part \".\"";
    if (len == 2 && part[0] == '.' && part[1] == '.')
        return "has the part \"..\"";
    return NULL;
}

const char *
sov_archive_bad_name(const char *name, size_t len)
{
    const char *bad = NULL;
    uint32_t cp;

    if (len == 0)
        return "is empty";
    if (len > SOV_MEMBER_NAME)
        return "has more than 4095 bytes";
    for (size_t i = 0, step; i < len; i += step) {
        step = sov_utf8_step(name + i, len - i, &cp);
        if (step == 0)
            return "is not UTF-8";
        if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0))
            return "has control characters";
        if (cp == '\\')
            return "has a backslash";
    }
    if (name[0] == '/')
        return "is absolute";
    if (len >= 2 && name[1] == ':' && isalpha((unsigned char)name[0]))
        return "has a drive letter";
    if (name[len - 1] == '/')
        len--;
    for (size_t at = 0, end; at <= len && bad == NULL; at = end + 1) {
        for (end = at; end < len && name[end] != '/'; end++)
            ;
        bad = bad_part(name + at, end - at);
    }
    return bad;
}

int
sov_archive_wrap(const sov_archive *a, struct sov_err *err)
{
    if (a->member != NULL && a->single == NULL)
        return sov_err_wrap(err, "%.160s: %.100s", a->name, a->member);
    return sov_err_wrap(err, "%.160s", a->name);
}

static int
refuse(const sov_archive *a, const char *name, const char *why,
       struct sov_err *err)
{
    return sov_fail(err, SOV_EFORMAT,
                    "%.160s: offset 0x%" PRIx64 ": member \"%.100s\" %s",
                    a->name, (uint64_t)archive_read_header_position(a->la),
                    name, why);
}

/* A name has one meaning, also where upper and lower case are one. */
static int
check_new(sov_archive *a, const char *name, size_t len, enum kind kind,
          struct sov_err *err)
{
    uint64_t before;
    char *key;
    int rc;

    if (a->n >= SOV_MEMBERS_MAX || a->key_bytes + len > SOV_MEMBER_NAMES)
        return sov_fail(err, SOV_EFORMAT,
                        "%.160s: more members than the limit of %" PRIu64
                        " (or %" PRIu64 " bytes of names)",
                        a->name, SOV_MEMBERS_MAX, SOV_MEMBER_NAMES);
    rc = sov_mem_grow((void **)&a->key, a->n, &a->key_cap, sizeof(*a->key),
                      err);
    if (rc < 0)
        return rc;
    key = sov_mem_dup(name, len);
    if (key == NULL)
        return sov_mem_fail(err);
    a->key[a->n++] = key;
    a->key_bytes += len;
    for (size_t i = 0; i < len; i++)
        key[i] = (char)tolower((unsigned char)key[i]);
    rc = sov_map_add(&a->seen, key, len, kind, err);
    if (rc <= 0)
        return rc;
    if (kind == FOLDER && sov_map_get(&a->seen, key, len, &before) &&
        before == FOLDER)
        return 0;
    return refuse(a, name, "is there twice (or differs in case alone)", err);
}

static int
check_kind(sov_archive *a, struct archive_entry *e, const char *name,
           enum kind *kind, struct sov_err *err)
{
    if (archive_entry_is_encrypted(e))
        return refuse(a, name, "is encrypted", err);
    if (archive_entry_hardlink(e) != NULL)
        return refuse(a, name, "is a hard link, not a plain file", err);
    switch (archive_entry_filetype(e)) {
    case AE_IFREG:
        *kind = PLAIN;
        return 0;
    case AE_IFDIR:
        *kind = FOLDER;
        return 0;
    case AE_IFLNK:
        return refuse(a, name, "is a symbolic link, not a plain file", err);
    default:
        return refuse(a, name, "is a device, fifo or socket, not a plain "
                      "file", err);
    }
}

/* ---- bytes for libarchive ---- */

/* Did too much come out of too little? */
static bool
is_bomb(const sov_archive *a)
{
    uint64_t position = (uint64_t)archive_filter_bytes(a->la, 0);
    uint64_t out = a->out > position ? a->out : position;

    return out > SOV_RATIO_FROM && out / SOV_RATIO_MAX > a->in;
}

static int
say_bomb(const sov_archive *a, struct sov_err *err)
{
    return sov_fail(err, SOV_EFORMAT,
                    "the first %" PRIu64 " bytes expand more than %" PRIu64
                    " times: refused as a bomb",
                    a->in, SOV_RATIO_MAX);
}

static la_ssize_t
give(struct archive *la, void *arg, const void **block)
{
    sov_archive *a = arg;
    uint64_t left;
    int64_t n;

    (void)la;
    *block = a->buf;
    if (is_bomb(a)) {
        say_bomb(a, &a->trouble);
        return -1;
    }
    if (a->from->regular) {
        left = a->from->size > a->in ? a->from->size - a->in : 0;
        n = (int64_t)(left < a->cap ? left : a->cap);
        if (n > 0 && sov_file_pread(a->from, a->buf, (size_t)n, a->in,
                                    &a->trouble) < 0)
            return -1;
    } else if (a->head > 0) {
        n = (int64_t)a->head;
        a->head = 0;
    } else {
        n = sov_file_next(a->from, a->buf, a->cap, &a->trouble);
        if (n < 0)
            return -1;
    }
    a->in += (uint64_t)n;
    return (la_ssize_t)n;
}

/* Bytes that nobody wants need not be read from a plain file. */
static la_int64_t
skip(struct archive *la, void *arg, la_int64_t want)
{
    sov_archive *a = arg;
    uint64_t left;

    (void)la;
    if (!a->from->regular || a->filter != ARCHIVE_FILTER_NONE || want < 0)
        return 0;
    left = a->from->size > a->in ? a->from->size - a->in : 0;
    left = (uint64_t)want < left ? (uint64_t)want : left;
    a->in += left;
    return (la_int64_t)left;
}

/* What libarchive complains of, or what give() did. */
static int
complaint(sov_archive *a, struct sov_err *err)
{
    const char *text = archive_error_string(a->la);
    char line[200];

    if (a->trouble.rc != 0) {
        if (err != NULL)
            *err = a->trouble;
        sov_archive_wrap(a, err);
        return a->trouble.rc;
    }
    if (archive_errno(a->la) == ENOMEM)
        return sov_mem_fail(err);
    sov_text_safe(text != NULL ? text : "broken",
                  strlen(text != NULL ? text : "broken"), line, sizeof(line));
    if (isupper((unsigned char)line[0]) && islower((unsigned char)line[1]))
        line[0] = (char)tolower((unsigned char)line[0]);
    sov_fail(err, SOV_EFORMAT, "offset 0x%" PRIx64 ": %s: %s",
             (uint64_t)archive_filter_bytes(a->la, 0), a->what, line);
    return sov_archive_wrap(a, err);
}

/* ---- opening ---- */

static int
add_filter(sov_archive *a, struct sov_span head, struct sov_err *err)
{
    uint64_t window = a->filter == ARCHIVE_FILTER_XZ ? xz_window(head) : 0;

    if (window > SOV_WINDOW_MAX)
        return sov_fail(err, SOV_EFORMAT,
                        "%.160s: needs %" PRIu64 " bytes of memory to be "
                        "decompressed, the limit is %" PRIu64,
                        a->name, window, SOV_WINDOW_MAX);
    /* ARCHIVE_WARN would mean that another program is started for it */
    if (a->filter == ARCHIVE_FILTER_NONE)
        return 0;
    if (archive_read_append_filter(a->la, a->filter) != ARCHIVE_OK)
        return sov_fail(err, SOV_EUNSUP,
                        "%.160s: this libarchive cannot decompress it",
                        a->name);
    return 0;
}

static int
start(sov_archive *a, struct sov_span head, struct sov_err *err)
{
    int found = look(head);
    int rc;

    if (found < 0)
        return sov_fail(err, SOV_EFORMAT,
                        "%.160s: not a tar or zip archive, and not compressed "
                        "by gzip, xz or zstd",
                        a->name);
    a->filter = looks[found].filter;
    a->what = looks[found].what;
    a->cap = a->filter == ARCHIVE_FILTER_NONE ? BLOCK : BLOCK_SMALL;
    if (a->cap < head.len)
        a->cap = head.len;
    a->buf = sov_mem_array(a->cap, 1);
    a->la = archive_read_new();
    if (a->buf == NULL || a->la == NULL)
        return sov_mem_fail(err);
    memcpy(a->buf, head.p, head.len);
    a->head = head.len;
    a->utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    rc = add_filter(a, head, err);
    if (rc < 0)
        return rc;
    archive_read_support_format_tar(a->la);
    archive_read_support_format_zip_streamable(a->la);
    if (a->filter != ARCHIVE_FILTER_NONE)
        archive_read_support_format_raw(a->la);
    archive_read_set_format_option(a->la, "tar", "read_concatenated_archives",
                                   "1");
    archive_read_set_callback_data(a->la, a);
    archive_read_set_read_callback(a->la, give);
    archive_read_set_skip_callback(a->la, skip);
    if (archive_read_open1(a->la) != ARCHIVE_OK)
        return complaint(a, err);
    return 0;
}

int
sov_archive_over(sov_archive **archive, struct sov_file *file,
                 struct sov_span head, const char *name, struct sov_err *err)
{
    sov_archive *a = sov_mem_array(1, sizeof(*a));
    int rc;

    if (a == NULL)
        return sov_mem_fail(err);
    a->own.fd = -1;
    a->from = file;
    a->name = sov_mem_dup(name, strlen(name));
    rc = a->name == NULL ? sov_mem_fail(err) : start(a, head, err);
    if (rc < 0) {
        sov_archive_close(a);
        return rc;
    }
    *archive = a;
    return 0;
}

int
sov_archive_open(sov_archive **archive, const char *path, struct sov_err *err)
{
    const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
    unsigned char head[HEAD];
    struct sov_file file;
    int64_t n;
    int rc;

    rc = sov_file_open(&file, path, err);
    if (rc < 0)
        return sov_err_wrap(err, "%s", name);
    if (file.regular) {
        n = (int64_t)(file.size < HEAD ? file.size : HEAD);
        rc = sov_file_pread(&file, head, (size_t)n, 0, err);
    } else {
        n = sov_file_next(&file, head, HEAD, err);
        rc = n < 0 ? (int)n : 0;
    }
    if (rc < 0)
        sov_err_wrap(err, "%s", name);
    else
        rc = sov_archive_over(archive, &file,
                              (struct sov_span){ head, (size_t)n }, name, err);
    if (rc < 0) {
        sov_file_close(&file);
        return rc;
    }
    (*archive)->own = file;
    (*archive)->from = &(*archive)->own;
    return 0;
}

void
sov_archive_close(sov_archive *a)
{
    if (a == NULL)
        return;
    if (a->la != NULL)
        archive_read_free(a->la);
    if (a->utf8 != (locale_t)0)
        freelocale(a->utf8);
    sov_file_close(&a->own);
    for (size_t i = 0; i < a->n; i++)
        free(a->key[i]);
    free(a->key);
    sov_map_free(&a->seen);
    free(a->member);
    free(a->single);
    free(a->name);
    free(a->buf);
    free(a);
}

/* ---- members ---- */

/* Basename of the archive without .gz, .xz, .zst: "model.gguf". */
static int
name_single(sov_archive *a, struct sov_err *err)
{
    static const char *const suffix[] = { ".gz", ".xz", ".zst", ".zstd" };
    const char *slash = strrchr(a->name, '/');
    const char *base = slash != NULL ? slash + 1 : a->name;
    size_t len = strlen(base);

    for (size_t i = 0; i < sizeof(suffix) / sizeof(suffix[0]); i++) {
        size_t n = strlen(suffix[i]);

        if (len > n && strcmp(base + len - n, suffix[i]) == 0) {
            len -= n;
            break;
        }
    }
    a->single = sov_mem_dup(base, len);
    return a->single == NULL ? sov_mem_fail(err) : 0;
}

/*
 * A warning is about something that has no meaning for us (names of users),
 * or about something that could not be read as it was written.
 */
static bool
harmless(const sov_archive *a)
{
    const char *text = archive_error_string(a->la);

    return text != NULL && (strncmp(text, "Uname", 5) == 0 ||
                            strncmp(text, "Gname", 5) == 0);
}

/* A tar file ends in blocks of zeros, or it was cut short. */
static int
at_end(sov_archive *a, struct sov_err *err)
{
    int64_t gone = archive_filter_bytes(a->la, 0) -
                   archive_read_header_position(a->la);
    int format = archive_format(a->la) & ARCHIVE_FORMAT_BASE_MASK;

    free(a->member);
    a->member = NULL;
    a->ended = true;
    if (format == ARCHIVE_FORMAT_TAR && gone < 512)
        return sov_fail(err, SOV_EFORMAT,
                        "%.160s: offset 0x%" PRIx64 ": cut short: the end "
                        "mark of the archive is missing",
                        a->name, (uint64_t)archive_filter_bytes(a->la, 0));
    return 0;
}

/* zip may hide rarer and less tried methods, each with its own decoder. */
static int
check_method(sov_archive *a, const char *name, struct sov_err *err)
{
    const char *method;

    if ((archive_format(a->la) & ARCHIVE_FORMAT_BASE_MASK) !=
        ARCHIVE_FORMAT_ZIP)
        return 0;
    method = archive_format_name(a->la);
    if (method != NULL && (strstr(method, "(uncompressed)") != NULL ||
                           strstr(method, "(deflation)") != NULL))
        return 0;
    return refuse(a, name, "is compressed by a method other than deflate",
                  err);
}

/* Look at a header: 1 a file, 0 a folder. */
static int
take(sov_archive *a, struct archive_entry *e, struct sov_err *err)
{
    const char *name = archive_entry_pathname(e);
    enum kind kind = PLAIN;
    const char *why;
    size_t len;
    int rc;

    if (archive_format(a->la) == ARCHIVE_FORMAT_RAW) {
        rc = name_single(a, err);
        if (rc < 0)
            return rc;
        a->member = sov_mem_dup(a->single, strlen(a->single));
        return a->member == NULL ? sov_mem_fail(err) : 1;
    }
    if (name == NULL)
        return refuse(a, "", "has a name that is not UTF-8", err);
    if (strcmp(name, "./") == 0 || strcmp(name, ".") == 0)
        return 0;
    if (strncmp(name, "./", 2) == 0) /* tar -C folder . */
        name += 2;
    len = strlen(name);
    why = sov_archive_bad_name(name, len);
    if (why != NULL)
        return sov_fail(err, SOV_EFORMAT,
                        "%.160s: offset 0x%" PRIx64 ": name of a member %s: "
                        "\"%.100s\"",
                        a->name,
                        (uint64_t)archive_read_header_position(a->la), why,
                        name);
    rc = check_kind(a, e, name, &kind, err);
    if (rc == 0 && kind == PLAIN && name[len - 1] == '/')
        rc = refuse(a, name, "is a file with the name of a folder", err);
    if (rc == 0 && name[len - 1] == '/')
        len--;
    if (rc == 0)
        rc = check_new(a, name, len, kind, err);
    if (rc == 0 && kind == PLAIN)
        rc = check_method(a, name, err);
    if (rc < 0 || kind == FOLDER)
        return rc;
    a->in_place = a->filter == ARCHIVE_FILTER_NONE && a->from->regular &&
                  (archive_format(a->la) & ARCHIVE_FORMAT_BASE_MASK) ==
                      ARCHIVE_FORMAT_TAR &&
                  archive_entry_sparse_count(e) == 0;
    a->member = sov_mem_dup(name, len);
    return a->member == NULL ? sov_mem_fail(err) : 1;
}

/* One header; 1 a file, 0 a folder, or at the end (ended). */
static int
one_header(sov_archive *a, struct sov_member *m, struct sov_err *err)
{
    struct archive_entry *e;
    int rc;

    free(a->member);
    a->member = NULL;
    a->in_place = false;
    rc = archive_read_next_header(a->la, &e);
    if (rc == ARCHIVE_EOF)
        return at_end(a, err);
    if (rc != ARCHIVE_OK && !(rc == ARCHIVE_WARN && harmless(a)))
        return complaint(a, err);
    rc = take(a, e, err);
    if (rc == 1) {
        m->name = a->member;
        m->size = archive_entry_size_is_set(e) && archive_entry_size(e) >= 0
                      ? (uint64_t)archive_entry_size(e)
                      : UINT64_MAX;
    }
    return rc;
}

int
sov_archive_next(sov_archive *a, struct sov_member *m, struct sov_err *err)
{
    locale_t before = uselocale(a->utf8);
    int rc = 0;

    while (rc == 0 && !a->ended)
        rc = one_header(a, m, err);
    uselocale(before);
    if (rc < 0)
        a->ended = true;
    return rc;
}

int64_t
sov_archive_read(sov_archive *a, void *buf, size_t len, struct sov_err *err)
{
    unsigned char *to = buf;
    size_t done = 0;
    la_ssize_t n = 1;

    if (a->member == NULL)
        return sov_fail(err, SOV_EARG, "no member was begun");
    while (done < len && n > 0) {
        n = archive_read_data(a->la, to + done, len - done);
        if (n < 0)
            return complaint(a, err);
        done += (size_t)n;
        a->out += (uint64_t)n;
        if (is_bomb(a)) {
            say_bomb(a, err);
            return sov_archive_wrap(a, err);
        }
    }
    return (int64_t)done;
}
