# SPDX-License-Identifier: Apache-2.0
# tests/unit/prune.mk - unit tests of lib/prune

unit_tests += tests/unit/t_prune
tests_unit_t_prune_SOURCES = %D%/t_prune.c %D%/tiny.h %D%/unit.h
tests_unit_t_prune_CFLAGS = $(unit_cflags)
tests_unit_t_prune_LDADD = $(unit_libs)

unit_tests += tests/unit/t_trim
tests_unit_t_trim_SOURCES = %D%/t_trim.c %D%/golden.h %D%/tiny.h %D%/unit.h
tests_unit_t_trim_CFLAGS = $(unit_cflags)
tests_unit_t_trim_LDADD = $(unit_libs)
