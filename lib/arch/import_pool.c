/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_pool.c - how the states of tokens become one embedding
 *
 * That is what modules.json and 1_Pooling/config.json say, as
 * sentence-transformers write them.  GGUF has a number for it; whatever else
 * is done with the states there (another matrix, say) makes another model.
 */
#include "arch/import.h"

#include "base/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODULES "modules.json"
#define POOLING "1_Pooling/config.json"

/* llama.cpp's numbers: 1 mean, 2 the first token, 3 the last; 0: none. */
static const struct {
    const char *name;
    uint32_t pool;
} ways[] = {
    { "pooling_mode_mean_tokens", 1 },
    { "pooling_mode_cls_token", 2 },
    { "pooling_mode_lasttoken", 3 },
    { "pooling_mode_max_tokens", 0 },
    { "pooling_mode_mean_sqrt_len_tokens", 0 },
    { "pooling_mode_weightedmean_tokens", 0 },
};

/* States go through a network, become one, and may become of length 1. */
static int
check_modules(struct sov_import *im, struct sov_err *err)
{
    static const char *const known[] = { "Transformer", "Pooling",
                                         "Normalize" };
    json_t *json, *module;
    size_t at;
    int rc = sov_import_json(im, MODULES, &json, err);

    if (rc != 0)
        return rc < 0 ? rc : 0;
    json_array_foreach(json, at, module)
    {
        const char *type = json_string_value(json_object_get(module, "type"));
        const char *dot = type != NULL ? strrchr(type, '.') : NULL;
        size_t i = 0;

        while (i < 3 && dot != NULL && strcmp(dot + 1, known[i]) != 0)
            i++;
        if (rc == 0 && (dot == NULL || i == 3))
            rc = sov_fail(err, SOV_EUNSUP, "%.80s is not supported",
                          type != NULL ? type : "a module without a type");
    }
    json_decref(json);
    return rc < 0 ? sov_err_wrap(err, MODULES) : 0;
}

static int
read_ways(const json_t *c, uint32_t *pool, struct sov_err *err)
{
    const char *first = NULL;
    int rc = 0;

    if (!json_is_object(c))
        return sov_fail(err, SOV_EFORMAT, "not a JSON object");
    for (size_t i = 0; i < sizeof(ways) / sizeof(*ways) && rc == 0; i++) {
        bool yes = false;

        rc = sov_config_bool(c, ways[i].name, &yes, err);
        if (rc < 0 || !yes)
            continue;
        if (ways[i].pool == 0)
            return sov_fail(err, SOV_EUNSUP, "%s is not supported",
                            ways[i].name);
        if (first != NULL)
            return sov_fail(err, SOV_EUNSUP, "%s and %s are not supported",
                            first, ways[i].name);
        first = ways[i].name;
        *pool = ways[i].pool;
    }
    return rc;
}

int
sov_import_pooling(struct sov_import *im, const char *arch, struct sov_err *err)
{
    json_t *json;
    uint32_t pool = 0;
    char key[96];
    int rc = check_modules(im, err);

    if (rc < 0)
        return rc;
    rc = sov_import_json(im, POOLING, &json, err);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    rc = read_ways(json, &pool, err);
    json_decref(json);
    if (rc < 0)
        return sov_err_wrap(err, POOLING);
    snprintf(key, sizeof(key), "%s.pooling_type", arch);
    return pool > 0 ? sov_meta_set_u32(im->meta, key, pool, err) : 0;
}
