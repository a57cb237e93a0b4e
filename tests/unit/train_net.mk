# SPDX-License-Identifier: Apache-2.0
# tests/unit/train_net.mk - unit tests of lib/train: whole models

unit_tests += tests/unit/t_trainee
tests_unit_t_trainee_SOURCES = %D%/t_trainee.c %D%/trainee_make.h \
	%D%/tiny.h %D%/unit.h
tests_unit_t_trainee_CFLAGS = $(unit_cflags)
tests_unit_t_trainee_LDADD = $(unit_libs) -lm

unit_tests += tests/unit/t_learn
tests_unit_t_learn_SOURCES = %D%/t_learn.c %D%/trainee_make.h %D%/unit.h
tests_unit_t_learn_CFLAGS = $(unit_cflags)
tests_unit_t_learn_LDADD = $(unit_libs) -lm

unit_tests += tests/unit/t_trainee_grad
tests_unit_t_trainee_grad_SOURCES = %D%/t_trainee_grad.c %D%/prim_f64.c \
	%D%/trainee_make.h %D%/unit.h \
	lib/train/trainee.c \
	lib/train/trainee_bind.c \
	lib/train/trainee_layer.c \
	lib/train/trainee_linear.c \
	lib/train/trainee_match.c \
	lib/train/match.c \
	%D%/loss_vec_f64.c \
	lib/train/trainee_shape.c \
	lib/train/trainee_unit.c \
	lib/train/trainee_weights.c \
	lib/train/trainee_write.c
tests_unit_t_trainee_grad_CPPFLAGS = $(AM_CPPFLAGS) -DSOV_REAL_DOUBLE
tests_unit_t_trainee_grad_CFLAGS = $(unit_cflags)
tests_unit_t_trainee_grad_LDADD = $(unit_libs) -lm
