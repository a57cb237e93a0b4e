/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_trust_facts.c - unit tests of lib/trust: what people declare
 */
#include "claim_make.h"
#include "unit.h"

#include "base/limits.h"
#include "sov/facts.h"

#include <stdlib.h>
#include <string.h>

#define HEAD "sov-facts v1\n"

static sov_facts *
facts_of(const char *text)
{
    struct sov_err err = { 0 };
    sov_facts *f = NULL;

    ck_assert_msg(sov_facts_parse(&f, text, strlen(text), &err) == 0, "%s",
                  err.msg);
    return f;
}

START_TEST(facts_are_lists_of_texts)
{
    sov_facts *f = facts_of("# ours\n\n" HEAD "intended_use: short\tstories,\n"
                            "\t in English\n# and\nlicense:Apache-2.0\n"
                            "  \nlicense: CC-BY-4.0\nenergy_mwh: 1.5e-3\n");
    size_t n;
    const struct sov_param *p = sov_facts_params(f, &n);

    ck_assert_uint_eq(n, 3);
    ck_assert_str_eq(p[0].key, "license"); /* in order of the table */
    ck_assert_int_eq(p[0].kind, SOV_PARAM_LIST);
    ck_assert_uint_eq(p[0].n, 2);
    ck_assert_str_eq(p[0].item[0].str, "Apache-2.0");
    ck_assert_str_eq(p[0].item[1].str, "CC-BY-4.0");
    ck_assert_str_eq(p[1].key, "intended_use");
    ck_assert_str_eq(p[1].item[0].str, "short stories, in English");
    ck_assert_str_eq(p[2].item[0].str, "1.5e-3");
    sov_facts_free(f);
}
END_TEST

START_TEST(a_file_of_facts_with_anything_else_in_it_is_refused)
{
    static const struct {
        const char *text;
        const char *why;
    } bad[] = {
        { "", "does not begin" },
        { HEAD, "no fact" },
        { HEAD "license: MIT", "newline" },
        { "license: MIT\n", "line 1: does not begin" },
        { HEAD "\nlicence: MIT\n", "line 3: there is no fact of the name" },
        { HEAD "license MIT\n", "NAME: TEXT" },
        { HEAD "license:\n", "nothing is said" },
        { HEAD "license: MIT or so\n", "one licence" },
        { HEAD "license: MIT\nlicense: MIT\n", "said twice" },
        { HEAD "name: a\nname: b\n", "line 3: name is said twice" },
        { HEAD "jurisdiction: eu\n", "two capitals" },
        { HEAD "jurisdiction: EUR\n", "two capitals" },
        { HEAD "release_date: 2026-02-29\n", "date" },
        { HEAD "release_date: 2026-02-20T00:00:00Z\n", "date" },
        { HEAD "epoch: -1\n", "whole number" },
        { HEAD "epoch: 9007199254740992\n", "whole number" },
        { HEAD "energy_mwh: nan\n", "not a number" },
        { HEAD "energy_mwh: 0x10\n", "not a number" },
        { HEAD "energy_mwh: -1\n", "not a number" },
        { HEAD "energy_mwh: 1.\n", "not a number" },
        { HEAD "energy_mwh: 1e\n", "not a number" },
        { HEAD "personal_data: maybe\n", "yes nor no" },
        { HEAD "  goes on\n", "with nothing" },
        { HEAD "name: a\x1b[2J\n", "control" },
        { HEAD "name: \xff\n", "control" },
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct sov_err err = { 0 };
        sov_facts *f = NULL;

        ck_assert_int_eq(
            sov_facts_parse(&f, bad[i].text, strlen(bad[i].text), &err),
            SOV_EFORMAT);
        ck_assert_ptr_null(f);
        ck_assert_msg(strstr(err.msg, bad[i].why) != NULL, "%zu: %s", i,
                      err.msg);
    }
}
END_TEST

/* n times c between two texts; free() it. */
static char *
long_text(const char *before, char c, size_t n, const char *after)
{
    size_t len = strlen(before);
    char *text = malloc(len + n + strlen(after) + 1);

    ck_assert_ptr_nonnull(text);
    strcpy(text, before);
    memset(text + len, c, n);
    strcpy(text + len + n, after);
    return text;
}

