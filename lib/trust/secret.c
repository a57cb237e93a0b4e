/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secret.c - secret keys, in guarded memory and in minisign's files
 *
 *     untrusted comment: ...
 *     base64 of 158 bytes:
 *
 *       0  "Ed"        2  "Sc" (scrypt) or 00 00 (no password)     4  "B2"
 *       6  salt 32    38  opslimit, LE 64    46  memlimit, LE 64
 *      54  number 8   62  seed 32, public key 32
 *     126  BLAKE2b-256("Ed" | number | seed | public key)
 *
 * With a password, what begins at 54 is XORed with 104 bytes of scrypt.
 *
 * What always holds:
 *  1. Whatever is secret lies in libsodium's guarded memory: locked, between
 *     pages that cannot be touched, wiped when it is freed.
 *  2. Each field is what minisign or we write there, so that no bit can change
 *     unseen.  The cost of scrypt is minisign's (1 GiB), both limits halved
 *     together until it fits.  Without a password minisign -G leaves salt,
 *     cost and checksum zero; minisign -C leaves what was there, and the right
 *     checksum; we write zeros and the right checksum.
 *  3. The public half follows from the seed.
 */
#include "base/le.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"
#include "sys/file.h"
#include "trust/armor.h"
#include "trust/keys.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define BLOB_LEN   158
#define AT_KDF     2
#define AT_CHECK   4
#define AT_SALT    6
#define SALT_LEN   32
#define AT_OPS     38
#define AT_MEM     46
#define AT_NUM     54
#define AT_SECRET  62
#define SECRET_LEN 64
#define AT_SUM     126
#define SUM_LEN    32
#define HIDDEN_LEN (BLOB_LEN - AT_NUM)

/* libsodium's "sensitive", which is what minisign takes */
#define OPS_MAX UINT64_C(33554432)
#define MEM_MAX UINT64_C(1073741824)

#define ATTEMPTS 3

_Static_assert(OPS_MAX == crypto_pwhash_scryptsalsa208sha256_OPSLIMIT_SENSITIVE,
               "cost as minisign's");
_Static_assert(MEM_MAX == crypto_pwhash_scryptsalsa208sha256_MEMLIMIT_SENSITIVE,
               "cost as minisign's");

struct sov_seckey {
    unsigned char secret[SECRET_LEN]; /* seed, public key */
    struct sov_pubkey pub;
};

/* What is needed while a file is read or written; guarded. */
struct work {
    char text[SOV_KEYFILE_MAX + 1];
    unsigned char blob[BLOB_LEN];
    unsigned char open[BLOB_LEN]; /* blob without its cover */
    unsigned char stream[HIDDEN_LEN];
    char password[SOV_PASSWORD_MAX];
};

static int
guarded(void **p, size_t size, struct sov_err *err)
{
    int rc = sov_trust_init(err);

    if (rc < 0)
        return rc;
    *p = sodium_malloc(size);
    if (*p == NULL)
        return sov_fail(err, SOV_EMEM, "no guarded memory for a secret key");
    sodium_memzero(*p, size);
    return 0;
}

/* A key of seed | public key; SOV_EDENY if they do not belong together. */
static int
make(sov_seckey **key, const unsigned char secret[SECRET_LEN],
     const unsigned char *num, struct sov_err *err)
{
    unsigned char pub[SOV_PUB_LEN];
    void *p = NULL;
    sov_seckey *k;
    int rc = guarded(&p, sizeof(*k), err);

    if (rc < 0)
        return rc;
    k = p;
    crypto_sign_seed_keypair(pub, k->secret, secret);
    if (sodium_memcmp(k->secret, secret, SECRET_LEN) != 0)
        rc = sov_fail(err, SOV_EDENY,
                      "damaged: its secret and public halves do not belong "
                      "together");
    else
        rc = sov_pubkey_make(&k->pub, pub, num, err);
    if (rc < 0) {
        sodium_free(k);
        return rc;
    }
    *key = k;
    return 0;
}

