/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_bench_record.c - unit tests of lib/bench: records as lines, and histories
 * of them
 */
#include "base/limits.h"
#include "sov/bench.h"

#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct sov_err err;
static struct sov_bench_record r;
static char path[64];

static void
set_up(void)
{
    sov_bench_record_start(&r);
    strcpy(path, "/tmp/t_bench.XXXXXX");
    close(mkstemp(path));
    unlink(path);
}

static void
tear_down(void)
{
    sov_bench_record_free(&r);
    unlink(path);
}

/* ---- one record */

#define FULL                                                                \
    "{\"schema\":\"sov.bench/1\",\"run\":\"0123456789abcdef\","             \
    "\"time\":\"2026-11-21T05:00:00Z\",\"metric\":\"decode\","              \
    "\"unit\":\"tok/s\",\"better\":\"higher\",\"model\":{\"name\":"         \
    "\"tale \\u0022q\\u005c.gguf\",\"digest\":\"00ff\",\"arch\":\"llama\"," \
    "\"type\":\"q4_k_m\",\"bytes\":9007199254740993,\"params\":2},"         \
    "\"machine\":{\"id\":\"beef\",\"cpu\":\"EPYC\",\"isa\":\"avx512\","     \
    "\"kernel\":\"Linux\",\"governor\":\"performance\",\"microcode\":"      \
    "\"0x1\",\"sov\":\"0.1\",\"cpus\":4294967295,\"memory\":5,"             \
    "\"turbo\":true,\"smt\":false,\"numa\":1,\"container\":true},"          \
    "\"cell\":{\"prompt\":1,\"gen\":2,\"depth\":3,\"batch\":4,"             \
    "\"threads\":5,\"kv\":\"q8\",\"text\":\"wiki\",\"text_digest\":"        \
    "\"ab\"},\"noise\":{\"cpu_pressure\":0.1,\"memory_pressure\":0.25,"     \
    "\"steal\":0,\"throttled\":1e-300,\"frequency_drift\":null},"           \
    "\"stat\":{\"n\":3,\"median\":0.3,\"low\":-1.5,\"high\":null,"          \
    "\"confidence\":0.95,\"mad\":1.2345678901234567e+19,\"outliers\":1},"   \
    "\"samples\":[0.1,0.30000000000000004,1e+100],\"warmup\":2,"            \
    "\"bandwidth_share\":0.5,\"compute_share\":null,\"bytes_per_s\":1,"     \
    "\"flop_per_s\":2,\"note\":\"\\u0007\xc3\xa4\"}\n"

START_TEST(a_line_is_what_was_read)
{
    char *line, *again;
    size_t len;

    ck_assert_msg(sov_bench_record_read(&r, FULL, strlen(FULL), &err) == 0,
                  "%s", err.msg);
    ck_assert_str_eq(r.run, "0123456789abcdef");
    ck_assert_str_eq(r.model.name, "tale \"q\\.gguf");
    ck_assert_uint_eq(r.model.bytes, UINT64_C(9007199254740993));
    ck_assert_uint_eq(r.machine.cpus, UINT32_MAX);
    ck_assert(r.machine.turbo == 1 && r.machine.smt == 0 &&
              r.machine.container);
    ck_assert(isnan(r.noise.frequency_drift) && isnan(r.stat.high));
    ck_assert(r.n == 3 && r.samples[1] > 0.3 && r.stat.outliers == 1);
    ck_assert_int_eq(sov_bench_record_write(&r, &line, &len, &err), 0);
    ck_assert_str_eq(line, FULL);
    ck_assert_uint_eq(len, strlen(line));
    /* and of a copy */
    {
        struct sov_bench_record copy;

        sov_bench_record_start(&copy);
        ck_assert_int_eq(sov_bench_record_copy(&copy, &r, &err), 0);
        sov_bench_record_free(&r);
        ck_assert_int_eq(sov_bench_record_write(&copy, &again, &len, &err), 0);
        ck_assert_str_eq(again, FULL);
        sov_bench_record_free(&copy);
    }
    free(line);
    free(again);
}
END_TEST

static void
refused(enum sov_rc rc, const char *line, const char *why)
{
    err.msg[0] = '\0';
    ck_assert_int_eq(sov_bench_record_read(&r, line, strlen(line), &err), rc);
    ck_assert_msg(rc == 0 || strstr(err.msg, why) != NULL, "%s: %s", line,
                  err.msg);
}

