/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oms_make.c - making a model.sig; oms.c reads them
 *
 * The same files and key give the same statement: names are in order, and
 * members as canonical JSON has them.
 */
#include "trust/oms.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "trust/armor.h"
#include "trust/canon.h"
#include "trust/dsse.h"
#include "trust/eckey.h"
#include "trust/form.h"

#include <stdlib.h>
#include <string.h>

/* All of it, or NULL for want of memory or a name that is not UTF-8. */
static json_t *
describe(const char *name, const struct sov_oms_file *file, size_t n,
         const char *const *ignore, size_t n_ignore, const char root[65])
{
    json_t *resources = json_array();
    json_t *paths = json_array();
    char hex[65];
    bool bad = false;

    for (size_t i = 0; i < n; i++) {
        sov_hex_text(file[i].sha256, hex);
        bad |= json_array_append_new(resources,
                                     json_pack("{s:s,s:s,s:s}", "name",
                                               file[i].name, "algorithm",
                                               "sha256", "digest", hex)) != 0;
    }
    for (size_t i = 0; i < n_ignore; i++)
        bad |= json_array_append_new(paths, json_string(ignore[i])) != 0;
    if (bad) {
        json_decref(resources);
        json_decref(paths);
        return NULL;
    }
    return json_pack("{s:s,s:[{s:s,s:{s:s}}],s:s,s:{s:o,s:{s:s,s:s,s:b,s:o}}}",
                     "_type", SOV_OMS_STATEMENT, "subject", "name", name,
                     "digest", "sha256", root, "predicateType",
                     SOV_OMS_PREDICATE "0", "predicate", "resources", resources,
                     "serialization", "method", "files", "hash_type", "sha256",
                     "allow_symlinks", 0, "ignore_paths", paths);
}

/* The payload: names in their order, the root over their digests. */
static int
compose(struct sov_buf *out, const char *name, const struct sov_oms_file *file,
        size_t n, const char *const *ignore, size_t n_ignore,
        struct sov_err *err)
{
    struct sov_oms_file *sorted = sov_mem_array(n, sizeof(*sorted));
    unsigned char root[SOV_SHA256_LEN];
    struct sov_buf all = { 0 };
    char hex[65];
    json_t *json;
    int rc;

    if (sorted == NULL)
        return sov_mem_fail(err);
    memcpy(sorted, file, n * sizeof(*sorted));
    qsort(sorted, n, sizeof(*sorted), sov_oms_by_name);
    for (size_t i = 0; i < n; i++)
        sov_buf_add(&all, sorted[i].sha256, SOV_SHA256_LEN);
    sov_sha256(all.p, all.len, root);
    sov_hex_text(root, hex);
    json = all.bad ? NULL : describe(name, sorted, n, ignore, n_ignore, hex);
    rc = json != NULL ? sov_canon_put(out, json, err)
                      : sov_fail(err, SOV_EARG,
                                 "names of files must be UTF-8, and memory is "
                                 "needed for them");
    json_decref(json);
    sov_buf_free(&all);
    free(sorted);
    return rc;
}

static void
put(struct sov_buf *out, const char *text)
{
    sov_buf_add(out, text, strlen(text));
}

static int
put_base64(struct sov_buf *out, const void *p, size_t len, struct sov_err *err)
{
    char *text = sov_mem_array(SOV_BASE64_LEN(len) + 1, 1);

    if (text == NULL)
        return sov_mem_fail(err);
    sov_base64_encode(p, len, text);
    put(out, text);
    free(text);
    return 0;
}

int
sov_oms_make(const sov_eckey *key, const char *name,
             const struct sov_oms_file *file, size_t n,
             const char *const *ignore, size_t n_ignore, char **text,
             size_t *len, struct sov_err *err)
{
    unsigned char r[SOV_EC_LEN], s[SOV_EC_LEN], sig[SOV_EC_SIG_MAX];
    struct sov_buf payload = { 0 }, pae = { 0 }, out = { 0 };
    int rc;

    if (!key->has_secret || n == 0 || n > SOV_OMS_FILES)
        return sov_fail(err, SOV_EARG, "a secret key and 1 to %d files",
                        (int)SOV_OMS_FILES);
    rc = compose(&payload, name, file, n, ignore, n_ignore, err);
    if (rc == 0)
        rc = sov_envelope_pae(&pae, SOV_INTOTO_TYPE, payload.p, payload.len,
                              err);
    if (rc == 0)
        rc = sov_ec_sign(key->curve, key->secret, pae.p, pae.len, r, s, err);
    put(&out, "{\"dsseEnvelope\":{\"payload\":\"");
    if (rc == 0)
        rc = put_base64(&out, payload.p, payload.len, err);
    put(&out, "\",\"payloadType\":\"" SOV_INTOTO_TYPE
              "\",\"signatures\":[{\"keyid\":\"\",\"sig\":\"");
    if (rc == 0)
        rc = put_base64(&out, sig, sov_ecsig_put(key->curve, r, s, sig), err);
    put(&out, "\"}]},\"mediaType\":\"" SOV_BUNDLE_TYPE
              "\",\"verificationMaterial\":{\"publicKey\":{\"hint\":\"");
    put(&out, key->hint);
    put(&out, "\"},\"tlogEntries\":[]}}\n");
    sov_buf_free(&payload);
    sov_buf_free(&pae);
    return sov_buf_give(&out, rc, text, len, err);
}