static void
checksum(const unsigned char *blob, unsigned char sum[SUM_LEN])
{
    crypto_generichash_blake2b_state state;

    crypto_generichash_blake2b_init(&state, NULL, 0, SUM_LEN);
    crypto_generichash_blake2b_update(&state, blob, 2);
    crypto_generichash_blake2b_update(&state, blob + AT_NUM, AT_SUM - AT_NUM);
    crypto_generichash_blake2b_final(&state, sum, SUM_LEN);
}

static bool
sum_ok(const unsigned char *blob)
{
    unsigned char sum[SUM_LEN];

    checksum(blob, sum);
    return sodium_memcmp(sum, blob + AT_SUM, SUM_LEN) == 0;
}

/* out = the blob with its hidden part covered, or uncovered, by a password. */
static int
cover(struct work *w, const char *password, unsigned char *out,
      const unsigned char *in, struct sov_err *err)
{
    uint64_t mem = sov_le64(in + AT_MEM);

    if (crypto_pwhash_scryptsalsa208sha256(
            w->stream, HIDDEN_LEN, password, strlen(password), in + AT_SALT,
            sov_le64(in + AT_OPS), (size_t)mem) != 0)
        return sov_fail(err, SOV_EMEM,
                        "the password needs %" PRIu64 " MiB of memory to be "
                        "tried (scrypt)",
                        mem >> 20);
    memcpy(out, in, BLOB_LEN);
    for (size_t i = 0; i < HIDDEN_LEN; i++)
        out[AT_NUM + i] ^= w->stream[i];
    return 0;
}

/* ---- reading ---- */

/* What minisign, or we, would have taken. */
static bool
cost_ok(const unsigned char *blob)
{
    for (unsigned k = 0; k <= SOV_HALVINGS_MAX; k++)
        if (sov_le64(blob + AT_OPS) == OPS_MAX >> k &&
            sov_le64(blob + AT_MEM) == MEM_MAX >> k)
            return true;
    return false;
}

static int
bad_cost(const unsigned char *blob, struct sov_err *err)
{
    return sov_fail(err, SOV_EDENY,
                    "scrypt with an opslimit of %" PRIu64 " and a memlimit of "
                    "%" PRIu64 ", which minisign does not write (%" PRIu64
                    " and %" PRIu64 ", or both halved up to %d times)",
                    sov_le64(blob + AT_OPS), sov_le64(blob + AT_MEM), OPS_MAX,
                    MEM_MAX, SOV_HALVINGS_MAX);
}

static int
open_plain(sov_seckey **key, const unsigned char *blob, struct sov_err *err)
{
    bool fresh = sodium_is_zero(blob + AT_SALT, AT_NUM - AT_SALT);
    bool no_sum = sodium_is_zero(blob + AT_SUM, SUM_LEN);

    if (!fresh && !cost_ok(blob))
        return bad_cost(blob, err);
    if (!sum_ok(blob) && !(fresh && no_sum))
        return sov_fail(err, SOV_EDENY, "damaged: its checksum is wrong");
    return make(key, blob + AT_SECRET, blob + AT_NUM, err);
}

static int
open_covered(sov_seckey **key, struct work *w, const char *path,
             sov_password_fn ask, void *arg, struct sov_err *err)
{
    if (!cost_ok(w->blob))
        return bad_cost(w->blob, err);
    if (ask == NULL)
        return sov_fail(err, SOV_EDENY,
                        "has a password, and nobody can be asked for it");
    for (int attempt = 1; attempt <= ATTEMPTS; attempt++) {
        int rc = ask(arg, path, attempt, w->password, sizeof(w->password), err);

        w->password[sizeof(w->password) - 1] = '\0';
        if (rc == 0)
            rc = cover(w, w->password, w->open, w->blob, err);
        if (rc < 0)
            return rc;
        if (sum_ok(w->open))
            return make(key, w->open + AT_SECRET, w->open + AT_NUM, err);
    }
    return sov_fail(err, SOV_EDENY,
                    "wrong password, %d times (or the file is damaged)",
                    ATTEMPTS);
}

/* What else somebody may have taken for a secret key. */
static int
no_secret_key(struct sov_span word, struct sov_err *err)
{
    if (word.len == SOV_BASE64_LEN(SOV_PUB_BLOB))
        return sov_fail(err, SOV_EDENY,
                        "a public key where a secret key belongs");
    return sov_fail(err, SOV_EDENY,
                    "not the base64 of a minisign secret key (%zu characters, "
                    "%d expected)",
                    word.len, SOV_BASE64_LEN(BLOB_LEN));
}

