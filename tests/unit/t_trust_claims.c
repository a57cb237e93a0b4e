/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_trust_claims.c - unit tests of lib/trust: what claims say of a model
 */
#include "claim_make.h"

#include "trust/claims.h"

#include <stdio.h>
#include <string.h>

#define CHILD_SHA \
    "c14d323266498f0fc10d519240b43e273c5f07ce07da53b68e4bb51d3166d330"
#define CHILD_VERITY \
    "1b1a728c8738bbaa1db0446b15ed8407c27b9b8b7f55844417161be5f8d01985"
#define CHILD_ROOT \
    "c9fa2921e12305647031b1b311f034a8fe83e5cb58d80f20c05167a35721c4dd"
#define PARENT_SHA \
    "d96e60f53514d0aada70bc35fd7e8ac35d072085f30f41e1c424874fd095a772"
#define PARENT_VERITY \
    "83635407e3dcf1a555ebb9bb1f19358d146b74c98637f5c3cfed1caa9244c686"
#define PARENT_ROOT \
    "4bad9357aaacc71a5a6dac1a7e7355fcf6e46acb2b2be2916884419fc9606e80"

/* Any claims, any ring, and files: what is the answer?  What the verdict
 * points to stays until the next call. */
static enum sov_answer
answer(const char *text, const char *firsts, size_t n_keys,
       const struct sov_claim_file *file, size_t n, struct sov_verdict *v,
       struct sov_err *err)
{
    static sov_claims *set;
    sov_keyring *ring = ring_of(firsts, n_keys);
    int rc;

    sov_claims_free(set);
    set = set_of(text, strlen(text));
    rc = sov_claims_verify(set, ring, file, n, v, err);

    ck_assert_int_eq(rc, v->answer == SOV_ANSWER_YES ? 0 : SOV_ENO);
    sov_keyring_free(ring);
    return v->answer;
}

/* Lines after each other; frees them. */
static char *
join(char *a, char *b)
{
    char *both = malloc(strlen(a) + strlen(b) + 1);

    ck_assert_ptr_nonnull(both);
    strcpy(both, a);
    strcat(both, b);
    free(a);
    free(b);
    return both;
}

/* ---- the golden vector */

static void
check_root(struct sov_buf file, const char *want)
{
    const struct sov_tensor *t[2];
    struct sov_digest d[2];
    unsigned char root[32];
    sov_model *m = must_open(as_file(file), SOV_ACCESS_MAP);

    ck_assert_uint_eq(sov_model_count(m), 2);
    for (size_t i = 0; i < 2; i++) {
        t[i] = sov_model_at(m, i);
        d[i] = digest_of(t[i]->data, t[i]->size);
    }
    ck_assert_int_eq(sov_content_root(sov_model_meta(m), t, d, 2, root, NULL),
                     0);
    ck_assert(is_hex(root, want));
    sov_model_close(m);
    sov_buf_free(&file);
}

START_TEST(golden_models_have_their_digests)
{
    struct sov_buf parent = golden_parent(), child = golden_child();
    struct sov_digest d = digest_of(parent.p, parent.len);

    ck_assert_uint_eq(parent.len, 20480);
    ck_assert(is_hex(d.sha256, PARENT_SHA));
    ck_assert(is_hex(d.verity, PARENT_VERITY));
    d = digest_of(child.p, child.len);
    ck_assert_uint_eq(child.len, 12288);
    ck_assert(is_hex(d.sha256, CHILD_SHA));
    ck_assert(is_hex(d.verity, CHILD_VERITY));
    check_root(parent, PARENT_ROOT);
    check_root(child, CHILD_ROOT);
}
END_TEST

START_TEST(content_root_leaves_signatures_out)
{
    struct make mk = small_model();
    struct sov_buf file = finish(&mk);
    unsigned char root[2][32];
    struct sov_digest d;
    const struct sov_tensor *t;
    sov_model *m = must_open(as_file(file), SOV_ACCESS_MAP);
    sov_meta *meta = (sov_meta *)sov_model_meta(m);

    t = sov_model_at(m, 0);
    d = digest_of(t->data, t->size);
    ck_assert_int_eq(sov_content_root(meta, &t, &d, 1, root[0], NULL), 0);
    ck_assert_int_eq(sov_meta_set_str(meta, "sov.sig.claims", "x", NULL), 0);
    ck_assert_int_eq(sov_content_root(meta, &t, &d, 1, root[1], NULL), 0);
    ck_assert_mem_eq(root[0], root[1], 32);
    ck_assert_int_eq(sov_meta_set_str(meta, "sov.sig", "x", NULL), 0);
    ck_assert_int_eq(sov_content_root(meta, &t, &d, 1, root[1], NULL), 0);
    ck_assert_mem_ne(root[0], root[1], 32);
    d.has = SOV_HASH_SHA256;
    ck_assert_int_eq(sov_content_root(meta, &t, &d, 1, root[1], NULL),
                     SOV_EARG);
    sov_model_close(m);
    sov_buf_free(&file);
}
END_TEST

