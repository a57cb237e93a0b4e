/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_local.c - workers that train apart: the outer step by its formula, no
 * order of workers, and files of what has moved, good and bad
 */
#include "unit.h"

#include "base/le.h"
#include "base/mem.h"
#include "base/rng.h"
#include "distill/delta.h"
#include "distill/limits.h"
#include "distill/local.h"
#include "sys/hash.h"
#include "trust/keys.h"
#include "trust/mask.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N 9001

static float base[N], u[N], w[3][N], out[N];

static float
number(uint64_t stream, uint64_t i)
{
    return (float)(sov_rng_unit(9, stream, i) - 0.5);
}

static void
fill(void)
{
    size_t i, j;

    for (i = 0; i < N; i++) {
        base[i] = number(0, i);
        u[i] = 0.01f * number(1, i);
        for (j = 0; j < 3; j++)
            w[j][i] = base[i] + 0.02f * number(2 + j, i);
    }
}

static const struct sov_local outer = { 0.7, 0.9 };
static const struct sov_local mean = { 1, 0 };

START_TEST(the_outer_step)
{
    const struct sov_comm alone = { .n = 1 };
    size_t i;
    int turn;

    fill();
    memcpy(out, w[0], sizeof(out));
    for (turn = 0; turn < 2; turn++) {
        static float b[N], v[N];

        memcpy(b, base, sizeof(b));
        memcpy(v, u, sizeof(v));
        for (i = 0; i < N && turn > 0; i++)
            out[i] += 0.01f * number(7, i);
        memcpy(w[1], out, sizeof(out));
        ck_assert_int_eq(sov_local_meet(&alone, &outer, base, u, out, N, NULL),
                         0);
        for (i = 0; i < N; i++) {
            double d = (double)b[i] - w[1][i];
            double m = 0.9 * v[i] + d;

            ck_assert_double_le(fabs(u[i] - m), 1e-8);
            ck_assert_double_le(fabs(base[i] - (b[i] - 0.7 * (d + 0.9 * m))),
                                6e-8);
            ck_assert(out[i] == base[i]);
        }
    }
}
END_TEST

START_TEST(a_worker_that_diverged)
{
    static const float bad[] = { NAN, INFINITY, 1500 };
    const struct sov_comm alone = { .n = 1 };
    struct sov_err err;
    size_t i;

    for (i = 0; i < 3; i++) {
        static float b[N], v[N];

        fill();
        memcpy(b, base, sizeof(b));
        memcpy(v, u, sizeof(v));
        w[0][N - 1] = bad[i];
        ck_assert_int_eq(sov_local_meet(&alone, &outer, base, u, w[0], N, &err),
                         SOV_ENO);
        ck_assert(strstr(err.msg, "diverged") != NULL);
        ck_assert_mem_eq(b, base, sizeof(b));
        ck_assert_mem_eq(v, u, sizeof(v));
    }
}
END_TEST

/* ---- files */

static unsigned char file[3][SOV_DELTA_HEAD + 4 * N + SOV_XXH3_LEN];
static size_t filled, most = sizeof(file[0]);

static int
keep(void *arg, const void *buf, size_t len, struct sov_err *err)
{
    unsigned char *to = arg;

    (void)err;
    ck_assert_uint_le(filled + len, most);
    memcpy(to + filled, buf, len);
    filled += len;
    return 0;
}

static void
write_file(size_t i, const struct sov_delta *d, const float *weights)
{
    sov_sink *sink = NULL;
    struct sov_err err;

    filled = 0;
    ck_assert_int_eq(sov_sink_call(&sink, "delta", keep, file[i], &err), 0);
    ck_assert_msg(sov_delta_write(sink, d, NULL, base, weights, N, &err) == 0,
                  "%s", err.msg);
    ck_assert_int_eq(sov_sink_commit(&sink, &err), 0);
    ck_assert_uint_eq(filled, sizeof(file[0]));
}

/* Three workers' files, parsed. */
static void
three(struct sov_delta d[3])
{
    static const uint64_t tokens[3] = { 1000, 3000, 500 };
    struct sov_err err;
    size_t i;

    fill();
    memset(d, 0, 3 * sizeof(*d));
    for (i = 0; i < 3; i++) {
        d[i].tokens = tokens[i];
        d[i].worker = (uint32_t)i + 1;
        d[i].workers = 3;
        ck_assert_int_eq(sov_delta_digest(base, N, d[i].base, &err), 0);
        write_file(i, &d[i], w[i]);
        ck_assert_msg(sov_delta_parse(&d[i], file[i], sizeof(file[i]), &err) ==
                          0,
                      "%s", err.msg);
        ck_assert_uint_eq(d[i].tokens, tokens[i]);
        ck_assert_uint_eq(d[i].worker, i + 1);
    }
    ck_assert_int_eq(sov_delta_check(d, 3, d[0].base, N, &err), 0);
}

