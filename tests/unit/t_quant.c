/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_quant.c - unit tests of lib/quant
 *
 * Against blocks that llama.cpp made, in shared/golden/codec beside the source
 * tree; skipped with a line where that folder is absent.  And against our own
 * hashes in quant_vectors.def, which every machine and compiler must meet.
 */
#include "golden.h"

#include "base/le.h"
#include "base/rng.h"
#include "quant/codec.h"
#include "quant/layout.h"

#include <ctype.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define ROWS    4
#define COLUMNS 1024
#define WEIGHTS (ROWS * COLUMNS)

/* Exactly size bytes of a file. */
static void
read_exactly(const char *path, void *buf, size_t size)
{
    FILE *f = fopen(path, "rb");

    ck_assert_msg(f != NULL, "cannot open %s", path);
    ck_assert_msg(fread(buf, 1, size, f) == size, "%s is short", path);
    ck_assert_msg(fgetc(f) == EOF, "%s is long", path);
    fclose(f);
}

static void
read_floats(const char *path, float *x, size_t n)
{
    unsigned char *bytes = malloc(4 * n);

    read_exactly(path, bytes, 4 * n);
    for (size_t i = 0; i < n; i++)
        x[i] = sov_lef32(bytes + 4 * i);
    free(bytes);
}

/* The rows of index.json, or NULL without ../shared. */
static json_t *
golden_index(const char *test)
{
    json_t *index =
        json_load_file(golden_path("golden/codec/index.json"), 0, NULL);
    json_t *types;

    if (index == NULL) {
        printf("%s: skipped, no ../shared/golden/codec\n", test);
        return NULL;
    }
    types = json_incref(json_object_get(index, "types"));
    json_decref(index);
    ck_assert(json_is_array(types));
    return types;
}

static void
check_golden_decode(const char *name, bool imatrix)
{
    static float want[WEIGHTS], got[WEIGHTS];
    char lower[32];
    const struct sov_type_info *info;
    const struct sov_codec *codec;
    unsigned char *blocks;
    size_t size;

    for (size_t i = 0; i <= strlen(name); i++)
        lower[i] = (char)tolower((unsigned char)name[i]);
    info = sov_type_by_name(lower);
    ck_assert_msg(info != NULL, "no type %s", lower);
    codec = sov_codec_find(info->type);
    ck_assert_msg(codec != NULL, "no codec %s", lower);

    size = WEIGHTS / info->block * info->bytes;
    blocks = malloc(size);
    read_exactly(golden_path("golden/codec/%s%s.q", name, imatrix ? ".im" : ""),
                 blocks, size);
    read_floats(
        golden_path("golden/codec/%s%s.f32", name, imatrix ? ".im" : ""), want,
        WEIGHTS);
    codec->decode(blocks, got, WEIGHTS);
    free(blocks);
    for (int i = 0; i < WEIGHTS; i++)
        ck_assert_msg(memcmp(&got[i], &want[i], sizeof(float)) == 0,
                      "%s: weight %d is %.9g, not %.9g", name, i, got[i],
                      want[i]);
}

START_TEST(golden_decode_is_exact)
{
    json_t *types = golden_index("golden_decode_is_exact");
    json_t *row;
    size_t i;

    json_array_foreach(types, i, row)
        check_golden_decode(json_string_value(json_object_get(row, "type")),
                            json_is_true(json_object_get(row, "imatrix")));
    json_decref(types);
}
END_TEST

/* sum w (x - y)^2 / sum w x^2, w repeated for each row or NULL */
static double
relative_error(const float *x, const float *y, const float *w)
{
    double error = 0, size = 0;

    for (int i = 0; i < WEIGHTS; i++) {
        double r = (double)x[i] - (double)y[i];
        double wi = w != NULL ? (double)w[i % COLUMNS] : 1.0;

        error += wi * r * r;
        size += wi * (double)x[i] * (double)x[i];
    }
    return error / size;
}

