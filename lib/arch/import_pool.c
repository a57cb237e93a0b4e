/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_pool.c - how the states of tokens become one embedding
 *
 * That is what 1_Pooling/config.json says, as sentence-transformers write it.
 */
#include "arch/import.h"

#include "base/limits.h"

#include <stdio.h>
#include <stdlib.h>

#define FILE_NAME "1_Pooling/config.json"

/* llama.cpp's numbers: 1 mean, 2 the first token, 3 the last. */
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

static int
read_ways(struct sov_import *im, const json_t *c, uint32_t *pool,
          struct sov_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < sizeof(ways) / sizeof(*ways) && rc == 0; i++) {
        bool yes = false;

        rc = sov_config_bool(c, ways[i].name, &yes, err);
        if (rc == 0 && yes && ways[i].pool == 0)
            sov_model_warn(im->model, FILE_NAME ": %s is not supported",
                           ways[i].name);
        else if (yes)
            *pool = ways[i].pool;
    }
    return rc;
}

int
sov_import_pooling(struct sov_import *im, const char *arch, struct sov_err *err)
{
    json_t *json = NULL;
    uint32_t pool = 0;
    char *text, key[96];
    size_t len;
    int rc = sov_model_side_file(im->model, FILE_NAME, SOV_JSON_MAX, &text,
                                 &len, err);

    if (rc != 0)
        return rc < 0 ? rc : 0;
    rc = sov_json_parse(text, len, &json, err);
    free(text);
    if (rc == 0 && !json_is_object(json))
        rc = sov_fail(err, SOV_EFORMAT, "not a JSON object");
    if (rc == 0)
        rc = read_ways(im, json, &pool, err);
    json_decref(json);
    if (rc < 0)
        return sov_err_wrap(err, FILE_NAME);
    snprintf(key, sizeof(key), "%s.pooling_type", arch);
    return pool > 0 ? sov_meta_set_u32(im->meta, key, pool, err) : 0;
}
