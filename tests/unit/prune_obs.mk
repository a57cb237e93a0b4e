# SPDX-License-Identifier: Apache-2.0
# tests/unit/prune_obs.mk - unit tests of what makes up for lost weights

unit_tests += tests/unit/t_prune_obs
tests_unit_t_prune_obs_SOURCES = %D%/t_prune_obs.c %D%/obs_make.h %D%/unit.h
tests_unit_t_prune_obs_CFLAGS = $(unit_cflags)
tests_unit_t_prune_obs_LDADD = $(unit_libs)

unit_tests += tests/unit/t_prune_alps
tests_unit_t_prune_alps_SOURCES = %D%/t_prune_alps.c %D%/obs_make.h %D%/unit.h
tests_unit_t_prune_alps_CFLAGS = $(unit_cflags)
tests_unit_t_prune_alps_LDADD = $(unit_libs)
