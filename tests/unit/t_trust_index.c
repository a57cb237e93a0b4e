/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_trust_index.c - unit tests of lib/trust: the index of a model's digests
 */
#include "claim_make.h"

#include <stdio.h>
#include <string.h>

#define SIZE (3 * SOV_GROUP_SIZE + 1000) /* of the larger file */

/* A model of two files: many groups with three tensors, and a small one. */
struct two_files {
    unsigned char *big;
    unsigned char small[3000];
    struct sov_index_file file[2];
    struct sov_index_tensor tensor[5];
    sov_hasher *h;
};

static void
place(struct sov_index_tensor *t, const char *name, size_t file,
      const unsigned char *bytes, uint64_t off, uint64_t len)
{
    *t = (struct sov_index_tensor){ .name = name, .file = file, .off = off };
    t->digest = digest_of(bytes + off, len);
}

static void
set_up(struct two_files *m)
{
    m->big = malloc(SIZE);
    ck_assert_ptr_nonnull(m->big);
    for (size_t i = 0; i < SIZE; i++)
        m->big[i] = (unsigned char)(i * 2654435761u >> 13);
    for (size_t i = 0; i < sizeof(m->small); i++)
        m->small[i] = (unsigned char)(i * 40503u >> 5);
    memset(m->file, 0, sizeof(m->file));
    ck_assert_int_eq(
        sov_hasher_new(&m->h, SOV_HASH_VERITY | SOV_HASH_XXH3 | SOV_HASH_GROUPS,
                       NULL),
        0);
    ck_assert_int_eq(sov_hasher_update(m->h, m->big, SIZE, NULL), 0);
    m->file[0].name = "big.gguf";
    ck_assert_int_eq(sov_hasher_final(m->h, &m->file[0].digest, NULL), 0);
    m->file[0].group = sov_hasher_groups(m->h, &m->file[0].n_groups);
    m->file[1].name = "dir/small.gguf";
    m->file[1].digest = digest_of(m->small, sizeof(m->small));
    /* given in no order; "alias" shares the bytes of "b" */
    place(&m->tensor[0], "c", 0, m->big, 600000, SIZE - 600000);
    place(&m->tensor[1], "a", 0, m->big, 4096, 500000);
    place(&m->tensor[2], "s", 1, m->small, 100, 2000);
    place(&m->tensor[3], "b", 0, m->big, 504096, 95904);
    place(&m->tensor[4], "balias", 0, m->big, 504096, 95904);
}

static void
tear_down(struct two_files *m)
{
    sov_hasher_free(m->h);
    free(m->big);
}

static void *
written(struct two_files *m, size_t *len)
{
    struct sov_err err;
    void *text;

    if (sov_index_text(m->file, 2, m->tensor, 5, &text, len, &err) < 0)
        ck_abort_msg("%s", err.msg);
    return text;
}

START_TEST(an_index_comes_back_as_it_was)
{
    struct two_files m;
    unsigned char sum[32];
    sov_index *x;
    size_t len;
    void *text;

    set_up(&m);
    text = written(&m, &len);
    ck_assert_int_eq(sov_index_parse(&x, text, len, NULL), 0);
    sov_sha256(text, len, sum);
    ck_assert_mem_eq(sov_index_sha256(x), sum, 32);
    ck_assert_uint_eq(sov_index_files(x), 2);
    ck_assert_str_eq(sov_index_file(x, 1)->name, "dir/small.gguf");
    ck_assert_uint_eq(sov_index_file(x, 0)->n_groups, 4);
    ck_assert_mem_eq(sov_index_file(x, 0)->group, m.file[0].group, 128);
    ck_assert_uint_eq(sov_index_file(x, 1)->n_groups, 0);
    ck_assert_uint_eq(sov_index_tensors(x), 4);
    ck_assert_str_eq(sov_index_tensor(x, 0)->name, "a");
    ck_assert_str_eq(sov_index_tensor(x, 3)->name, "s");
    ck_assert_uint_eq(sov_index_tensor(x, 3)->digest.size, 2000);
    ck_assert_mem_eq(sov_index_tensor(x, 1)->digest.xxh3,
                     m.tensor[3].digest.xxh3, 16);

    ck_assert_ptr_null(sov_index_holds(x, 0, 4095));
    ck_assert_str_eq(sov_index_holds(x, 0, 4096)->name, "a");
    ck_assert_str_eq(sov_index_holds(x, 0, 504095)->name, "a");
    ck_assert_str_eq(sov_index_holds(x, 0, 504096)->name, "b");
    ck_assert_str_eq(sov_index_holds(x, 0, SIZE - 1)->name, "c");
    ck_assert_ptr_null(sov_index_holds(x, 0, SIZE));
    ck_assert_ptr_null(sov_index_holds(x, 1, 99));
    ck_assert_str_eq(sov_index_holds(x, 1, 2099)->name, "s");
    ck_assert_ptr_null(sov_index_holds(x, 1, 2100));
    ck_assert_ptr_null(sov_index_holds(x, 2, 0));
    sov_index_free(x);
    free(text);
    tear_down(&m);
}
END_TEST

