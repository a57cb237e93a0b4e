# SPDX-License-Identifier: Apache-2.0
# tests/unit/data.mk - unit tests of lib/distill: texts to learn from

unit_tests += tests/unit/t_data
tests_unit_t_data_SOURCES = %D%/t_data.c %D%/tiny.h %D%/tinytok.h %D%/unit.h
tests_unit_t_data_CFLAGS = $(unit_cflags)
tests_unit_t_data_LDADD = $(unit_libs)

unit_tests += tests/unit/t_sieve
tests_unit_t_sieve_SOURCES = %D%/t_sieve.c %D%/unit.h
tests_unit_t_sieve_CFLAGS = $(unit_cflags)
tests_unit_t_sieve_LDADD = $(unit_libs)

unit_tests += tests/unit/t_samples
tests_unit_t_samples_SOURCES = %D%/t_samples.c %D%/tiny.h %D%/tinytok.h \
	%D%/unit.h
tests_unit_t_samples_CFLAGS = $(unit_cflags)
tests_unit_t_samples_LDADD = $(unit_libs)
