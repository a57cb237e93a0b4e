# SPDX-License-Identifier: Apache-2.0
# tests/unit/tensor.mk - unit tests of lib/tensor

unit_tests += tests/unit/t_tensor
tests_unit_t_tensor_SOURCES = %D%/t_tensor.c %D%/unit.h
tests_unit_t_tensor_CFLAGS = $(unit_cflags)
tests_unit_t_tensor_LDADD = $(unit_libs)
