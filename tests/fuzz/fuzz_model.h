/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_model.h - bytes as a model file, and using all that it then shows
 */
#ifndef SOV_TESTS_FUZZ_MODEL_H
#define SOV_TESTS_FUZZ_MODEL_H

#include "fmt/model.h"
#include "sov/write.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FUZZ_PIPE 65536u /* bytes that fit in a pipe nobody reads */
#define FUZZ_READ 65536u /* bytes read of a tensor at most */

/* A descriptor with the bytes: a file, or a pipe whose writer is gone. */
static inline int
fuzz_fd(const uint8_t *data, size_t size, bool as_pipe)
{
    int fd[2];

    if (as_pipe) {
        if (pipe(fd) < 0)
            abort();
    } else {
        fd[0] = memfd_create("fuzz", MFD_CLOEXEC);
        fd[1] = fd[0];
    }
    if (fd[0] < 0 || write(fd[1], data, size) != (ssize_t)size)
        abort();
    if (as_pipe)
        close(fd[1]);
    return fd[0];
}

/* Every key, in every way there is to ask for it. */
static inline void
fuzz_use_meta(const sov_meta *meta)
{
    struct sov_span s;
    uint64_t u;
    double d;
    bool b;

    for (size_t i = 0; i < sov_meta_count(meta); i++) {
        const struct sov_kv *kv = sov_meta_at(meta, i);
        size_t at = 0;

        if (sov_meta_find(meta, kv->key) != kv)
            abort();
        (void)sov_meta_u64(meta, kv->key, &u, NULL);
        (void)sov_meta_f64(meta, kv->key, &d, NULL);
        (void)sov_meta_bool(meta, kv->key, &b, NULL);
        (void)sov_meta_str(meta, kv->key, &s, NULL);
        (void)sov_kv_num(kv, kv->n - 1);
        (void)sov_kv_int(kv, 0);
        (void)sov_kv_int(kv, kv->n);
        while (sov_kv_next_str(kv, &at, &s))
            if (s.len > 0 &&
                (s.p < kv->val.p || s.p + s.len > kv->val.p + kv->val.len))
                abort();
    }
}

/* Some bytes of every tensor; from a mapped model they must be the same. */
static inline void
fuzz_use_tensors(sov_model *m, bool whole)
{
    unsigned char *buf = malloc(FUZZ_READ);
    struct sov_err err;

    if (buf == NULL)
        abort();
    for (size_t i = 0; i < sov_model_count(m); i++) {
        const struct sov_tensor *t = sov_model_at(m, i);
        uint64_t len = t->size < FUZZ_READ ? t->size : 0;
        int rc = sov_model_read(m, i, 0, buf, (size_t)len, &err);

        if (sov_model_find(m, t->name) != (int64_t)i || (whole && rc < 0))
            abort();
        if (t->data != NULL && memcmp(t->data, buf, (size_t)len) != 0)
            abort();
    }
    free(buf);
}

/* What was read can be planned for writing, if its types can be; its files
 * add up. */
static inline void
fuzz_use_plan(sov_model *m, const struct sov_layout *layout)
{
    struct sov_err err;
    uint64_t sum = 0;
    sov_plan *plan;
    int rc;

    if (sov_plan_new(&plan, sov_model_meta(m), &err) < 0)
        abort();
    for (size_t i = 0; i < sov_model_count(m); i++) {
        const struct sov_tensor *t = sov_model_at(m, i);

        rc = sov_plan_add(plan, t->name, t->type, t->ndim, t->dim, &err);
        if (rc < 0 && rc != SOV_EUNSUP)
            abort();
    }
    rc = sov_plan_lay(plan, layout, &err);
    if (rc < 0 && rc != SOV_EUNSUP)
        abort();
    for (size_t i = 0; rc == 0 && i < sov_plan_files(plan); i++)
        sum += sov_plan_file(plan, i)->bytes;
    if (rc == 0 && sum != sov_plan_bytes(plan))
        abort();
    sov_plan_free(plan);
}

/* Open the bytes as a file, and in one of the three other ways (mapped, from
 * a pipe, from a pipe mapped) that their number chooses; use what opens. */
static inline void
fuzz_model(const uint8_t *data, size_t size)
{
    for (size_t way = 0; way < 4; way++) {
        bool as_pipe = way >= 2;
        struct sov_err err;
        char path[64];
        sov_model *m;
        int fd;

        if ((way > 0 && way != 1 + size % 3) || (as_pipe && size > FUZZ_PIPE))
            continue;
        fd = fuzz_fd(data, size, as_pipe);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        if (sov_model_load(&m, path,
                           way % 2 ? SOV_ACCESS_MAP : SOV_ACCESS_STREAM,
                           &err) < 0) {
            if (err.rc == SOV_OK || strchr(err.msg, '\n') != NULL)
                abort();
        } else {
            fuzz_use_meta(sov_model_meta(m));
            fuzz_use_tensors(m, way != 2);
            fuzz_use_plan(m, &(struct sov_layout){ .name = "x" });
            fuzz_use_plan(m, &(struct sov_layout){ .form = "safetensors",
                                                   .name = "x",
                                                   .max_bytes = 1 << 20 });
            sov_model_close(m);
        }
        close(fd);
    }
}

#endif