#define HEAD "{\"schema\":\"sov.bench/1\",\"metric\":\"decode\""

START_TEST(what_is_missing_or_unknown_is_no_error)
{
    refused(0, HEAD "}", "");
    ck_assert_str_eq(r.unit, "tok/s");
    ck_assert_int_eq(r.better, SOV_BENCH_HIGHER);
    ck_assert_str_eq(r.model.name, "");
    ck_assert(r.cell.kv == NULL && r.note == NULL && r.machine.turbo == -1);
    ck_assert(isnan(r.stat.median) && r.n == 0);
    refused(0, HEAD ",\"moon\":{\"phase\":[1,2]},\"model\":{\"mood\":null}}",
            "");
    refused(0, "{\"schema\":\"sov.bench/1\",\"metric\":\"new_one\"}", "");
    ck_assert_str_eq(r.metric, "new_one");
    ck_assert_str_eq(r.unit, "");
    refused(0, HEAD ",\"machine\":{\"turbo\":null}}", "");
}
END_TEST

START_TEST(wrong_records_are_refused)
{
    refused(SOV_EUNSUP, "{\"schema\":\"sov.bench/2\"}", "sov.bench/2");
    refused(SOV_EFORMAT, "{\"schema\":\"sov.run/1\"}", "no record");
    refused(SOV_EFORMAT, "{}", "no record");
    refused(SOV_EFORMAT, "[]", "no record");
    refused(SOV_EFORMAT, "{\"schema\":\"sov.bench/1\"}", "metric: there is");
    refused(SOV_EFORMAT, "", "JSON");
    refused(SOV_EFORMAT, HEAD, "JSON");
    refused(SOV_EFORMAT, HEAD ",\"metric\":\"a\"}", "JSON");
    refused(SOV_EFORMAT, HEAD ",\"model\":[]}", "model: it is no object");
    refused(SOV_EFORMAT, HEAD ",\"time\":1}", "time: it is no text");
    refused(SOV_EFORMAT, HEAD ",\"run\":\"0123456789abcdef0\"}", "run: ");
    refused(SOV_EFORMAT, HEAD ",\"run\":\"xyz\"}", "run: ");
    refused(SOV_EFORMAT, HEAD ",\"run\":7}", "run: ");
    refused(SOV_EFORMAT, HEAD ",\"better\":\"big\"}", "better: ");
    refused(SOV_EFORMAT, HEAD ",\"better\":1}", "better: ");
    refused(SOV_EFORMAT, HEAD ",\"cell\":{\"gen\":-1}}", "cell.gen: ");
    refused(SOV_EFORMAT, HEAD ",\"cell\":{\"gen\":1.5}}", "cell.gen: ");
    refused(SOV_EFORMAT, HEAD ",\"cell\":{\"gen\":4294967296}}", "cell.gen: ");
    refused(SOV_EFORMAT, HEAD ",\"stat\":{\"n\":\"1\"}}", "stat.n: ");
    refused(SOV_EFORMAT, HEAD ",\"stat\":{\"low\":true}}", "stat.low: ");
    refused(SOV_EFORMAT, HEAD ",\"machine\":{\"smt\":1}}", "machine.smt: ");
    refused(SOV_EFORMAT, HEAD ",\"machine\":{\"container\":null}}",
            "machine.container: ");
    refused(SOV_EFORMAT, HEAD ",\"samples\":{}}", "samples: it is no list");
    refused(SOV_EFORMAT, HEAD ",\"samples\":[1,null]}", "samples: one");
    refused(SOV_EFORMAT, "{\"schema\":\"sov.bench/1\",\"metric\":\"De\"}",
            "metric: it is no name");
    refused(SOV_EFORMAT, "{\"schema\":\"sov.bench/1\",\"metric\":\"\"}",
            "metric: it is no name");
}
END_TEST

