# SPDX-License-Identifier: Apache-2.0
# tests/unit/arch.mk - unit tests of lib/arch

unit_tests += tests/unit/t_import
tests_unit_t_import_SOURCES = %D%/t_import.c %D%/tinyhf.h %D%/unit.h
tests_unit_t_import_CFLAGS = $(unit_cflags)
tests_unit_t_import_LDADD = $(unit_libs)

unit_tests += tests/unit/t_arch
tests_unit_t_arch_SOURCES = %D%/t_arch.c %D%/tiny.h %D%/unit.h
tests_unit_t_arch_CFLAGS = $(unit_cflags)
tests_unit_t_arch_LDADD = $(unit_libs)

unit_tests += tests/unit/t_sane
tests_unit_t_sane_SOURCES = %D%/t_sane.c %D%/fmt_make.c %D%/fmt_make.h \
	%D%/unit.h
tests_unit_t_sane_CFLAGS = $(unit_cflags)
tests_unit_t_sane_LDADD = $(unit_libs)
