/* SPDX-License-Identifier: Apache-2.0 */
/* type.c - the table of types, and sizes of tensors, checked */
#include "tensor/type.h"
#include "base/limits.h"
#include "base/num.h"

#include <inttypes.h>
#include <string.h>

static const struct sov_type_info table[] = {
#define TYPE(sym, id, label, n, size, what)                                   \
    { .type = SOV_TYPE_##sym, .name = (label), .block = (n),                  \
      .bytes = (size), .kind = (what) },
#include "sov/types.def"
#undef TYPE
};

#define N_TYPES (sizeof(table) / sizeof(table[0]))

const struct sov_type_info *
sov_type_info(int type)
{
    for (size_t i = 0; i < N_TYPES; i++) {
        if ((int)table[i].type == type)
            return &table[i];
    }
    return NULL;
}

const struct sov_type_info *
sov_type_by_name(const char *name)
{
    for (size_t i = 0; i < N_TYPES; i++) {
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    }
    return NULL;
}

uint64_t
sov_tensor_count(const struct sov_tensor *t)
{
    return t->dim[0] * t->dim[1] * t->dim[2] * t->dim[3];
}

uint64_t
sov_tensor_row_bytes(const struct sov_tensor *t)
{
    const struct sov_type_info *info = sov_type_info(t->type);

    return info == NULL ? 0 : t->dim[0] / info->block * info->bytes;
}

uint64_t
sov_tensor_rows(const struct sov_tensor *t)
{
    return t->dim[1] * t->dim[2] * t->dim[3];
}

int
sov_tensor_measure(struct sov_tensor *t, struct sov_err *err)
{
    const struct sov_type_info *info = sov_type_info(t->type);
    uint64_t count = 1;
    bool zero = false;

    if (info == NULL || info->kind == SOV_KIND_ACT)
        return sov_fail(err, SOV_EFORMAT, "type %d is not known",
                        (int)t->type);
    if (t->ndim > SOV_NDIM_MAX)
        return sov_fail(err, SOV_EFORMAT, "%" PRIu32
                        " dimensions, the limit is %d",
                        t->ndim, SOV_NDIM_MAX);
    for (uint32_t i = 0; i < SOV_NDIM_MAX; i++) {
        if (i >= t->ndim)
            t->dim[i] = 1;
        else if (t->dim[i] > SOV_COUNT_MAX)
            return sov_fail(err, SOV_EFORMAT, "dimension %" PRIu32
                            " is %" PRIu64 ", the limit is %" PRIu64,
                            i, t->dim[i], SOV_COUNT_MAX);
        zero = zero || t->dim[i] == 0;
    }
    if (t->dim[0] % info->block != 0)
        return sov_fail(err, SOV_EFORMAT, "rows of %" PRIu64
                        " are not whole blocks of %" PRIu32 " (%s)",
                        t->dim[0], info->block, info->name);
    for (uint32_t i = 0; i < SOV_NDIM_MAX && !zero; i++) {
        if (!sov_mul(count, t->dim[i], &count) || count > SOV_COUNT_MAX)
            return sov_fail(err, SOV_EFORMAT, "more than %" PRIu64
                            " weights", SOV_COUNT_MAX);
    }
    /* at most 2^48 weights of at most 8 bytes each: no overflow */
    t->size = zero ? 0 : count / info->block * info->bytes;
    return 0;
}
