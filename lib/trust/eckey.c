/* SPDX-License-Identifier: Apache-2.0 */
/*
 * eckey.c - keys and signatures of ECDSA as others write them: PEM and DER
 *
 *   public     SEQUENCE { SEQUENCE { OID ecPublicKey, OID curve },
 *                         BIT STRING 00 04 x y }
 *   PKCS#8     SEQUENCE { INTEGER 0, SEQUENCE { OID ecPublicKey, OID curve },
 *                         OCTET STRING { SEC 1 }, ... }
 *   SEC 1      SEQUENCE { INTEGER 1, OCTET STRING secret,
 *                         [0] { OID curve }, [1] { ... } }
 *   signature  SEQUENCE { INTEGER r, INTEGER s }
 *
 * DER has one form of everything: a length that could be shorter is refused,
 * and so are bytes behind the end, except where "..." stands: what may follow
 * there repeats the public key, which is computed here.
 */
#include "trust/eckey.h"

#include "base/limits.h"
#include "base/mem.h"
#include "base/rd.h"
#include "sov/io.h"
#include "trust/armor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define INTEGER    0x02
#define BIT_STRING 0x03
#define OCTETS     0x04
#define OID        0x06
#define SEQUENCE   0x30
#define DER_MAX    512 /* bytes of a key */

static const unsigned char ec_oid[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1 };

static const struct {
    const char *name;
    unsigned char oid[8];
    size_t len;
} curves[SOV_CURVES] = {
    { "P-256", { 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7 }, 8 },
    { "P-384", { 0x2b, 0x81, 4, 0, 0x22 }, 5 },
    { "P-521", { 0x2b, 0x81, 4, 0, 0x23 }, 5 },
};

/* ---- DER */

/* What stands under a tag; rd.bad where there is another one. */
static struct sov_rd
take(struct sov_rd *rd, unsigned tag)
{
    struct sov_span body = { 0 };
    uint64_t len;

    if (sov_rd_u8(rd) != tag)
        rd->bad = true;
    len = sov_rd_u8(rd);
    if (len == 0x81) {
        len = sov_rd_u8(rd);
        rd->bad |= len < 0x80;
    } else if (len == 0x82) {
        len = (uint64_t)sov_rd_u8(rd) << 8;
        len |= sov_rd_u8(rd);
        rd->bad |= len < 0x100;
    } else if (len >= 0x80) {
        rd->bad = true;
    }
    if (!rd->bad)
        body = sov_rd_bytes(rd, len);
    return sov_rd_over(body.p, rd->bad ? 0 : body.len);
}

static bool
at_end(const struct sov_rd *rd)
{
    return !rd->bad && rd->left.len == 0;
}

static bool
is_span(struct sov_span s, const unsigned char *p, size_t len)
{
    return s.len == len && memcmp(s.p, p, len) == 0;
}

/* A number that is not negative, into n bytes. */
static bool
take_number(struct sov_rd *rd, unsigned char *out, size_t n)
{
    struct sov_span v = take(rd, INTEGER).left;

    if (rd->bad || v.len == 0 || v.p[0] >= 0x80 ||
        (v.len > 1 && v.p[0] == 0 && v.p[1] < 0x80))
        return false;
    if (v.p[0] == 0) {
        v.p++;
        v.len--;
    }
    if (v.len > n)
        return false;
    memset(out, 0, n - v.len);
    if (v.len > 0)
        memcpy(out + n - v.len, v.p, v.len);
    return true;
}

bool
sov_ecsig_parse(enum sov_curve curve, struct sov_span der, unsigned char *r,
                unsigned char *s)
{
    struct sov_rd all = sov_rd_over(der.p, der.len);
    struct sov_rd rd = take(&all, SEQUENCE);
    size_t n = sov_ec_len(curve);

    return at_end(&all) && take_number(&rd, r, n) && take_number(&rd, s, n) &&
           at_end(&rd);
}

static unsigned char *
put_number(unsigned char *out, const unsigned char *v, size_t n)
{
    size_t skip = 0;
    bool sign;

    while (skip + 1 < n && v[skip] == 0)
        skip++;
    sign = v[skip] >= 0x80;
    *out++ = INTEGER;
    *out++ = (unsigned char)(n - skip + sign);
    if (sign)
        *out++ = 0;
    memcpy(out, v + skip, n - skip);
    return out + n - skip;
}

size_t
sov_ecsig_put(enum sov_curve curve, const unsigned char *r,
              const unsigned char *s, unsigned char out[SOV_EC_SIG_MAX])
{
    unsigned char body[SOV_EC_SIG_MAX];
    size_t n = sov_ec_len(curve);
    size_t len = (size_t)(put_number(put_number(body, r, n), s, n) - body);
    size_t at = 0;

    out[at++] = SEQUENCE;
    if (len >= 0x80)
        out[at++] = 0x81;
    out[at++] = (unsigned char)len;
    memcpy(out + at, body, len);
    return at + len;
}

