/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_machine.c - unit tests of facts about machines, on folders that look like
 * / of one
 */
#include "home.h"
#include "unit.h"

#include "bench/cache.h"
#include "sov/base.h"
#include "sov/machine.h"
#include "sys/cgroup.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct sov_bench_machine
read_it(void)
{
    struct sov_bench_machine m;

    ck_assert_int_eq(sov_machine_read(&m, home, NULL), 0);
    return m;
}

START_TEST(nothing_is_there)
{
    struct sov_bench_machine m = read_it();

    ck_assert_str_eq(m.cpu, "");
    ck_assert_str_eq(m.kernel, "");
    ck_assert_str_eq(m.governor, "");
    ck_assert_str_eq(m.microcode, "");
    ck_assert_str_ne(m.isa, "");
    ck_assert_uint_eq(m.cpus, 0);
    ck_assert_uint_eq(m.memory, 0);
    ck_assert_int_eq(m.turbo, -1);
    ck_assert_int_eq(m.smt, -1);
    ck_assert_uint_eq(m.numa, 0);
    ck_assert(!m.container);
    ck_assert_uint_eq(strlen(m.id), 32);
    sov_machine_clear(&m);
}
END_TEST

static void
put_server(void)
{
    home_put(
        "proc/cpuinfo",
        "processor\t: 0\nvendor_id\t: AuthenticAMD\n"
        "model name\t:  AMD EPYC   9B14 96-Core Processor\t\n"
        "microcode\t: 0xa101148\ncpu MHz\t\t: 2600.000\n\n"
        "processor\t: 1\nmodel name\t: another one\ncpu MHz\t\t: 3000.000\n");
    home_put("proc/sys/kernel/ostype", "Linux\n");
    home_put("proc/sys/kernel/osrelease", "6.1.0-18-amd64\n");
    home_put("sys/kernel/mm/transparent_hugepage/enabled",
             "always [madvise] never\n");
    home_put("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
             "powersave\n");
    home_put("sys/devices/system/cpu/cpufreq/boost", "1\n");
    home_put("sys/devices/system/cpu/smt/active", "1\n");
    home_put("sys/devices/system/node/node0/cpulist", "0-3\n");
    home_put("sys/devices/system/node/node1/cpulist", "4-7\n");
    home_put("sys/devices/system/node/online", "0-1\n");
    home_put("proc/self/status",
             "Name:\tx\nCpus_allowed:\tff\nCpus_allowed_list:\t0-3,8,10-11\n");
    home_put("proc/meminfo", "MemTotal:       65536000 kB\nMemFree: 1 kB\n");
}

START_TEST(a_server)
{
    struct sov_bench_machine m;
    struct sov_bench_machine n;

    put_server();
    m = read_it();
    ck_assert_str_eq(m.cpu, "AMD EPYC 9B14 96-Core Processor");
    ck_assert_str_eq(m.microcode, "0xa101148");
    ck_assert_str_eq(m.kernel, "Linux 6.1.0-18-amd64, huge pages madvise");
    ck_assert_str_eq(m.governor, "powersave");
    ck_assert_int_eq(m.turbo, 1);
    ck_assert_int_eq(m.smt, 1);
    ck_assert_uint_eq(m.numa, 2);
    ck_assert_uint_eq(m.cpus, 7);
    ck_assert_uint_eq(m.memory, UINT64_C(65536000) * 1024);
    n = read_it();
    ck_assert_str_eq(m.id, n.id);
    sov_machine_clear(&n);
    home_put("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
             "performance\n");
    n = read_it();
    ck_assert_str_ne(m.id, n.id);
    sov_machine_clear(&n);
    sov_machine_clear(&m);
}
END_TEST

START_TEST(other_kinds)
{
    struct sov_bench_machine m;

    home_put("proc/cpuinfo", "processor : 0\nCPU implementer\t: 0x41\n"
                             "CPU part\t: 0xd0c\n");
    home_put("sys/devices/system/cpu/intel_pstate/no_turbo", "1\n");
    home_put("sys/devices/system/cpu/smt/active", "rubbish\n");
    home_put("proc/self/status", "Cpus_allowed_list:\t5-3\n");
    home_put(".dockerenv", "");
    m = read_it();
    ck_assert_str_eq(m.cpu, "implementer 0x41, part 0xd0c");
    ck_assert_int_eq(m.turbo, 0);
    ck_assert_int_eq(m.smt, -1);
    ck_assert_uint_eq(m.cpus, 0);
    ck_assert(m.container);
    sov_machine_clear(&m);
}
END_TEST

