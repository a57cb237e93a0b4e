/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keytool - keys and signatures of the library, for tests beside minisign,
 * signify, openssl and ssh-keygen
 *
 *     keytool id PUB                    key id
 *     keytool secret KEY [PASSWORD]     key id of a secret key
 *     keytool encrypt KEY PASSWORD OUT  the same key with a password
 *     keytool sign KEY MSG SIG          64 bytes of pure Ed25519
 *     keytool verify PUB MSG SIG        exit status 0 or 1
 *     keytool minisign KEY MSG OUT COMMENT
 *     keytool checkfile PUB MSG MINISIG exit status 0 or 1; the comment
 *     keytool make DIR N                N cases: DIR/i.key (unless it is
 *         there), i.pub, i.msg, i.minisig and i.signify (by us)
 *     keytool check DIR N               i.msg, i.pub, i.theirs (minisign)
 *     keytool signify DIR N             i.msg, i.s.pub, i.ssig (signify)
 *
 * The cases follow from their number alone.  check and signify also damage
 * each case in one bit, which must be refused.
 */
#include "base/rng.h"
#include "sov/io.h"
#include "sov/key.h"
#include "trust/armor.h"
#include "trust/keys.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEED 20261120

static struct sov_err err;

static void
die(const char *what)
{
    fprintf(stderr, "keytool: %s: %s\n", what, err.msg);
    exit(2);
}

static uint32_t
draw(uint64_t number, uint64_t at)
{
    uint32_t out[4];

    sov_rng_block(SEED, number, at, out);
    return out[0];
}

static void
put(const char *path, const void *p, size_t len, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);

    if (fd < 0 || write(fd, p, len) != (ssize_t)len || close(fd) != 0) {
        perror(path);
        exit(2);
    }
}

static void
get(const char *path, char **text, size_t *len)
{
    if (sov_read_whole(path, (size_t)1 << 30, text, len, &err) < 0)
        die(path);
}

/* dir/number.ending */
static const char *
name(const char *dir, uint64_t number, const char *ending)
{
    static char path[8][4096];
    static unsigned turn;
    char *p = path[turn++ % 8];

    snprintf(p, sizeof(path[0]), "%s/%" PRIu64 ".%s", dir, number, ending);
    return p;
}

static int
answer(void *arg, const char *path, int attempt, char *buf, size_t size,
       struct sov_err *e)
{
    (void)path;
    if (attempt > 1)
        return sov_fail(e, SOV_EDENY, "wrong password");
    snprintf(buf, size, "%s", (const char *)arg);
    return 0;
}

static sov_seckey *
load(const char *path, char *password)
{
    sov_seckey *key = NULL;

    if (sov_seckey_load(&key, path, password != NULL ? answer : NULL, password,
                        &err) < 0)
        die(path);
    return key;
}

static struct sov_pubkey public(const char *path)
{
    struct sov_pubkey key;

    if (sov_pubkey_load(&key, path, &err) < 0)
        die(path);
    return key;
}

/* ---- one case ---- */

static size_t
message_length(uint64_t number)
{
    static const size_t edge[] = {
        0,   1,   63,   64,   65,   127,           128,     129,
        255, 256, 4095, 4096, 4097, (1 << 20) - 1, 1 << 20, (1 << 20) + 1,
    };
    size_t n = sizeof(edge) / sizeof(edge[0]);

    return number < n ? edge[number] : draw(number, 0) % 5000;
}

static char *
message(uint64_t number, size_t *len)
{
    char *msg;

    *len = message_length(number);
    msg = malloc(*len + 1);
    for (size_t i = 0; i < *len; i++)
        msg[i] = (char)draw(number, 1 + i);
    return msg;
}

static void
comment(uint64_t number, char *out)
{
    static const char *const piece[] = {
        " ", "a",  "Z",  "\t", "0", "timestamp:1", "\xc3\xa4", "\xe4\xb8\x96",
        ":", "\\", "%s", "\"",
    };
    size_t n = number % 100 == 7 ? 600 : draw(number, 1 << 22) % 40;

    *out = '\0';
    for (size_t i = 0; i < n; i++)
        strcat(out, piece[draw(number, (1 << 22) + i) % 12]);
}

