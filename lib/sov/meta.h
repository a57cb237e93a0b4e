/* SPDX-License-Identifier: Apache-2.0 */
/*
 * meta.h - the metadata of a model: an ordered set of typed keys
 *
 * The keys are those of GGUF, whatever format a model came in.  A value keeps
 * the bytes of a little-endian GGUF file, so that what is unknown here is
 * carried through to the bit.
 *
 *   number    its 1 to 8 bytes            bool      one byte, 0 or 1
 *   string    the bytes, no length        array     n elements, in sequence
 *   array of strings: for each u64 length and that many bytes
 */
#ifndef SOV_META_H
#define SOV_META_H

#include "sov/base.h"
#include "sov/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sov_vtype {
    SOV_V_U8, SOV_V_I8, SOV_V_U16, SOV_V_I16, SOV_V_U32, SOV_V_I32,
    SOV_V_F32, SOV_V_BOOL, SOV_V_STR, SOV_V_ARR, SOV_V_U64, SOV_V_I64,
    SOV_V_F64,
};

struct sov_kv {
    const char *key;        /* NUL-terminated */
    enum sov_vtype type;
    enum sov_vtype elem;    /* arrays: type of the elements (never ARR) */
    uint64_t n;             /* arrays: number of elements; else 1 */
    struct sov_span val;    /* see above */
};

typedef struct sov_meta sov_meta;

SOV_API int sov_meta_new(sov_meta **meta, struct sov_err *err) SOV_MUST_CHECK;
SOV_API void sov_meta_free(sov_meta *meta);

/* In order of the file.  Borrowed until the next change of the set. */
SOV_API size_t sov_meta_count(const sov_meta *meta);
SOV_API const struct sov_kv *sov_meta_at(const sov_meta *meta, size_t i);
SOV_API const struct sov_kv *sov_meta_find(const sov_meta *meta,
                                           const char *key);
/* A key of the model's architecture: `name` behind general.architecture and a
 * point.  NULL, too, if no architecture is named, or one of more than 100
 * bytes. */
SOV_API const struct sov_kv *sov_meta_arch_find(const sov_meta *meta,
                                                const char *name);

/*
 * Set a key to a copy of the value: in its old place if it was there, else at
 * the end.
 */
SOV_API int sov_meta_set(sov_meta *meta, const struct sov_kv *kv,
                         struct sov_err *err) SOV_MUST_CHECK;
SOV_API int sov_meta_set_u32(sov_meta *meta, const char *key, uint32_t v,
                             struct sov_err *err) SOV_MUST_CHECK;
SOV_API int sov_meta_set_f32(sov_meta *meta, const char *key, float v,
                             struct sov_err *err) SOV_MUST_CHECK;
SOV_API int sov_meta_set_bool(sov_meta *meta, const char *key, bool v,
                              struct sov_err *err) SOV_MUST_CHECK;
SOV_API int sov_meta_set_str(sov_meta *meta, const char *key, const char *v,
                             struct sov_err *err) SOV_MUST_CHECK;
SOV_API void sov_meta_unset(sov_meta *meta, const char *key);

/* Remove all keys that match a shell pattern, as fnmatch(3); how many. */
SOV_API size_t sov_meta_unset_like(sov_meta *meta, const char *pattern);

/*
 * Set a key to what text[len] says, NUL-terminated.  type is "u8" to "u64",
 * "i8" to "i64", "f32", "f64", "bool" (true or false) or "str", with "[]"
 * behind it for an array, written in JSON; NULL is the type that the key has.
 * What does not fit is SOV_EARG, naming key and type.
 */
SOV_API int sov_meta_set_text(sov_meta *meta, const char *key,
                              const char *type, const char *text, size_t len,
                              struct sov_err *err) SOV_MUST_CHECK;

/*
 * Typed reading.  A missing key gives 1 and leaves *v alone; a key of another
 * type, or a number that does not fit, is SOV_EFORMAT naming the key.  Any
 * integer type is read as u64 if it is not negative; f32 and f64 as double.
 */
SOV_API int sov_meta_u64(const sov_meta *meta, const char *key, uint64_t *v,
                         struct sov_err *err);
/* ... of sov_meta_arch_find(). */
SOV_API int sov_meta_arch_u64(const sov_meta *meta, const char *name,
                              uint64_t *v, struct sov_err *err);
SOV_API int sov_meta_f64(const sov_meta *meta, const char *key, double *v,
                         struct sov_err *err);
SOV_API int sov_meta_bool(const sov_meta *meta, const char *key, bool *v,
                          struct sov_err *err);
SOV_API int sov_meta_str(const sov_meta *meta, const char *key,
                         struct sov_span *v, struct sov_err *err);

/* Element i of a numeric array of any type, as a number. */
SOV_API double sov_kv_num(const struct sov_kv *kv, uint64_t i);
SOV_API int64_t sov_kv_int(const struct sov_kv *kv, uint64_t i);

/*
 * Walk an array of strings: *at starts as 0; gives false at the end.
 */
SOV_API bool sov_kv_next_str(const struct sov_kv *kv, size_t *at,
                             struct sov_span *str);

#endif