/* What would act on a terminal, and what has no end. */
START_TEST(hostile_text)
{
    struct sov_bench_machine m;
    char *line = malloc(100001);

    ck_assert_ptr_nonnull(line);
    memset(line, 'x', 100000);
    line[100000] = '\0';
    home_put("proc/sys/kernel/osrelease", line);
    home_put("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", line);
    home_put("proc/meminfo", "MemTotal: -5 kB\n");
    memcpy(line, "model name\t: a\x1b[31mb", 20);
    home_put("proc/cpuinfo", line);
    m = read_it();
    ck_assert(strncmp(m.cpu, "a?[31mb", 7) == 0);
    ck_assert_uint_lt(strlen(m.cpu), 256);
    sov_machine_clear(&m);
    free(line);
}
END_TEST

START_TEST(groups_version_2)
{
    struct sov_bench_machine m;
    char path[4096];

    put_server();
    home_put("proc/self/cgroup", "0::/a/b\n");
    home_put("sys/fs/cgroup/a/b/memory.max", "max\n");
    home_put("sys/fs/cgroup/a/memory.max", "8589934592\n");
    home_put("sys/fs/cgroup/a/memory.high", "4294967296\n");
    home_put("sys/fs/cgroup/a/b/cpu.max", "250000 100000\n");
    m = read_it();
    ck_assert_uint_eq(m.memory, UINT64_C(4294967296));
    ck_assert_uint_eq(m.cpus, 2);
    sov_machine_clear(&m);
    ck_assert(!sov_cgroup_find(home, "cpu", "cpu.stat", path, sizeof(path)));
    home_put("sys/fs/cgroup/a/cpu.stat", "usage_usec 1\n");
    ck_assert(sov_cgroup_find(home, "cpu", "cpu.stat", path, sizeof(path)));
    ck_assert_ptr_nonnull(strstr(path, "/sys/fs/cgroup/a/cpu.stat"));
    ck_assert(!sov_cgroup_find(home, "cpu", "cpu.stat", path, 10));
}
END_TEST