START_TEST(files_are_merged_in_any_order)
{
    static const size_t order[][3] = { { 0, 1, 2 }, { 2, 0, 1 }, { 1, 2, 0 } };
    static float want[N], b[N], v[N];
    struct sov_delta d[3];
    size_t i, j;

    three(d);
    for (j = 0; j < 3; j++) {
        struct sov_delta e[3];

        for (i = 0; i < 3; i++)
            e[i] = d[order[j][i]];
        memcpy(b, base, sizeof(b));
        memset(v, 0, sizeof(v));
        ck_assert_int_eq(sov_delta_merge(&mean, e, 3, b, v, out, N, NULL), 0);
        ck_assert_mem_eq(b, out, sizeof(b));
        if (j == 0)
            memcpy(want, b, sizeof(want));
        ck_assert_mem_eq(want, b, sizeof(b));
    }
    for (i = 0; i < N; i++) {
        double x =
            (w[0][i] * 1000.0 + w[1][i] * 3000.0 + w[2][i] * 500.0) / 4500;

        ck_assert_double_le(fabs(want[i] - x), 4e-8);
    }
}
END_TEST

START_TEST(one_file_is_its_training)
{
    static float v[N];
    struct sov_delta d[3];
    size_t i;

    three(d);
    ck_assert_int_eq(sov_delta_merge(&mean, d, 1, base, v, out, N, NULL), 0);
    for (i = 0; i < N; i++)
        ck_assert_float_le(fabsf(out[i] - w[0][i]), 2e-11f);
}
END_TEST

START_TEST(files_that_do_not_belong_together)
{
    unsigned char other[SOV_SHA256_LEN] = { 1 };
    struct sov_delta d[3], e[3];
    struct sov_err err;

    three(d);
    ck_assert_int_eq(sov_delta_check(d, 3, other, N, &err), SOV_ENO);
    ck_assert_str_eq(err.msg, "file 1 is of training from another model");
    ck_assert_int_eq(sov_delta_check(d, 3, d[0].base, N - 1, &err), SOV_ENO);
    ck_assert_int_eq(sov_delta_check(d, 2, d[0].base, N, &err), SOV_ENO);
    ck_assert_str_eq(err.msg, "files of 2 workers, of 3");
    ck_assert_int_eq(sov_delta_check(d, 0, d[0].base, N, &err), SOV_EARG);
    memcpy(e, d, sizeof(e));
    e[2] = d[1];
    ck_assert_int_eq(sov_delta_check(e, 3, d[0].base, N, &err), SOV_ENO);
    ck_assert_str_eq(err.msg, "files 2 and 3 are both of worker 2");
    e[1].worker = e[1].workers = e[2].worker = e[2].workers = 0;
    ck_assert_int_eq(sov_delta_check(e + 1, 2, d[0].base, N, &err), SOV_ENO);
    ck_assert_str_eq(err.msg, "files 1 and 2 are the same");
    e[2] = d[2];
    ck_assert_int_eq(sov_delta_check(e, 3, d[0].base, N, &err), SOV_ENO);
    ck_assert_str_eq(err.msg, "files 1 and 2: of 3 workers, and of 0");
}
END_TEST

/* One field of a good file made wrong, with its sum made right. */
struct wrong {
    size_t at;
    unsigned size;
    uint64_t value;
    int rc;
    const char *says;
};

static const struct wrong wrongs[] = {
    { 0, 4, 0, SOV_EFORMAT, "not a file of what training" },
    { 8, 4, 3, SOV_EUNSUP, "version 3" },
    { 8, 4, 2, SOV_EFORMAT, "masked in units of" },
    { 12, 4, 20, SOV_EFORMAT, "units of 2^-20, from 21 to 60" },
    { 12, 4, 61, SOV_EFORMAT, "units of 2^-61" },
    { 16, 8, N + 1, SOV_EFORMAT, "9002 numbers do not fit" },
    { 16, 8, UINT64_MAX / 4 + 1 + N, SOV_EFORMAT, "numbers do not fit" },
    { 24, 8, 0, SOV_EFORMAT, "0 tokens" },
    { 24, 8, SOV_DELTA_TOKENS + 1, SOV_EFORMAT, "tokens, from 1 to 2^50" },
    { 64, 4, 4, SOV_EFORMAT, "worker 4 of 3" },
    { 64, 4, 0, SOV_EFORMAT, "worker 0 of 3" },
    { 68, 4, 4097, SOV_EFORMAT, "worker 2 of 4097, at most 4096" },
    { 72, 4, 1, SOV_EFORMAT, "byte 72 is not 0" },
    { 124, 4, 1 << 24, SOV_EFORMAT, "byte 127 is not 0" },
    { 12, 4, 60, 0, "" },
    { 24, 8, SOV_DELTA_TOKENS, 0, "" },
    { 68, 4, 4096, 0, "" },
};

