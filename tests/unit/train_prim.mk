# SPDX-License-Identifier: Apache-2.0
# tests/unit/train_prim.mk - unit tests of lib/train/prim.h

unit_tests += tests/unit/t_prim
tests_unit_t_prim_SOURCES = %D%/t_prim.c %D%/unit.h
tests_unit_t_prim_CFLAGS = $(unit_cflags)
tests_unit_t_prim_LDADD = $(unit_libs) -lm
