/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fmt_make.c - making model files for tests, good and bad ones, by hand
 */
#include "fmt_make.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

void
put_u32(struct make *mk, struct sov_buf *b, uint32_t v)
{
    sov_buf_u32(b, mk->big ? __builtin_bswap32(v) : v);
}

void
put_u64(struct make *mk, struct sov_buf *b, uint64_t v)
{
    sov_buf_u64(b, mk->big ? __builtin_bswap64(v) : v);
}

void
put_str(struct make *mk, struct sov_buf *b, const char *s)
{
    put_u64(mk, b, strlen(s));
    sov_buf_add(b, s, strlen(s));
}

void
add_key(struct make *mk, const char *key, uint32_t type)
{
    put_str(mk, &mk->keys, key);
    put_u32(mk, &mk->keys, type);
    mk->n_keys++;
}

void
add_u32(struct make *mk, const char *key, uint32_t v)
{
    add_key(mk, key, SOV_V_U32);
    put_u32(mk, &mk->keys, v);
}

void
add_u16(struct make *mk, const char *key, uint16_t v)
{
    add_key(mk, key, SOV_V_U16);
    sov_buf_u16(&mk->keys, mk->big ? __builtin_bswap16(v) : v);
}

void
add_text(struct make *mk, const char *key, const char *v)
{
    add_key(mk, key, SOV_V_STR);
    put_str(mk, &mk->keys, v);
}

void
add_entry(struct make *mk, const char *name, uint32_t ndim,
          const uint64_t *dim, uint32_t type, uint64_t off)
{
    put_str(mk, &mk->dir, name);
    put_u32(mk, &mk->dir, ndim);
    for (uint32_t i = 0; i < ndim && i < 16; i++)
        put_u64(mk, &mk->dir, dim[i]);
    put_u32(mk, &mk->dir, type);
    put_u64(mk, &mk->dir, off);
    mk->n_tensors++;
}

static void
pad(struct sov_buf *b, uint64_t align)
{
    while (b->len % align != 0)
        sov_buf_u8(b, 0);
}

void
add_tensor(struct make *mk, const char *name, uint32_t type, uint64_t rows,
           uint64_t cols, const void *bytes, size_t len)
{
    uint64_t dim[2] = { cols, rows };

    if (mk->align == 0)
        mk->align = 32;
    add_entry(mk, name, 2, dim, type, mk->data.len);
    sov_buf_add(&mk->data, bytes, len);
    pad(&mk->data, mk->align);
}

struct sov_buf
finish(struct make *mk)
{
    struct sov_buf b = { 0 };

    sov_buf_add(&b, "GGUF", 4);
    put_u32(mk, &b, 3);
    put_u64(mk, &b, mk->n_tensors);
    put_u64(mk, &b, mk->n_keys);
    sov_buf_add(&b, mk->keys.p, mk->keys.len);
    sov_buf_add(&b, mk->dir.p, mk->dir.len);
    if (mk->n_tensors > 0)
        pad(&b, mk->align > 0 ? mk->align : 32);
    sov_buf_add(&b, mk->data.p, mk->data.len);
    sov_buf_free(&mk->keys);
    sov_buf_free(&mk->dir);
    sov_buf_free(&mk->data);
    memset(mk, 0, sizeof(*mk));
    ck_assert(!b.bad);
    return b;
}

struct make
small_model(void)
{
    struct make mk = { 0 };
    unsigned char bytes[128];

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)i;
    add_text(&mk, "general.architecture", "llama");
    add_tensor(&mk, "t", SOV_TYPE_F32, 1, 32, bytes, sizeof(bytes));
    return mk;
}

struct sov_buf
st_file(const char *json, size_t n)
{
    struct sov_buf b = { 0 };

    sov_buf_u64(&b, strlen(json));
    sov_buf_add(&b, json, strlen(json));
    for (size_t i = 0; i < n; i++)
        sov_buf_u8(&b, (uint8_t)(i * 7 + 3));
    return b;
}

const char *
as_file(struct sov_buf b)
{
    static char path[64];
    static int fd = -1;

    if (fd >= 0)
        close(fd);
    fd = memfd_create("model", MFD_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq((int)write(fd, b.p, b.len), (int)b.len);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return path;
}

const char *
as_pipe(struct sov_buf b)
{
    static char path[64];
    static int fd[2] = { -1, -1 };

    if (fd[0] >= 0)
        close(fd[0]);
    ck_assert_int_eq(pipe(fd), 0);
    ck_assert_uint_le(b.len, 65536);
    ck_assert_int_eq((int)write(fd[1], b.p, b.len), (int)b.len);
    close(fd[1]);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd[0]);
    return path;
}

/* ---- folders */

static char *dirs[64];
static size_t n_dirs;

const char *
fresh_dir(void)
{
    const char *tmp = getenv("TMPDIR");
    char *dir;

    ck_assert_uint_lt(n_dirs, 64);
    ck_assert_int_gt(asprintf(&dir, "%s/sov-fmt-XXXXXX",
                              tmp != NULL ? tmp : "/tmp"), 0);
    ck_assert_ptr_nonnull(mkdtemp(dir));
    dirs[n_dirs++] = dir;
    return dir;
}

static int
remove_one(const char *path, const struct stat *st, int what, struct FTW *at)
{
    (void)st;
    (void)what;
    (void)at;
    return remove(path);
}

void
remove_dirs(void)
{
    while (n_dirs > 0) {
        n_dirs--;
        nftw(dirs[n_dirs], remove_one, 8, FTW_DEPTH | FTW_PHYS);
        free(dirs[n_dirs]);
    }
}

const char *
in_dir(const char *dir, const char *name)
{
    static char path[4][4096];
    static unsigned turn;
    char *p = path[turn++ % 4];

    snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
    return p;
}

void
write_file(const char *dir, const char *name, const void *p, size_t len)
{
    FILE *f = fopen(in_dir(dir, name), "wb");

    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(p, 1, len, f), len);
    ck_assert_int_eq(fclose(f), 0);
}

void
write_text(const char *dir, const char *name, const char *text)
{
    write_file(dir, name, text, strlen(text));
}

/* ---- opening */

sov_model *
must_open(const char *path, enum sov_access access)
{
    struct sov_err err = { 0 };
    sov_model *m = NULL;

    if (sov_model_load(&m, path, access, &err) < 0)
        ck_abort_msg("%s", err.msg);
    ck_assert_ptr_nonnull(m);
    return m;
}

void
must_fail(const char *path, enum sov_access access, const char *want)
{
    struct sov_err err = { 0 };
    sov_model *m = NULL;
    int rc = sov_model_load(&m, path, access, &err);

    if (rc == 0)
        ck_abort_msg("opened, although: %s", want);
    ck_assert_ptr_null(m);
    ck_assert_int_eq(rc, err.rc);
    ck_assert_ptr_null(strchr(err.msg, '\n'));
    if (strstr(err.msg, want) == NULL)
        ck_abort_msg("\"%s\" does not say \"%s\"", err.msg, want);
}
