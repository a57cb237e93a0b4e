# SPDX-License-Identifier: Apache-2.0
# tests/unit/sys.mk - unit tests of lib/sys

unit_tests += tests/unit/t_sys
tests_unit_t_sys_SOURCES = %D%/t_sys.c %D%/home.h %D%/unit.h
tests_unit_t_sys_CFLAGS = $(unit_cflags)
tests_unit_t_sys_LDADD = $(unit_libs)

unit_tests += tests/unit/t_hash
tests_unit_t_hash_SOURCES = %D%/t_hash.c %D%/golden_claim.h %D%/unit.h
tests_unit_t_hash_CFLAGS = $(unit_cflags)
tests_unit_t_hash_LDADD = $(unit_libs)

unit_tests += tests/unit/t_power
tests_unit_t_power_SOURCES = %D%/t_power.c %D%/home.h %D%/unit.h
tests_unit_t_power_CFLAGS = $(unit_cflags)
tests_unit_t_power_LDADD = $(unit_libs)

unit_tests += tests/unit/t_archive
tests_unit_t_archive_SOURCES = %D%/t_archive.c %D%/unit.h
tests_unit_t_archive_CFLAGS = $(unit_cflags)
tests_unit_t_archive_LDADD = $(unit_libs)