static sov_seckey *
case_key(const char *dir, uint64_t number)
{
    const char *path = name(dir, number, "key");
    unsigned char seed[SOV_SEED_LEN];
    sov_seckey *key = NULL;
    char *text = NULL;
    size_t len = 0;

    if (access(path, F_OK) == 0)
        return load(path, NULL);
    for (size_t i = 0; i < sizeof(seed); i++)
        seed[i] = (unsigned char)draw(number, (1 << 23) + i);
    if (sov_seckey_seed(&key, seed, &err) < 0 ||
        sov_seckey_text(key, NULL, &text, &len, &err) < 0)
        die("key");
    put(path, text, len, 0600);
    sov_secret_free(text);
    return key;
}

/* A signature of ours in signify's clothes. */
static void
put_signify(const char *path, const sov_seckey *key, const char *msg,
            size_t len)
{
    unsigned char blob[2 + SOV_NUM_LEN + SOV_SIG_LEN] = "Ed";
    char base64[SOV_BASE64_LEN(sizeof(blob)) + 1];
    char text[200];

    memcpy(blob + 2, sov_seckey_public(key)->num, SOV_NUM_LEN);
    if (sov_sign(key, msg, len, blob + 2 + SOV_NUM_LEN, &err) < 0)
        die("sign");
    sov_base64_encode(blob, sizeof(blob), base64);
    snprintf(text, sizeof(text), "untrusted comment: ours\n%s\n", base64);
    put(path, text, strlen(text), 0644);
}

static void
make(const char *dir, uint64_t number)
{
    sov_seckey *key = case_key(dir, number);
    const char *path = name(dir, number, "msg");
    char words[16384];
    char *text = NULL;
    size_t len = 0;
    size_t msg_len;
    char *msg = message(number, &msg_len);
    int rc;

    put(path, msg, msg_len, 0644);
    if (sov_pubkey_text(sov_seckey_public(key), &text, &len, &err) < 0)
        die("public key");
    put(name(dir, number, "pub"), text, len, 0644);
    free(text);
    comment(number, words);
    rc = number % 2 == 0
             ? sov_minisig_make(key, msg, msg_len, words, &text, &len, &err)
             : sov_minisig_make_path(key, path, words, &text, &len, &err);
    if (rc < 0)
        die(path);
    put(name(dir, number, "minisig"), text, len, 0644);
    put_signify(name(dir, number, "signify"), key, msg, msg_len);
    free(text);
    free(msg);
    sov_seckey_free(key);
}

/* ---- what others signed ---- */

typedef int (*parse_fn)(struct sov_minisig *, const void *, size_t,
                        struct sov_err *);

static int
judge(parse_fn parse, const struct sov_pubkey *key, const char *msg, size_t len,
      const char *text, size_t text_len)
{
    struct sov_minisig sig;
    int rc = parse(&sig, text, text_len, &err);

    return rc < 0 ? rc : sov_minisig_check(&sig, key, msg, len, &err);
}

/* Flip a bit of the message or of what is signed; all must be refused. */
static void
damage(parse_fn parse, uint64_t number, const struct sov_pubkey *key, char *msg,
       size_t len, char *text, size_t text_len)
{
    char *second = strchr(text, '\n') + 1;
    uint32_t r = draw(number, 1 << 24);
    char *at = number % 2 == 0 && len > 0
                   ? msg + r % len
                   : second + r % (text_len - (size_t)(second - text));

    *at ^= (char)(1 << number % 8);
    if (judge(parse, key, msg, len, text, text_len) != SOV_ENO) {
        fprintf(stderr, "keytool: case %" PRIu64 " is damaged and holds\n",
                number);
        exit(1);
    }
    *at ^= (char)(1 << number % 8);
}

static void
check(const char *dir, uint64_t number, parse_fn parse, const char *pub,
      const char *sig)
{
    struct sov_pubkey key = public(name(dir, number, pub));
    const char *path = name(dir, number, "msg");
    struct sov_minisig parsed;
    size_t len, text_len;
    char *msg = NULL;
    char *text = NULL;

    get(path, &msg, &len);
    get(name(dir, number, sig), &text, &text_len);
    if (judge(parse, &key, msg, len, text, text_len) < 0 ||
        parse(&parsed, text, text_len, &err) < 0 ||
        sov_minisig_check_path(&parsed, &key, path, &err) < 0)
        die(name(dir, number, sig));
    damage(parse, number, &key, msg, len, text, text_len);
    free(msg);
    free(text);
}

