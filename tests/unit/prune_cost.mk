# SPDX-License-Identifier: Apache-2.0
# tests/unit/prune_cost.mk - unit tests of what estimates of pruning count

unit_tests += tests/unit/t_prune_cost
tests_unit_t_prune_cost_SOURCES = %D%/t_prune_cost.c %D%/tiny.h %D%/unit.h
tests_unit_t_prune_cost_CFLAGS = $(unit_cflags)
tests_unit_t_prune_cost_LDADD = $(unit_libs)