static struct sov_claim_file
golden_file(void)
{
    struct sov_buf child = golden_child();
    struct sov_claim_file f = { .name = "child.gguf" };

    f.digest = digest_of(child.p, child.len);
    f.has_root = true;
    from_hex(CHILD_ROOT, f.root);
    sov_buf_free(&child);
    return f;
}

START_TEST(golden_claims_verify)
{
    struct sov_claim_file f = golden_file();
    struct sov_verdict v;
    size_t len;
    char *text = golden_text(&len);

    ck_assert_int_eq(answer(text, "\0 ", 2, &f, 1, &v, NULL), SOV_ANSWER_YES);
    ck_assert_uint_eq(v.n_chain, 2);
    ck_assert_uint_eq(v.n_vouched, 2);
    ck_assert_uint_eq(v.depth, 1);
    ck_assert_uint_eq(v.n_signers, 1);
    ck_assert_uint_eq(v.n_unknown, 0);

    /* the leaf's key is enough, and what it is not enough for is counted */
    ck_assert_int_eq(answer(text, " ", 1, &f, 1, &v, NULL), SOV_ANSWER_YES);
    ck_assert_uint_eq(v.n_chain, 2);
    ck_assert_uint_eq(v.n_vouched, 1);
    ck_assert_uint_eq(v.n_unknown, 1);

    ck_assert_int_eq(answer(text, "\0", 1, &f, 1, &v, NULL),
                     SOV_ANSWER_UNKNOWN);
    ck_assert_int_eq(answer(text, "", 0, &f, 1, &v, NULL), SOV_ANSWER_UNKNOWN);
    free(text);
}
END_TEST

START_TEST(golden_statement_is_read)
{
    size_t len;
    char *text = golden_text(&len);
    sov_claims *set = set_of(text, len);
    const struct sov_claim *c = sov_claims_at(set, 1);
    const struct sov_statement *st = &c->statement;
    const struct sov_resource *dep = st->dependency;

    ck_assert_uint_eq(sov_claims_count(set), 2);
    ck_assert_str_eq(sov_claims_at(set, 0)->id, IMPORT);
    ck_assert_str_eq(sov_claims_at(set, 0)->key_id, ID_A);
    ck_assert_str_eq(c->id, QUANTIZE);
    ck_assert_str_eq(c->key_id, ID_B);
    ck_assert(c->bundle && !c->embedded && c->line == 2);
    ck_assert_int_eq(c->trust, SOV_TRUST_UNKNOWN);

    ck_assert_uint_eq(st->n_subjects, 1);
    ck_assert_str_eq(st->subject->name, "child.gguf");
    ck_assert_str_eq(st->subject->media, "application/x.gguf");
    ck_assert(st->subject->has_size && st->subject->digest.size == 12288);
    ck_assert(is_hex(st->subject->digest.verity, CHILD_VERITY));
    ck_assert(st->subject->has_root && is_hex(st->subject->root, CHILD_ROOT));
    ck_assert_str_eq(st->build_type,
                     "https://sov.example/buildtypes/quantize/v1");
    ck_assert_uint_eq(st->n_external, 3);
    ck_assert_str_eq(st->external[2].key, "type");
    ck_assert_str_eq(st->external[2].str, "Q8_0");
    ck_assert_uint_eq(st->n_internal, 3);
    ck_assert_int_eq(st->internal[2].num, 2);
    ck_assert_uint_eq(st->n_dependencies, 2);
    ck_assert_str_eq(dep[0].role, "parent");
    ck_assert_str_eq(dep[0].claim, IMPORT);
    ck_assert_str_eq(dep[1].role, "tool");
    ck_assert_ptr_null(dep[1].claim);
    ck_assert_uint_eq(st->n_labels, 2);
    ck_assert_str_eq(st->label[1].item[0].str, "Apache-2.0");
    ck_assert_uint_eq(st->n_extra, 1);
    ck_assert_str_eq(st->extra[0].key, "sov_tensors");
    ck_assert_uint_eq(st->extra[0].n, 4);
    ck_assert_int_eq(st->started, 1767323107); /* 2026-01-02T03:05:07Z */
    ck_assert_int_eq(st->finished, 1767323109);
    ck_assert_str_eq(st->invocation, "urn:sov:2");
    ck_assert_uint_eq(sov_claims_at(set, 0)->statement.dependency[0].n_digests,
                      1);
    sov_claims_free(set);
    free(text);
}
END_TEST

