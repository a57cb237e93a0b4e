/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_sys.c - unit tests of lib/sys: sinks, sources, threads
 */
#include "home.h"
#include "unit.h"

#include "sov/base.h"
#include "sov/io.h"
#include "sys/cgroup.h"
#include "sys/cpu.h"
#include "sys/file.h"
#include "sys/par.h"
#include "sys/queue.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[100];

/* Each test has a folder of its own, and out as its output. */
static void
setup(void)
{
    home_make();
    snprintf(path, sizeof(path), "%s/out", home);
}

static int
entries(void)
{
    DIR *d = opendir(home);
    int n = 0;

    while (readdir(d) != NULL)
        n++;
    closedir(d);
    return n - 2;
}

static void
put(const char *name, const char *text)
{
    FILE *f = fopen(name, "w");

    fputs(text, f);
    fclose(f);
}

static void
expect(const char *want)
{
    char *text = NULL;
    size_t len = 0;

    ck_assert_int_eq(sov_read_whole(path, 1000, &text, &len, NULL), 0);
    ck_assert_str_eq(text, want);
    free(text);
}

static int
write_out(const struct sov_sink_opts *o, const char *text, struct sov_err *err)
{
    sov_sink *s = NULL;
    int rc = sov_sink_open(&s, path, o, err);

    if (rc == 0)
        rc = sov_sink_write(s, text, strlen(text), err);
    if (rc == 0) {
        rc = sov_sink_commit(&s, err);
        ck_assert_ptr_null(s);
    } else {
        sov_sink_abort(s);
    }
    return rc;
}

START_TEST(output_appears_at_the_commit_and_not_before)
{
    sov_sink *s = NULL;

    ck_assert_int_eq(sov_sink_open(&s, path, NULL, NULL), 0);
    ck_assert_int_eq(sov_sink_write(s, "new", 3, NULL), 0);
    ck_assert_uint_eq(sov_sink_count(s), 3);
    ck_assert_int_ne(access(path, F_OK), 0);
    ck_assert_int_eq(sov_sink_commit(&s, NULL), 0);
    expect("new");
    ck_assert_int_eq(entries(), 1);
}
END_TEST

START_TEST(an_aborted_output_leaves_nothing)
{
    sov_sink *s = NULL;
    struct sov_sink_opts o = { .size = 1 << 20 };

    ck_assert_int_eq(sov_sink_open(&s, path, &o, NULL), 0);
    ck_assert_int_eq(sov_sink_write(s, "new", 3, NULL), 0);
    sov_sink_abort(s);
    ck_assert_int_eq(entries(), 0);
    sov_sink_abort(NULL);
}
END_TEST

START_TEST(an_old_file_is_replaced_only_by_force)
{
    struct sov_sink_opts o = { .force = true, .size = 100000 };
    struct sov_err err;
    struct stat st;

    put(path, "old");
    chmod(path, 0640);
    ck_assert_int_eq(write_out(NULL, "new", &err), SOV_EIO);
    ck_assert_int_eq(err.where, SOV_WHERE_OUTPUT);
    expect("old");
    ck_assert_int_eq(write_out(&o, "new", &err), 0);
    expect("new");
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_mode & 07777, 0640);
    ck_assert_int_eq(st.st_size, 3);
    ck_assert_int_eq(entries(), 1);
}
END_TEST

START_TEST(the_same_bytes_keep_the_old_file)
{
    struct sov_sink_opts o = { .if_changed = true };
    struct stat a;
    struct stat b;

    put(path, "same");
    ck_assert_int_eq(stat(path, &a), 0);
    ck_assert_int_eq(write_out(&o, "same", NULL), 0);
    ck_assert_int_eq(stat(path, &b), 0);
    ck_assert_uint_eq(a.st_ino, b.st_ino);
    ck_assert_int_eq(write_out(&o, "else", NULL), 0);
    expect("else");
    ck_assert_int_eq(write_out(&o, "longer", NULL), 0);
    expect("longer");
}
END_TEST

