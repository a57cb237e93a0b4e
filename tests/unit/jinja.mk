# SPDX-License-Identifier: Apache-2.0
# tests/unit/jinja.mk - unit tests of lib/jinja

unit_tests += tests/unit/t_jinja
tests_unit_t_jinja_SOURCES = %D%/t_jinja.c %D%/jinja_cases.def \
	%D%/jinja_wrong.def %D%/unit.h
tests_unit_t_jinja_CFLAGS = $(unit_cflags)
tests_unit_t_jinja_LDADD = $(unit_libs)
