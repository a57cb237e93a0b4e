# SPDX-License-Identifier: Apache-2.0
# tests/unit/prune_rotate.mk - unit tests of what turns a model's stream

unit_tests += tests/unit/t_eigen
tests_unit_t_eigen_SOURCES = %D%/t_eigen.c %D%/unit.h
tests_unit_t_eigen_CFLAGS = $(unit_cflags)
tests_unit_t_eigen_LDADD = $(unit_libs)

unit_tests += tests/unit/t_turn
tests_unit_t_turn_SOURCES = %D%/t_turn.c %D%/unit.h
tests_unit_t_turn_CFLAGS = $(unit_cflags)
tests_unit_t_turn_LDADD = $(unit_libs)