START_TEST(an_input_is_not_eaten)
{
    const char *inputs[1] = { path };
    struct sov_sink_opts o = { .force = true, .inputs = inputs, .n_inputs = 1 };
    struct sov_err err;

    put(path, "old");
    ck_assert_int_eq(write_out(&o, "new", &err), SOV_EIO);
    ck_assert_int_eq(err.where, SOV_WHERE_OUTPUT);
    expect("old");
}
END_TEST

START_TEST(a_link_is_followed_and_stays_a_link)
{
    struct sov_sink_opts o = { .force = true };
    char link_path[80];
    struct stat st;

    put(path, "old");
    snprintf(link_path, sizeof(link_path), "%s/link", home);
    ck_assert_int_eq(symlink("out", link_path), 0);
    snprintf(path, sizeof(path), "%s", link_path);
    ck_assert_int_eq(write_out(&o, "new", NULL), 0);
    ck_assert_int_eq(lstat(link_path, &st), 0);
    ck_assert(S_ISLNK(st.st_mode));
    expect("new");
}
END_TEST

START_TEST(a_lock_is_held_by_one_and_goes_away)
{
    struct sov_sink_opts o = { .lock = SOV_LOCK_FAIL };
    struct sov_err err;
    sov_sink *s = NULL;

    ck_assert_int_eq(sov_sink_open(&s, path, &o, &err), 0);
    ck_assert_int_eq(write_out(&o, "new", &err), SOV_EIO);
    ck_assert_int_eq(err.where, SOV_WHERE_LOCK);
    ck_assert_int_eq(sov_sink_write(s, "one", 3, NULL), 0);
    ck_assert_int_eq(sov_sink_commit(&s, NULL), 0);
    expect("one");
    ck_assert_int_eq(entries(), 1);
}
END_TEST

START_TEST(a_dead_temporary_is_swept_and_a_live_one_is_not)
{
    char dead[100];
    char live[100];
    struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };

    snprintf(dead, sizeof(dead), "%s/.out.sov-0123456789ab", home);
    snprintf(live, sizeof(live), "%s/.out.sov-ba9876543210", home);
    put(dead, "x");
    put(live, "x");
    ck_assert_int_eq(utimensat(AT_FDCWD, dead, old, 0), 0);
    ck_assert_int_eq(write_out(NULL, "new", NULL), 0);
    ck_assert_int_ne(access(dead, F_OK), 0);
    ck_assert_int_eq(access(live, F_OK), 0);
}
END_TEST

START_TEST(a_full_disk_is_said)
{
    struct sov_err err;

    snprintf(path, sizeof(path), "/dev/full");
    ck_assert_int_eq(write_out(NULL, "new", &err), SOV_EIO);
    ck_assert_int_eq(err.sys, 28);
    snprintf(path, sizeof(path), "%s", home);
    ck_assert_int_eq(write_out(NULL, "new", &err), SOV_EIO);
    ck_assert_int_eq(err.where, SOV_WHERE_OUTPUT);
    snprintf(path, sizeof(path), "%s/no/such", home);
    ck_assert_int_eq(write_out(NULL, "new", &err), SOV_EIO);
    ck_assert_int_eq(err.where, SOV_WHERE_OUTPUT);
}
END_TEST

START_TEST(whole_files_are_read_up_to_their_limit)
{
    char *text = NULL;
    size_t len = 0;
    struct sov_err err;

    put(path, "12345");
    ck_assert_int_eq(sov_read_whole(path, 5, &text, &len, &err), 0);
    ck_assert_uint_eq(len, 5);
    free(text);
    ck_assert_int_eq(sov_read_whole(path, 4, &text, &len, &err), SOV_EFORMAT);
    ck_assert_int_eq(sov_read_whole(home, 4, &text, &len, &err), SOV_EIO);
    ck_assert_int_eq(err.where, SOV_WHERE_INPUT);
}
END_TEST