START_TEST(embedded_lines_are_the_same_claims)
{
    struct sov_buf child = golden_child();
    sov_model *m = must_open(as_file(child), SOV_ACCESS_MAP);
    struct sov_claim_file f = golden_file();
    sov_keyring *ring = ring_of("\0 ", 2);
    struct sov_verdict v;
    size_t len;
    char *text = golden_text(&len), *leaf = strchr(text, '\n') + 1;
    sov_claims *set = set_of(leaf, strlen(leaf));

    /* without its ancestor the chain is broken, with the embedded one whole */
    ck_assert_int_eq(sov_claims_verify(set, ring, &f, 1, &v, NULL), SOV_ENO);
    ck_assert_int_eq(v.answer, SOV_ANSWER_CHAIN);
    ck_assert_str_eq(v.at->id, QUANTIZE);
    ck_assert_int_eq(sov_claims_read_meta(set, sov_model_meta(m), NULL), 0);
    ck_assert_int_eq(sov_claims_verify(set, ring, &f, 1, &v, NULL), 0);
    ck_assert(sov_claims_at(set, 1)->embedded);
    ck_assert_int_eq(sov_claims_read(set, text, len, "again", NULL), 0);
    ck_assert_uint_eq(sov_claims_count(set), 2);
    sov_claims_free(set);

    /* the ancestor's claim alone is none about the child */
    ck_assert_int_eq(sov_claims_new(&set, NULL), 0);
    ck_assert_int_eq(sov_claims_read_meta(set, sov_model_meta(m), NULL), 0);
    f.any_name = true;
    ck_assert_int_eq(sov_claims_verify(set, ring, &f, 1, &v, NULL), SOV_ENO);
    ck_assert_int_eq(v.answer, SOV_ANSWER_NO_CLAIM);
    sov_claims_free(set);
    sov_keyring_free(ring);
    sov_model_close(m);
    sov_buf_free(&child);
    free(text);
}
END_TEST

/* What a flipped bit or a cut makes of the claims is never a yes. */
static bool
still_yes(const char *text, size_t len, const sov_keyring *ring,
          const struct sov_claim_file *f)
{
    struct sov_verdict v = { .answer = SOV_ANSWER_NONE };
    sov_claims *set;
    bool yes;

    ck_assert_int_eq(sov_claims_new(&set, NULL), 0);
    yes = sov_claims_read(set, text, len, "test", NULL) == 0 &&
          sov_claims_verify(set, ring, f, 1, &v, NULL) == 0;
    if (yes != (v.answer == SOV_ANSWER_YES))
        ck_abort();
    sov_claims_free(set);
    return yes;
}

START_TEST(no_bit_and_no_cut_of_the_claims_is_accepted)
{
    struct sov_claim_file f = golden_file();
    sov_keyring *ring = ring_of("\0 ", 2);
    size_t len;
    char *text = golden_text(&len);

    ck_assert(still_yes(text, len, ring, &f));
    for (size_t i = 0; i < 8 * len; i++) {
        text[i / 8] = (char)(text[i / 8] ^ 1 << i % 8);
        if (still_yes(text, len, ring, &f))
            ck_abort_msg("bit %zu of byte %zu", i % 8, i / 8);
        text[i / 8] = (char)(text[i / 8] ^ 1 << i % 8);
    }
    for (size_t cut = 0; cut < len; cut++)
        if (still_yes(text, cut, ring, &f))
            ck_abort_msg("cut at byte %zu", cut);
    ck_assert(still_yes(text, len, ring, &f));
    sov_keyring_free(ring);
    free(text);
}
END_TEST

/* ---- the files */