/* A line with a text of n bytes, n samples, n levels. */
static char *
long_line(char kind, size_t n)
{
    char *line = malloc(2 * n + 200), *p = line;

    p += sprintf(p, HEAD ",");
    if (kind == 't')
        p += sprintf(p, "\"note\":\"%0*d\"", (int)n, 1);
    if (kind == 's') {
        p += sprintf(p, "\"samples\":[1");
        for (size_t i = 1; i < n; i++)
            p += sprintf(p, ",1");
        p += sprintf(p, "]");
    }
    if (kind == 'd') { /* the record is a level itself */
        p += sprintf(p, "\"x\":");
        for (size_t i = 1; i < n; i++)
            *p++ = '[';
        for (size_t i = 1; i < n; i++)
            *p++ = ']';
    }
    if (kind == 'l') {
        p += sprintf(p, "\"x\":0");
        while ((size_t)(p - line) < n - 1)
            *p++ = ' ';
    }
    sprintf(p, "}");
    return line;
}

START_TEST(limits_have_two_sides)
{
    static const struct {
        char kind;
        size_t most;
        const char *why;
    } limits[] = {
        { 't', SOV_BENCH_TEXT_MAX,
          "note: it has 1025 bytes, the limit is 1024" },
        { 's', SOV_BENCH_SAMPLES_MAX, "samples: there are 65537, the limit" },
        { 'd', SOV_BENCH_DEPTH, "deeper than 16" },
        { 'l', SOV_BENCH_LINE_MAX, "4194305 bytes, the limit is 4194304" },
    };

    for (size_t i = 0; i < 4; i++) {
        char *fits = long_line(limits[i].kind, limits[i].most);
        char *too_long = long_line(limits[i].kind, limits[i].most + 1);

        refused(0, fits, "");
        refused(SOV_EFORMAT, too_long, limits[i].why);
        free(fits);
        free(too_long);
    }
}
END_TEST

START_TEST(what_cannot_be_written)
{
    double bad = NAN;
    char *line;
    size_t len;

    ck_assert_int_eq(sov_bench_record_write(&r, &line, &len, &err), SOV_EARG);
    ck_assert_int_eq(sov_bench_record_metric(&r, "beauty", &err), SOV_EARG);
    ck_assert_int_eq(sov_bench_record_metric(&r, "load", &err), 0);
    ck_assert_str_eq(r.unit, "s");
    ck_assert_int_eq(r.better, SOV_BENCH_LOWER);
    ck_assert_int_eq(sov_bench_record_samples(&r, &bad, 1, &err), SOV_EARG);
    r.samples = malloc(sizeof(double));
    r.samples[0] = INFINITY;
    r.n = 1;
    ck_assert_int_eq(sov_bench_record_write(&r, &line, &len, &err), SOV_EARG);
    /* bytes that are no text become one */
    r.samples[0] = 1;
    r.model.name = strdup("a\xff\x80z\n");
    ck_assert_int_eq(sov_bench_record_write(&r, &line, &len, &err), 0);
    ck_assert_ptr_nonnull(
        strstr(line, "\"a\xef\xbf\xbd\xef\xbf\xbdz\\u000a\""));
    free(line);
}
END_TEST

START_TEST(the_table_of_metrics)
{
    size_t n = 0;

    for (const struct sov_bench_metric *m; (m = sov_bench_metric_at(n)); n++) {
        ck_assert_ptr_eq(sov_bench_metric_find(m->name), m);
        ck_assert(m->floor > 0 && m->help[0] != '\0' && m->unit != NULL);
        ck_assert_uint_eq(
            strspn(m->name, "abcdefghijklmnopqrstuvwxyz0123456789_"),
            strlen(m->name));
    }
    ck_assert_uint_gt(n, 20);
    ck_assert_ptr_null(sov_bench_metric_find("beauty"));
}
END_TEST

START_TEST(alike_is_the_same_cell)
{
    struct sov_bench_record other;

    sov_bench_record_start(&other);
    refused(0, FULL, "");
    ck_assert_int_eq(sov_bench_record_copy(&other, &r, &err), 0);
    strcpy(other.machine.id, "99");
    ck_assert(sov_bench_record_alike(&r, &other));
    other.cell.depth++;
    ck_assert(!sov_bench_record_alike(&r, &other));
    other.cell.depth--;
    free(other.cell.kv);
    other.cell.kv = NULL;
    ck_assert(!sov_bench_record_alike(&r, &other));
    sov_bench_record_free(&other);
}
END_TEST

/* ---- histories */

static void
put(const char *text)
{
    FILE *f = fopen(path, "a");

    fputs(text, f);
    fclose(f);
}

