/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.h - as much of Check as the tests of kernels use
 *
 * For machines that are not this one there is no library to link: a test that
 * fails says so and ends the program.  The tests whose names the
 * environment variable CHECK_SKIP has, with spaces around them, are left out.
 */
#ifndef SOV_TESTS_CROSS_CHECK_H
#define SOV_TESTS_CROSS_CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK_TESTS 64

typedef struct {
    const char *name;
    struct {
        void (*run)(int i);
        const char *name;
        int from, end;
    } tests[CHECK_TESTS];
    int n;
} TCase;

typedef struct {
    const char *name;
    TCase *tc;
} Suite;

typedef Suite SRunner;

enum print_output {
    CK_NORMAL,
};

#define START_TEST(name) static void name(int _i __attribute__((unused)))
#define END_TEST

#define ck_assert_msg(expr, ...)                                       \
    do {                                                               \
        if (!(expr)) {                                                 \
            fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #expr); \
            fprintf(stderr, __VA_ARGS__);                              \
            fputc('\n', stderr);                                       \
            exit(EXIT_FAILURE);                                        \
        }                                                              \
    } while (0)
#define ck_assert(expr)           ck_assert_msg(expr, "failed")
#define ck_assert_ptr_nonnull(p)  ck_assert((p) != NULL)
#define ck_assert_uint_eq(a, b)   ck_assert((a) == (b))
#define ck_assert_mem_eq(a, b, n) ck_assert(memcmp(a, b, n) == 0)
#define tcase_add_test(tc, test)  check_add(tc, test, #test, 0, 1)
#define tcase_add_loop_test(tc, test, from, end) \
    check_add(tc, test, #test, from, end)

static inline TCase *
tcase_create(const char *name)
{
    TCase *tc = calloc(1, sizeof(*tc));

    if (tc == NULL)
        exit(EXIT_FAILURE);
    tc->name = name;
    return tc;
}

static inline void
check_add(TCase *tc, void (*run)(int), const char *name, int from, int end)
{
    if (tc->n == CHECK_TESTS)
        exit(EXIT_FAILURE);
    tc->tests[tc->n].run = run;
    tc->tests[tc->n].name = name;
    tc->tests[tc->n].from = from;
    tc->tests[tc->n].end = end;
    tc->n++;
}

static inline void
tcase_set_timeout(TCase *tc, double seconds)
{
    (void)tc;
    (void)seconds;
}

static inline Suite *
suite_create(const char *name)
{
    Suite *s = calloc(1, sizeof(*s));

    if (s == NULL)
        exit(EXIT_FAILURE);
    s->name = name;
    return s;
}

static inline void
suite_add_tcase(Suite *s, TCase *tc)
{
    s->tc = tc;
}

static inline SRunner *
srunner_create(Suite *s)
{
    return s;
}

static inline int
check_is_skipped(const char *name)
{
    const char *skip = getenv("CHECK_SKIP");
    char word[128];

    snprintf(word, sizeof(word), " %s ", name);
    return skip != NULL && strstr(skip, word) != NULL;
}

/* Only a runner whose tests have all passed comes to its end. */
static inline void
srunner_run_all(SRunner *s, enum print_output how)
{
    (void)how;
    for (int t = 0; t < s->tc->n; t++) {
        if (check_is_skipped(s->tc->tests[t].name))
            continue;
        for (int i = s->tc->tests[t].from; i < s->tc->tests[t].end; i++)
            s->tc->tests[t].run(i);
        printf("%s: %s\n", s->name, s->tc->tests[t].name);
        fflush(stdout);
    }
}

static inline int
srunner_ntests_failed(SRunner *s)
{
    (void)s;
    return 0;
}

static inline void
srunner_free(SRunner *s)
{
    free(s->tc);
    free(s);
}

#endif