START_TEST(every_known_digest_and_the_size_must_be_equal)
{
    struct sov_claim_file good = golden_file(), f;
    struct sov_verdict v;
    struct sov_err err;
    size_t len;
    char *text = golden_text(&len);

    for (int i = 0; i < 4; i++) {
        f = good;
        if (i == 0)
            f.digest.sha256[31] ^= 1;
        else if (i == 1)
            f.digest.verity[0] ^= 1;
        else if (i == 2)
            f.root[7] ^= 1;
        else
            f.digest.size++;
        ck_assert_int_eq(answer(text, "\0 ", 2, &f, 1, &v, &err),
                         SOV_ANSWER_BYTES);
        ck_assert_str_eq(v.file, "child.gguf");
        ck_assert_uint_eq(v.file_index, 0);
        ck_assert_str_eq(v.leaf->id, v.at->id);
        ck_assert_ptr_nonnull(strstr(err.msg, "child.gguf: "));
    }
    /* one proof is enough where the other was not computed */
    f = good;
    f.digest.has = SOV_HASH_VERITY;
    f.has_root = false;
    ck_assert_int_eq(answer(text, " ", 1, &f, 1, &v, &err), SOV_ANSWER_YES);
    f.digest.has = SOV_HASH_SHA256;
    ck_assert_int_eq(answer(text, " ", 1, &f, 1, &v, &err), SOV_ANSWER_YES);
    free(text);
}
END_TEST

START_TEST(xxh3_proves_nothing)
{
    struct sov_claim_file f = golden_file();
    sov_keyring *ring = ring_of(" ", 1);
    struct sov_verdict v;
    size_t len;
    char *text = golden_text(&len);
    sov_claims *set = set_of(text, len);

    f.digest.has = SOV_HASH_XXH3;
    ck_assert_int_eq(sov_claims_verify(set, ring, &f, 1, &v, NULL), SOV_EARG);
    ck_assert_int_eq(v.answer, SOV_ANSWER_NONE);
    ck_assert_int_eq(sov_claims_verify(set, ring, NULL, 0, &v, NULL), SOV_EARG);
    ck_assert_int_eq(v.answer, SOV_ANSWER_NONE);
    sov_claims_free(set);
    sov_keyring_free(ring);
    free(text);
}
END_TEST

START_TEST(without_a_digest_on_both_sides_nothing_is_proved)
{
    struct sov_claim_file f = small_file("c");
    struct sov_resource subject = { .name = "c", .has_size = true }, dep;
    struct sov_statement st = { .subject = &subject,
                                .n_subjects = 1,
                                .build_type = "urn:x",
                                .builder = "urn:y" };
    struct small_claim p = { .name = "p" };
    sov_seckey *key = grow(0);
    struct sov_verdict v;
    struct sov_err err;
    char id[65], *line, *text;
    size_t len;

    /* the claim says SHA-256, and fs-verity was computed */
    subject.digest = f.digest;
    subject.digest.has = SOV_HASH_SHA256;
    f.digest.has = SOV_HASH_VERITY;
    ck_assert_int_eq(sov_claim_make(&st, key, &line, &len, NULL, NULL), 0);
    ck_assert_int_eq(answer(line, "\0", 1, &f, 1, &v, &err), SOV_ANSWER_BYTES);
    ck_assert_ptr_nonnull(strstr(err.msg, "no digest of it"));
    f.digest.has = SOV_HASH_SHA256;
    ck_assert_int_eq(answer(line, "\0", 1, &f, 1, &v, &err), SOV_ANSWER_YES);
    free(line);

    /* a parent that is pointed to by its size and another kind of digest */
    text = make_line(&p, key, id);
    dep = (struct sov_resource){ .name = "p", .claim = id, .has_size = true };
    dep.digest.size = 1;
    dep.uri = "urn:p";
    st.dependency = &dep;
    st.n_dependencies = 1;
    ck_assert_int_eq(sov_claim_make(&st, key, &line, &len, NULL, NULL), 0);
    text = join(text, line);
    ck_assert_int_eq(answer(text, "\0", 1, &f, 1, &v, &err), SOV_ANSWER_CHAIN);
    ck_assert_ptr_nonnull(strstr(err.msg, "something else"));
    free(text);

    /* one that has the digest, and another content root */
    subject.name = "p";
    subject.digest = digest_of("p", 1);
    subject.has_root = true;
    st.n_dependencies = 0;
    ck_assert_int_eq(sov_claim_make(&st, key, &text, &len, id, NULL), 0);
    dep.digest = subject.digest;
    dep.has_root = true;
    for (int i = 0; i < 2; i++) {
        dep.root[31] = (unsigned char)i;
        subject.name = "c";
        subject.digest = digest_of("c", 1);
        st.n_dependencies = 1;
        ck_assert_int_eq(sov_claim_make(&st, key, &line, &len, NULL, NULL), 0);
        line = join(strdup(text), line);
        ck_assert_int_eq(answer(line, "\0", 1, &f, 1, &v, &err),
                         i == 0 ? SOV_ANSWER_YES : SOV_ANSWER_CHAIN);
        free(line);
    }
    sov_seckey_free(key);
    free(text);
}
END_TEST

