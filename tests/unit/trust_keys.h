/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trust_keys.h - keys that the unit tests of lib/trust share
 *
 * Two keys are known from outside: A grows from the seed 00 01 .. 1f, B from
 * 20 21 .. 3f.
 */
#ifndef SOV_TESTS_UNIT_TRUST_KEYS_H
#define SOV_TESTS_UNIT_TRUST_KEYS_H

#include "trust/keys.h"

#include <check.h>
#include <string.h>

#define ID_A   "a050837d85070582ccf7394b0988847cc312cb88259b894899f6f239cf1791a5"
#define ID_B   "824c89aa8efb95ef93629b4519599129cace4adac9a6180daba31ceed41ecee6"
#define RAW_A  "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
#define BARE_A "RWQBAgMEBQYHCAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
#define BARE_B "RWQ0Ch5oB0KbGCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X"
#define SSH_A \
    "AAAAC3NzaC1lZDI1NTE5AAAAIAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
#define FILE_B \
    "untrusted comment: minisign public key 189B4207681E0A34\n" BARE_B "\n"
#define PEM_A                                                        \
    "-----BEGIN PUBLIC KEY-----\n"                                   \
    "MCowBQYDK2VwAyEAA6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=\n" \
    "-----END PUBLIC KEY-----\n"

static inline sov_seckey *
grow(unsigned char first)
{
    unsigned char seed[SOV_SEED_LEN];
    sov_seckey *key = NULL;

    for (size_t i = 0; i < sizeof(seed); i++)
        seed[i] = (unsigned char)(first + i);
    ck_assert_int_eq(sov_seckey_seed(&key, seed, NULL), 0);
    return key;
}

/* The first and the last byte of the comment, which may be anything. */
static inline bool
is_comment(const char *text, size_t at)
{
    return at >= strlen("untrusted comment: ") &&
           at < (size_t)(strchr(text, '\n') - text);
}

#endif