/* { OID ecPublicKey, OID curve }; SOV_CURVES where it is something else. */
static enum sov_curve
take_curve(struct sov_rd *rd)
{
    struct sov_rd kind = take(rd, SEQUENCE);
    struct sov_span oid = take(&kind, OID).left;
    struct sov_span curve = take(&kind, OID).left;
    int i = 0;

    if (!at_end(&kind) || !is_span(oid, ec_oid, sizeof(ec_oid)))
        return SOV_CURVES;
    while (i < SOV_CURVES && !is_span(curve, curves[i].oid, curves[i].len))
        i++;
    return (enum sov_curve)i;
}

/* ---- keys */

static int
bad_key(struct sov_err *err)
{
    return sov_fail(err, SOV_EDENY,
                    "not a key of ECDSA on P-256, P-384 or P-521");
}

static int
read_public(struct sov_eckey *key, struct sov_rd *all, struct sov_err *err)
{
    struct sov_rd rd = take(all, SEQUENCE);
    struct sov_span bits;
    size_t n;

    key->curve = take_curve(&rd);
    bits = take(&rd, BIT_STRING).left;
    if (!at_end(all) || !at_end(&rd) || key->curve == SOV_CURVES)
        return bad_key(err);
    n = sov_ec_len(key->curve);
    if (bits.len != 2 + 2 * n || bits.p[0] != 0 || bits.p[1] != 4)
        return sov_fail(err, SOV_EDENY, "not the two numbers of a point");
    memcpy(key->x, bits.p + 2, n);
    memcpy(key->y, bits.p + 2 + n, n);
    return sov_ec_point(key->curve, key->x, key->y, err);
}

/* curve is SOV_CURVES where it has to be told inside. */
static int
read_sec1(struct sov_eckey *key, struct sov_rd *all, enum sov_curve curve,
          struct sov_err *err)
{
    struct sov_rd rd = take(all, SEQUENCE);
    struct sov_span version = take(&rd, INTEGER).left;
    struct sov_span secret = take(&rd, OCTETS).left;

    if (!at_end(all) || rd.bad || version.len != 1 || version.p[0] != 1)
        return bad_key(err);
    if (curve == SOV_CURVES && rd.left.len > 0) {
        struct sov_rd told = take(&rd, 0xa0);
        struct sov_span oid = take(&told, OID).left;
        int i = 0;

        while (i < SOV_CURVES && !is_span(oid, curves[i].oid, curves[i].len))
            i++;
        curve = at_end(&told) ? (enum sov_curve)i : SOV_CURVES;
    }
    if (curve == SOV_CURVES || secret.len != sov_ec_len(curve))
        return bad_key(err);
    key->curve = curve;
    key->has_secret = true;
    memcpy(key->secret, secret.p, secret.len);
    return sov_ec_public(curve, key->secret, key->x, key->y, err);
}

static int
read_pkcs8(struct sov_eckey *key, struct sov_rd *all, struct sov_err *err)
{
    struct sov_rd rd = take(all, SEQUENCE);
    struct sov_span version = take(&rd, INTEGER).left;
    enum sov_curve curve = take_curve(&rd);
    struct sov_rd inner = take(&rd, OCTETS);

    if (!at_end(all) || rd.bad || version.len != 1 || version.p[0] != 0 ||
        curve == SOV_CURVES)
        return bad_key(err);
    return read_sec1(key, &inner, curve, err);
}

/* ---- PEM */

/* The lines between BEGIN and END of this kind, decoded; false if there are
 * none such. */
static bool
unwrap(struct sov_span text, const char *kind, unsigned char out[DER_MAX],
       size_t *len)
{
    char begin[64], end[64], word[SOV_BASE64_LEN(DER_MAX) + 1];
    struct sov_span line;
    size_t n = 0;
    bool in = false;

    snprintf(begin, sizeof(begin), "-----BEGIN %s-----", kind);
    snprintf(end, sizeof(end), "-----END %s-----", kind);
    while (sov_line_take(&text, &line)) {
        if (line.len > 0 && line.p[line.len - 1] == '\r')
            line.len--;
        if (!in) {
            in = is_span(line, (const unsigned char *)begin, strlen(begin));
        } else if (is_span(line, (const unsigned char *)end, strlen(end))) {
            bool ok = sov_base64_decode(word, n, out, DER_MAX, len);

            explicit_bzero(word, sizeof(word));
            return ok;
        } else {
            if (line.len > sizeof(word) - n)
                break;
            memcpy(word + n, line.p, line.len);
            n += line.len;
        }
    }
    explicit_bzero(word, sizeof(word));
    return false;
}