/* Encode the golden source row by row and look at the error. */
static double
our_error(const struct sov_codec *codec, bool imatrix, int effort)
{
    static float x[WEIGHTS], y[WEIGHTS], w[COLUMNS];
    const struct sov_type_info *info = sov_type_info(codec->type);
    size_t row_size = COLUMNS / info->block * info->bytes;
    unsigned char *row = malloc(row_size);

    read_floats(golden_path("golden/codec/source.f32"), x, WEIGHTS);
    read_floats(golden_path("golden/codec/imatrix.f32"), w, COLUMNS);
    for (int r = 0; r < ROWS; r++) {
        codec->encode(x + r * COLUMNS, imatrix ? w : NULL, row, COLUMNS,
                      effort);
        codec->decode(row, y + r * COLUMNS, COLUMNS);
    }
    free(row);
    return relative_error(x, y, imatrix ? w : NULL);
}

/* What part of the peer's error is allowed: it does not search scales for
 * types of few levels. */
static double
allowed(enum sov_type type, bool imatrix)
{
    if (imatrix)
        return 1.0;
    if (type == SOV_TYPE_TQ1_0 || type == SOV_TYPE_TQ2_0)
        return 0.45;
    return type == SOV_TYPE_Q2_0 ? 0.38 : 1.0;
}

/* From effort 3 on no worse than llama.cpp in its own measure, as the man page
 * says.  Prints the table. */
START_TEST(encoders_are_no_worse_than_the_peer)
{
    json_t *types = golden_index("encoders_are_no_worse_than_the_peer");
    json_t *row;
    size_t i;

    if (types != NULL)
        printf("relative error        peer");
    for (int effort = 1; types != NULL && effort <= 9; effort++)
        printf("        -%d%s", effort, effort == 9 ? "\n" : "");
    json_array_foreach(types, i, row)
    {
        const char *name = json_string_value(json_object_get(row, "type"));
        double peer = json_real_value(json_object_get(row, "relative_mse"));
        double most;
        bool imatrix = json_is_true(json_object_get(row, "imatrix"));
        const struct sov_codec *codec = sov_codec_find(
            (enum sov_type)json_integer_value(json_object_get(row, "id")));

        if (codec->encode == NULL)
            continue;
        most = peer * allowed(codec->type, imatrix);
        printf("%-6s %-7s %10.3e", name, imatrix ? "imatrix" : "", peer);
        for (int effort = 1; effort <= 9; effort++) {
            double ours = our_error(codec, imatrix, effort);

            printf(" %9.3e", ours);
            if (effort >= 3)
                ck_assert_msg(ours <= most * (1 + 1e-6), "%s: %g > %g", name,
                              ours, most);
        }
        printf("\n");
    }
    json_decref(types);
}
END_TEST

/* ---- our own vectors */

struct vector {
    const char *name;
    uint64_t decode, encode;
};

