/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keys.c - public keys out of the four kinds of files that have them
 *
 *     minisign   untrusted comment: minisign public key 189B4207681E0A34
 *                base64("Ed" | number | key)
 *     signify    the same, with another comment
 *     PEM        -----BEGIN PUBLIC KEY-----
 *                base64(30 2a 30 05 06 03 2b 65 70 03 21 00 | key)
 *                -----END PUBLIC KEY-----
 *     OpenSSH    ssh-ed25519 base64(string "ssh-ed25519" | string key) comment
 *
 * Lines end in a newline, the last one too: a file that was cut short is not
 * taken for a whole one.  Where minisign's own comment stands, the number in
 * it must be the key's, which finds damage to the number; damage to the key
 * makes it another one, whose id nobody trusts.
 */
#include "trust/keys.h"
#include "base/le.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"
#include "sov/io.h"
#include "trust/armor.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define MINISIGN_COMMENT "minisign public key "
#define PEM_BEGIN        "-----BEGIN PUBLIC KEY-----"
#define PEM_END          "-----END PUBLIC KEY-----"
#define SSH_KIND         "ssh-ed25519"

/* SubjectPublicKeyInfo of Ed25519 (RFC 8410) up to the key. */
static const unsigned char spki_head[12] = {
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
};

/* string "ssh-ed25519", and the length of the string that is the key */
static const unsigned char ssh_head[19] = {
    0,   0,   0,   11,  's', 's', 'h', '-', 'e', 'd',
    '2', '5', '5', '1', '9', 0,   0,   0,   32,
};

int
sov_trust_init(struct sov_err *err)
{
    if (sodium_init() < 0)
        return sov_fail(err, SOV_EUNSUP, "libsodium does not start here");
    return 0;
}

void
sov_trust_random(void *buf, size_t len)
{
    randombytes_buf(buf, len);
}

bool
sov_point_ok(const unsigned char pub[SOV_PUB_LEN])
{
    /* L, the order of the main subgroup: 2^252 + 277423177773723535358519377
     * 90883648493, little-endian */
    static const unsigned char order[32] = {
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
        0xa2, 0xde, 0xf9, 0xde, 0x14, 0,    0,    0,    0,    0,    0,
        0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10,
    };
    unsigned char product[32];

    /* Before CVE-2025-69277 was mended, the first took some points for ones
     * of the main subgroup.  L times such a point is the neutral element, for
     * which the second says no. */
    return crypto_core_ed25519_is_valid_point(pub) == 1 &&
           crypto_scalarmult_ed25519_noclamp(product, order, pub) != 0;
}

void
sov_key_number(const unsigned char pub[SOV_PUB_LEN],
               unsigned char num[SOV_NUM_LEN])
{
    crypto_generichash_blake2b(num, SOV_NUM_LEN, pub, SOV_PUB_LEN, NULL, 0);
}

/* The key id: SHA-256 of the SubjectPublicKeyInfo, in hex. */
static void
make_id(struct sov_pubkey *key)
{
    unsigned char spki[sizeof(spki_head) + SOV_PUB_LEN];
    unsigned char digest[crypto_hash_sha256_BYTES];

    memcpy(spki, spki_head, sizeof(spki_head));
    memcpy(spki + sizeof(spki_head), key->key, SOV_PUB_LEN);
    crypto_hash_sha256(digest, spki, sizeof(spki));
    sodium_bin2hex(key->id, sizeof(key->id), digest, sizeof(digest));
}

int
sov_pubkey_make(struct sov_pubkey *key, const unsigned char pub[SOV_PUB_LEN],
                const unsigned char *num, struct sov_err *err)
{
    int rc = sov_trust_init(err);

    if (rc < 0)
        return rc;
    if (!sov_point_ok(pub))
        return sov_fail(err, SOV_EDENY,
                        "no safe Ed25519 public key: of small order, not "
                        "canonical or not on the curve");
    memset(key, 0, sizeof(*key));
    memcpy(key->key, pub, SOV_PUB_LEN);
    if (num != NULL)
        memcpy(key->num, num, SOV_NUM_LEN);
    else
        sov_key_number(pub, key->num);
    make_id(key);
    return 0;
}

/* ---- one key in base64 ---- */

static int
from_raw(struct sov_pubkey *key, struct sov_span text, struct sov_err *err)
{
    unsigned char pub[SOV_PUB_LEN];

    if (!sov_base64_exact(text, pub, sizeof(pub)))
        return sov_fail(err, SOV_EDENY,
                        "not the base64 of an Ed25519 public key (%zu "
                        "characters, 44 expected)",
                        text.len);
    return sov_pubkey_make(key, pub, NULL, err);
}