/* The public key as PEM has 64 letters on a line. */
static void
make_hint(struct sov_eckey *key)
{
    size_t n = sov_ec_len(key->curve), at = 0, oid = curves[key->curve].len;
    unsigned char der[200], sum[SOV_SHA256_LEN];
    char word[SOV_BASE64_LEN(sizeof(der)) + 1], pem[500];
    size_t algorithm = 2 + sizeof(ec_oid) + 2 + oid;
    size_t body = 2 + algorithm + (2 + 2 * n >= 0x80 ? 3 : 2) + 2 + 2 * n;

    der[at++] = SEQUENCE;
    if (body >= 0x80)
        der[at++] = 0x81;
    der[at++] = (unsigned char)body;
    der[at++] = SEQUENCE;
    der[at++] = (unsigned char)algorithm;
    der[at++] = OID;
    der[at++] = sizeof(ec_oid);
    memcpy(der + at, ec_oid, sizeof(ec_oid));
    at += sizeof(ec_oid);
    der[at++] = OID;
    der[at++] = (unsigned char)oid;
    memcpy(der + at, curves[key->curve].oid, oid);
    at += oid;
    der[at++] = BIT_STRING;
    if (2 + 2 * n >= 0x80)
        der[at++] = 0x81;
    der[at++] = (unsigned char)(2 + 2 * n);
    der[at++] = 0;
    der[at++] = 4;
    memcpy(der + at, key->x, n);
    memcpy(der + at + n, key->y, n);
    at += 2 * n;
    sov_base64_encode(der, at, word);
    at = (size_t)snprintf(pem, sizeof(pem), "-----BEGIN PUBLIC KEY-----\n");
    for (size_t i = 0; i < strlen(word); i += 64)
        at += (size_t)snprintf(pem + at, sizeof(pem) - at, "%.64s\n", word + i);
    at += (size_t)snprintf(pem + at, sizeof(pem) - at,
                           "-----END PUBLIC KEY-----\n");
    sov_sha256(pem, at, sum);
    for (int i = 0; i < SOV_SHA256_LEN; i++)
        snprintf(key->hint + 2 * i, 3, "%02x", sum[i]);
}

/* Is it for another algorithm?  A public key of Ed25519, say. */
static bool
is_foreign(const unsigned char *der, size_t len, bool secret)
{
    struct sov_rd all = sov_rd_over(der, len);
    struct sov_rd rd = take(&all, SEQUENCE);
    struct sov_rd kind;
    struct sov_span oid;

    if (secret)
        take(&rd, INTEGER);
    kind = take(&rd, SEQUENCE);
    oid = take(&kind, OID).left;
    return !rd.bad && !kind.bad && !is_span(oid, ec_oid, sizeof(ec_oid));
}

int
sov_eckey_parse(sov_eckey **key, const void *text, size_t len, bool secret,
                struct sov_err *err)
{
    const struct sov_span all = { text, len };
    unsigned char der[DER_MAX];
    struct sov_eckey *k;
    struct sov_rd rd;
    size_t n = 0;
    int rc = 0;

    *key = NULL;
    k = sov_mem_array(1, sizeof(*k));
    if (k == NULL)
        return sov_mem_fail(err);
    if (!secret && unwrap(all, "PUBLIC KEY", der, &n) &&
        !is_foreign(der, n, false)) {
        rd = sov_rd_over(der, n);
        rc = read_public(k, &rd, err);
        *key = k;
    } else if (secret && unwrap(all, "PRIVATE KEY", der, &n) &&
               !is_foreign(der, n, true)) {
        rd = sov_rd_over(der, n);
        rc = read_pkcs8(k, &rd, err);
        *key = k;
    } else if (secret && unwrap(all, "EC PRIVATE KEY", der, &n)) {
        rd = sov_rd_over(der, n);
        rc = read_sec1(k, &rd, SOV_CURVES, err);
        *key = k;
    }
    explicit_bzero(der, sizeof(der));
    if (*key != NULL && rc == 0)
        make_hint(k);
    if (*key == NULL || rc < 0) {
        sov_eckey_free(k);
        *key = NULL;
    }
    return rc;
}

int
sov_eckey_load(sov_eckey **key, const char *path, bool secret,
               struct sov_err *err)
{
    struct stat st;
    char *text;
    size_t len;
    int rc;

    *key = NULL;
    rc = sov_read_whole(path, SOV_KEYFILE_MAX, &text, &len, NULL);
    if (rc < 0) /* whoever reads other keys says why */
        return 0;
    rc = sov_eckey_parse(key, text, len, secret, err);
    explicit_bzero(text, len);
    free(text);
    if (*key != NULL && secret && stat(path, &st) == 0 &&
        (st.st_mode & 077) != 0) {
        sov_eckey_free(*key);
        *key = NULL;
        rc = sov_fail(err, SOV_EDENY,
                      "others can read the secret key; chmod 600 it");
    }
    return rc < 0 ? sov_err_wrap(err, "%s", path) : 0;
}

void
sov_eckey_free(sov_eckey *key)
{
    if (key != NULL)
        explicit_bzero(key, sizeof(*key));
    free(key);
}

const char *
sov_eckey_hint(const sov_eckey *key)
{
    return key->hint;
}

const char *
sov_eckey_curve(const sov_eckey *key)
{
    return curves[key->curve].name;
}