START_TEST(bad_files)
{
    static unsigned char copy[sizeof(file[0])];
    const struct wrong *wrong = &wrongs[_i];
    struct sov_delta d[3];
    struct sov_delta got = { 0 };
    struct sov_err err;
    int rc;

    three(d);
    memcpy(copy, file[1], sizeof(copy));
    if (wrong->size == 4)
        sov_put32(copy + wrong->at, (uint32_t)wrong->value);
    else
        sov_put64(copy + wrong->at, wrong->value);
    sov_xxh3(copy, sizeof(copy) - SOV_XXH3_LEN,
             copy + sizeof(copy) - SOV_XXH3_LEN);
    rc = sov_delta_parse(&got, copy, sizeof(copy), &err);
    ck_assert_int_eq(rc, wrong->rc);
    if (rc < 0) {
        ck_assert_msg(strstr(err.msg, wrong->says) != NULL, "%s", err.msg);
        ck_assert_ptr_null(got.numbers);
    }
}
END_TEST

START_TEST(damaged_files)
{
    struct sov_delta d[3];
    struct sov_err err;
    size_t i;

    three(d);
    for (i = 0; i < sizeof(file[0]); i += 1 + i % 97) {
        ck_assert_int_lt(sov_delta_parse(&d[0], file[0], i, &err), 0);
        file[0][i] ^= 4;
        ck_assert_int_lt(sov_delta_parse(&d[0], file[0], sizeof(file[0]), &err),
                         0);
        file[0][i] ^= 4;
    }
    ck_assert_int_eq(sov_delta_parse(&d[0], file[0], sizeof(file[0]), &err), 0);
}
END_TEST

START_TEST(what_cannot_be_written)
{
    static const float bad[] = { NAN, INFINITY, 1500, -1500 };
    struct sov_delta d = { .tokens = 1 };
    sov_sink *sink = NULL;
    struct sov_err err;
    size_t i;

    fill();
    ck_assert_int_eq(sov_sink_call(&sink, "delta", keep, file[0], &err), 0);
    filled = 0;
    for (i = 0; i < 4; i++) {
        w[0][N / 2] = bad[i];
        ck_assert_int_eq(sov_delta_write(sink, &d, NULL, base, w[0], N, &err),
                         SOV_ENO);
    }
    ck_assert_uint_eq(filled, 0);
    sov_sink_abort(sink);
    write_file(0, &d, base); /* nothing has moved */
    ck_assert_int_eq(sov_delta_parse(&d, file[0], sizeof(file[0]), &err), 0);
    ck_assert_uint_eq(d.bits, 60);
}
END_TEST

/* ---- masks */

#define SILOS 3

static unsigned char hidden[SILOS][SOV_DELTA_HEAD + 8 * N + SOV_XXH3_LEN];

static void
keys_of(sov_seckey *key[SILOS], struct sov_pubkey pub[SILOS])
{
    unsigned char seed[SOV_SEED_LEN] = { 0 };

    for (size_t i = 0; i < SILOS; i++) {
        seed[0] = (unsigned char)(i + 1);
        ck_assert_int_eq(sov_seckey_seed(&key[i], seed, NULL), 0);
        pub[i] = *sov_seckey_public(key[i]);
    }
}

/* Files of all silos, masked; plain: what they hide. */
static void
write_masked(struct sov_delta d[SILOS], int64_t *plain)
{
    unsigned char salt[SOV_MASK_SALT];
    sov_seckey *key[SILOS];
    struct sov_pubkey pub[SILOS];
    struct sov_err err;

    fill();
    most = sizeof(hidden[0]);
    keys_of(key, pub);
    ck_assert_int_eq(sov_delta_digest(base, N, salt, NULL), 0);
    for (size_t i = 0; i < SILOS; i++) {
        struct sov_delta head = { .tokens = 10 * (i + 1), .workers = SILOS };
        sov_sink *sink = NULL;
        sov_mask *mask;
        size_t which;

        ck_assert_int_eq(
            sov_mask_new(&mask, key[i], pub, SILOS, salt, &which, &err), 0);
        ck_assert_uint_eq(which, i);
        head.worker = (uint32_t)i + 1;
        memcpy(head.base, salt, sizeof(salt));
        ck_assert_int_eq(sov_mask_silos(pub, SILOS, head.silos, NULL), 0);
        ck_assert_int_eq(sov_sink_call(&sink, "m", keep, hidden[i], NULL), 0);
        filled = 0;
        ck_assert_int_eq(
            sov_delta_write(sink, &head, mask, base, w[i], N, &err), 0);
        ck_assert_int_eq(sov_sink_commit(&sink, NULL), 0);
        ck_assert_uint_eq(filled, sizeof(hidden[0]));
        ck_assert_int_eq(
            sov_delta_parse(&d[i], hidden[i], sizeof(hidden[0]), &err), 0);
        ck_assert(d[i].masked);
        sov_mask_free(mask);
        sov_seckey_free(key[i]);
        for (size_t k = 0; k < N && plain != NULL; k++)
            plain[k] += llrint(
                ldexp((double)base[k] - (double)w[i][k], SOV_LOCAL_BITS));
    }
}

