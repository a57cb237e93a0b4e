# SPDX-License-Identifier: Apache-2.0
# tests/unit/nn.mk - unit tests of lib/nn

unit_tests += tests/unit/t_nn
tests_unit_t_nn_SOURCES = %D%/t_nn.c %D%/unit.h
tests_unit_t_nn_CFLAGS = $(unit_cflags)
tests_unit_t_nn_LDADD = $(unit_libs)

unit_tests += tests/unit/t_gemm
tests_unit_t_gemm_SOURCES = %D%/t_gemm.c %D%/unit.h
tests_unit_t_gemm_CFLAGS = $(unit_cflags)
tests_unit_t_gemm_LDADD = $(unit_libs)