START_TEST(a_lone_file_may_be_renamed_where_that_is_allowed)
{
    struct sov_claim_file f = golden_file();
    struct sov_verdict v;
    struct sov_err err;
    size_t len;
    char *text = golden_text(&len);

    f.name = "other.gguf";
    ck_assert_int_eq(answer(text, " ", 1, &f, 1, &v, &err), SOV_ANSWER_FILES);
    f.any_name = true;
    ck_assert_int_eq(answer(text, " ", 1, &f, 1, &v, &err), SOV_ANSWER_YES);
    f.name = NULL;
    ck_assert_int_eq(answer(text, " ", 1, &f, 1, &v, &err), SOV_ANSWER_YES);
    /* a claim beside a renamed file still tells that its bytes changed */
    f.name = "other.gguf";
    f.digest.sha256[0] ^= 1;
    ck_assert_int_eq(answer(text, " ", 1, &f, 1, &v, &err), SOV_ANSWER_BYTES);
    ck_assert_str_eq(v.leaf->statement.subject->name, "child.gguf");
    free(text);
}
END_TEST

START_TEST(the_set_of_files_is_that_of_the_claim)
{
    struct sov_claim_file f[3] = { small_file("a"), small_file("b"),
                                   small_file("c") };
    struct sov_resource subject[2] = { { .name = "a" }, { .name = "b" } };
    struct sov_statement st = { .subject = subject,
                                .n_subjects = 2,
                                .build_type = "urn:x",
                                .builder = "urn:y" };
    sov_seckey *key = grow(0);
    struct sov_verdict v;
    struct sov_err err;
    char *line;
    size_t len;

    subject[0].digest = f[0].digest;
    subject[1].digest = f[1].digest;
    ck_assert_int_eq(sov_claim_make(&st, key, &line, &len, NULL, NULL), 0);
    ck_assert_int_eq(answer(line, "\0", 1, f, 2, &v, &err), SOV_ANSWER_YES);
    ck_assert_int_eq(answer(line, "\0", 1, f, 3, &v, &err), SOV_ANSWER_FILES);
    ck_assert_str_eq(v.file, "c");
    ck_assert_uint_eq(v.file_index, 2);
    ck_assert_int_eq(answer(line, "\0", 1, f, 1, &v, &err), SOV_ANSWER_FILES);
    ck_assert_ptr_nonnull(strstr(err.msg, "b: claimed"));
    f[0].any_name = true;
    ck_assert_int_eq(answer(line, "\0", 1, f, 1, &v, &err), SOV_ANSWER_FILES);
    /* renamed, and two that changed places */
    f[1].name = "x";
    ck_assert_int_eq(answer(line, "\0", 1, f, 2, &v, &err), SOV_ANSWER_FILES);
    f[0].name = "b";
    f[1].name = "a";
    ck_assert_int_eq(answer(line, "\0", 1, f, 2, &v, &err), SOV_ANSWER_BYTES);
    ck_assert_int_eq(answer(line, "\0", 1, &f[2], 1, &v, &err),
                     SOV_ANSWER_NO_CLAIM);
    ck_assert_int_eq(answer("", "\0", 1, f, 1, &v, &err), SOV_ANSWER_NO_CLAIM);
    sov_seckey_free(key);
    free(line);
}
END_TEST

/* ---- the chain */