static const struct vector vectors[] = {
#define VECTOR(name, decode, encode) \
    { #name, UINT64_C(decode), UINT64_C(encode) },
#include "quant_vectors.def"
#undef VECTOR
};

/* FNV-1a */
static uint64_t
hash_bytes(uint64_t hash, const void *p, size_t n)
{
    const unsigned char *b = p;

    for (size_t i = 0; i < n; i++)
        hash = (hash ^ b[i]) * UINT64_C(0x100000001b3);
    return hash;
}

#define HASH_START UINT64_C(0xcbf29ce484222325)

/* Random blocks, decoded; all NaN are one. */
static uint64_t
decode_hash(const struct sov_codec *codec)
{
    static float y[WEIGHTS];
    const struct sov_type_info *info = sov_type_info(codec->type);
    size_t size = WEIGHTS / info->block * info->bytes;
    unsigned char *blocks = malloc(size);
    uint64_t hash = HASH_START;

    for (size_t i = 0; i < size; i++) {
        uint32_t r[4];

        sov_rng_block(1, 2, i / 16, r);
        blocks[i] = (unsigned char)(r[i / 4 % 4] >> (8 * (i % 4)));
    }
    codec->decode(blocks, y, WEIGHTS);
    free(blocks);
    for (int i = 0; i < WEIGHTS; i++) {
        unsigned char bytes[4];

        sov_putf32(bytes, y[i]);
        if (isnan(y[i]))
            memset(bytes, 0xff, 4);
        hash = hash_bytes(hash, bytes, 4);
    }
    return hash;
}

/* Normally distributed weights with some large ones, encoded in some ways. */
static uint64_t
encode_hash(const struct sov_codec *codec)
{
    static const int efforts[] = { 1, 3, 5, 7, 9 };
    static float x[WEIGHTS], w[WEIGHTS];
    const struct sov_type_info *info = sov_type_info(codec->type);
    size_t size = WEIGHTS / info->block * info->bytes;
    unsigned char *blocks;
    uint64_t hash = HASH_START;

    if (codec->encode == NULL)
        return 0;
    for (uint64_t i = 0; i < WEIGHTS; i++) {
        double sum = -6.0;

        for (uint64_t j = 0; j < 12; j++)
            sum += sov_rng_unit(2, j, i);
        x[i] = (float)(sum * (sov_rng_unit(3, 0, i) < 0.01 ? 0.2 : 0.02));
        w[i] = (float)(0.1 + sov_rng_unit(4, 0, i));
    }
    blocks = malloc(size);
    for (int imatrix = 0; imatrix < 2; imatrix++)
        for (int i = 0; i < 5; i++) {
            codec->encode(x, imatrix ? w : NULL, blocks, WEIGHTS, efforts[i]);
            hash = hash_bytes(hash, blocks, size);
        }
    free(blocks);
    return hash;
}

/* On a mismatch all rows are printed as they would have to be: change them
 * only together with a reason why the bytes of files change. */
START_TEST(own_vectors_hold)
{
    const struct sov_codec *codec;
    bool all_hold = true;

    for (size_t i = 0; (codec = sov_codec_at(i)) != NULL; i++) {
        const char *name = sov_type_info(codec->type)->name;
        uint64_t decode = decode_hash(codec);
        uint64_t encode = encode_hash(codec);
        bool holds = false;

        for (size_t j = 0; j < sizeof(vectors) / sizeof(vectors[0]); j++)
            holds = holds || (strcmp(vectors[j].name, name) == 0 &&
                              vectors[j].decode == decode &&
                              vectors[j].encode == encode);
        if (!holds)
            printf("VECTOR(%s, 0x%016" PRIx64 ", 0x%016" PRIx64 ")\n", name,
                   decode, encode);
        all_hold = all_hold && holds;
    }
    fflush(stdout);
    ck_assert(all_hold);
}
END_TEST

/* The error of n weights times factor, at the default effort. */
static double
scaled_error(const struct sov_codec *codec, const float *x, float factor)
{
    static float scaled[WEIGHTS], y[WEIGHTS];
    static unsigned char blocks[4 * WEIGHTS];

    for (size_t i = 0; i < WEIGHTS; i++)
        scaled[i] = x[i] * factor;
    codec->encode(scaled, NULL, blocks, WEIGHTS, SOV_EFFORT_DEFAULT);
    codec->decode(blocks, y, WEIGHTS);
    return relative_error(scaled, y, NULL);
}

/*
 * Weights so small that the scales are subnormal half floats, or would round
 * to 0, are not lost: the error is small, or for few bits hardly more than
 * with such weights a thousand times larger.  A step of the scale of an IQ
 * type moves weights by up to a hundred and more, so theirs are larger; and
 * the smallest step of nvfp4 is 2^-10, whatever an encoder does.
 */
START_TEST(small_weights_survive)
{
    static float x[WEIGHTS];
    const struct sov_codec *codec;

    for (uint64_t i = 0; i < WEIGHTS; i++) {
        double sum = -6.0;

        for (uint64_t j = 0; j < 12; j++)
            sum += sov_rng_unit(2, j, i);
        x[i] = (float)(1e-6 * sum);
    }
    for (size_t i = 0; (codec = sov_codec_at(i)) != NULL; i++) {
        const char *name = sov_type_info(codec->type)->name;
        float factor = strncmp(name, "iq", 2) == 0 ? 32.0f : 1.0f;
        double small, normal;

        if (codec->encode == NULL || codec->type == SOV_TYPE_NVFP4)
            continue;
        small = scaled_error(codec, x, factor);
        normal = scaled_error(codec, x, 1024.0f * factor);
        ck_assert_msg(small < 0.02 || small < 1.1 * normal, "%s: %g, %g", name,
                      small, normal);
    }
}
END_TEST

/* ---- types that keep some of each 64 weights */

struct sparse {
    enum sov_type type;
    int keep, bits;
};

static const struct sparse sparse[] = {
#define SPARSE(name, SYM, keep, bits) { SOV_TYPE_##SYM, keep, bits },
#include "quant/sparse.def"
#undef SPARSE
};

#define N_SPARSE (sizeof(sparse) / sizeof(sparse[0]))

/* Weights of any size, of which each 64 have so many that are not 0. */
static void
sparse_rows(float *x, const int *left, uint64_t seed)
{
    for (uint64_t i = 0; i < WEIGHTS; i++)
        x[i] = (float)((sov_rng_unit(5, seed, i) - 0.5) *
                       (sov_rng_unit(6, seed, i / 64) < 0.2 ? 0.01 : 0.2));
    for (uint64_t part = 0; part < WEIGHTS / 64; part++) {
        int n = 64;

        for (uint64_t i = 0; n > left[part % 8]; i++) {
            uint64_t at = (uint64_t)(64 * sov_rng_unit(7, seed + part, i));

            n -= x[64 * part + at] != 0;
            x[64 * part + at] = 0;
        }
    }
}

/* What was pruned stays pruned, and what is kept is near to what it was. */
static void
check_kept(const struct sparse *s, const float *x, const float *y)
{
    double error = relative_error(x, y, NULL);

    for (int i = 0; i < WEIGHTS; i++)
        ck_assert_msg(x[i] != 0 || y[i] == 0, "%s: weight %d",
                      sov_type_info((int)s->type)->name, i);
    ck_assert_msg(error < (s->bits == 4 ? 0.01 : 5e-5), "%s: %g",
                  sov_type_info((int)s->type)->name, error);
}

/* Bytes of a block, its weights, these as half floats, bytes, weights: from the
 * second weights on nothing changes any more. */
static void
check_there_and_back(const struct sparse *s, const float *x, int effort)
{
    static float y[WEIGHTS], z[WEIGHTS], h[WEIGHTS];
    static unsigned char blocks[WEIGHTS], half[2 * WEIGHTS];
    const struct sov_codec *c = sov_codec_find(s->type);
    const struct sov_codec *f16 = sov_codec_find(SOV_TYPE_F16);

    c->encode(x, NULL, blocks, WEIGHTS, effort);
    c->decode(blocks, y, WEIGHTS);
    f16->encode(y, NULL, half, WEIGHTS, 1);
    f16->decode(half, h, WEIGHTS);
    ck_assert(memcmp(h, y, sizeof(y)) == 0);
    c->encode(h, NULL, blocks, WEIGHTS, 10 - effort);
    c->decode(blocks, z, WEIGHTS);
    ck_assert_msg(memcmp(z, y, sizeof(y)) == 0, "%s: effort %d",
                  sov_type_info((int)s->type)->name, effort);
}

START_TEST(sparse_there_and_back)
{
    static float x[WEIGHTS], y[WEIGHTS];
    static unsigned char blocks[WEIGHTS];

    for (size_t t = 0; t < N_SPARSE; t++) {
        const struct sparse *s = &sparse[t];
        const struct sov_codec *c = sov_codec_find(s->type);
        int n = s->keep;
        const int left[8] = { n, 0, 1, n - 1, n, n / 2, 3, n };

        for (int effort = 1; effort <= 9; effort += 2) {
            sparse_rows(x, left, t);
            c->encode(x, NULL, blocks, WEIGHTS, effort);
            c->decode(blocks, y, WEIGHTS);
            check_kept(s, x, y);
            check_there_and_back(s, x, effort);
        }
        memset(x, 0, sizeof(x)); /* empty rows */
        check_there_and_back(s, x, 5);
        for (int i = 0; i < WEIGHTS; i++) /* subnormal, tiny, huge */
            x[i] = i % 64 >= n ? 0.0f
                   : i < 1024  ? 0x1p-24f * (float)(i % 7)
                   : i < 2048  ? 1e-7f * (float)(i % 11)
                               : 40000.0f * (float)(i % 3 - 1);
        check_there_and_back(s, x, 5);
    }
}
END_TEST

/* Of more than may be kept the largest stay, and among equals the first; with
 * importance the largest of |x| sqrt(importance). */
START_TEST(sparse_keeps_the_largest)
{
    static float x[WEIGHTS], w[WEIGHTS], y[WEIGHTS];
    static unsigned char blocks[WEIGHTS];

    for (size_t t = 0; t < N_SPARSE; t++) {
        const struct sov_codec *c = sov_codec_find(sparse[t].type);
        int keep = sparse[t].keep;

        for (int i = 0; i < WEIGHTS; i++) {
            x[i] = i % 2 == 0 ? 0.5f : -0.5f;
            w[i] = i % 64 < 64 - keep ? 1.0f : 4.0f;
        }
        c->encode(x, NULL, blocks, WEIGHTS, 5);
        c->decode(blocks, y, WEIGHTS);
        for (int i = 0; i < WEIGHTS; i++)
            ck_assert_msg((y[i] != 0) == (i % 64 < keep), "%d of %d", i, keep);
        c->encode(x, w, blocks, WEIGHTS, 5);
        c->decode(blocks, y, WEIGHTS);
        for (int i = 0; i < WEIGHTS; i++)
            ck_assert_msg((y[i] != 0) == (i % 64 >= 64 - keep), "%d of %d", i,
                          keep);
    }
}
END_TEST

/* Masks of any bits: those behind the first ones that may be kept are not
 * there. */
START_TEST(sparse_masks_from_outside)
{
    float y[256];
    unsigned char block[SOV_BYTES_S32_64_Q8];

    for (size_t t = 0; t < N_SPARSE; t++) {
        const struct sov_codec *c = sov_codec_find(sparse[t].type);

        memset(block, 0xff, sizeof(block));
        block[0] = 0;
        block[1] = 0x3c; /* 1 */
        memset(block + 2, 1, 4);
        c->decode(block, y, 256);
        for (int i = 0; i < 256; i++)
            ck_assert((y[i] != 0) == (i % 64 < sparse[t].keep));
        memset(block + 6, 0, 32);
        block[6 + 7] = 0x80;
        c->decode(block, y, 256);
        for (int i = 0; i < 256; i++)
            ck_assert((y[i] != 0) == (i == 63));
    }
}
END_TEST

START_TEST(every_codec_is_in_its_place)
{
    const struct sov_codec *codec;

    for (size_t i = 0; (codec = sov_codec_at(i)) != NULL; i++) {
        ck_assert_ptr_eq(sov_codec_find(codec->type), codec);
        ck_assert_ptr_nonnull(sov_type_info(codec->type));
        ck_assert_ptr_nonnull(codec->decode);
    }
    ck_assert_ptr_null(sov_codec_find(SOV_TYPE_I32));
    ck_assert_ptr_null(sov_codec_find(SOV_TYPE_NONE));
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("quant");

    tcase_add_test(tc, golden_decode_is_exact);
    tcase_add_test(tc, encoders_are_no_worse_than_the_peer);
    tcase_add_test(tc, own_vectors_hold);
    tcase_add_test(tc, small_weights_survive);
    tcase_add_test(tc, sparse_there_and_back);
    tcase_add_test(tc, sparse_keeps_the_largest);
    tcase_add_test(tc, sparse_masks_from_outside);
    tcase_add_test(tc, every_codec_is_in_its_place);
    return unit_main("quant", tc);
}
