/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_ledger.c - runs of requests that end anywhere, and go on
 */
#include "unit.h"

#include "sov/ledger.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define N 6 /* lines */

static char dir[64];
static char out[80];
static char journal[96];
static struct sov_err err;

static const char settings[] = "{\"seed\":7,\"temp\":0.8,\"model\":\"m\"}";

static void
set_up(void)
{
    strcpy(dir, "/tmp/sov-ledger.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(out, sizeof(out), "%s/out", dir);
    snprintf(journal, sizeof(journal), "%s.journal", out);
}

static void
tear_down(void)
{
    unlink(out);
    unlink(journal);
    rmdir(dir);
}

static void
put_file(const char *path, const char *text, size_t len)
{
    FILE *f = fopen(path, "w");

    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(text, 1, len, f), len);
    ck_assert_int_eq(fclose(f), 0);
}

/* All of it, NUL-terminated; free() it. */
static char *
get_file(const char *path, size_t *len)
{
    char *text;

    ck_assert_msg(sov_read_whole(path, 1 << 20, &text, len, &err) == 0, "%s",
                  err.msg);
    return text;
}

/* Line i of the input, from 1, and its answer. */
static struct sov_span
line_of(uint64_t i)
{
    static char text[64];

    snprintf(text, sizeof(text), "{\"id\":\"i%" PRIu64 "\",\"prompt\":\"x\"}",
             i);
    return (struct sov_span){ (unsigned char *)text, strlen(text) };
}

static struct sov_span
answer_to(uint64_t i)
{
    static char text[128];

    snprintf(text, sizeof(text),
             "{\"id\":\"i%" PRIu64 "\",\"line\":%" PRIu64 ",\"%s\":\"%0*d\"}\n",
             i, i, i == 3 ? "error" : "text", (int)(i * 5), 0);
    return (struct sov_span){ (unsigned char *)text, strlen(text) };
}

static sov_ledger *
open_ledger(uint64_t answered)
{
    struct sov_ledger_counts c;
    sov_ledger *l;

    ck_assert_msg(sov_ledger_open(&l, out, NULL, &err) == 0, "%s", err.msg);
    sov_ledger_count(l, &c);
    ck_assert_uint_eq(c.answered, answered);
    return l;
}

static void
begin(sov_ledger *l)
{
    ck_assert_msg(sov_ledger_begin(l, settings, strlen(settings), NULL, &err) ==
                      0,
                  "%s", err.msg);
}

/* Answer what is not answered, in an order; how many that were. */
static int
go_on(sov_ledger *l, bool backwards)
{
    int n = 0;

    for (uint64_t k = 1; k <= N; k++) {
        uint64_t i = backwards ? N + 1 - k : k;
        int known = sov_ledger_look(l, i, line_of(i), &err);

        ck_assert_msg(known >= 0, "%s", err.msg);
        if (known == 1)
            continue;
        ck_assert_int_eq(
            sov_ledger_note(l, i, sov_ledger_digest(line_of(i)), &err), 0);
        ck_assert_int_eq(sov_ledger_put(l, answer_to(i), &err), 0);
        n++;
    }
    ck_assert_int_eq(sov_ledger_end(l, N, &err), 0);
    ck_assert_int_eq(sov_ledger_sync(l, &err), 0);
    return n;
}

static void
run(bool backwards)
{
    sov_ledger *l = open_ledger(0);

    begin(l);
    ck_assert_int_eq(go_on(l, backwards), N);
    sov_ledger_close(l);
}

static size_t
count_lines(const char *text, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++)
        n += text[i] == '\n';
    return n;
}

/* Whatever is left of the answers, each line gets one, in the same bytes. */
START_TEST(a_run_may_end_at_any_byte)
{
    bool backwards = _i;
    char *text, *notes, *now;
    size_t len, n_notes, n;

    run(backwards);
    text = get_file(out, &len);
    notes = get_file(journal, &n_notes);
    for (size_t cut = 0; cut <= len; cut++) {
        size_t lines = count_lines(text, cut);
        struct sov_ledger_counts c;
        sov_ledger *l;

        put_file(out, text, cut);
        put_file(journal, notes, n_notes);
        l = open_ledger(lines);
        sov_ledger_count(l, &c);
        ck_assert_uint_eq(c.unknown, 0);
        begin(l);
        ck_assert_int_eq(go_on(l, backwards), (int)(N - lines));
        sov_ledger_close(l);
        now = get_file(out, &n);
        ck_assert(n == len && memcmp(now, text, len) == 0);
        free(now);
        sov_ledger_close(open_ledger(N));
    }
    free(text);
    free(notes);
}
END_TEST