START_TEST(no_bit_and_no_cut_of_an_index_is_accepted)
{
    struct two_files m;
    unsigned char *text;
    sov_index *x;
    size_t len;

    set_up(&m);
    text = written(&m, &len);
    for (size_t i = 0; i < 8 * len; i++) {
        text[i / 8] ^= (unsigned char)(1 << i % 8);
        if (sov_index_parse(&x, text, len, NULL) != SOV_EFORMAT)
            ck_abort_msg("bit %zu of byte %zu", i % 8, i / 8);
        text[i / 8] ^= (unsigned char)(1 << i % 8);
    }
    for (size_t cut = 0; cut < len; cut++)
        ck_assert_int_eq(sov_index_parse(&x, text, cut, NULL), SOV_EFORMAT);
    ck_assert_int_eq(sov_index_parse(&x, text, len, NULL), 0);
    sov_index_free(x);
    free(text);
    tear_down(&m);
}
END_TEST

/* The same with a checksum that is right again: only the contents speak. */
START_TEST(an_index_that_lies_is_refused)
{
    struct two_files m;
    unsigned char *text;
    size_t len, accepted = 0;

    set_up(&m);
    text = written(&m, &len);
    for (size_t i = 0; i < 8 * (len - 32); i++) {
        sov_index *x = NULL;
        unsigned char sum[32];

        text[i / 8] ^= (unsigned char)(1 << i % 8);
        sov_sha256(text, len - 32, sum);
        memcpy(text + len - 32, sum, 32);
        if (sov_index_parse(&x, text, len, NULL) == 0)
            accepted++; /* a name, a digest: that is what the claim is for */
        sov_index_free(x);
        text[i / 8] ^= (unsigned char)(1 << i % 8);
    }
    /* the groups and digest of the large file and all structure are not
       among them */
    ck_assert_uint_lt(accepted, 8 * (len - 32 - 32 - 4 * 32 - 32));
    free(text);
    tear_down(&m);
}
END_TEST

START_TEST(what_no_index_can_say)
{
    struct two_files m;
    struct sov_err err;
    void *text;
    size_t len;

    set_up(&m);
    m.tensor[3].off--; /* runs into the one before */
    ck_assert_int_eq(sov_index_text(m.file, 2, m.tensor, 5, &text, &len, &err),
                     SOV_EARG);
    ck_assert_ptr_nonnull(strstr(err.msg, "tensor "));
    m.tensor[3].off++;
    m.tensor[2].off = 2000; /* out of the file */
    ck_assert_int_eq(sov_index_text(m.file, 2, m.tensor, 5, &text, &len, &err),
                     SOV_EARG);
    m.tensor[2].off = 100;
    m.tensor[2].name = "a";
    ck_assert_int_eq(sov_index_text(m.file, 2, m.tensor, 5, &text, &len, &err),
                     SOV_EARG);
    ck_assert_ptr_nonnull(strstr(err.msg, "twice"));
    m.tensor[2].name = "s";
    m.file[0].n_groups--;
    ck_assert_int_lt(sov_index_text(m.file, 2, m.tensor, 5, &text, &len, &err),
                     0);
    m.file[0].n_groups++;
    m.file[0].digest.verity[0] ^= 1;
    ck_assert_int_lt(sov_index_text(m.file, 2, m.tensor, 5, &text, &len, &err),
                     0);
    ck_assert_ptr_nonnull(strstr(err.msg, "groups are not those"));
    tear_down(&m);
}
END_TEST

/* ---- where it differs */

struct told {
    size_t n;
    struct sov_index_diff d[8];
    char name[8][16];
};

static void
take(void *arg, const struct sov_index_diff *d)
{
    struct told *t = arg;

    if (t->n < 8) {
        t->d[t->n] = *d;
        snprintf(t->name[t->n], 16, "%s", d->tensor != NULL ? d->tensor : "");
    }
    t->n++;
}

/* Hash the bytes anew and ask; with ranges and groups or without. */
static struct told
differences(const sov_index *x, size_t file, const unsigned char *p, size_t len,
            bool groups, bool ranges)
{
    struct told t = { 0 };
    struct sov_hash_range *r;
    struct sov_digest d;
    const unsigned char *g;
    size_t n, n_groups;
    sov_hasher *h;

    ck_assert_int_eq(sov_index_ranges(x, file, &r, &n, NULL), 0);
    ck_assert_int_eq(
        sov_hasher_new(&h, SOV_HASH_VERITY | SOV_HASH_GROUPS, NULL), 0);
    ck_assert_int_eq(sov_hasher_ranges(h, r, n, NULL), 0);
    ck_assert_int_eq(sov_hasher_update(h, p, len, NULL), 0);
    ck_assert_int_eq(sov_hasher_final(h, &d, NULL), 0);
    g = sov_hasher_groups(h, &n_groups);
    ck_assert_uint_eq(sov_index_diff(x, file, groups ? g : NULL, n_groups,
                                     ranges ? r : NULL, n, take, &t),
                      t.n);
    sov_hasher_free(h);
    free(r);
    return t;
}

