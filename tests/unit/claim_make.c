/* SPDX-License-Identifier: Apache-2.0 */
/* claim_make.c - keys, models and claims for tests */
#include "claim_make.h"

#include "sov/io.h"
#include "trust/keys.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

sov_keyring *
ring_of(const char *firsts, size_t n)
{
    sov_keyring *ring;

    ck_assert_int_eq(sov_keyring_new(&ring, NULL), 0);
    for (size_t i = 0; i < n; i++) {
        sov_seckey *key = grow((unsigned char)firsts[i]);

        ck_assert_int_eq(sov_keyring_add(ring, sov_seckey_public(key), NULL),
                         0);
        sov_seckey_free(key);
    }
    return ring;
}

char *
golden_text(size_t *len)
{
    const char *top = getenv("top_srcdir");
    char path[4096], *text;

    ck_assert_ptr_nonnull(top);
    snprintf(path, sizeof(path), "%s/tests/data/child.gguf.claims.jsonl", top);
    ck_assert_int_eq(sov_read_whole(path, 1 << 20, &text, len, NULL), 0);
    return text;
}

static void
fill(float *out, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n; i++)
        out[i] =
            (float)((double)((i * UINT64_C(2654435761) + seed) % 1000) / 500 -
                    1);
}

/* A positive normal number as a half, to nearest even. */
static uint16_t
half_of(double d)
{
    int e;
    double m = frexp(d, &e); /* d = m 2^e, m in [1/2, 1) */
    double scaled = m * 2048;
    uint32_t r = (uint32_t)nearbyint(scaled);

    return (uint16_t)((uint32_t)(e + 13) * 1024 + r);
}

static void
quantize(const float *x, size_t n, struct sov_buf *out)
{
    for (size_t b = 0; b < n; b += 32) {
        double most = 0, d;

        for (size_t i = b; i < b + 32; i++)
            most = fmax(most, fabs((double)x[i]));
        d = most / 127;
        sov_buf_u16(out, half_of(d));
        for (size_t i = b; i < b + 32; i++)
            sov_buf_u8(out, (uint8_t)(int8_t)floor((double)x[i] / d + 0.5));
    }
}

static void
golden_head(struct make *mk)
{
    mk->align = 4096;
    add_text(mk, "general.architecture", "llama");
    add_text(mk, "general.name", "tiny");
    add_text(mk, "general.license", "Apache-2.0");
}

struct sov_buf
golden_parent(void)
{
    struct make mk = { 0 };
    float w[64 * 48], norm[64 * 2];

    fill(w, 64 * 48, 1);
    fill(norm, 64 * 2, 7);
    golden_head(&mk);
    add_u32(&mk, "general.alignment", 4096);
    add_tensor(&mk, "blk.0.w.weight", 0, 48, 64, w, sizeof(w));
    add_tensor(&mk, "norm.weight", 0, 2, 64, norm, sizeof(norm));
    return finish(&mk);
}

struct sov_buf
golden_child(void)
{
    struct make mk = { 0 };
    struct sov_buf q = { 0 };
    float w[64 * 48], norm[64 * 2];
    size_t len;
    char *text = golden_text(&len);

    strchr(text, '\n')[1] = '\0';
    fill(w, 64 * 48, 1);
    fill(norm, 64 * 2, 7);
    quantize(w, 64 * 48, &q);
    golden_head(&mk);
    add_u32(&mk, "general.file_type", 7);
    add_text(&mk, "general.quantized_by", "sov-quantize 0.1.0");
    add_text(&mk, SOV_LINEAGE_KEY, text);
    add_u32(&mk, "general.alignment", 4096);
    add_tensor(&mk, "blk.0.w.weight", 8, 48, 64, q.p, q.len);
    add_tensor(&mk, "norm.weight", 0, 2, 64, norm, sizeof(norm));
    sov_buf_free(&q);
    free(text);
    return finish(&mk);
}

struct sov_digest
digest_of(const void *p, size_t len)
{
    struct sov_digest d;
    sov_hasher *h;

    ck_assert_int_eq(
        sov_hasher_new(&h, SOV_HASH_SHA256 | SOV_HASH_VERITY | SOV_HASH_XXH3,
                       NULL),
        0);
    ck_assert_int_eq(sov_hasher_update(h, p, len, NULL), 0);
    ck_assert_int_eq(sov_hasher_final(h, &d, NULL), 0);
    sov_hasher_free(h);
    return d;
}

void
from_hex(const char *hex, unsigned char *out)
{
    for (size_t i = 0; hex[2 * i] != '\0'; i++) {
        unsigned v;

        ck_assert_int_eq(sscanf(hex + 2 * i, "%2x", &v), 1);
        out[i] = (unsigned char)v;
    }
}

bool
is_hex(const unsigned char *p, const char *hex)
{
    unsigned char want[32];

    from_hex(hex, want);
    return memcmp(p, want, sizeof(want)) == 0;
}

struct sov_claim_file
small_file(const char *name)
{
    struct sov_claim_file f = { .name = name };

    f.digest = digest_of(name, strlen(name));
    return f;
}

char *
make_line(const struct small_claim *c, const sov_seckey *key, char id[65])
{
    struct sov_resource subject = { .name = c->name, .has_size = true };
    struct sov_resource dep[4] = { { 0 } };
    struct sov_param value = { .kind = SOV_PARAM_STR, .str = c->label };
    struct sov_param label = {
        .key = "license", .kind = SOV_PARAM_LIST, .item = &value, .n = 1
    };
    struct sov_statement st = {
        .subject = &subject,
        .n_subjects = 1,
        .build_type =
            c->build_type != NULL ? c->build_type : "urn:sov:buildtype:test:v1",
        .builder = "urn:sov:builder:test:v1",
        .dependency = dep,
        .label = &label,
        .n_labels = c->label != NULL,
    };
    struct sov_err err;
    char *line;
    size_t len;

    subject.digest = digest_of(c->name, strlen(c->name));
    for (size_t i = 0; i < 4 && c->parent[i] != NULL; i++) {
        dep[i].name = c->parent[i];
        dep[i].digest = digest_of(c->parent[i], strlen(c->parent[i]));
        dep[i].has_size = true;
        dep[i].role = "parent";
        dep[i].claim = c->claim[i];
        st.n_dependencies++;
    }
    if (sov_claim_make(&st, key, &line, &len, id, &err) < 0)
        ck_abort_msg("%s", err.msg);
    ck_assert_uint_eq(len, strlen(line));
    return line;
}

sov_claims *
set_of(const char *text, size_t len)
{
    struct sov_err err;
    sov_claims *set;

    ck_assert_int_eq(sov_claims_new(&set, NULL), 0);
    if (sov_claims_read(set, text, len, "test", &err) < 0)
        ck_abort_msg("%s", err.msg);
    return set;
}