/* The power may take the end of the journal, and not that of the answers. */
START_TEST(a_journal_may_end_at_any_byte)
{
    char *notes;
    size_t n_notes;

    run(false);
    notes = get_file(journal, &n_notes);
    for (size_t cut = 0; cut < n_notes; cut++) {
        size_t lines = count_lines(notes, cut);
        struct sov_ledger_counts c;
        sov_ledger *l;

        put_file(journal, notes, cut);
        l = open_ledger(N);
        sov_ledger_count(l, &c);
        ck_assert_uint_eq(c.unknown, lines > 0 ? N + 1 - lines : N);
        ck_assert_uint_eq(c.failed, 1);
        begin(l);
        ck_assert_int_eq(go_on(l, false), 0);
        /* an id is known all the same */
        ck_assert_int_eq(sov_ledger_look(l, N, line_of(1), &err), SOV_EFORMAT);
        sov_ledger_close(l);
    }
    free(notes);
}
END_TEST

START_TEST(what_has_changed_is_named)
{
    static const struct {
        const char *settings;
        const char *why;
    } bad[] = {
        { "{\"seed\":8,\"temp\":0.8,\"model\":\"m\"}",
          "\"seed\" 7, and now it is 8" },
        { "{\"seed\":7,\"temp\":0.8}", "\"model\" m, and now it is nothing" },
        { "{\"seed\":7,\"temp\":0.8,\"model\":\"m\",\"x\":[1]}",
          "\"x\" nothing, and now it is [1]" },
    };
    struct sov_span other = line_of(2);
    char *seed;
    sov_ledger *l;

    run(false);
    l = open_ledger(N);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_int_eq(sov_ledger_begin(l, bad[i].settings,
                                          strlen(bad[i].settings), NULL, &err),
                         SOV_EFORMAT);
        ck_assert_msg(strstr(err.msg, bad[i].why) != NULL, "%s", err.msg);
    }
    seed = sov_ledger_setting(l, "seed");
    ck_assert_str_eq(seed, "7");
    free(seed);
    ck_assert_ptr_null(sov_ledger_setting(l, "nothing"));
    begin(l);
    ck_assert_int_eq(sov_ledger_look(l, 1, other, &err), SOV_EFORMAT);
    ck_assert_int_eq(sov_ledger_look(l, N + 1, other, &err), 0);
    ck_assert_int_eq(sov_ledger_end(l, N - 1, &err), SOV_EFORMAT);
    sov_ledger_close(l);
}
END_TEST

/* What is not ours is not touched. */
START_TEST(other_files_stay_as_they_are)
{
    static const char *const bad[] = {
        "half a line",
        "a line\n",
        "{\"line\":1,\"text\":\"\"}\n{\"prompt\":1}\n",
        "{\"line\":1,\"text\":\"\"}\n{\"line\":1,\"text\":\"\"}\n",
        "{\"line\":1,\"text\":\"\"}\n\n",
    };
    static const char *const notes[] = {
        "no JSON\n",
        "[]\n",
        "{}\n1\n",
        "{}\n0 0123456789abcdef\n",
        "{}\n1 0123456789abcdeg\n",
        "{}\n1 0123456789abcdef \n",
        "{}\n9999999999999999999 0123456789abcdef\n",
    };
    sov_ledger *l;
    char *text;
    size_t len;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        put_file(out, bad[i], strlen(bad[i]));
        ck_assert_msg(sov_ledger_open(&l, out, NULL, &err) == SOV_EFORMAT, "%s",
                      bad[i]);
        ck_assert_ptr_null(l);
        text = get_file(out, &len);
        ck_assert_str_eq(text, bad[i]);
        ck_assert_int_ne(access(journal, F_OK), 0);
        free(text);
    }
    put_file(out, "", 0);
    for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++) {
        put_file(journal, notes[i], strlen(notes[i]));
        ck_assert_msg(sov_ledger_open(&l, out, NULL, &err) == SOV_EFORMAT, "%s",
                      notes[i]);
        ck_assert_msg(strstr(err.msg, ".journal: line ") != NULL, "%s",
                      err.msg);
    }
}
END_TEST

START_TEST(one_run_at_a_time)
{
    struct sov_sink_opts opts = { .inputs = (const char *const[]){ out },
                                  .n_inputs = 1 };
    sov_ledger *l, *other, *late;

    l = open_ledger(0);
    late = open_ledger(0);
    begin(l);
    ck_assert_int_eq(sov_ledger_open(&other, out, NULL, &err), SOV_EIO);
    ck_assert_int_eq(err.where, SOV_WHERE_LOCK);
    ck_assert_int_eq(go_on(l, false), N);
    sov_ledger_close(l);
    /* that had looked before there was anything */
    ck_assert_int_eq(
        sov_ledger_begin(late, settings, strlen(settings), NULL, &err),
        SOV_EIO);
    ck_assert_int_eq(err.where, SOV_WHERE_LOCK);
    sov_ledger_close(late);
    ck_assert_int_eq(sov_ledger_open(&other, out, &opts, &err), SOV_EIO);
    ck_assert(strstr(err.msg, "is an input, too") != NULL);
    sov_ledger_close(open_ledger(N));
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("ledger");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_loop_test(tc, a_run_may_end_at_any_byte, 0, 2);
    tcase_add_test(tc, a_journal_may_end_at_any_byte);
    tcase_add_test(tc, what_has_changed_is_named);
    tcase_add_test(tc, other_files_stay_as_they_are);
    tcase_add_test(tc, one_run_at_a_time);
    return unit_main("ledger", tc);
}
