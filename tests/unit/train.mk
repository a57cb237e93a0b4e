# SPDX-License-Identifier: Apache-2.0
# tests/unit/train.mk - unit tests of lib/train
#
# Programs with SOV_REAL_DOUBLE compute in f64: with prim_f64.c, and with those
# sources of the library that they name, instead of what the library has.

unit_tests += tests/unit/t_grad
tests_unit_t_grad_SOURCES = %D%/t_grad.c %D%/prim_f64.c %D%/unit.h
tests_unit_t_grad_CPPFLAGS = $(AM_CPPFLAGS) -DSOV_REAL_DOUBLE
tests_unit_t_grad_CFLAGS = $(unit_cflags)
tests_unit_t_grad_LDADD = $(unit_libs) -lm

unit_tests += tests/unit/t_prim_attn
tests_unit_t_prim_attn_SOURCES = %D%/t_prim_attn.c %D%/prim_ref.c \
	%D%/prim_ref.h %D%/unit.h
tests_unit_t_prim_attn_CFLAGS = $(unit_cflags)
tests_unit_t_prim_attn_LDADD = $(unit_libs) -lm
EXTRA_DIST += %D%/prim_f64.c
