/* SPDX-License-Identifier: Apache-2.0 */
/*
 * minisig.c - files signed by minisign and signify
 *
 *     untrusted comment: ...
 *     base64("ED" | number 8 | signature 64)       over BLAKE2b-512 of the file
 *     trusted comment: ...
 *     base64(signature 64)                         over signature | comment
 *
 * minisign -l and signify write "Ed" and sign the file itself, and signify
 * writes the first two lines alone.  We read these, and never write them: a
 * file may hold what in another place is a message to be signed.
 */
#include "base/le.h"
#include "base/limits.h"
#include "base/mem.h"
#include "sov/io.h"
#include "trust/armor.h"
#include "trust/keys.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRUSTED  "trusted comment: "
#define OUR_LINE "untrusted comment: sov"
#define HASH_LEN 64
#define SIG_BLOB (2 + SOV_NUM_LEN + SOV_SIG_LEN)
#define CHUNK    ((size_t)1 << 20)

_Static_assert(sizeof(((struct sov_minisig *)0)->comment) ==
                   SOV_COMMENT_MAX + 1,
               "room for a comment");

/* ---- reading ---- */

static int
parse_head(struct sov_minisig *sig, struct sov_span *left, size_t len,
           struct sov_err *err)
{
    unsigned char blob[SIG_BLOB];
    struct sov_span comment = { 0 };
    struct sov_span word = { 0 };
    const char *why;

    if (len > SOV_SIGFILE_MAX)
        return sov_fail(err, SOV_ENO,
                        "longer than the limit of %" PRIu64 " bytes",
                        SOV_SIGFILE_MAX);
    why = sov_two_lines(left, &comment, &word);
    if (why != NULL)
        return sov_fail(err, SOV_ENO, "%s", why);
    if (!sov_base64_exact(word, blob, sizeof(blob)) || blob[0] != 'E' ||
        (blob[1] != 'd' && blob[1] != 'D'))
        return sov_fail(err, SOV_ENO,
                        "the second line is no Ed25519 signature");
    sig->hashed = blob[1] == 'D';
    memcpy(sig->num, blob + 2, SOV_NUM_LEN);
    memcpy(sig->sig, blob + 2 + SOV_NUM_LEN, SOV_SIG_LEN);
    return 0;
}

static int
parse_comment(struct sov_minisig *sig, struct sov_span *left,
              struct sov_err *err)
{
    struct sov_span comment = { 0 };
    struct sov_span word = { 0 };

    if (!sov_line_take(left, &comment) || !sov_line_take(left, &word))
        return sov_fail(err, SOV_ENO,
                        "cut short: a line, or its newline, is missing");
    if (!sov_span_skip(&comment, TRUSTED) || comment.len > SOV_COMMENT_MAX ||
        !sov_span_printable(comment))
        return sov_fail(err, SOV_ENO,
                        "the third line is no printable \"" TRUSTED "\"");
    if (!sov_base64_exact(word, sig->global, SOV_SIG_LEN))
        return sov_fail(err, SOV_ENO, "the fourth line is no signature");
    if (comment.len > 0)
        memcpy(sig->comment, comment.p, comment.len);
    sig->has_comment = true;
    return 0;
}

int
sov_minisig_parse(struct sov_minisig *sig, const void *text, size_t len,
                  struct sov_err *err)
{
    struct sov_span left = { .p = text, .len = len };
    struct sov_minisig fresh = { 0 };
    int rc;

    rc = parse_head(&fresh, &left, len, err);
    if (rc == 0)
        rc = parse_comment(&fresh, &left, err);
    if (rc == 0 && left.len > 0)
        rc = sov_fail(err, SOV_ENO, "%zu bytes after the signature", left.len);
    if (rc == 0)
        *sig = fresh;
    return rc;
}

int
sov_signify_parse(struct sov_minisig *sig, const void *text, size_t len,
                  struct sov_err *err)
{
    struct sov_span left = { .p = text, .len = len };
    struct sov_minisig fresh = { 0 };
    int rc;

    rc = parse_head(&fresh, &left, len, err);
    if (rc == 0 && fresh.hashed)
        rc = sov_fail(err, SOV_ENO,
                      "a minisign signature where one of signify belongs");
    if (rc == 0 && left.len > 0)
        rc = sov_fail(err, SOV_ENO, "%zu bytes after the signature", left.len);
    if (rc == 0)
        *sig = fresh;
    return rc;
}

/* ---- hashing ---- */

static int
hash_path(const char *path, unsigned char out[HASH_LEN], struct sov_err *err)
{
    crypto_generichash_blake2b_state state;
    unsigned char *buf = malloc(CHUNK);
    sov_source *src = NULL;
    int64_t n = 1;
    int rc;

    rc = buf == NULL ? sov_mem_fail(err) : sov_source_open(&src, path, err);
    if (rc == 0)
        crypto_generichash_blake2b_init(&state, NULL, 0, HASH_LEN);
    while (rc == 0 && n > 0) {
        n = sov_source_read(src, buf, CHUNK, err);
        if (n < 0)
            rc = (int)n;
        else
            crypto_generichash_blake2b_update(&state, buf, (uint64_t)n);
    }
    if (rc == 0)
        crypto_generichash_blake2b_final(&state, out, HASH_LEN);
    sov_source_close(src);
    free(buf);
    return rc;
}

/* ---- checking ---- */

