# SPDX-License-Identifier: Apache-2.0
# tests/unit/measure.mk - unit tests of lib/measure

unit_tests += tests/unit/t_measure
tests_unit_t_measure_SOURCES = %D%/t_measure.c %D%/tiny.h %D%/tinytok.h \
	%D%/unit.h
tests_unit_t_measure_CFLAGS = $(unit_cflags)
tests_unit_t_measure_LDADD = $(unit_libs)

unit_tests += tests/unit/t_diverge
tests_unit_t_diverge_SOURCES = %D%/t_diverge.c %D%/tiny.h %D%/tinytok.h \
	%D%/unit.h
tests_unit_t_diverge_CFLAGS = $(unit_cflags)
tests_unit_t_diverge_LDADD = $(unit_libs)

unit_tests += tests/unit/t_inspect
tests_unit_t_inspect_SOURCES = %D%/t_inspect.c %D%/unit.h
tests_unit_t_inspect_CFLAGS = $(unit_cflags)
tests_unit_t_inspect_LDADD = $(unit_libs)

unit_tests += tests/unit/t_task
tests_unit_t_task_SOURCES = %D%/t_task.c %D%/tiny.h %D%/tinytok.h \
	%D%/unit.h
tests_unit_t_task_CFLAGS = $(unit_cflags)
tests_unit_t_task_LDADD = $(unit_libs)