START_TEST(groups_version_1)
{
    struct sov_bench_machine m;

    put_server();
    home_put("proc/self/cgroup",
             "9:memory:/docker/x\n5:cpu,cpuacct:/docker/x\n");
    home_put("sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes",
             "9223372036854771712\n");
    m = read_it();
    ck_assert_uint_eq(m.memory, UINT64_C(65536000) * 1024);
    sov_machine_clear(&m);
    /* in a container the path is the one outside */
    home_put("sys/fs/cgroup/memory/memory.limit_in_bytes", "1073741824\n");
    home_put("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "100000\n");
    home_put("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
    m = read_it();
    ck_assert_uint_eq(m.memory, 1073741824);
    ck_assert_uint_eq(m.cpus, 1);
    sov_machine_clear(&m);
}
END_TEST

/* ---- noise */

static sov_noise *
open_noise(void)
{
    sov_noise *n = NULL;

    ck_assert_int_eq(sov_noise_open(&n, home, NULL), 0);
    ck_assert_ptr_nonnull(n);
    return n;
}

START_TEST(silence)
{
    sov_noise *n = open_noise();
    struct sov_bench_noise found;

    sov_noise_begin(n);
    sov_noise_look(n);
    sov_noise_end(n, &found);
    ck_assert(isnan(found.cpu_pressure));
    ck_assert(isnan(found.memory_pressure));
    ck_assert(isnan(found.steal));
    ck_assert(isnan(found.throttled));
    ck_assert(isnan(found.frequency_drift));
    sov_noise_close(n);
}
END_TEST

static void
put_noise(const char *cpu, const char *memory, const char *stat,
          const char *group, const char *frequency)
{
    home_put("proc/pressure/cpu", cpu);
    home_put("proc/pressure/memory", memory);
    home_put("proc/stat", stat);
    home_put("sys/fs/cgroup/a/cpu.stat", group);
    home_put("sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", frequency);
}

START_TEST(disturbed)
{
    struct sov_bench_noise found;
    sov_noise *n;

    home_put("proc/self/cgroup", "0::/a\n");
    put_noise("some avg10=0.00 avg60=0.00 avg300=0.00 total=1000\n"
              "full avg10=0.00 avg60=0.00 avg300=0.00 total=9\n",
              "some avg10=0.00 avg60=0.00 avg300=0.00 total=5000\n",
              "cpu  100 0 100 800 0 0 0 0 0 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n",
              "usage_usec 7\nnr_periods 10\nnr_throttled 1\n", "2000000\n");
    n = open_noise();
    sov_noise_begin(n);
    put_noise("some avg10=9.00 avg60=0.00 avg300=0.00 total=999999999\n",
              "some avg10=0.00 avg60=0.00 avg300=0.00 total=5000\n",
              "cpu  200 0 200 1100 0 0 0 500 0 0\n",
              "usage_usec 9\nnr_periods 30\nnr_throttled 6\n", "1500000\n");
    sov_noise_look(n);
    home_put("sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq",
             "2100000\n");
    sov_noise_end(n, &found);
    ck_assert_double_eq(found.cpu_pressure, 1);
    ck_assert_double_eq(found.memory_pressure, 0);
    ck_assert_double_eq_tol(found.steal, 0.5, 1e-12);
    ck_assert_double_eq_tol(found.throttled, 0.25, 1e-12);
    ck_assert_double_eq_tol(found.frequency_drift, 0.25, 1e-12);
    sov_noise_close(n);
}
END_TEST

/* Version 1, no quota, counters that go back, no cpufreq, rubbish. */
START_TEST(odd_noise)
{
    struct sov_bench_noise found;
    sov_noise *n;

    home_put("proc/self/cgroup", "4:cpu,cpuacct:/x\n");
    home_put("sys/fs/cgroup/cpu,cpuacct/x/cpu.stat",
             "nr_periods 0\nnr_throttled 0\nthrottled_time 0\n");
    home_put("proc/pressure/cpu", "");
    home_put("proc/pressure/memory", "some total\n");
    home_put("proc/stat", "cpu  1000 0 100 800 0 0 0 50 0 0\n");
    put_server();
    n = open_noise();
    sov_noise_begin(n);
    home_put("proc/stat", "cpu  100 0 100 800 0 0 0 0 0 0\n");
    home_put("proc/cpuinfo", "cpu MHz\t\t: 2800.000\ncpu MHz\t\t: 3360.000\n");
    sov_noise_end(n, &found);
    ck_assert(isnan(found.cpu_pressure));
    ck_assert(isnan(found.memory_pressure));
    ck_assert(isnan(found.steal));
    ck_assert(isnan(found.throttled));
    ck_assert_double_eq_tol(found.frequency_drift, 0.1, 1e-12);
    sov_noise_close(n);
}
END_TEST

/* ---- limits */

static void
put_cache(unsigned cpu, unsigned index, const char *level, const char *size,
          const char *cpus)
{
    const char *const what[] = { "level", "size", "shared_cpu_list" };
    const char *const text[] = { level, size, cpus };
    char file[128];

    for (size_t i = 0; i < 3; i++) {
        snprintf(file, sizeof(file),
                 "sys/devices/system/cpu/cpu%u/cache/index%u/%s", cpu, index,
                 what[i]);
        home_put(file, text[i]);
    }
}

/* Two caches of the third level for four processors, three of them ours; a
 * cache is counted once, for the first of ours. */
START_TEST(last_caches)
{
    ck_assert_uint_eq(sov_cache_last(home), 0);
    home_put("proc/self/status", "Name:\tx\nCpus_allowed_list:\t1-3\n");
    ck_assert_uint_eq(sov_cache_last(home), 0);
    for (unsigned c = 0; c < 4; c++) {
        put_cache(c, 0, "1\n", "48K\n", "0\n");
        put_cache(c, 1, "3\n", "32M\n", c < 2 ? "0-1\n" : "2,3\n");
        put_cache(c, 2, "2\n", "2048K\n", "0\n");
    }
    ck_assert_uint_eq(sov_cache_last(home), 64 << 20);
    home_put("proc/self/status", "Cpus_allowed_list:\t2\n");
    ck_assert_uint_eq(sov_cache_last(home), 32 << 20);
    put_cache(2, 1, "3\n", "99999999999999M\n", "2\n");
    ck_assert_uint_eq(sov_cache_last(home), 0);
    put_cache(2, 1, "none\n", "\n", "9-2\n");
    ck_assert_uint_eq(sov_cache_last(home), 0);
    home_put("proc/self/status", "Cpus_allowed_list:\t5-1,0-99999999\n");
    ck_assert_uint_eq(sov_cache_last(home), 0);
}
END_TEST

START_TEST(roofs)
{
    sov_roof *r = NULL;

    sov_set_threads(2);
    ck_assert_int_eq(sov_roof_open(&r, NULL), 0);
    ck_assert(sov_roof_measure(r, SOV_ROOF_READ) > 1e6);
    for (int k = 0; k < SOV_ROOF_KINDS; k++)
        ck_assert(sov_roof_measure(r, (enum sov_roof_kind)k) >= 0);
    sov_roof_close(r);
    sov_roof_close(NULL);
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("machine");

    tcase_add_checked_fixture(tc, home_make, home_remove);
    tcase_add_test(tc, nothing_is_there);
    tcase_add_test(tc, a_server);
    tcase_add_test(tc, other_kinds);
    tcase_add_test(tc, hostile_text);
    tcase_add_test(tc, groups_version_2);
    tcase_add_test(tc, groups_version_1);
    tcase_add_test(tc, silence);
    tcase_add_test(tc, disturbed);
    tcase_add_test(tc, odd_noise);
    tcase_add_test(tc, last_caches);
    tcase_add_test(tc, roofs);
    return unit_main("machine", tc);
}