START_TEST(a_parent_must_be_there_and_be_what_it_is_called)
{
    sov_seckey *a = grow(0), *b = grow(32);
    struct small_claim p = { .name = "p", .label = "MIT" };
    struct small_claim c = { .name = "c", .parent = { "p" }, .label = "MIT" };
    struct sov_claim_file f = small_file("c");
    struct sov_verdict v;
    struct sov_err err;
    char id[65], leaf_id[65];
    char *parent = make_line(&p, a, id), *leaf, *text;

    c.claim[0] = id;
    leaf = make_line(&c, b, leaf_id);
    ck_assert_int_eq(answer(leaf, "\0 ", 2, &f, 1, &v, &err), SOV_ANSWER_CHAIN);
    ck_assert_ptr_nonnull(strstr(err.msg, "about p, which is missing"));
    text = join(strdup(leaf), strdup(parent)); /* in any order */
    ck_assert_int_eq(answer(text, "\0 ", 2, &f, 1, &v, &err), SOV_ANSWER_YES);
    ck_assert_uint_eq(v.depth, 1);
    free(text);
    free(leaf);

    c.parent[0] = "q"; /* made from q, says the leaf, and points to p */
    text = join(strdup(parent), make_line(&c, b, leaf_id));
    ck_assert_int_eq(answer(text, "\0 ", 2, &f, 1, &v, &err), SOV_ANSWER_CHAIN);
    ck_assert_ptr_nonnull(strstr(err.msg, "something else"));
    free(text);

    c.parent[0] = "p";
    c.label = "BSD";
    text = join(parent, make_line(&c, b, leaf_id));
    ck_assert_int_eq(answer(text, "\0 ", 2, &f, 1, &v, &err),
                     SOV_ANSWER_LABELS);
    ck_assert_ptr_nonnull(strstr(err.msg, "drops the label license=MIT"));
    free(text);
    sov_seckey_free(a);
    sov_seckey_free(b);
}
END_TEST

START_TEST(long_and_branching_histories)
{
    sov_seckey *key = grow(0);
    char ids[300][65], names[300][16];
    char *text = strdup("");
    struct sov_claim_file f;
    struct sov_verdict v;
    struct sov_err err;

    for (int i = 0; i < 300; i++) {
        struct small_claim c = { .name = names[i] };

        snprintf(names[i], sizeof(names[i]), "m%d", i);
        for (int k = 0; k < 2 && i > k; k++) {
            c.parent[k] = names[i - 1 - k];
            c.claim[k] = ids[i - 1 - k];
        }
        text = join(make_line(&c, key, ids[i]), text); /* children first */
    }
    f = small_file("m299");
    ck_assert_int_eq(answer(text, "\0", 1, &f, 1, &v, &err), SOV_ANSWER_YES);
    ck_assert_uint_eq(v.n_chain, 300);
    ck_assert_uint_eq(v.n_vouched, 300);
    ck_assert_uint_eq(v.depth, 299);
    sov_seckey_free(key);
    free(text);
}
END_TEST

/* No honest id can be reached from itself; so this one is put in by hand. */
START_TEST(a_circle_is_no_history)
{
    sov_seckey *a = grow(0);
    struct small_claim p = { .name = "p" };
    struct small_claim c = { .name = "c", .parent = { "p" } };
    struct sov_claim_file f = small_file("c");
    sov_keyring *ring = ring_of("\0", 1);
    struct sov_verdict v;
    struct sov_err err;
    char id[65], *text;
    sov_claims *set;

    text = make_line(&p, a, id);
    c.claim[0] = id;
    text = join(text, make_line(&c, a, id));
    set = set_of(text, strlen(text));
    c.name = "p";
    c.parent[0] = "c";
    c.claim[0] = set->line[1]->claim.id;
    free(text);
    text = make_line(&c, a, id); /* p, made from c */
    ck_assert_int_eq(sov_claims_read(set, text, strlen(text), "x", NULL), 0);
    strcpy(set->line[2]->claim.id, set->line[0]->claim.id);
    strcpy(set->line[0]->claim.id, id);
    ck_assert_int_eq(sov_claims_verify(set, ring, &f, 1, &v, &err), SOV_ENO);
    ck_assert_int_eq(v.answer, SOV_ANSWER_CHAIN);
    ck_assert_ptr_nonnull(strstr(err.msg, "which leads back to it"));
    sov_claims_free(set);
    sov_keyring_free(ring);
    sov_seckey_free(a);
    free(text);
}
END_TEST

START_TEST(a_bad_signature_by_a_known_key_spoils_all)
{
    sov_seckey *a = grow(0), *b = grow(32);
    struct small_claim good = { .name = "m" }, other = { .name = "x" };
    struct sov_claim_file f = small_file("m");
    struct sov_verdict v;
    struct sov_err err;
    char id[65], *at;
    char *line = make_line(&other, a, id), *text;

    at = strstr(line, "\"sig\":\"") + 7;
    *at = *at == 'A' ? 'B' : 'A';
    text = join(make_line(&good, b, id), line);
    ck_assert_int_eq(answer(text, "\0 ", 2, &f, 1, &v, &err),
                     SOV_ANSWER_BAD_SIG);
    ck_assert_ptr_nonnull(strstr(err.msg, "line 2"));
    /* nobody knows key A: nobody can say that it did not sign this */
    ck_assert_int_eq(answer(text, " ", 1, &f, 1, &v, &err), SOV_ANSWER_YES);
    free(text);
    sov_seckey_free(a);
    sov_seckey_free(b);
}
END_TEST