/* To the bit: what is merged is the mean of what was hidden, and a file alone
 * shows none of it. */
START_TEST(masks_cancel)
{
    static int64_t sum[N];
    static float b[N], v[N], want[N];
    struct sov_delta d[SILOS];
    size_t same = 0, i, k;

    memset(sum, 0, sizeof(sum));
    write_masked(d, sum);
    ck_assert_int_eq(sov_delta_check(d, SILOS, d[0].base, N, NULL), 0);
    for (i = 0; i < SILOS; i++)
        for (k = 0; k < N; k++)
            same += llabs((int64_t)sov_le64(d[i].numbers + 8 * k)) <
                    (INT64_C(1) << 50);
    ck_assert_uint_le(same, N / 100);
    memcpy(b, base, sizeof(b));
    memset(v, 0, sizeof(v));
    sov_local_step(&mean, sum, SILOS, b, v, want, N);
    memcpy(b, base, sizeof(b));
    memset(v, 0, sizeof(v));
    ck_assert_int_eq(sov_delta_merge(&mean, d, SILOS, b, v, out, N, NULL), 0);
    ck_assert_mem_eq(out, want, sizeof(out));
}
END_TEST

START_TEST(masks_that_do_not_cancel)
{
    static float b[N], v[N];
    struct sov_delta d[SILOS], e[SILOS];
    unsigned char digest[SOV_SHA256_LEN];
    sov_seckey *key[SILOS];
    struct sov_pubkey pub[SILOS], twice[SILOS];
    sov_mask *mask;
    struct sov_err err;
    size_t which;

    write_masked(d, NULL);
    ck_assert_int_eq(sov_delta_check(d, 2, d[0].base, N, &err), SOV_ENO);
    ck_assert_str_eq(err.msg, "files of 2 workers, of 3");
    memcpy(e, d, sizeof(e));
    e[1].silos[3] ^= 1;
    ck_assert_int_eq(sov_delta_check(e, 3, d[0].base, N, &err), SOV_ENO);
    ck_assert(strstr(err.msg, "other silos") != NULL);
    e[1] = d[1];
    e[1].masked = false;
    ck_assert_int_eq(sov_delta_check(e, 3, d[0].base, N, &err), SOV_ENO);
    ck_assert_str_eq(err.msg, "file 1 is masked, and file 2 not");
    /* two alone, if nobody had looked */
    memcpy(b, base, sizeof(b));
    ck_assert_int_eq(sov_delta_merge(&mean, d, 2, b, v, out, N, &err), SOV_ENO);
    ck_assert(strstr(err.msg, "do not cancel") != NULL);

    keys_of(key, pub);
    memcpy(twice, pub, sizeof(twice));
    twice[2] = pub[0];
    memset(digest, 0, sizeof(digest));
    ck_assert_int_eq(
        sov_mask_new(&mask, key[0], twice, SILOS, digest, &which, &err),
        SOV_EARG);
    ck_assert_str_eq(err.msg, "silos 1 and 3 have the same key");
    ck_assert_int_eq(
        sov_mask_new(&mask, key[0], pub + 1, 2, digest, &which, &err),
        SOV_EARG);
    ck_assert_int_eq(sov_mask_new(&mask, key[0], pub, 1, digest, &which, &err),
                     SOV_EARG);
    for (size_t i = 0; i < SILOS; i++)
        sov_seckey_free(key[i]);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("local");

    tcase_add_test(tc, the_outer_step);
    tcase_add_test(tc, a_worker_that_diverged);
    tcase_add_test(tc, files_are_merged_in_any_order);
    tcase_add_test(tc, one_file_is_its_training);
    tcase_add_test(tc, files_that_do_not_belong_together);
    tcase_add_loop_test(tc, bad_files, 0, sizeof(wrongs) / sizeof(wrongs[0]));
    tcase_add_test(tc, damaged_files);
    tcase_add_test(tc, what_cannot_be_written);
    tcase_add_test(tc, masks_cancel);
    tcase_add_test(tc, masks_that_do_not_cancel);
    return unit_main("local", tc);
}