/* What the global signature is over: signature | comment; its length. */
static size_t
global_message(const unsigned char sig[SOV_SIG_LEN], const char *comment,
               unsigned char out[SOV_SIG_LEN + SOV_COMMENT_MAX])
{
    size_t len = strlen(comment);

    memcpy(out, sig, SOV_SIG_LEN);
    memcpy(out + SOV_SIG_LEN, comment, len);
    return SOV_SIG_LEN + len;
}

/* msg is the hash of the file, or the file. */
static int
check(const struct sov_minisig *sig, const struct sov_pubkey *key,
      const void *msg, size_t len, struct sov_err *err)
{
    unsigned char global[SOV_SIG_LEN + SOV_COMMENT_MAX];
    size_t n;

    if (memcmp(sig->num, key->num, SOV_NUM_LEN) != 0)
        return sov_fail(err, SOV_ENO,
                        "signed by key " SOV_NUM_FORMAT
                        " and not by " SOV_NUM_FORMAT,
                        sov_le64(sig->num), sov_le64(key->num));
    if (!sov_sig_ok(key, msg, len, sig->sig))
        return sov_fail(
            err, SOV_ENO,
            "the signature is not one of these bytes by key " SOV_NUM_FORMAT,
            sov_le64(key->num));
    if (!sig->has_comment)
        return 0;
    n = global_message(sig->sig, sig->comment, global);
    if (!sov_sig_ok(key, global, n, sig->global))
        return sov_fail(err, SOV_ENO,
                        "the trusted comment is not the one that was signed");
    return 0;
}

static int
hash_message(const void *msg, size_t len, unsigned char out[HASH_LEN],
             struct sov_err *err)
{
    int rc = sov_trust_init(err);

    if (rc == 0)
        crypto_generichash_blake2b(out, HASH_LEN, msg, len, NULL, 0);
    return rc;
}

int
sov_minisig_check(const struct sov_minisig *sig, const struct sov_pubkey *key,
                  const void *msg, size_t len, struct sov_err *err)
{
    unsigned char hash[HASH_LEN];
    int rc;

    if (!sig->hashed)
        return check(sig, key, msg, len, err);
    rc = hash_message(msg, len, hash, err);
    return rc < 0 ? rc : check(sig, key, hash, sizeof(hash), err);
}

int
sov_minisig_check_path(const struct sov_minisig *sig,
                       const struct sov_pubkey *key, const char *path,
                       struct sov_err *err)
{
    unsigned char hash[HASH_LEN];
    char *text = NULL;
    size_t len = 0;
    int rc;

    rc = sov_trust_init(err);
    if (rc == 0)
        rc = sig->hashed
                 ? hash_path(path, hash, err)
                 : sov_read_whole(path, SOV_UNHASHED_MAX, &text, &len, err);
    if (rc == 0)
        rc = sig->hashed ? check(sig, key, hash, sizeof(hash), err)
                         : check(sig, key, text, len, err);
    free(text);
    return rc;
}

/* ---- making ---- */

static int
make(const sov_seckey *key, const unsigned char hash[HASH_LEN],
     const char *comment, char **text, size_t *text_len, struct sov_err *err)
{
    unsigned char blob[SIG_BLOB] = { 'E', 'D' };
    unsigned char global[SOV_SIG_LEN + SOV_COMMENT_MAX];
    unsigned char global_sig[SOV_SIG_LEN];
    char base64[2][SOV_BASE64_LEN(SIG_BLOB) + 1];
    unsigned char *sig = blob + 2 + SOV_NUM_LEN;
    char *out = NULL;
    int rc;
    int n;

    memcpy(blob + 2, sov_seckey_public(key)->num, SOV_NUM_LEN);
    rc = sov_sign(key, hash, HASH_LEN, sig, err);
    if (rc == 0)
        rc = sov_sign(key, global, global_message(sig, comment, global),
                      global_sig, err);
    if (rc < 0)
        return rc;
    sov_base64_encode(blob, sizeof(blob), base64[0]);
    sov_base64_encode(global_sig, sizeof(global_sig), base64[1]);
    n = asprintf(&out, OUR_LINE "\n%s\n" TRUSTED "%s\n%s\n", base64[0], comment,
                 base64[1]);
    if (n < 0)
        return sov_mem_fail(err);
    *text = out;
    *text_len = (size_t)n;
    return 0;
}

static int
comment_ok(const char *comment, struct sov_err *err)
{
    struct sov_span s = { .p = (const void *)comment, .len = strlen(comment) };

    if (s.len > SOV_COMMENT_OURS || !sov_span_printable(s))
        return sov_fail(err, SOV_EARG,
                        "a trusted comment is one printable line of at most "
                        "%" PRIu64 " bytes",
                        SOV_COMMENT_OURS);
    return 0;
}

int
sov_minisig_make(const sov_seckey *key, const void *msg, size_t len,
                 const char *comment, char **text, size_t *text_len,
                 struct sov_err *err)
{
    unsigned char hash[HASH_LEN];
    int rc = comment_ok(comment, err);

    if (rc == 0)
        rc = hash_message(msg, len, hash, err);
    if (rc == 0)
        rc = make(key, hash, comment, text, text_len, err);
    return rc;
}

int
sov_minisig_make_path(const sov_seckey *key, const char *path,
                      const char *comment, char **text, size_t *text_len,
                      struct sov_err *err)
{
    unsigned char hash[HASH_LEN];
    int rc = comment_ok(comment, err);

    if (rc == 0)
        rc = sov_trust_init(err);
    if (rc == 0)
        rc = hash_path(path, hash, err);
    if (rc == 0)
        rc = make(key, hash, comment, text, text_len, err);
    return rc;
}