START_TEST(only_provenance_makes_a_yes)
{
    static const char form[] =
        "{\"_type\":\"https://in-toto.io/Statement/v1\",\"predicate\":{"
        "\"verificationResult\":\"FAILED\"},\"predicateType\":"
        "\"https://slsa.dev/verification_summary/v1\",\"subject\":[{"
        "\"digest\":{\"sha256\":\"%s\"},\"name\":\"m\"}]}";
    struct sov_claim_file f = small_file("m");
    sov_seckey *key = grow(0);
    struct sov_verdict v;
    struct sov_err err;
    char payload[1000], hex[65], *line;
    size_t len;

    for (size_t i = 0; i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", f.digest.sha256[i]);
    snprintf(payload, sizeof(payload), form, hex);
    ck_assert_int_eq(
        sov_claim_sign(key, payload, strlen(payload), &line, &len, NULL, NULL),
        0);
    ck_assert_int_eq(answer(line, "\0", 1, &f, 1, &v, &err),
                     SOV_ANSWER_NO_CLAIM);
    sov_seckey_free(key);
    free(line);
}
END_TEST

/* Whoever tests what he does not know vouches for the test alone. */
START_TEST(a_test_makes_no_yes_and_takes_none_away)
{
    static const char form[] =
        "{\"_type\":\"https://in-toto.io/Statement/v1\",\"predicate\":{"
        "\"configuration\":[],\"result\":\"%s\"},\"predicateType\":"
        "\"https://in-toto.io/attestation/test-result/v0.1\",\"subject\":[{"
        "\"digest\":{\"sha256\":\"%s\"},\"name\":\"m\"}]}";
    struct sov_claim_file f = small_file("m"), other = small_file("x");
    struct small_claim own = { .name = "m" };
    sov_seckey *key = grow(0);
    struct sov_verdict v;
    struct sov_err err;
    char payload[1000], hex[65], id[65], *line, *text;
    sov_claims *set;
    size_t len;

    for (size_t i = 0; i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", f.digest.sha256[i]);
    snprintf(payload, sizeof(payload), form, "PASSED", hex);
    ck_assert_int_eq(
        sov_claim_sign(key, payload, strlen(payload), &line, &len, NULL, NULL),
        0);
    ck_assert_int_eq(answer(line, "\0", 1, &f, 1, &v, &err),
                     SOV_ANSWER_NO_CLAIM);
    ck_assert_ptr_nonnull(strstr(err.msg, "it was tested, but no claim says"));
    ck_assert_int_eq(answer(line, " ", 1, &f, 1, &v, &err),
                     SOV_ANSWER_NO_CLAIM); /* by somebody who is not known */
    ck_assert_ptr_null(strstr(err.msg, "tested"));
    set = set_of(line, strlen(line));
    ck_assert(sov_claim_is_of(sov_claims_at(set, 0), &f, 1));
    other.digest.sha256[0] ^= 1;
    ck_assert(!sov_claim_is_of(sov_claims_at(set, 0), &other, 1));
    sov_claims_free(set);
    free(line);
    snprintf(payload, sizeof(payload), form, "FAILED", hex);
    ck_assert_int_eq(
        sov_claim_sign(key, payload, strlen(payload), &line, &len, NULL, NULL),
        0);
    text = join(make_line(&own, key, id), line);
    ck_assert_int_eq(answer(text, "\0", 1, &f, 1, &v, &err), SOV_ANSWER_YES);
    sov_seckey_free(key);
    free(text);
}
END_TEST

START_TEST(keys_that_were_believed_once)
{
    static const char policy[] =
        "sov-policy v1\n"
        "key bob minisign "
        "RWQ0Ch5oB0KbGCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X "
        "to 2026-01-01\n";
    const char *dir = fresh_dir();
    struct sov_claim_file f = golden_file();
    struct sov_verdict v;
    sov_keyring *ring;
    size_t len;
    char *text = golden_text(&len);
    sov_claims *set = set_of(text, len);

    write_text(dir, "policy", policy);
    ck_assert_int_eq(sov_keyring_new(&ring, NULL), 0);
    ck_assert_int_eq(sov_keyring_load(ring, in_dir(dir, "policy"), NULL), 0);
    sov_keyring_set_time(ring, 1700000000);
    ck_assert_int_eq(sov_claims_verify(set, ring, &f, 1, &v, NULL), 0);
    ck_assert_str_eq(v.leaf->signer, "bob");
    sov_keyring_set_time(ring, 1800000000);
    ck_assert_int_eq(sov_claims_verify(set, ring, &f, 1, &v, NULL), SOV_ENO);
    ck_assert_int_eq(v.answer, SOV_ANSWER_DENIED);
    ck_assert_uint_eq(v.n_denied, 1);
    ck_assert_uint_eq(v.n_unknown, 1);
    sov_claims_free(set);
    sov_keyring_free(ring);
    free(text);
    remove_dirs();
}
END_TEST

START_TEST(two_signers_of_one_claim)
{
    sov_seckey *a = grow(0), *b = grow(32);
    struct small_claim c = { .name = "m" };
    struct sov_claim_file f = small_file("m");
    struct sov_verdict v;
    struct sov_err err;
    char id[2][65];
    char *text = join(make_line(&c, a, id[0]), make_line(&c, b, id[1]));

    ck_assert_str_eq(id[0], id[1]);
    ck_assert_int_eq(answer(text, "\0 ", 2, &f, 1, &v, &err), SOV_ANSWER_YES);
    ck_assert_uint_eq(v.n_signers, 2);
    ck_assert_uint_eq(v.n_chain, 1);
    ck_assert_int_eq(answer(text, " ", 1, &f, 1, &v, &err), SOV_ANSWER_YES);
    ck_assert_uint_eq(v.n_signers, 1);
    free(text);
    sov_seckey_free(a);
    sov_seckey_free(b);
}
END_TEST

START_TEST(of_several_leaves_all_must_hold)
{
    sov_seckey *a = grow(0);
    struct small_claim plain = { .name = "m" };
    struct small_claim broken = { .name = "m",
                                  .parent = { "p" },
                                  .claim = { IMPORT } };
    struct small_claim again = { .name = "m", .parent = { "m" } };
    struct sov_claim_file f = small_file("m");
    struct sov_verdict v;
    struct sov_err err;
    char id[65], id2[65];
    char *text = join(make_line(&plain, a, id), make_line(&broken, a, id2));

    ck_assert_int_eq(answer(text, "\0", 1, &f, 1, &v, &err), SOV_ANSWER_CHAIN);
    free(text);
    /* the same bytes, adopted and then signed: the longer history is shown */
    again.claim[0] = id;
    text = make_line(&again, a, id2);
    text = join(text, make_line(&plain, a, id));
    ck_assert_int_eq(answer(text, "\0", 1, &f, 1, &v, &err), SOV_ANSWER_YES);
    ck_assert_uint_eq(v.n_chain, 2);
    free(text);
    sov_seckey_free(a);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("claims");

    tcase_add_test(tc, golden_models_have_their_digests);
    tcase_add_test(tc, content_root_leaves_signatures_out);
    tcase_add_test(tc, golden_claims_verify);
    tcase_add_test(tc, golden_statement_is_read);
    tcase_add_test(tc, embedded_lines_are_the_same_claims);
    tcase_add_test(tc, no_bit_and_no_cut_of_the_claims_is_accepted);
    tcase_add_test(tc, every_known_digest_and_the_size_must_be_equal);
    tcase_add_test(tc, xxh3_proves_nothing);
    tcase_add_test(tc, without_a_digest_on_both_sides_nothing_is_proved);
    tcase_add_test(tc, a_lone_file_may_be_renamed_where_that_is_allowed);
    tcase_add_test(tc, the_set_of_files_is_that_of_the_claim);
    tcase_add_test(tc, a_parent_must_be_there_and_be_what_it_is_called);
    tcase_add_test(tc, long_and_branching_histories);
    tcase_add_test(tc, a_circle_is_no_history);
    tcase_add_test(tc, a_bad_signature_by_a_known_key_spoils_all);
    tcase_add_test(tc, only_provenance_makes_a_yes);
    tcase_add_test(tc, a_test_makes_no_yes_and_takes_none_away);
    tcase_add_test(tc, keys_that_were_believed_once);
    tcase_add_test(tc, two_signers_of_one_claim);
    tcase_add_test(tc, of_several_leaves_all_must_hold);
    line_tests(tc);
    index_tests(tc);
    return unit_main("trust", tc);
}