static int
parse(sov_seckey **key, struct work *w, size_t len, const char *path,
      sov_password_fn ask, void *arg, struct sov_err *err)
{
    struct sov_span left = { .p = (const void *)w->text, .len = len };
    struct sov_span comment = { 0 };
    struct sov_span word = { 0 };
    const char *why;

    if (memmem(w->text, len, "PRIVATE KEY-----", 16) != NULL)
        return sov_fail(err, SOV_EDENY,
                        "secret keys are read from minisign files alone");
    why = sov_two_lines(&left, &comment, &word);
    if (why != NULL)
        return sov_fail(err, SOV_EDENY, "%s", why);
    if (left.len > 0)
        return sov_fail(err, SOV_EDENY, "%zu bytes after the key", left.len);
    if (!sov_base64_exact(word, w->blob, BLOB_LEN))
        return no_secret_key(word, err);
    if (memcmp(w->blob, "Ed", 2) != 0 ||
        memcmp(w->blob + AT_CHECK, "B2", 2) != 0)
        return sov_fail(err, SOV_EDENY,
                        "not an Ed25519 secret key of minisign's kind");
    if (memcmp(w->blob + AT_KDF, "\0\0", 2) == 0)
        return open_plain(key, w->blob, err);
    if (memcmp(w->blob + AT_KDF, "Sc", 2) == 0)
        return open_covered(key, w, path, ask, arg, err);
    return sov_fail(err, SOV_EDENY,
                    "a password by an unknown method (0x%02x%02x)",
                    w->blob[AT_KDF], w->blob[AT_KDF + 1]);
}

int
sov_seckey_parse(sov_seckey **key, const void *text, size_t len,
                 const char *path, sov_password_fn ask, void *arg,
                 struct sov_err *err)
{
    struct work *w;
    void *p = NULL;
    int rc;

    if (len > SOV_KEYFILE_MAX)
        return sov_fail(err, SOV_EDENY,
                        "longer than the limit of %" PRIu64 " bytes",
                        SOV_KEYFILE_MAX);
    rc = guarded(&p, sizeof(*w), err);
    if (rc < 0)
        return rc;
    w = p;
    memcpy(w->text, text, len);
    rc = parse(key, w, len, path, ask, arg, err);
    sodium_free(w);
    return rc;
}

/* The text of a file that nobody else may read; its length. */
static int64_t
read_private(struct work *w, const char *path, struct sov_err *err)
{
    struct sov_file f = { .fd = -1 };
    struct sov_pubkey pub;
    struct stat st;
    int64_t n;
    int rc;

    rc = sov_file_open(&f, path, err);
    if (rc < 0)
        return rc;
    n = sov_file_next(&f, w->text, sizeof(w->text), err);
    /* that everybody can read a public key is not what is wrong with it */
    if (n >= 0 && fstat(f.fd, &st) == 0 && S_ISREG(st.st_mode) &&
        (st.st_mode & 077) != 0 &&
        sov_pubkey_parse(&pub, w->text, (size_t)n, NULL) < 0)
        n = sov_fail(err, SOV_EDENY,
                     "others can get at it (mode %04o): chmod 600 it",
                     (unsigned)(st.st_mode & 07777));
    sov_file_close(&f);
    if (n > (int64_t)SOV_KEYFILE_MAX)
        return sov_fail(err, SOV_EDENY,
                        "longer than the limit of %" PRIu64 " bytes",
                        SOV_KEYFILE_MAX);
    return n;
}

int
sov_seckey_load(sov_seckey **key, const char *path, sov_password_fn ask,
                void *arg, struct sov_err *err)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    struct sov_err why = { 0 };
    sov_seckey *fresh = NULL;
    struct work *w;
    void *p = NULL;
    int64_t n;
    int rc;

    rc = guarded(&p, sizeof(*w), err);
    if (rc < 0)
        return rc;
    w = p;
    n = read_private(w, path, &why);
    rc = n < 0 ? (int)n : parse(&fresh, w, (size_t)n, path, ask, arg, &why);
    sodium_free(w);
    if (rc < 0)
        return sov_fail(err, rc == SOV_EMEM ? SOV_EMEM : SOV_EDENY,
                        "secret key %s: %s", path, why.msg);
    sov_text_safe(name, strlen(name), fresh->pub.name, sizeof(fresh->pub.name));
    sodium_mprotect_readonly(fresh);
    *key = fresh;
    return 0;
}