static int
from_number_and_key(struct sov_pubkey *key, struct sov_span text,
                    struct sov_err *err)
{
    unsigned char blob[SOV_PUB_BLOB];

    if (text.len > 2 * SOV_BASE64_LEN(sizeof(blob)))
        return sov_fail(err, SOV_EDENY,
                        "a secret key (or a signature) where a public key "
                        "belongs");
    if (!sov_base64_exact(text, blob, sizeof(blob)))
        return sov_fail(err, SOV_EDENY,
                        "not the base64 of a minisign public key (%zu "
                        "characters, 56 expected)",
                        text.len);
    if (memcmp(blob, "Ed", 2) != 0)
        return sov_fail(err, SOV_EDENY, "a key of kind 0x%02x%02x, not Ed25519",
                        blob[0], blob[1]);
    return sov_pubkey_make(key, blob + 2 + SOV_NUM_LEN, blob + 2, err);
}

static int
from_ssh(struct sov_pubkey *key, struct sov_span text, struct sov_err *err)
{
    unsigned char blob[sizeof(ssh_head) + SOV_PUB_LEN];

    if (!sov_base64_exact(text, blob, sizeof(blob)) ||
        memcmp(blob, ssh_head, sizeof(ssh_head)) != 0)
        return sov_fail(err, SOV_EDENY,
                        "not the base64 of an OpenSSH Ed25519 public key");
    return sov_pubkey_make(key, blob + sizeof(ssh_head), NULL, err);
}

int
sov_pubkey_word(struct sov_pubkey *key, struct sov_span kind,
                struct sov_span text, struct sov_err *err)
{
    static const struct {
        const char *kind;
        int (*read)(struct sov_pubkey *, struct sov_span, struct sov_err *);
    } row[] = {
        { "ed25519", from_raw },
        { "minisign", from_number_and_key },
        { "ssh", from_ssh },
    };

    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
        if (kind.len == strlen(row[i].kind) &&
            memcmp(kind.p, row[i].kind, kind.len) == 0)
            return row[i].read(key, text, err);
    return sov_fail(err, SOV_EDENY,
                    "a key of kind %.*s; ed25519, minisign and ssh are known",
                    (int)(kind.len < 40 ? kind.len : 40), (const char *)kind.p);
}

/* ---- files ---- */

/* The next line, which the file must have. */
static int
line(struct sov_span *left, struct sov_span *out, struct sov_err *err)
{
    if (!sov_line_take(left, out))
        return sov_fail(err, SOV_EDENY,
                        "cut short: a line, or its newline, is missing");
    return 0;
}

static int
nothing_more(struct sov_span left, struct sov_err *err)
{
    if (left.len > 0)
        return sov_fail(err, SOV_EDENY, "%zu bytes after the key", left.len);
    return 0;
}

/* Up to 16 upper-case hex digits. */
static bool
hex_number(struct sov_span text, uint64_t *out)
{
    static const char digit[] = "0123456789ABCDEF";

    *out = 0;
    for (size_t i = 0; i < text.len; i++) {
        const char *d = memchr(digit, text.p[i], 16);

        if (d == NULL)
            return false;
        *out = *out << 4 | (uint64_t)(d - digit);
    }
    return text.len > 0 && text.len <= 16;
}

/*
 * minisign's comment names the key by its number (0.11 without leading zeros):
 * then it must be that.  A comment of another kind says nothing.
 */
static int
check_comment(struct sov_span comment, const struct sov_pubkey *key,
              struct sov_err *err)
{
    uint64_t num = sov_le64(key->num);
    uint64_t said;

    if (sov_span_skip(&comment, MINISIGN_COMMENT) &&
        hex_number(comment, &said) && said != num)
        return sov_fail(err, SOV_EDENY,
                        "damaged: the key has the number " SOV_NUM_FORMAT
                        ", and its comment says " SOV_NUM_FORMAT,
                        num, said);
    return 0;
}

static int
minisign_file(struct sov_pubkey *key, struct sov_span left, struct sov_err *err)
{
    struct sov_span comment = { 0 };
    struct sov_span word = { 0 };
    const char *why = sov_two_lines(&left, &comment, &word);
    int rc;

    if (why != NULL)
        return sov_fail(err, SOV_EDENY, "%s", why);
    rc = nothing_more(left, err);
    if (rc == 0)
        rc = from_number_and_key(key, word, err);
    return rc < 0 ? rc : check_comment(comment, key, err);
}