START_TEST(damage_is_found)
{
    struct two_files m;
    struct told t;
    sov_index *x;
    size_t len;
    void *text;

    set_up(&m);
    text = written(&m, &len);
    ck_assert_int_eq(sov_index_parse(&x, text, len, NULL), 0);

    m.big[510000] ^= 4; /* in b, group 0 */
    t = differences(x, 0, m.big, SIZE, true, true);
    ck_assert_uint_eq(t.n, 1);
    ck_assert_str_eq(t.name[0], "b");
    ck_assert_uint_eq(t.d[0].off, 504096);
    ck_assert_uint_eq(t.d[0].len, SOV_GROUP_SIZE - 504096);
    t = differences(x, 0, m.big, SIZE, true, false); /* a or b */
    ck_assert_uint_eq(t.n, 2);
    ck_assert_str_eq(t.name[0], "a");
    t = differences(x, 0, m.big, SIZE, false, true);
    ck_assert_uint_eq(t.n, 1);
    ck_assert_str_eq(t.name[0], "b");
    ck_assert_uint_eq(t.d[0].len, 95904);
    ck_assert_uint_eq(differences(x, 0, m.big, SIZE, false, false).n, 0);
    m.big[510000] ^= 4;

    m.big[100] ^= 1; /* in the header */
    t = differences(x, 0, m.big, SIZE, true, true);
    ck_assert_uint_eq(t.n, 1);
    ck_assert_ptr_null(t.d[0].tensor);
    ck_assert_uint_eq(t.d[0].len, SOV_GROUP_SIZE);
    m.big[100] ^= 1;

    m.big[700000] ^= 1; /* c, groups 1 and 3 */
    m.big[SIZE - 1] ^= 1;
    t = differences(x, 0, m.big, SIZE, true, true);
    ck_assert_uint_eq(t.n, 2);
    ck_assert_str_eq(t.name[1], "c");
    ck_assert_uint_eq(t.d[0].off, 600000);
    ck_assert_uint_eq(t.d[1].off, 3 * SOV_GROUP_SIZE);
    ck_assert_uint_eq(t.d[1].len, 1000);

    m.small[50] ^= 1; /* outside of s, in a file without groups */
    t = differences(x, 1, m.small, sizeof(m.small), true, true);
    ck_assert_uint_eq(t.n, 1);
    ck_assert_ptr_null(t.d[0].tensor);
    m.small[1000] ^= 1;
    t = differences(x, 1, m.small, sizeof(m.small), true, true);
    ck_assert_uint_eq(t.n, 1);
    ck_assert_str_eq(t.name[0], "s");
    sov_index_free(x);
    free(text);
    tear_down(&m);
}
END_TEST

START_TEST(a_claim_names_its_index)
{
    struct sov_resource subject = { .name = "m" }, index = { .role = "index" };
    struct sov_statement st = { .subject = &subject,
                                .n_subjects = 1,
                                .build_type = "urn:x",
                                .builder = "urn:y",
                                .byproduct = &index,
                                .n_byproducts = 1 };
    sov_seckey *a = grow(0);
    sov_claims *set;
    char *line;
    size_t len;

    subject.digest = digest_of("m", 1);
    index.name = "m.sovidx";
    index.digest = digest_of("i", 1);
    ck_assert_int_eq(sov_claim_make(&st, a, &line, &len, NULL, NULL), 0);
    set = set_of(line, len);
    ck_assert(
        sov_claim_names(sov_claims_at(set, 0), "index", index.digest.sha256));
    ck_assert(
        !sov_claim_names(sov_claims_at(set, 0), "log", index.digest.sha256));
    ck_assert(!sov_claim_names(sov_claims_at(set, 0), "index",
                               subject.digest.sha256));
    sov_claims_free(set);
    sov_seckey_free(a);
    free(line);
}
END_TEST

void
index_tests(TCase *tc)
{
    tcase_add_test(tc, an_index_comes_back_as_it_was);
    tcase_add_test(tc, no_bit_and_no_cut_of_an_index_is_accepted);
    tcase_add_test(tc, an_index_that_lies_is_refused);
    tcase_add_test(tc, what_no_index_can_say);
    tcase_add_test(tc, damage_is_found);
    tcase_add_test(tc, a_claim_names_its_index);
}