/* A record with that cell. */
static void
add(uint32_t gen)
{
    struct sov_bench_set set = { 0 };
    struct sov_bench_record *one = sov_bench_set_add(&set, &err);

    ck_assert_int_eq(sov_bench_record_metric(one, "decode", &err), 0);
    one->cell.gen = gen;
    ck_assert_msg(sov_bench_history_add(path, &set, &err) == 0, "%s", err.msg);
    sov_bench_set_free(&set);
}

static void
holds(const struct sov_bench_filter *filter, const char *gens,
      struct sov_bench_losses *lost)
{
    struct sov_bench_set set = { 0 };
    char seen[200] = "";

    ck_assert_msg(sov_bench_history_read(path, filter, &set, lost, &err) == 0,
                  "%s", err.msg);
    for (size_t i = 0; i < set.n; i++)
        sprintf(seen + strlen(seen), "%u ", (unsigned)set.record[i].cell.gen);
    ck_assert_str_eq(seen, gens);
    sov_bench_set_free(&set);
}

START_TEST(a_history_grows)
{
    struct sov_bench_losses lost;

    add(1);
    add(2);
    put("\n");
    put(HEAD ",\"cell\":{\"gen\":3}}\r\n");
    holds(NULL, "1 2 3 ", NULL);
    holds(NULL, "1 2 3 ", &lost);
    ck_assert(lost.lines == 4 && lost.bad == 0 && !lost.torn);
}
END_TEST

START_TEST(a_torn_line_harms_no_other)
{
    struct sov_bench_losses lost;
    struct sov_bench_set set = { 0 };

    add(1);
    put(HEAD ",\"cell\":{\"ge"); /* here somebody died */
    holds(NULL, "1 ", NULL);
    holds(NULL, "1 ", &lost);
    ck_assert(lost.torn && lost.bad == 0);
    add(2);
    holds(NULL, "1 2 ", &lost);
    ck_assert(!lost.torn && lost.bad == 1 && lost.first == 2 &&
              lost.lines == 3);
    ck_assert_ptr_nonnull(strstr(lost.why, "JSON"));
    /* who does not ask what was lost must not lose anything */
    ck_assert_int_eq(sov_bench_history_read(path, NULL, &set, NULL, &err),
                     SOV_EFORMAT);
    ck_assert_ptr_nonnull(strstr(err.msg, ": line 2: "));
    ck_assert_uint_eq(set.n, 0);
}
END_TEST

START_TEST(any_cut_keeps_the_lines_before_it)
{
    char *whole;
    long size;
    FILE *f;

    for (uint32_t i = 0; i < 3; i++)
        add(i);
    f = fopen(path, "r");
    fseek(f, 0, SEEK_END);
    size = ftell(f);
    rewind(f);
    whole = malloc((size_t)size);
    ck_assert_uint_eq(fread(whole, 1, (size_t)size, f), size);
    fclose(f);
    for (long cut = size; cut >= 0; cut -= 7) {
        struct sov_bench_losses lost;
        struct sov_bench_set set = { 0 };
        size_t lines = 0;

        for (long i = 0; i < cut; i++)
            lines += whole[i] == '\n';
        ck_assert_int_eq(truncate(path, cut), 0);
        ck_assert_int_eq(sov_bench_history_read(path, NULL, &set, &lost, &err),
                         0);
        ck_assert_uint_eq(set.n, lines);
        ck_assert(lost.torn == (cut > 0 && whole[cut - 1] != '\n'));
        sov_bench_set_free(&set);
    }
    free(whole);
}
END_TEST

START_TEST(filters)
{
    struct sov_bench_filter last = { .last = 3 }, none = { .metric = "load" };
    struct sov_bench_filter model = { .model = "x" },
                            machine = { .machine = "a" };
    struct sov_bench_filter alike = { .alike = &r };

    for (uint32_t i = 1; i < 8; i++)
        add(i);
    holds(&last, "5 6 7 ", NULL);
    holds(&none, "", NULL);
    holds(&model, "", NULL);
    holds(&machine, "", NULL);
    put(HEAD ",\"model\":{\"name\":\"x\"},\"machine\":{\"id\":\"a\"}}\n");
    holds(&model, "0 ", NULL);
    holds(&machine, "0 ", NULL);
    ck_assert_int_eq(sov_bench_record_metric(&r, "decode", &err), 0);
    r.cell.gen = 4;
    holds(&alike, "4 ", NULL);
}
END_TEST