static int
pem_file(struct sov_pubkey *key, struct sov_span left, struct sov_err *err)
{
    unsigned char spki[sizeof(spki_head) + SOV_PUB_LEN];
    struct sov_span text[3] = { { 0 } };
    int rc = 0;

    for (int i = 0; i < 3 && rc == 0; i++)
        rc = line(&left, &text[i], err);
    if (rc == 0)
        rc = nothing_more(left, err);
    if (rc < 0)
        return rc;
    if (!sov_span_skip(&text[0], PEM_BEGIN) || text[0].len > 0 ||
        !sov_span_skip(&text[2], PEM_END) || text[2].len > 0 ||
        !sov_base64_exact(text[1], spki, sizeof(spki)) ||
        memcmp(spki, spki_head, sizeof(spki_head)) != 0)
        return sov_fail(err, SOV_EDENY, "not an Ed25519 public key in PEM");
    return sov_pubkey_make(key, spki + sizeof(spki_head), NULL, err);
}

static int
ssh_file(struct sov_pubkey *key, struct sov_span left, struct sov_err *err)
{
    struct sov_span text = { 0 };
    const unsigned char *end;
    int rc;

    rc = line(&left, &text, err);
    if (rc == 0)
        rc = nothing_more(left, err);
    if (rc < 0)
        return rc;
    if (!sov_span_printable(text))
        return sov_fail(err, SOV_EDENY,
                        "control characters or bad UTF-8 in the line");
    sov_span_skip(&text, SSH_KIND " ");
    end = text.len > 0 ? memchr(text.p, ' ', text.len) : NULL;
    if (end != NULL)
        text.len = (size_t)(end - text.p);
    return from_ssh(key, text, err);
}

static const struct {
    const char *start;
    int (*read)(struct sov_pubkey *, struct sov_span, struct sov_err *);
} forms[] = {
    { SOV_UNTRUSTED, minisign_file },
    { PEM_BEGIN, pem_file },
    { SSH_KIND " ", ssh_file },
};

int
sov_pubkey_parse(struct sov_pubkey *key, const void *text, size_t len,
                 struct sov_err *err)
{
    struct sov_span all = { .p = text, .len = len };
    struct sov_pubkey fresh;

    if (len > SOV_KEYFILE_MAX)
        return sov_fail(err, SOV_EDENY,
                        "longer than the limit of %" PRIu64 " bytes",
                        SOV_KEYFILE_MAX);
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct sov_span rest = all;
        int rc;

        if (!sov_span_skip(&rest, forms[i].start))
            continue;
        rc = forms[i].read(&fresh, all, err);
        if (rc == 0)
            *key = fresh;
        return rc;
    }
    if (memmem(text, len, "PRIVATE KEY-----", 16) != NULL)
        return sov_fail(err, SOV_EDENY,
                        "a secret key where a public key belongs");
    return sov_fail(err, SOV_EDENY,
                    "no public key of a known form (minisign, signify, PEM "
                    "or OpenSSH, with Ed25519)");
}

/* Does it look like what minisign -P takes?  Then no such file is missed. */
static bool
is_bare_key(const char *path)
{
    return strlen(path) == SOV_BASE64_LEN(SOV_PUB_BLOB) &&
           strncmp(path, "RW", 2) == 0;
}

int
sov_pubkey_load(struct sov_pubkey *key, const char *path, struct sov_err *err)
{
    struct sov_span word = { .p = (const void *)path, .len = strlen(path) };
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    struct sov_err why = { 0 };
    char *text = NULL;
    size_t len = 0;
    int rc;

    rc = sov_read_whole(path, SOV_KEYFILE_MAX, &text, &len, &why);
    if (rc == SOV_EIO && why.sys == ENOENT && is_bare_key(path))
        return from_number_and_key(key, word, err);
    if (rc == SOV_EMEM)
        return sov_mem_fail(err);
    if (rc < 0)
        return sov_fail(err, SOV_EDENY, "public key %s: %s", path, why.msg);
    rc = sov_pubkey_parse(key, text, len, err);
    free(text);
    if (rc < 0) {
        sov_err_wrap(err, "public key %s", path);
        return rc;
    }
    sov_text_safe(name, strlen(name), key->name, sizeof(key->name));
    return 0;
}

int
sov_pubkey_text(const struct sov_pubkey *key, char **text, size_t *len,
                struct sov_err *err)
{
    char base64[SOV_BASE64_LEN(SOV_PUB_BLOB) + 1];
    unsigned char blob[SOV_PUB_BLOB] = { 'E', 'd' };
    char *out = NULL;
    int n;

    memcpy(blob + 2, key->num, SOV_NUM_LEN);
    memcpy(blob + 2 + SOV_NUM_LEN, key->key, SOV_PUB_LEN);
    sov_base64_encode(blob, sizeof(blob), base64);
    n = asprintf(&out, SOV_UNTRUSTED MINISIGN_COMMENT SOV_NUM_FORMAT "\n%s\n",
                 sov_le64(key->num), base64);
    if (n < 0)
        return sov_mem_fail(err);
    *text = out;
    *len = (size_t)n;
    return 0;
}
