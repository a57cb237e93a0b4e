# SPDX-License-Identifier: Apache-2.0
# tests/unit/bench.mk - unit tests of lib/bench

unit_tests += tests/unit/t_bench_stat
tests_unit_t_bench_stat_SOURCES = %D%/t_bench_stat.c %D%/unit.h
tests_unit_t_bench_stat_CFLAGS = $(unit_cflags)
tests_unit_t_bench_stat_LDADD = $(unit_libs)

unit_tests += tests/unit/t_bench_record
tests_unit_t_bench_record_SOURCES = %D%/t_bench_record.c %D%/unit.h
tests_unit_t_bench_record_CFLAGS = $(unit_cflags)
tests_unit_t_bench_record_LDADD = $(unit_libs)

unit_tests += tests/unit/t_bench_verdict
tests_unit_t_bench_verdict_SOURCES = %D%/t_bench_verdict.c %D%/unit.h
tests_unit_t_bench_verdict_CFLAGS = $(unit_cflags)
tests_unit_t_bench_verdict_LDADD = $(unit_libs)

unit_tests += tests/unit/t_bench_nights
tests_unit_t_bench_nights_SOURCES = %D%/t_bench_nights.c %D%/unit.h
tests_unit_t_bench_nights_CFLAGS = $(unit_cflags)
tests_unit_t_bench_nights_LDADD = $(unit_libs)

unit_tests += tests/unit/t_machine
tests_unit_t_machine_SOURCES = %D%/t_machine.c %D%/home.h %D%/unit.h
tests_unit_t_machine_CFLAGS = $(unit_cflags)
tests_unit_t_machine_LDADD = $(unit_libs)