START_TEST(lines_without_end_are_not_kept)
{
    struct sov_bench_losses lost;
    char *junk = malloc(3 << 20);

    memset(junk, 'x', 3 << 20);
    junk[(3 << 20) - 1] = '\0';
    add(1);
    for (int i = 0; i < 4; i++)
        put(junk);
    holds(NULL, "1 ", &lost);
    ck_assert(lost.torn && lost.bad == 0);
    put("\n");
    add(2);
    holds(NULL, "1 2 ", &lost);
    ck_assert(!lost.torn && lost.bad == 1 && lost.first == 2);
    ck_assert_str_eq(lost.why, "it is longer than 4194304 bytes");
    free(junk);
}
END_TEST

START_TEST(writers_take_turns)
{
    struct sov_bench_losses lost;
    struct sov_bench_set set = { 0 };

    for (int w = 0; w < 4; w++)
        if (fork() == 0) {
            for (uint32_t i = 0; i < 25; i++)
                add((uint32_t)w * 100 + i);
            _exit(0);
        }
    for (int w = 0, status; w < 4; w++) {
        wait(&status);
        ck_assert_int_eq(status, 0);
    }
    ck_assert_int_eq(sov_bench_history_read(path, NULL, &set, &lost, &err), 0);
    ck_assert_uint_eq(set.n, 100);
    ck_assert(lost.bad == 0 && !lost.torn);
    sov_bench_set_free(&set);
}
END_TEST

/* The disk is full in the middle of a line: what was there stays whole. */
START_TEST(no_room_for_a_line)
{
    struct rlimit old, small;
    struct sov_bench_set set = { 0 };
    struct stat st;
    struct sov_bench_record *one = sov_bench_set_add(&set, &err);

    ck_assert_int_eq(sov_bench_record_metric(one, "decode", &err), 0);
    add(1);
    ck_assert_int_eq(stat(path, &st), 0);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    small = old;
    small.rlim_cur = (rlim_t)st.st_size + 100;
    setrlimit(RLIMIT_FSIZE, &small);
    ck_assert_int_eq(sov_bench_history_add(path, &set, &err), SOV_EIO);
    setrlimit(RLIMIT_FSIZE, &old);
    sov_bench_set_free(&set);
    holds(NULL, "1 ", NULL);
    ck_assert_int_eq(stat(path, &st) == 0 ? 0 : errno, 0);
    ck_assert_int_eq(st.st_size, (off_t)small.rlim_cur - 100);
}
END_TEST

static int
stop(void *arg, uint64_t line, const struct sov_bench_record *record,
     struct sov_err *why)
{
    (void)record;
    *(uint64_t *)arg = line;
    return line < 2 ? 0 : sov_fail(why, SOV_ENO, "enough");
}

START_TEST(the_caller_may_end_it)
{
    uint64_t last = 0;

    ck_assert_int_eq(sov_bench_history_each(path, stop, &last, NULL, &err),
                     SOV_EIO);
    ck_assert_int_eq(err.where, SOV_WHERE_INPUT);
    for (uint32_t i = 0; i < 4; i++)
        add(i);
    ck_assert_int_eq(sov_bench_history_each(path, stop, &last, NULL, &err),
                     SOV_ENO);
    ck_assert_uint_eq(last, 2);
    ck_assert_str_eq(err.msg, "enough");
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("record");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, a_line_is_what_was_read);
    tcase_add_test(tc, what_is_missing_or_unknown_is_no_error);
    tcase_add_test(tc, wrong_records_are_refused);
    tcase_add_test(tc, limits_have_two_sides);
    tcase_add_test(tc, what_cannot_be_written);
    tcase_add_test(tc, the_table_of_metrics);
    tcase_add_test(tc, alike_is_the_same_cell);
    tcase_add_test(tc, a_history_grows);
    tcase_add_test(tc, a_torn_line_harms_no_other);
    tcase_add_test(tc, any_cut_keeps_the_lines_before_it);
    tcase_add_test(tc, filters);
    tcase_add_test(tc, lines_without_end_are_not_kept);
    tcase_add_test(tc, writers_take_turns);
    tcase_add_test(tc, no_room_for_a_line);
    tcase_add_test(tc, the_caller_may_end_it);
    return unit_main("bench_record", tc);
}
