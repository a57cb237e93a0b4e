# SPDX-License-Identifier: Apache-2.0
# tests/unit/base.mk - unit tests of lib/base

unit_tests += tests/unit/t_base
tests_unit_t_base_SOURCES = %D%/t_base.c %D%/unit.h
tests_unit_t_base_CFLAGS = $(unit_cflags)
tests_unit_t_base_LDADD = $(unit_libs)
