/* SPDX-License-Identifier: Apache-2.0 */
/*
 * t_power.c - unit tests of energy counters, on folders that look like /sys
 */
#include "home.h"
#include "unit.h"

#include "sov/power.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RANGE 262143328850 /* of a package of Intel's */

/* A file under sys/class/powercap. */
static void
put(const char *zone, const char *file, const char *text)
{
    char path[200];

    snprintf(path, sizeof(path), "sys/class/powercap/%s/%s", zone, file);
    home_put(path, text);
}

static void
set(const char *zone, uint64_t microjoules)
{
    char text[32];

    snprintf(text, sizeof(text), "%" PRIu64 "\n", microjoules);
    put(zone, "energy_uj", text);
}

static void
make_zone(const char *zone, const char *name, uint64_t microjoules)
{
    char text[64];

    snprintf(text, sizeof(text), "%s\n", name);
    put(zone, "name", text);
    snprintf(text, sizeof(text), "%" PRIu64 "\n", (uint64_t)RANGE);
    put(zone, "max_energy_range_uj", text);
    set(zone, microjoules);
}

static sov_power *
open_it(void)
{
    sov_power *p = NULL;

    ck_assert_int_eq(sov_power_open(&p, home, NULL), 0);
    ck_assert_ptr_nonnull(p);
    return p;
}

static void
check_joules(sov_power *p, double want)
{
    double got = -1;

    ck_assert_msg(sov_power_joules(p, &got), "%s", sov_power_why(p));
    ck_assert_msg(fabs(got - want) < 1e-9, "%.9f, not %.9f", got, want);
}

/* Nothing is known, for this reason and for good. */
static void
check_unknown(sov_power *p, const char *why)
{
    double got = 42;

    ck_assert(!sov_power_joules(p, &got));
    ck_assert(got == 42);
    ck_assert_ptr_nonnull(strstr(sov_power_why(p), why));
    ck_assert_str_eq(sov_power_domains(p), "");
    ck_assert(!sov_power_joules(p, &got));
    sov_power_close(p);
}

START_TEST(packages_and_their_memory_are_counted_once)
{
    sov_power *p;

    make_zone("intel-rapl:1", "package-1", 5000000);
    make_zone("intel-rapl:0", "package-0", 1000000);
    make_zone("intel-rapl:0:0", "core", 700000);
    make_zone("intel-rapl:0:1", "dram", 200000);
    make_zone("intel-rapl:2", "psys", 9000000);
    make_zone("intel-rapl-mmio:0", "package-0", 1000000);
    put("intel-rapl", "enabled", "1\n");
    p = open_it();
    ck_assert_str_eq(sov_power_domains(p),
                     "package-0, package-0/dram, package-1");
    check_joules(p, 0);
    set("intel-rapl:0", 3500000);
    set("intel-rapl:0:0", 3000000);
    set("intel-rapl:2", 99000000);
    set("intel-rapl-mmio:0", 3500000);
    check_joules(p, 2.5);
    set("intel-rapl:0:1", 450000);
    set("intel-rapl:1", 5000001);
    check_joules(p, 2.750001);
    check_joules(p, 2.750001);
    ck_assert_str_eq(sov_power_why(p), "");
    sov_power_close(p);
}
END_TEST

START_TEST(a_counter_that_begins_again_goes_on)
{
    sov_power *p;

    make_zone("intel-rapl:0", "package-0", (uint64_t)RANGE - 1500000);
    p = open_it();
    set("intel-rapl:0", 250000);
    check_joules(p, 1.75);
    set("intel-rapl:0", RANGE);
    check_joules(p, 0.000001 * (double)RANGE + 1.5);
    set("intel-rapl:0", 0);
    check_joules(p, 0.000001 * (double)RANGE + 1.5);
    sov_power_close(p);
}
END_TEST

