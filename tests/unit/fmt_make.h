/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fmt_make.h - making model files for tests, good and bad ones, by hand
 *
 * Files are built byte by byte, without the library's own writer, so that a
 * mistake cannot be made twice.
 */
#ifndef SOV_TESTS_UNIT_FMT_MAKE_H
#define SOV_TESTS_UNIT_FMT_MAKE_H

#include "base/buf.h"
#include "fmt/model.h"
#include "unit.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A GGUF file in the making. */
struct make {
    struct sov_buf keys, dir, data;
    uint64_t n_keys, n_tensors;
    uint64_t align; /* of the data; 32 unless set */
    bool big;
};

void put_u32(struct make *mk, struct sov_buf *b, uint32_t v);
void put_u64(struct make *mk, struct sov_buf *b, uint64_t v);
void put_str(struct make *mk, struct sov_buf *b, const char *s);

void add_key(struct make *mk, const char *key, uint32_t type);
void add_u32(struct make *mk, const char *key, uint32_t v);
void add_u16(struct make *mk, const char *key, uint16_t v);
void add_text(struct make *mk, const char *key, const char *v);

/* A tensor at an offset of one's own choice, without bytes. */
void add_entry(struct make *mk, const char *name, uint32_t ndim,
               const uint64_t *dim, uint32_t type, uint64_t off);
/* A tensor behind the last one, with its bytes. */
void add_tensor(struct make *mk, const char *name, uint32_t type,
                uint64_t rows, uint64_t cols, const void *bytes, size_t len);

/* The file; frees mk. */
struct sov_buf finish(struct make *mk);

/* One key and one f32 tensor "t" of 32 weights. */
struct make small_model(void);

/* A safetensors file out of its JSON and n bytes of data. */
struct sov_buf st_file(const char *json, size_t n);

/* Bytes as a file that can be opened by name until the next one is made. */
const char *as_file(struct sov_buf b);
/* The same as a pipe, for at most 64 KiB. */
const char *as_pipe(struct sov_buf b);

/* A fresh folder, removed with all in it at the end of the test. */
const char *fresh_dir(void);
void remove_dirs(void);
void write_file(const char *dir, const char *name, const void *p, size_t len);
void write_text(const char *dir, const char *name, const char *text);
const char *in_dir(const char *dir, const char *name);

/* Open a model that must open; with a message when it does not. */
sov_model *must_open(const char *path, enum sov_access access);
/* A model that must not open, with want in its one line. */
void must_fail(const char *path, enum sov_access access, const char *want);

void meta_tests(TCase *tc);
void gguf_tests(TCase *tc);
void gguf_bad_tests(TCase *tc);
void safetensors_tests(TCase *tc);
void model_tests(TCase *tc);
void write_tests(TCase *tc);

#endif
