/* SPDX-License-Identifier: Apache-2.0 */
/*
 * archive.c - reading tar and zip as a stream, believing nothing
 *
 * libarchive takes the containers apart.  What it may do is small: one filter
 * (gzip, bzip2, xz or zstd, chosen here by the first bytes, so that nothing is
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
#include "base/mem.h"
#include "base/text.h"
#include "sys/members.h"

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

struct sov_archive {
    struct archive *la;
    struct sov_file own;   /* opened here, or fd -1 */
    struct sov_file *from; /* own, or borrowed */
    char *name;            /* of the archive, for messages */
    char *single;          /* name of the member, if it is one file */
    char *member;          /* name of the present member */
    enum sov_pack how;     /* it is compressed */
    const char *what;      /* it is, by its first bytes */
    unsigned char *buf;    /* two blocks: what libarchive has, and ... */
    unsigned char *last;   /* ... what it had before */
    size_t n_buf;
    size_t n_last;
    size_t head; /* bytes of buf that were read before */
    size_t cap;
    uint64_t in;         /* bytes given to libarchive, skipped ones too */
    uint64_t out;        /* bytes of members */
    uint64_t member_out; /* ... of this one */
    bool in_place;
    bool ended;
    bool rest_seen; /* what stands behind what is compressed was looked at */
    struct sov_members members; /* that were seen */
    locale_t utf8;
    struct sov_err trouble; /* of give(), rc not 0 */
};

/* ---- what it is ---- */

static const int filters[] = {
    [SOV_PACK_PLAIN] = ARCHIVE_FILTER_NONE,
    [SOV_PACK_GZIP] = ARCHIVE_FILTER_GZIP,
    [SOV_PACK_XZ] = ARCHIVE_FILTER_XZ,
    [SOV_PACK_ZSTD] = ARCHIVE_FILTER_ZSTD,
    [SOV_PACK_BZIP2] = ARCHIVE_FILTER_BZIP2,
};

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

/* ---- words ---- */

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
    return sov_fail(
        err, SOV_EFORMAT, "%.160s: offset 0x%" PRIx64 ": member \"%.100s\" %s",
        a->name, (uint64_t)archive_read_header_position(a->la), name, why);
}

