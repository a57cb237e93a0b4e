/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mkclaims.c - claims of many shapes, for other people's verifiers
 *
 * usage: mkclaims lines    claims by the keys A and B
 *        mkclaims keys     "KEYID PEM-BASE64" of both
 *        mkclaims index    an index of a made-up model
 *        mkclaims sign KEY   a claim by the key in that file, whose payload is
 *                          what comes from standard input, whatever that is
 *
 * The keys are known: A grows from the seed 00 01 .. 1f, B from 20 .. 3f.
 */
#include "sov/claim.h"
#include "sov/index.h"
#include "trust/armor.h"
#include "trust/keys.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MANY 1000

static struct sov_err err;

static void
must(int rc)
{
    if (rc >= 0)
        return;
    fprintf(stderr, "mkclaims: %s\n", err.msg);
    exit(1);
}

static sov_seckey *
grow(int first)
{
    unsigned char seed[SOV_SEED_LEN];
    sov_seckey *key;

    for (int i = 0; i < SOV_SEED_LEN; i++)
        seed[i] = (unsigned char)(first + i);
    must(sov_seckey_seed(&key, seed, &err));
    return key;
}

static struct sov_digest
digest_of(const void *p, size_t len)
{
    struct sov_digest d;
    sov_hasher *h;

    must(sov_hasher_new(&h, SOV_HASH_SHA256 | SOV_HASH_VERITY | SOV_HASH_XXH3,
                        &err));
    must(sov_hasher_update(h, p, len, &err));
    must(sov_hasher_final(h, &d, &err));
    sov_hasher_free(h);
    return d;
}

/* A file whose bytes are its name. */
static struct sov_resource
file(const char *name)
{
    struct sov_resource r = { .name = name,
                              .media = "application/x.gguf",
                              .has_size = true };

    r.digest = digest_of(name, strlen(name));
    return r;
}

static void
emit(struct sov_statement *st, const sov_seckey *key, char id[65])
{
    char *line;
    size_t len;

    if (st->build_type == NULL)
        st->build_type = "urn:sov:buildtype:test:v1";
    st->builder = "urn:sov:builder:mkclaims:v1";
    must(sov_claim_make(st, key, &line, &len, id, &err));
    fwrite(line, 1, len, stdout);
    free(line);
}

/* Every kind of value, and strings that need escapes. */
static void
emit_values(const sov_seckey *key)
{
    static const struct sov_param list[] = {
        { .kind = SOV_PARAM_INT, .num = -9007199254740991 },
        { .kind = SOV_PARAM_BOOL, .num = 1 },
        { .kind = SOV_PARAM_STR, .str = "\"\\/\b\f\n\r\t\x01\x1f\x7f" },
        { .kind = SOV_PARAM_STR,
          .str = "\xc3\xa9 \xe4\xba\xba "
                 "\xf0\x9f\xa6\x86" },
        { .kind = SOV_PARAM_STR, .str = "" },
    };
    static const struct sov_param external[] = {
        { .key = "z", .kind = SOV_PARAM_LIST, .item = list, .n = 5 },
        { .key = "a b", .kind = SOV_PARAM_LIST },
        { .key = "\"~", .kind = SOV_PARAM_MAP },
    };
    struct sov_resource subject = file("d\xc3\xa9p\xc3\xb4t/mod\xc3\xa8le "
                                       "1.gguf");
    struct sov_statement st = { .subject = &subject,
                                .n_subjects = 1,
                                .external = external,
                                .n_external = 3 };

    emit(&st, key, NULL);
}

static void
emit_many(const sov_seckey *key)
{
    static char name[MANY][24];
    static struct sov_resource subject[MANY];
    struct sov_statement st = { .subject = subject, .n_subjects = MANY };

    for (int i = 0; i < MANY; i++) {
        snprintf(name[i], sizeof(name[i]), "model-%05d.gguf", i);
        subject[i] = file(name[i]);
    }
    emit(&st, key, NULL);
}