START_TEST(what_may_have_gone_round_is_not_known)
{
    sov_power *p;

    make_zone("intel-rapl:0", "package-0", 10);
    put("intel-rapl:0", "max_energy_range_uj", "1000\n"); /* of 1 us */
    p = open_it();
    usleep(1000);
    set("intel-rapl:0", 20);
    check_unknown(p, "package-0: its counter may have gone round unseen");

    put("intel-rapl:0", "max_energy_range_uj", "0\n");
    p = open_it();
    set("intel-rapl:0", 2000020);
    check_joules(p, 2);
    set("intel-rapl:0", 10); /* from where? */
    check_unknown(p, "package-0: its counter went back");

    make_zone("intel-rapl:0", "package-0", (uint64_t)RANGE + 1);
    p = open_it();
    set("intel-rapl:0", 10);
    check_unknown(p, "went back");
}
END_TEST

START_TEST(without_counters_nothing_is_known)
{
    sov_power *p;

    check_unknown(open_it(), "powercap: No such file");
    make_zone("intel-rapl:0", "psys", 1);
    make_zone("intel-rapl:1", "dram", 1);
    make_zone("intel-rapl:x", "package-0", 1);
    make_zone("dtpm:0", "package-0", 1);
    check_unknown(open_it(), "has no counter of a package");
    make_zone("intel-rapl-mmio:0", "package-0", 1);
    p = open_it();
    check_joules(p, 0);
    sov_power_close(p);
}
END_TEST

/* One package of two is not the machine. */
START_TEST(a_part_is_not_told_as_the_whole)
{
    char file[300];
    sov_power *p;

    make_zone("intel-rapl:0", "package-0", 1);
    make_zone("intel-rapl:1", "package-1", 1);
    p = open_it();
    put("intel-rapl:1", "energy_uj", "");
    check_unknown(p, "package-1: its counter cannot be read any more");
    check_unknown(open_it(), "package-1: its counter is no number");
    put("intel-rapl:1", "energy_uj", "-5\n");
    check_unknown(open_it(), "package-1");
    put("intel-rapl:1", "energy_uj", "5 joules\n");
    check_unknown(open_it(), "package-1");
    put("intel-rapl:1", "energy_uj", "99999999999999999999999\n");
    check_unknown(open_it(), "package-1");
    snprintf(file, sizeof(file), "%s/sys/class/powercap/intel-rapl:1/energy_uj",
             home);
    ck_assert_int_eq(unlink(file), 0);
    check_unknown(open_it(), "package-1: No such file");
}
END_TEST

START_TEST(who_may_not_read_is_told)
{
    char file[300];

    make_zone("intel-rapl:0", "package-0", 1);
    snprintf(file, sizeof(file), "%s/sys/class/powercap/intel-rapl:0/energy_uj",
             home);
    ck_assert_int_eq(chmod(home, 0755), 0);
    ck_assert_int_eq(chmod(file, 0), 0);
    if (getuid() == 0)
        ck_assert_int_eq(seteuid(65534), 0);
    if (euidaccess(home, X_OK) == 0) /* others may come here at all */
        check_unknown(open_it(), "package-0: Permission denied");
    if (getuid() == 0)
        ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

/* More of them than there is room for are not counted in part. */
START_TEST(too_many_are_none)
{
    char zone[32], name[32];
    sov_power *p;

    for (int i = 0; i < 65; i++) {
        snprintf(zone, sizeof(zone), "intel-rapl:%d", i);
        snprintf(name, sizeof(name), "package-%d", i);
        if (i == 64) {
            p = open_it();
            set("intel-rapl:63", 1000001);
            check_joules(p, 1);
            sov_power_close(p);
        }
        make_zone(zone, name, 1);
    }
    check_unknown(open_it(), "more counters than can be read");
}
END_TEST

int
main(void)
{
    TCase *tc = tcase_create("power");

    tcase_add_checked_fixture(tc, home_make, home_remove);
    tcase_add_test(tc, packages_and_their_memory_are_counted_once);
    tcase_add_test(tc, a_counter_that_begins_again_goes_on);
    tcase_add_test(tc, what_may_have_gone_round_is_not_known);
    tcase_add_test(tc, without_counters_nothing_is_known);
    tcase_add_test(tc, a_part_is_not_told_as_the_whole);
    tcase_add_test(tc, who_may_not_read_is_told);
    tcase_add_test(tc, too_many_are_none);
    return unit_main("power", tc);
}