START_TEST(a_pipe_is_spooled_whole)
{
    struct sov_file f = { .fd = -1 };
    char buf[8] = "";
    int fd[2];

    ck_assert_int_eq(pipe(fd), 0);
    ck_assert_int_eq((int)write(fd[1], "cdef", 4), 4);
    close(fd[1]);
    f.fd = fd[0];
    ck_assert_int_eq(sov_file_spool(&f, "ab", 2, NULL), 0);
    ck_assert(f.regular);
    ck_assert_uint_eq(f.size, 6);
    ck_assert_int_eq(sov_file_pread(&f, buf, 6, 0, NULL), 0);
    ck_assert_str_eq(buf, "abcdef");
    ck_assert_int_eq(sov_file_pread(&f, buf, 6, 1, NULL), SOV_EFORMAT);
    sov_file_close(&f);
}
END_TEST

enum { N = 100003 };
static unsigned char seen[N];

static void
mark(void *arg, size_t first, size_t last, unsigned worker)
{
    (void)arg;
    ck_assert_uint_lt(worker, sov_threads());
    for (size_t i = first; i < last; i++)
        seen[i]++;
}

START_TEST(every_item_is_done_once)
{
    for (unsigned t = 1; t <= 4; t++) {
        sov_set_threads(t);
        for (size_t grain = 0; grain < 3000; grain += 999) {
            memset(seen, 0, sizeof(seen));
            sov_par_for(N, grain, mark, NULL);
            for (size_t i = 0; i < N; i++)
                ck_assert_uint_eq(seen[i], 1);
        }
    }
    sov_par_for(0, 0, mark, NULL);
    sov_set_threads(0);
}
END_TEST

/* A chain of loops: item i of each adds up neighbours of the one before, so
 * that it comes out right only if the one before was done. */
enum { CHAIN = 60, WIDTH = 4001 };
static uint32_t row[2][WIDTH];

struct chain {
    unsigned loop; /* the next one */
    size_t n[CHAIN];
};

static void
add_neighbours(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct chain *c = arg;
    const uint32_t *from = row[c->loop % 2];
    uint32_t *to = row[(c->loop + 1) % 2];

    ck_assert_uint_lt(worker, sov_threads());
    for (size_t i = first; i < last; i++)
        to[i] = from[i] + 3 * from[WIDTH - 1 - i] + c->loop;
}

/* The later ones are larger. */
static size_t
uneven(void *arg, size_t i, size_t n)
{
    const struct chain *c = arg;

    return c->n[c->loop - 1] * i * i / (n * n);
}

static bool
next_loop(void *arg, struct sov_phase *phase, unsigned worker)
{
    struct chain *c = arg;

    ck_assert_uint_lt(worker, sov_threads());
    if (c->loop == CHAIN)
        return false;
    phase->fn = add_neighbours;
    phase->arg = c;
    phase->n = c->n[c->loop];
    phase->grain = c->loop % 5 * 60 * (c->loop % 7);
    phase->apart = c->loop % 3 == 0;
    phase->share = c->loop % 6 == 0 ? uneven : NULL;
    c->loop++;
    return true;
}

static uint32_t
run_chain(unsigned threads)
{
    struct chain c = { 0 };
    uint32_t sum = 0;

    sov_set_threads(threads);
    for (size_t i = 0; i < WIDTH; i++)
        row[0][i] = row[1][i] = (uint32_t)(i * i);
    for (size_t i = 0; i < CHAIN; i++)
        c.n[i] = i % 11 == 4 ? 0 : i % 4 == 3 ? 1 : WIDTH;
    sov_par_phases(next_loop, &c);
    for (size_t i = 0; i < WIDTH; i++)
        sum = 31 * sum + row[CHAIN % 2][i];
    return sum;
}

