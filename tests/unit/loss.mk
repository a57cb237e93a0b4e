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

unit_tests += tests/unit/t_match
tests_unit_t_match_SOURCES = %D%/t_match.c %D%/loss_vec_f64.c %D%/unit.h \
	lib/train/match.c
tests_unit_t_match_CFLAGS = $(unit_cflags) -DSOV_REAL_DOUBLE
tests_unit_t_match_LDADD = $(unit_libs)

unit_tests += tests/unit/t_insight
tests_unit_t_insight_SOURCES = %D%/t_insight.c %D%/tiny.h %D%/tinytok.h \
	%D%/unit.h
tests_unit_t_insight_CFLAGS = $(unit_cflags)
tests_unit_t_insight_LDADD = $(unit_libs)

unit_tests += tests/unit/t_match_grad
tests_unit_t_match_grad_SOURCES = %D%/t_match_grad.c %D%/prim_f64.c \
	%D%/loss_vec_f64.c %D%/trainee_make.h %D%/unit.h \
	lib/train/loss.c \
	lib/train/loss_kl.c \
	lib/train/match.c \
	lib/train/trainee.c \
	lib/train/trainee_bind.c \
	lib/train/trainee_layer.c \
	lib/train/trainee_linear.c \
	lib/train/trainee_match.c \
	lib/train/trainee_shape.c \
	lib/train/trainee_unit.c \
	lib/train/trainee_weights.c \
	lib/train/trainee_write.c
tests_unit_t_match_grad_CPPFLAGS = $(AM_CPPFLAGS) -DSOV_REAL_DOUBLE
tests_unit_t_match_grad_CFLAGS = $(unit_cflags)
tests_unit_t_match_grad_LDADD = $(unit_libs) -lm
