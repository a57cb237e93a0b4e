/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flip - does any change of one bit, or any cut, get past a verification?
 *
 *     flip MODEL CLAIMS KEY
 *
 * The three files must verify as they are.  Then every bit of each is turned,
 * and each is cut after every byte, and all of that must be refused; but of
 * the first line of the key, which is a comment that nobody signs.  Done in
 * one process, the way sov-verify does it.
 */
#include "sov/claim.h"
#include "sov/io.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct text {
    const char *path;
    char *p;
    size_t len;
};

static struct text model, claims, key;
static unsigned long tried, passed;

static void
die(const struct sov_err *err)
{
    fprintf(stderr, "flip: %s\n", err->msg);
    exit(2);
}

/* The digests of the model; it alone costs time when it changes. */
static void
hash(struct sov_claim_file *file)
{
    struct sov_err err = { 0 };
    sov_hasher *h = NULL;

    if (sov_hasher_new(&h, SOV_HASH_VERITY, &err) < 0 ||
        sov_hasher_update(h, model.p, model.len, &err) < 0 ||
        sov_hasher_final(h, &file->digest, &err) < 0)
        die(&err);
    sov_hasher_free(h);
    file->any_name = true;
}

static bool
verifies(const struct sov_claim_file *file, struct sov_err *err)
{
    struct sov_verdict v = { .answer = SOV_ANSWER_NONE };
    sov_keyring *ring = NULL;
    sov_claims *set = NULL;
    struct sov_pubkey pub;
    int rc = sov_keyring_new(&ring, err);

    if (rc == 0)
        rc = sov_pubkey_parse(&pub, key.p, key.len, err);
    if (rc == 0)
        rc = sov_keyring_add(ring, &pub, err);
    if (rc == 0)
        rc = sov_claims_new(&set, err);
    if (rc == 0)
        rc = sov_claims_read(set, claims.p, claims.len, "claims", err);
    if (rc == 0)
        rc = sov_claims_verify(set, ring, file, 1, &v, err);
    sov_claims_free(set);
    sov_keyring_free(ring);
    return rc == 0 && v.answer == SOV_ANSWER_YES;
}

static void
try(const struct text *t, const struct sov_claim_file *was, size_t at, int bit)
{
    struct sov_claim_file file = *was;
    struct sov_err err = { 0 };

    if (t == &model)
        hash(&file);
    tried++;
    if (!verifies(&file, &err))
        return;
    passed++;
    if (bit < 0)
        printf("%s cut after %zu bytes passes\n", t->path, at);
    else
        printf("%s passes with bit %d of byte %zu turned\n", t->path, bit, at);
}

/* Everything that can be done to t from byte on. */
static void
torture(struct text *t, const struct sov_claim_file *file, size_t from)
{
    size_t len = t->len;

    for (size_t i = from; i < len; i++)
        for (int bit = 0; bit < 8; bit++) {
            t->p[i] = (char)(t->p[i] ^ 1 << bit);
            try(t, file, i, bit);
            t->p[i] = (char)(t->p[i] ^ 1 << bit);
        }
    for (t->len = 0; t->len < len; t->len++)
        try(t, file, t->len, -1);
}

int
main(int argc, char **argv)
{
    struct text *const all[3] = { &model, &claims, &key };
    struct sov_claim_file file = { 0 };
    struct sov_err err = { 0 };

    if (argc != 4) {
        fprintf(stderr, "usage: flip MODEL CLAIMS KEY\n");
        return 64;
    }
    for (int i = 0; i < 3; i++) {
        all[i]->path = argv[i + 1];
        if (sov_read_whole(argv[i + 1], (size_t)1 << 24, &all[i]->p,
                           &all[i]->len, &err) < 0)
            die(&err);
    }
    hash(&file);
    if (!verifies(&file, &err))
        die(&err);
    torture(&model, &file, 0);
    torture(&claims, &file, 0);
    torture(&key, &file, strcspn(key.p, "\n") + 1);
    printf("%lu changes, %lu of them pass\n", tried, passed);
    for (int i = 0; i < 3; i++)
        free(all[i]->p);
    return passed != 0;
}