static int
batch(const char *verb, const char *dir, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        if (strcmp(verb, "make") == 0)
            make(dir, i);
        else if (strcmp(verb, "check") == 0)
            check(dir, i, sov_minisig_parse, "pub", "theirs");
        else
            check(dir, i, sov_signify_parse, "s.pub", "ssig");
    return 0;
}

/* ---- single files ---- */

static int
encrypt(const char *from, const char *password, const char *to)
{
    sov_seckey *key = load(from, NULL);
    char *text = NULL;
    size_t len = 0;

    if (sov_seckey_text(key, password, &text, &len, &err) < 0)
        die(to);
    put(to, text, len, 0600);
    sov_secret_free(text);
    sov_seckey_free(key);
    return 0;
}

static int
sign(const char *path, const char *file, const char *out)
{
    sov_seckey *key = load(path, NULL);
    unsigned char sig[SOV_SIG_LEN];
    size_t len;
    char *msg = NULL;

    get(file, &msg, &len);
    if (sov_sign(key, msg, len, sig, &err) < 0)
        die(file);
    put(out, sig, sizeof(sig), 0644);
    sov_seckey_free(key);
    free(msg);
    return 0;
}

static int
verify(const char *pub, const char *file, const char *sig_file)
{
    struct sov_pubkey key = public(pub);
    size_t len, sig_len;
    char *msg = NULL;
    char *sig = NULL;
    bool ok;

    get(file, &msg, &len);
    get(sig_file, &sig, &sig_len);
    ok = sig_len == SOV_SIG_LEN &&
         sov_sig_ok(&key, msg, len, (const unsigned char *)sig);
    free(msg);
    free(sig);
    return ok ? 0 : 1;
}

static int
minisign(const char *path, const char *file, const char *out, const char *words)
{
    sov_seckey *key = load(path, NULL);
    char *text = NULL;
    size_t len = 0;

    if (sov_minisig_make_path(key, file, words, &text, &len, &err) < 0)
        die(file);
    put(out, text, len, 0644);
    free(text);
    sov_seckey_free(key);
    return 0;
}

static int
checkfile(const char *pub, const char *file, const char *sig_file)
{
    struct sov_pubkey key = public(pub);
    struct sov_minisig sig;
    size_t len;
    char *text = NULL;

    get(sig_file, &text, &len);
    if (sov_minisig_parse(&sig, text, len, &err) < 0 ||
        sov_minisig_check_path(&sig, &key, file, &err) < 0) {
        fprintf(stderr, "keytool: %s: %s\n", sig_file, err.msg);
        free(text);
        return 1;
    }
    puts(sig.comment);
    free(text);
    return 0;
}

static int
secret(const char *path, char *password)
{
    sov_seckey *key = load(path, password);

    puts(sov_seckey_public(key)->id);
    sov_seckey_free(key);
    return 0;
}

static int
id(const char *path)
{
    struct sov_pubkey key = public(path);

    puts(key.id);
    return 0;
}

int
main(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";
    char **a = argv + 2;

    if (strcmp(verb, "id") == 0 && argc == 3)
        return id(a[0]);
    if (strcmp(verb, "secret") == 0 && (argc == 3 || argc == 4))
        return secret(a[0], argc == 4 ? a[1] : NULL);
    if (strcmp(verb, "encrypt") == 0 && argc == 5)
        return encrypt(a[0], a[1], a[2]);
    if (strcmp(verb, "sign") == 0 && argc == 5)
        return sign(a[0], a[1], a[2]);
    if (strcmp(verb, "verify") == 0 && argc == 5)
        return verify(a[0], a[1], a[2]);
    if (strcmp(verb, "minisign") == 0 && argc == 6)
        return minisign(a[0], a[1], a[2], a[3]);
    if (strcmp(verb, "checkfile") == 0 && argc == 5)
        return checkfile(a[0], a[1], a[2]);
    if ((strcmp(verb, "make") == 0 || strcmp(verb, "check") == 0 ||
         strcmp(verb, "signify") == 0) &&
        argc == 4)
        return batch(verb, a[0], strtoull(a[1], NULL, 10));
    fprintf(stderr, "usage: see the head of keytool.c\n");
    return 64;
}
