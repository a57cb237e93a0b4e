# SPDX-License-Identifier: Apache-2.0
# tests/unit/train_optim.mk - unit tests of optimisers, schedules and sums

unit_tests += tests/unit/t_optim
tests_unit_t_optim_SOURCES = %D%/t_optim.c %D%/unit.h
tests_unit_t_optim_CFLAGS = $(unit_cflags)
tests_unit_t_optim_LDADD = $(unit_libs)

unit_tests += tests/unit/t_local
tests_unit_t_local_SOURCES = %D%/t_local.c %D%/unit.h
tests_unit_t_local_CFLAGS = $(unit_cflags)
tests_unit_t_local_LDADD = $(unit_libs)