START_TEST(loops_follow_each_other)
{
    static const unsigned threads[] = { 2, 7, 3, 1, 16, 2 };
    uint32_t want = run_chain(1);

    for (size_t t = 0; t < sizeof(threads) / sizeof(threads[0]); t++)
        for (int i = 0; i < 40; i++)
            ck_assert_uint_eq(run_chain(threads[t]), want);
    sov_set_threads(0);
}
END_TEST

/* Short regions, one right after the other: what one thread still does to
 * close one must not reach into the next. */
struct region {
    unsigned loop, loops;
    atomic_uint done[4];
};

static void
count_done(void *arg, size_t first, size_t last, unsigned worker)
{
    struct region *r = arg;

    (void)worker;
    for (; first < last; first++)
        atomic_fetch_add(&r->done[first], 1);
}

static bool
next_of_region(void *arg, struct sov_phase *phase, unsigned worker)
{
    struct region *r = arg;

    (void)worker;
    if (r->loop == r->loops)
        return false;
    r->loop++;
    *phase =
        (struct sov_phase){ .fn = count_done, .arg = r, .n = 4, .grain = 1 };
    return true;
}

START_TEST(regions_follow_each_other)
{
    for (unsigned t = 2; t <= 5; t++) {
        sov_set_threads(t);
        for (unsigned i = 0; i < 20000; i++) {
            struct region r = { .loops = 1 + i % 3 };

            sov_par_phases(next_of_region, &r);
            for (size_t k = 0; k < 4; k++)
                ck_assert_uint_eq(atomic_load(&r.done[k]), r.loops);
        }
    }
    sov_set_threads(0);
}
END_TEST

static void
count(void *arg, size_t first, size_t last, unsigned worker)
{
    ck_assert_uint_eq(worker, 0);
    *(size_t *)arg += last - first;
}

static void
count_inside(void *arg, size_t first, size_t last, unsigned worker)
{
    size_t *items = arg;

    (void)worker;
    for (size_t i = first; i < last; i++)
        sov_par_for(10, 1, count, &items[i]);
}

START_TEST(a_loop_in_a_loop_runs_alone)
{
    static size_t items[50];

    sov_set_threads(3);
    sov_par_for(50, 1, count_inside, items);
    for (size_t i = 0; i < 50; i++)
        ck_assert_uint_eq(items[i], 10);
    sov_set_threads(0);
}
END_TEST

START_TEST(a_quota_is_rounded_down)
{
    ck_assert_uint_eq(sov_cgroup_cpus(home), 0); /* there is no /proc */
    home_put("proc/self/cgroup", "0::/a/b/c\n");
    ck_assert_uint_eq(sov_cgroup_cpus(home), 0);
    home_put("sys/fs/cgroup/a/b/c/cpu.max", "max 100000\n");
    ck_assert_uint_eq(sov_cgroup_cpus(home), 0);
    home_put("sys/fs/cgroup/a/cpu.max", "765000 100000\n");
    ck_assert_uint_eq(sov_cgroup_cpus(home), 7); /* one above counts too */
    home_put("sys/fs/cgroup/a/b/cpu.max", "250000 100000\n");
    ck_assert_uint_eq(sov_cgroup_cpus(home), 2);
    home_put("sys/fs/cgroup/a/b/c/cpu.max", "50000 100000\n");
    ck_assert_uint_eq(sov_cgroup_cpus(home), 1); /* less than one is one */
    home_put("sys/fs/cgroup/a/b/c/cpu.max", "rubbish\n");
    ck_assert_uint_eq(sov_cgroup_cpus(home), 2);
    /* in a container the path is the one outside */
    home_put("proc/self/cgroup", "0::/docker/0123456789abcdef\n");
    ck_assert_uint_eq(sov_cgroup_cpus(home), 0);
    home_put("sys/fs/cgroup/cpu.max", "400000 100000\n");
    ck_assert_uint_eq(sov_cgroup_cpus(home), 4);
}
END_TEST

