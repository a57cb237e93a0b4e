# SPDX-License-Identifier: Apache-2.0
# tests/unit/loss.mk - unit tests of losses, and of what teachers say

unit_tests += tests/unit/t_loss
tests_unit_t_loss_SOURCES = %D%/t_loss.c %D%/loss_vec_f64.c %D%/unit.h \
	lib/train/loss.c lib/train/loss_kl.c
tests_unit_t_loss_CFLAGS = $(unit_cflags) -DSOV_REAL_DOUBLE
tests_unit_t_loss_LDADD = $(unit_libs)

unit_tests += tests/unit/t_loss_bits
tests_unit_t_loss_bits_SOURCES = %D%/t_loss_bits.c %D%/unit.h
tests_unit_t_loss_bits_CFLAGS = $(unit_cflags)
tests_unit_t_loss_bits_LDADD = $(unit_libs)

unit_tests += tests/unit/t_few
tests_unit_t_few_SOURCES = %D%/t_few.c %D%/unit.h
tests_unit_t_few_CFLAGS = $(unit_cflags)
tests_unit_t_few_LDADD = $(unit_libs)

unit_tests += tests/unit/t_teacher
tests_unit_t_teacher_SOURCES = %D%/t_teacher.c %D%/tiny.h %D%/tinytok.h \
	%D%/unit.h
tests_unit_t_teacher_CFLAGS = $(unit_cflags)
tests_unit_t_teacher_LDADD = $(unit_libs)

unit_tests += tests/unit/t_cache_make
tests_unit_t_cache_make_SOURCES = %D%/t_cache_make.c %D%/tiny.h \
	%D%/tinytok.h %D%/unit.h
tests_unit_t_cache_make_CFLAGS = $(unit_cflags)
tests_unit_t_cache_make_LDADD = $(unit_libs)
