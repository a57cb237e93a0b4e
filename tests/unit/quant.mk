# SPDX-License-Identifier: Apache-2.0
# tests/unit/quant.mk - unit tests of lib/quant

unit_tests += tests/unit/t_quant
tests_unit_t_quant_SOURCES = %D%/t_quant.c %D%/quant_vectors.def \
	%D%/golden.h %D%/unit.h
tests_unit_t_quant_CFLAGS = $(unit_cflags)
tests_unit_t_quant_LDADD = $(unit_libs)