static int
check_kind(sov_archive *a, struct archive_entry *e, const char *name,
           enum sov_seen_kind *kind, struct sov_err *err)
{
    if (archive_entry_is_encrypted(e))
        return refuse(a, name, "is encrypted", err);
    if (archive_entry_hardlink(e) != NULL)
        return refuse(a, name, "is a hard link, not a plain file", err);
    switch (archive_entry_filetype(e)) {
    case AE_IFREG:
        *kind = SOV_SEEN_FILE;
        return 0;
    case AE_IFDIR:
        *kind = SOV_SEEN_FOLDER;
        if (archive_entry_size_is_set(e) && archive_entry_size(e) > 0)
            return refuse(a, name, "is a folder with bytes in it", err);
        return 0;
    case AE_IFLNK:
        return refuse(a, name, "is a symbolic link, not a plain file", err);
    default:
        return refuse(a, name,
                      "is a device, fifo or socket, not a plain "
                      "file",
                      err);
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

    unsigned char *other = a->last;

    (void)la;
    if (is_bomb(a)) {
        say_bomb(a, &a->trouble);
        return -1;
    }
    if (a->n_buf > 0) { /* not the first one */
        a->last = a->buf;
        a->n_last = a->n_buf;
        a->buf = other;
    }
    *block = a->buf;
    if (a->from->regular) {
        left = a->from->size > a->in ? a->from->size - a->in : 0;
        n = (int64_t)(left < a->cap ? left : a->cap);
        if (n > 0 &&
            sov_file_pread(a->from, a->buf, (size_t)n, a->in, &a->trouble) < 0)
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
    a->n_buf = (size_t)n;
    return (la_ssize_t)n;
}

/* Bytes that nobody wants need not be read from a plain file. */
static la_int64_t
skip(struct archive *la, void *arg, la_int64_t want)
{
    sov_archive *a = arg;
    uint64_t left;

    (void)la;
    if (!a->from->regular || a->how != SOV_PACK_PLAIN || want < 0)
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
    uint64_t window = sov_archive_window(head);

    if (window > SOV_WINDOW_MAX)
        return sov_fail(err, SOV_EFORMAT,
                        "%.160s: needs %" PRIu64 " bytes of memory to be "
                        "decompressed, the limit is %" PRIu64,
                        a->name, window, SOV_WINDOW_MAX);
    /* ARCHIVE_WARN would mean that another program is started for it */
    if (a->how == SOV_PACK_PLAIN)
        return 0;
    if (archive_read_append_filter(a->la, filters[a->how]) != ARCHIVE_OK)
        return sov_fail(err, SOV_EUNSUP,
                        "%.160s: this libarchive cannot decompress it",
                        a->name);
    return 0;
}

static int
start(sov_archive *a, struct sov_span head, struct sov_err *err)
{
    int rc;

    a->what = sov_archive_look(head, &a->how);
    if (a->what == NULL)
        return sov_fail(err, SOV_EFORMAT,
                        "%.160s: not a tar or zip archive, and not compressed "
                        "by gzip, bzip2, xz or zstd",
                        a->name);
    a->cap = a->how == SOV_PACK_PLAIN ? BLOCK : BLOCK_SMALL;
    if (a->cap < head.len)
        a->cap = head.len;
    a->buf = sov_mem_array(a->cap, 1);
    a->last = sov_mem_array(a->cap, 1);
    a->la = archive_read_new();
    if (a->buf == NULL || a->last == NULL || a->la == NULL)
        return sov_mem_fail(err);
    memcpy(a->buf, head.p, head.len);
    a->head = head.len;
    a->utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    rc = add_filter(a, head, err);
    if (rc < 0)
        return rc;
    archive_read_support_format_tar(a->la);
    archive_read_support_format_zip_streamable(a->la);
    if (a->how != SOV_PACK_PLAIN)
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
    sov_members_free(&a->members);
    free(a->member);
    free(a->single);
    free(a->name);
    free(a->buf);
    free(a->last);
    free(a);
}

/* ---- members ---- */

/* Basename of the archive without .gz, .bz2, .xz, .zst: "model.gguf". */
static int
name_single(sov_archive *a, struct sov_err *err)
{
    static const char *const suffix[] = { ".gz", ".bz2", ".xz", ".zst",
                                        ".zstd" };
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

    return text != NULL &&
           (strncmp(text, "Uname", 5) == 0 || strncmp(text, "Gname", 5) == 0);
}

/* ---- the end ---- */

/* What libarchive left of a file, and what it did not ask for. */
struct rest {
    sov_archive *a;
    uint64_t at;
};

static int64_t
pull_rest(void *arg, void *buf, size_t len, struct sov_err *err)
{
    struct rest *r = arg;
    sov_archive *a = r->a;
    unsigned char *to = buf;
    size_t done = 0;
    int64_t n;

    while (done < len && !a->from->regular && r->at < a->in) {
        uint64_t back = a->in - r->at; /* so far before the end of buf */
        bool old = back > a->n_buf;
        uint64_t room = old ? back - a->n_buf : back;
        const unsigned char *end =
            old ? a->last + a->n_last : a->buf + a->n_buf;

        if (old && room > a->n_last)
            return sov_fail(err, SOV_EFORMAT,
                            "zip archive: its directory is out of reach");
        if (room > len - done)
            room = len - done;
        memcpy(to + done, end - (old ? back - a->n_buf : back), (size_t)room);
        done += (size_t)room;
        r->at += room;
    }
    if (done == len)
        return (int64_t)done;
    if (a->from->regular) {
        uint64_t left = a->from->size > r->at ? a->from->size - r->at : 0;

        n = (int64_t)(left < len - done ? left : len - done);
        if (sov_file_pread(a->from, to + done, (size_t)n, r->at, err) < 0)
            return SOV_EIO;
    } else {
        n = sov_file_next(a->from, to + done, len - done, err);
        if (n < 0)
            return n;
    }
    a->in += (uint64_t)n;
    r->at += (uint64_t)n;
    a->n_buf = a->n_last = 0;
    return (int64_t)done + n;
}

static int
check_zip(sov_archive *a, struct sov_err *err)
{
    struct rest rest = { a, (uint64_t)archive_filter_bytes(a->la, 0) };
    int rc;

    if (a->how != SOV_PACK_PLAIN)
        return 0;
    rc = sov_members_check_zip(&a->members, pull_rest, &rest, err);
    return rc < 0 ? sov_err_wrap(err, "%.160s: offset 0x%" PRIx64, a->name,
                                 rest.at)
                  : 0;
}

/*
 * libarchive stops where gzip or bzip2 has no further part and passes over what
 * stands there (of xz and zstd it complains).  Zeros are padding, as on a tape
 * (the manual of gzip); anything else was lost, or hides something.
 */
static int
check_rest(sov_archive *a, struct sov_err *err)
{
    struct rest rest = { a, (uint64_t)archive_filter_bytes(a->la, -1) };
    unsigned char buf[4096];
    uint64_t at = rest.at;
    int64_t n = a->how == SOV_PACK_PLAIN || a->rest_seen ? 0 : 1;

    a->rest_seen = true;
    for (; n > 0; at = rest.at) {
        n = pull_rest(&rest, buf, sizeof(buf), err);
        for (int64_t i = 0; i < n; i++)
            if (buf[i] != 0)
                return sov_fail(err, SOV_EFORMAT,
                                "%.160s: offset 0x%" PRIx64 ": behind the end "
                                "of what is compressed stands something else",
                                a->name, at + (uint64_t)i);
    }
    return n < 0 ? sov_archive_wrap(a, err) : 0;
}

/* A tar file ends in blocks of zeros, or it was cut short. */
static int
at_end(sov_archive *a, struct sov_err *err)
{
    int64_t gone =
        archive_filter_bytes(a->la, 0) - archive_read_header_position(a->la);
    int format = archive_format(a->la) & ARCHIVE_FORMAT_BASE_MASK;

    free(a->member);
    a->member = NULL;
    a->ended = true;
    if (format == ARCHIVE_FORMAT_TAR && gone < 512)
        return sov_fail(err, SOV_EFORMAT,
                        "%.160s: offset 0x%" PRIx64 ": cut short: the end "
                        "mark of the archive is missing",
                        a->name, (uint64_t)archive_filter_bytes(a->la, 0));
    if (format != ARCHIVE_FORMAT_ZIP)
        return check_rest(a, err);
    return check_zip(a, err);
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
    return refuse(a, name, "is compressed by a method other than deflate", err);
}

static int
note_name(sov_archive *a, const char *name, size_t len, enum sov_seen_kind kind,
          struct sov_err *err)
{
    int rc = sov_members_add(&a->members, name, len, kind, err);

    if (rc > 0)
        return refuse(a, name, "is there twice (or differs in case alone)",
                      err);
    return rc == SOV_EFORMAT ? sov_err_wrap(err, "%.160s", a->name) : rc;
}

/* Look at a header: 1 a file, 0 a folder. */
static int
take(sov_archive *a, struct archive_entry *e, struct sov_err *err)
{
    const char *name = archive_entry_pathname(e);
    enum sov_seen_kind kind = SOV_SEEN_FILE;
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
                        a->name, (uint64_t)archive_read_header_position(a->la),
                        why, name);
    rc = check_kind(a, e, name, &kind, err);
    if (rc == 0 && kind == SOV_SEEN_FILE && name[len - 1] == '/')
        rc = refuse(a, name, "is a file with the name of a folder", err);
    if (rc == 0 && name[len - 1] == '/')
        len--;
    if (rc == 0)
        rc = note_name(a, name, len, kind, err);
    if (rc == 0 && kind == SOV_SEEN_FILE)
        rc = check_method(a, name, err);
    if (rc < 0 || kind == SOV_SEEN_FOLDER)
        return rc;
    a->in_place = a->how == SOV_PACK_PLAIN && a->from->regular &&
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
    a->member_out = 0;
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
        if (a->single == NULL)
            a->members.seen[a->members.n - 1].size = m->size;
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
    int rc = 0;

    if (a->member == NULL)
        return sov_fail(err, SOV_EARG, "no member was begun");
    while (done < len && n > 0) {
        n = archive_read_data(a->la, to + done, len - done);
        if (n < 0)
            return complaint(a, err);
        done += (size_t)n;
        a->out += (uint64_t)n;
        a->member_out += (uint64_t)n;
        if (is_bomb(a)) {
            say_bomb(a, err);
            return sov_archive_wrap(a, err);
        }
    }
    if (n > 0 || done == len)
        return (int64_t)done;
    if (a->single == NULL)
        a->members.seen[a->members.n - 1].size = a->member_out;
    else /* whoever reads one file to its end may not ask for the next one */
        rc = check_rest(a, err);
    return rc < 0 ? rc : (int64_t)done;
}