START_TEST(facts_have_limits)
{
    struct sov_err err;
    sov_facts *f = NULL;
    char *text = long_text(HEAD "name: ", 'x', SOV_FACT_MAX, "\n");

    sov_facts_free(facts_of(text));
    free(text);
    text = long_text(HEAD "name: ", 'x', SOV_FACT_MAX, "\n y\n");
    ck_assert_int_eq(sov_facts_parse(&f, text, strlen(text), &err),
                     SOV_EFORMAT);
    ck_assert_ptr_nonnull(strstr(err.msg, "8192"));
    free(text);
    text = long_text(HEAD "name: x\n#", ' ', SOV_FACTS_MAX, "\n");
    ck_assert_int_eq(sov_facts_parse(&f, text, strlen(text), &err),
                     SOV_EFORMAT);
    ck_assert_ptr_nonnull(strstr(err.msg, "1048576"));
    free(text);
}
END_TEST

START_TEST(every_fact_has_a_name_a_role_and_help)
{
    size_t n = 0;

    for (; sov_fact_at(n) != NULL; n++) {
        const struct sov_fact_info *f = sov_fact_at(n);

        ck_assert_ptr_eq(sov_fact_named(f->name), f);
        ck_assert(f->help[0] != '\0');
        ck_assert(strcmp(f->role, "facts") == 0 ||
                  strcmp(f->role, "review") == 0 ||
                  strcmp(f->role, "approval") == 0);
    }
    ck_assert_uint_ge(n, 50);
    ck_assert_ptr_null(sov_fact_named("licence"));
}
END_TEST

START_TEST(facts_are_signed_and_read_again)
{
    sov_facts *f = facts_of(HEAD "jurisdiction: EU\njurisdiction: CH\n"
                                 "reviewed_by: Ada\n");
    struct sov_resource subject = { .name = "m.gguf", .has_size = true };
    struct sov_statement st = {
        .subject = &subject,
        .n_subjects = 1,
        .predicate_type = SOV_PREDICATE_FACTS,
        .finished = 1767323045,
    };
    sov_seckey *key = grow(0);
    const struct sov_statement *got;
    const struct sov_param *fact;
    struct sov_verdict v;
    struct sov_err err;
    struct sov_claim_file file = small_file("m.gguf");
    sov_keyring *ring = ring_of("\0", 1);
    sov_claims *set;
    size_t len;
    char *line;
    char id[65];

    subject.digest = digest_of("m.gguf", 6);
    st.fact = sov_facts_params(f, &st.n_facts);
    ck_assert_int_eq(sov_claim_make(&st, key, &line, &len, id, NULL), 0);
    set = set_of(line, len);
    got = &sov_claims_at(set, 0)->statement;
    ck_assert(sov_statement_is_facts(got));
    ck_assert(!sov_statement_is_provenance(got));
    ck_assert_int_eq(got->finished, 1767323045);
    fact = sov_statement_fact(got, "jurisdiction");
    ck_assert_ptr_nonnull(fact);
    ck_assert_uint_eq(fact->n, 2);
    ck_assert_str_eq(fact->item[1].str, "CH");
    ck_assert_ptr_null(sov_statement_fact(got, "license"));
    ck_assert(sov_statement_has_role(got, "facts"));
    ck_assert(sov_statement_has_role(got, "review"));
    ck_assert(!sov_statement_has_role(got, "approval"));
    ck_assert_uint_eq(got->n_labels, 1); /* what is inherited, and no more */
    ck_assert_str_eq(got->label[0].key, "jurisdiction");
    /* what somebody says of a model does not say where it comes from */
    ck_assert_int_eq(sov_claims_verify(set, ring, &file, 1, &v, NULL), SOV_ENO);
    ck_assert_int_eq(v.answer, SOV_ANSWER_NO_CLAIM);
    st.n_facts = 0;
    free(line);
    ck_assert_int_eq(sov_claim_make(&st, key, &line, &len, id, &err), SOV_EARG);
    sov_keyring_free(ring);
    sov_claims_free(set);
    sov_seckey_free(key);
    sov_facts_free(f);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("facts");

    tcase_add_test(tc, facts_are_lists_of_texts);
    tcase_add_test(tc, a_file_of_facts_with_anything_else_in_it_is_refused);
    tcase_add_test(tc, facts_have_limits);
    tcase_add_test(tc, every_fact_has_a_name_a_role_and_help);
    tcase_add_test(tc, facts_are_signed_and_read_again);
    return unit_main("trust facts", tc);
}
