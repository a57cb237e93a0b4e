# SPDX-License-Identifier: Apache-2.0
# tests/unit/calib.mk - unit tests of lib/calib

unit_tests += tests/unit/t_calib
tests_unit_t_calib_SOURCES = %D%/t_calib.c %D%/fmt_make.c %D%/fmt_make.h \
	%D%/unit.h
tests_unit_t_calib_CFLAGS = $(unit_cflags)
tests_unit_t_calib_LDADD = $(unit_libs)

unit_tests += tests/unit/t_moments
tests_unit_t_moments_SOURCES = %D%/t_moments.c %D%/unit.h
tests_unit_t_moments_CFLAGS = $(unit_cflags)
tests_unit_t_moments_LDADD = $(unit_libs)