/* ---- making and writing ---- */

int
sov_seckey_seed(sov_seckey **key, const unsigned char seed[SOV_SEED_LEN],
                struct sov_err *err)
{
    unsigned char pub[SOV_PUB_LEN];
    unsigned char *secret;
    void *p = NULL;
    int rc = guarded(&p, SECRET_LEN, err);

    if (rc < 0)
        return rc;
    secret = p;
    crypto_sign_seed_keypair(pub, secret, seed);
    rc = make(key, secret, NULL, err);
    sodium_free(secret);
    return rc;
}

int
sov_seckey_new(sov_seckey **key, struct sov_err *err)
{
    void *seed = NULL;
    int rc = guarded(&seed, SOV_SEED_LEN, err);

    if (rc < 0)
        return rc;
    randombytes_buf(seed, SOV_SEED_LEN);
    rc = sov_seckey_seed(key, seed, err);
    sodium_free(seed);
    return rc;
}

void
sov_seckey_free(sov_seckey *key)
{
    sodium_free(key);
}

const struct sov_pubkey *
sov_seckey_public(const sov_seckey *key)
{
    return &key->pub;
}

const unsigned char *
sov_seckey_bytes(const sov_seckey *key)
{
    return key->secret;
}

/* Cover the key in w->open by a password, at the first cost that fits. */
static int
seal(struct work *w, const char *password, unsigned halvings,
     struct sov_err *err)
{
    int rc = SOV_EMEM;

    memcpy(w->open + AT_KDF, "Sc", 2);
    randombytes_buf(w->open + AT_SALT, SALT_LEN);
    for (; halvings <= SOV_HALVINGS_MAX && rc == SOV_EMEM; halvings++) {
        sov_put64(w->open + AT_OPS, OPS_MAX >> halvings);
        sov_put64(w->open + AT_MEM, MEM_MAX >> halvings);
        rc = cover(w, password, w->blob, w->open, err);
    }
    return rc;
}

int
sov_seckey_text_at(const sov_seckey *key, const char *password,
                   unsigned halvings, char **text, size_t *len,
                   struct sov_err *err)
{
    const char *comment = password != NULL ? "minisign encrypted secret key\n"
                                           : "minisign secret key\n";
    size_t head = strlen(SOV_UNTRUSTED) + strlen(comment);
    size_t size = head + SOV_BASE64_LEN(BLOB_LEN) + 1;
    struct work *w;
    void *p = NULL;
    void *out = NULL;
    int rc;

    rc = guarded(&p, sizeof(*w), err);
    if (rc < 0)
        return rc;
    w = p;
    memcpy(w->open, "Ed\0\0B2", 6);
    memcpy(w->open + AT_NUM, key->pub.num, SOV_NUM_LEN);
    memcpy(w->open + AT_SECRET, key->secret, SECRET_LEN);
    checksum(w->open, w->open + AT_SUM);
    if (password != NULL)
        rc = seal(w, password, halvings, err);
    else
        memcpy(w->blob, w->open, BLOB_LEN);
    if (rc == 0)
        rc = guarded(&out, size + 1, err);
    if (rc == 0) {
        snprintf(out, size, "%s%s", SOV_UNTRUSTED, comment);
        sov_base64_encode(w->blob, BLOB_LEN, (char *)out + head);
        ((char *)out)[size - 1] = '\n';
        *text = out;
        *len = size;
    }
    sodium_free(w);
    return rc;
}

int
sov_seckey_text(const sov_seckey *key, const char *password, char **text,
                size_t *len, struct sov_err *err)
{
    return sov_seckey_text_at(key, password, 0, text, len, err);
}

void
sov_secret_free(char *text)
{
    sodium_free(text);
}