START_TEST(old_groups_have_quotas_too)
{
    home_put("proc/self/cgroup", "9:name=systemd:/\n5:cpuacct:/x\n"
                                 "4:memory:/cpu\n1:cpu,cpuacct:/x/y\n0::/\n");
    home_put("sys/fs/cgroup/cpu,cpuacct/x/y/cpu.cfs_quota_us", "-1\n");
    home_put("sys/fs/cgroup/cpu,cpuacct/x/y/cpu.cfs_period_us", "100000\n");
    ck_assert_uint_eq(sov_cgroup_cpus(home), 0);
    home_put("sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_quota_us", "399999\n");
    ck_assert_uint_eq(sov_cgroup_cpus(home), 0); /* of what period? */
    home_put("sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_period_us", "100000\n");
    ck_assert_uint_eq(sov_cgroup_cpus(home), 3);
    home_put("sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_period_us", "0\n");
    ck_assert_uint_eq(sov_cgroup_cpus(home), 0);
    home_put("sys/fs/cgroup/unified/cpu.max", "200000 100000\n");
    ck_assert_uint_eq(sov_cgroup_cpus(home), 2); /* both versions */
    home_put("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "10000\n");
    home_put("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    ck_assert_uint_eq(sov_cgroup_cpus(home), 1);
}
END_TEST

static void
on_bus_error(int sig)
{
    (void)sig;
    _exit(5);
}

/* Only a helper touches the page that is not there. */
static void
touch(void *arg, size_t first, size_t last, unsigned worker)
{
    const volatile unsigned char *page = arg;

    (void)first;
    (void)last;
    if (worker == 0)
        sleep(20);
    else
        (void)page[0];
}

START_TEST(a_helper_can_say_that_an_input_shrank)
{
    struct sov_file f;
    const void *map = NULL;
    int fd;

    signal(SIGBUS, on_bus_error);
    sov_set_threads(2);
    fd = open(path, O_RDWR | O_CREAT, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(ftruncate(fd, 4096), 0);
    ck_assert_int_eq(sov_file_open(&f, path, NULL), 0);
    ck_assert_int_eq(sov_file_map(&f, &map, NULL), 0);
    ck_assert_int_eq(ftruncate(fd, 0), 0);
    unlink(path);
    rmdir(home);
    sov_par_for(2, 1, touch, (void *)(uintptr_t)map);
}
END_TEST

static int
feed(void *arg)
{
    for (size_t i = 0; i < N; i++) {
        if (!sov_queue_put(arg, &seen[i]))
            return 7;
    }
    sov_queue_close(arg);
    return 3;
}

START_TEST(a_queue_keeps_order_and_ends)
{
    struct sov_queue *q = sov_queue_new(8);
    struct sov_task *task = NULL;
    size_t n = 0;
    void *item;

    ck_assert_int_eq(sov_task_start(&task, feed, q, NULL), 0);
    while ((item = sov_queue_get(q)) != NULL)
        ck_assert_ptr_eq(item, &seen[n++]);
    ck_assert_uint_eq(n, N);
    ck_assert_int_eq(sov_task_join(task), 3);
    ck_assert_int_eq(sov_queue_put(q, seen), 0);
    sov_queue_free(q);
}
END_TEST

START_TEST(the_environment_is_a_ceiling)
{
    setenv("SOV_ISA", "generic", 1);
    ck_assert(sov_isa_usable(SOV_ISA_GENERIC));
    ck_assert(!sov_isa_usable(SOV_ISA_AVX2));
    ck_assert(!sov_isa_usable(SOV_ISA_AVX512));
    setenv("SOV_ISA", "avx2", 1);
    ck_assert(!sov_isa_usable(SOV_ISA_AVXVNNI));
    ck_assert(!sov_isa_usable(SOV_ISA_AVX512));
    unsetenv("SOV_ISA"); /* it is AVX2 and more */
    ck_assert(!sov_isa_usable(SOV_ISA_AVXVNNI) || sov_isa_usable(SOV_ISA_AVX2));
    setenv("SOV_ISA", "nonsense", 1);
    ck_assert(!sov_isa_usable(SOV_ISA_AVX512));
    setenv("SOV_THREADS", "3", 1);
    ck_assert_uint_eq(sov_threads(), 3);
    sov_set_threads(0);
    setenv("SOV_THREADS", "3x", 1);
    ck_assert_uint_eq(sov_threads(), sov_cpu_count());
}
END_TEST

/* ---- several outputs */

/* What a file holds. */
static void
check_text(const char *name, const char *want)
{
    char *text = NULL;
    size_t len = 0;

    ck_assert_int_eq(sov_read_whole(name, 1000, &text, &len, NULL), 0);
    ck_assert_str_eq(text, want);
    free(text);
}

static const char *const set_names[] = { "set-1", "set-2", "set-3" };

static int
write_set(const struct sov_sink_opts *opts, const char *text,
          struct sov_err *err)
{
    sov_sink *sink[3] = { 0 };
    char name[3][512];
    int rc = 0;

    for (int i = 0; i < 3 && rc == 0; i++) {
        snprintf(name[i], sizeof(name[i]), "%s/%s", home, set_names[i]);
        rc = sov_sink_open(&sink[i], name[i], opts, err);
        if (rc == 0)
            rc = sov_sink_write(sink[i], text, strlen(text), err);
    }
    if (rc == 0)
        return sov_sink_commit_all(sink, 3, err);
    for (int i = 0; i < 3; i++)
        sov_sink_abort(sink[i]);
    return rc;
}

static void
check_set(const char *text)
{
    for (int i = 0; i < 3; i++) {
        char name[512];

        snprintf(name, sizeof(name), "%s/%s", home, set_names[i]);
        check_text(name, text);
    }
}

START_TEST(outputs_appear_together)
{
    const struct sov_sink_opts force = { .force = true };
    char name[512];
    struct sov_err err = { 0 };

    ck_assert_int_eq(write_set(NULL, "old", &err), 0);
    check_set("old");
    ck_assert_int_eq(write_set(NULL, "new", &err), SOV_EIO);
    check_set("old");
    ck_assert_int_eq(write_set(&force, "new", &err), 0);
    check_set("new");
    /* a name that is taken meanwhile: what was there stays */
    snprintf(name, sizeof(name), "%s/%s", home, set_names[1]);
    ck_assert_int_eq(unlink(name), 0);
    ck_assert_int_eq(mkdir(name, 0777), 0);
    ck_assert_int_lt(write_set(&force, "late", &err), 0);
    ck_assert_int_eq(rmdir(name), 0);
    snprintf(name, sizeof(name), "%s/%s", home, set_names[0]);
    check_text(name, "new");
}
END_TEST

START_TEST(a_set_that_fails_is_taken_back)
{
    const struct sov_sink_opts fresh = { .force = false };
    const struct sov_sink_opts force = { .force = true };
    sov_sink *sink[3] = { 0 };
    struct sov_err err = { 0 };
    char name[3][512];

    ck_assert_int_eq(write_set(NULL, "old", &err), 0);
    for (int i = 0; i < 3; i++)
        snprintf(name[i], sizeof(name[i]), "%s/%s", home, set_names[i]);
    ck_assert_int_eq(unlink(name[2]), 0);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(
            sov_sink_open(&sink[i], name[i], i < 2 ? &force : &fresh, &err), 0);
        ck_assert_int_eq(sov_sink_write(sink[i], "new", 3, &err), 0);
    }
    put(name[2], "another's"); /* not to be replaced */
    ck_assert_int_eq(sov_sink_commit_all(sink, 3, &err), SOV_EIO);
    check_text(name[0], "old");
    check_text(name[1], "old");
    check_text(name[2], "another's");
    ck_assert_int_eq(entries(), 3);
}
END_TEST

START_TEST(a_folder_appears_whole)
{
    const struct sov_sink_opts force = { .force = true }, none = { 0 };
    sov_folder *folder;
    struct sov_err err = { 0 };
    char name[512], inside[600];
    sov_sink *sink;

    snprintf(name, sizeof(name), "%s/model", home);
    for (int i = 0; i < 3; i++) {
        const char *text = i == 0 ? "first" : "second";

        ck_assert_int_eq(
            sov_folder_open(&folder, name, i == 0 ? &none : &force, &err), 0);
        snprintf(inside, sizeof(inside), "%s/config.json",
                 sov_folder_path(folder));
        ck_assert_int_eq(sov_sink_open(&sink, inside, NULL, &err), 0);
        ck_assert_int_eq(sov_sink_write(sink, text, strlen(text), &err), 0);
        snprintf(inside, sizeof(inside), "%s/config.json", name);
        if (i == 0)
            ck_assert_int_ne(access(name, F_OK), 0);
        if (i == 1) { /* not this time */
            sov_sink_abort(sink);
            sov_folder_abort(folder);
            check_text(inside, "first");
        } else {
            ck_assert_int_eq(sov_folder_commit(&folder, &sink, 1, &err), 0);
            check_text(inside, text);
        }
        ck_assert_int_eq(entries(), 1);
    }
    ck_assert_int_eq(sov_folder_open(&folder, name, &none, &err), SOV_EIO);
    snprintf(inside, sizeof(inside), "%s/model/config.json", home);
    ck_assert_int_eq(unlink(inside), 0);
    snprintf(inside, sizeof(inside), "%s/model/letter", home);
    put(inside, "mine");
    ck_assert_int_eq(sov_folder_open(&folder, name, &force, &err), SOV_EIO);
    check_text(inside, "mine");
    ck_assert_int_eq(unlink(inside), 0);
    ck_assert_int_eq(rmdir(name), 0);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("sys");

    tcase_add_checked_fixture(tc, setup, home_remove);
    tcase_add_test(tc, output_appears_at_the_commit_and_not_before);
    tcase_add_test(tc, an_aborted_output_leaves_nothing);
    tcase_add_test(tc, an_old_file_is_replaced_only_by_force);
    tcase_add_test(tc, the_same_bytes_keep_the_old_file);
    tcase_add_test(tc, an_input_is_not_eaten);
    tcase_add_test(tc, a_link_is_followed_and_stays_a_link);
    tcase_add_test(tc, a_lock_is_held_by_one_and_goes_away);
    tcase_add_test(tc, a_dead_temporary_is_swept_and_a_live_one_is_not);
    tcase_add_test(tc, a_full_disk_is_said);
    tcase_add_test(tc, outputs_appear_together);
    tcase_add_test(tc, a_set_that_fails_is_taken_back);
    tcase_add_test(tc, a_folder_appears_whole);
    tcase_add_test(tc, whole_files_are_read_up_to_their_limit);
    tcase_add_test(tc, a_pipe_is_spooled_whole);
    tcase_add_test(tc, every_item_is_done_once);
    tcase_add_test(tc, loops_follow_each_other);
    tcase_add_test(tc, regions_follow_each_other);
    tcase_add_test(tc, a_loop_in_a_loop_runs_alone);
    tcase_add_test(tc, a_quota_is_rounded_down);
    tcase_add_test(tc, old_groups_have_quotas_too);
    tcase_add_exit_test(tc, a_helper_can_say_that_an_input_shrank, 5);
    tcase_add_test(tc, a_queue_keeps_order_and_ends);
    tcase_add_test(tc, the_environment_is_a_ceiling);
    return unit_main("sys", tc);
}