static void
emit_lines(void)
{
    static const struct sov_param value = { .kind = SOV_PARAM_STR,
                                            .str = "Apache-2.0" };
    static const struct sov_param label = {
        .key = "license", .kind = SOV_PARAM_LIST, .item = &value, .n = 1
    };
    static const struct sov_param type = { .key = "type",
                                           .kind = SOV_PARAM_STR,
                                           .str = "q8_0" };
    struct sov_resource parent = file("parent.gguf");
    struct sov_resource child = file("child.gguf");
    struct sov_resource index = file("child.gguf.sovidx");
    struct sov_statement import = {
        .subject = &parent, .n_subjects = 1, .label = &label, .n_labels = 1
    };
    struct sov_statement made = { .subject = &child,
                                  .n_subjects = 1,
                                  .dependency = &parent,
                                  .n_dependencies = 1,
                                  .external = &type,
                                  .n_external = 1,
                                  .byproduct = &index,
                                  .n_byproducts = 1,
                                  .label = &label,
                                  .n_labels = 1,
                                  .started = 1767323107,
                                  .finished = 1767323109 };
    sov_seckey *a = grow(0), *b = grow(32);
    char id[65];

    import.build_type = "urn:sov:buildtype:import:v1";
    emit(&import, a, id);
    parent.role = "parent";
    parent.claim = id;
    index.role = "index";
    made.build_type = "urn:sov:buildtype:quantize:v1";
    emit(&made, b, NULL);
    emit(&made, a, NULL); /* two signers of one claim */
    emit_values(b);
    emit_many(a);
    sov_seckey_free(a);
    sov_seckey_free(b);
}

/* SubjectPublicKeyInfo of an Ed25519 key is this and the key. */
static void
print_keys(void)
{
    static const unsigned char head[12] = {
        0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00
    };

    for (int first = 0; first <= 32; first += 32) {
        sov_seckey *key = grow(first);
        unsigned char der[44];
        char text[SOV_BASE64_LEN(44) + 1];

        memcpy(der, head, 12);
        memcpy(der + 12, sov_seckey_public(key)->key, 32);
        sov_base64_encode(der, sizeof(der), text);
        printf("%s %s\n", sov_seckey_public(key)->id, text);
        sov_seckey_free(key);
    }
}

static void
emit_index(void)
{
    static unsigned char bytes[2 * SOV_GROUP_SIZE + 5000];
    struct sov_index_file f[2] = { { .name = "m-00001-of-00002.gguf" },
                                   { .name = "m-00002-of-00002.gguf" } };
    struct sov_index_tensor t[3] = { { "blk.0.attn_q.weight", 0, 64, { 0 } },
                                     { "blk.0.attn_k.weight", 0, 8192, { 0 } },
                                     { "output.weight", 1, 32, { 0 } } };
    sov_hasher *h;
    void *text;
    size_t len;

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(i * 2654435761u >> 11);
    must(sov_hasher_new(&h, SOV_HASH_VERITY | SOV_HASH_XXH3 | SOV_HASH_GROUPS,
                        &err));
    must(sov_hasher_update(h, bytes, sizeof(bytes), &err));
    must(sov_hasher_final(h, &f[0].digest, &err));
    f[0].group = sov_hasher_groups(h, &f[0].n_groups);
    f[1].digest = digest_of(bytes, 3000);
    t[0].digest = digest_of(bytes + 64, 8000);
    t[1].digest = digest_of(bytes + 8192, sizeof(bytes) - 8192);
    t[2].digest = digest_of(bytes + 32, 2048);
    must(sov_index_text(f, 2, t, 3, &text, &len, &err));
    fwrite(text, 1, len, stdout);
    sov_hasher_free(h);
    free(text);
}

static void
sign(const char *path)
{
    static char payload[1 << 20];
    size_t len = fread(payload, 1, sizeof(payload), stdin), line_len;
    sov_seckey *key;
    char *line;

    must(sov_seckey_load(&key, path, NULL, NULL, &err));
    must(sov_claim_sign(key, payload, len, &line, &line_len, NULL, &err));
    fwrite(line, 1, line_len, stdout);
    free(line);
    sov_seckey_free(key);
}

int
main(int argc, char **argv)
{
    const char *what = argc == 2 ? argv[1] : "";

    if (argc == 3 && strcmp(argv[1], "sign") == 0) {
        sign(argv[2]);
    } else if (strcmp(what, "lines") == 0) {
        emit_lines();
    } else if (strcmp(what, "keys") == 0) {
        print_keys();
    } else if (strcmp(what, "index") == 0) {
        emit_index();
    } else {
        fprintf(stderr, "usage: mkclaims lines|keys|index|sign KEY\n");
        return 64;
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
