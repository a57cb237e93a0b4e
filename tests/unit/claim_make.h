/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claim_make.h - keys, models and claims for tests
 *
 * Two keys are known from outside: A grows from the seed 00 01 .. 1f, B from
 * 20 21 .. 3f.  So is a pair of models with their claims (the golden vector,
 * tests/data/child.gguf.claims.jsonl): A imported parent.gguf, B quantized it
 * to child.gguf.
 */
#ifndef SOV_TESTS_UNIT_CLAIM_MAKE_H
#define SOV_TESTS_UNIT_CLAIM_MAKE_H

#include "fmt_make.h"
#include "sov/claim.h"
#include "sov/index.h"
#include "trust_keys.h"

#define IMPORT \
    "4593276d42a6cd21a6fedf64138a4fccb322c15c35413842dfd4f40ed4308fd6"
#define QUANTIZE \
    "0c78840c8890b71ad3b166f9b9edc47ffc7e4d2e2eb732ab80fb7e3d857a361f"

/* A ring of the keys that grow from these (0 for A, 32 for B, ...). */
sov_keyring *ring_of(const char *firsts, size_t n);

/* The two lines of the golden vector. */
char *golden_text(size_t *len);
/* Its models, byte for byte. */
struct sov_buf golden_parent(void);
struct sov_buf golden_child(void);

/* All digests of some bytes. */
struct sov_digest digest_of(const void *p, size_t len);
void from_hex(const char *hex, unsigned char *out);
bool is_hex(const unsigned char *p, const char *hex);

/* A claim by key about one file NAME whose bytes are its name; made from
 * parents[0..n-1], files of that kind whose claims have these ids. */
struct small_claim {
    const char *name;
    const char *parent[4];
    const char *claim[4];
    const char *label; /* value of the label "license", or NULL */
    const char *build_type;
};
char *make_line(const struct small_claim *c, const sov_seckey *key,
                char id[65]);
/* The same file as it is found. */
struct sov_claim_file small_file(const char *name);

/* A set of lines; they must be fine. */
sov_claims *set_of(const char *text, size_t len);

void line_tests(TCase *tc);
void index_tests(TCase *tc);

#endif
