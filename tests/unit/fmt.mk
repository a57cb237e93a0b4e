# SPDX-License-Identifier: Apache-2.0
# tests/unit/fmt.mk - unit tests of lib/fmt

unit_tests += tests/unit/t_fmt
tests_unit_t_fmt_SOURCES = %D%/t_fmt.c %D%/t_fmt_bad.c %D%/t_fmt_gguf.c \
	%D%/t_fmt_meta.c %D%/t_fmt_model.c %D%/t_fmt_st.c %D%/t_fmt_write.c %D%/fmt_make.c \
	%D%/fmt_make.h %D%/unit.h
tests_unit_t_fmt_CFLAGS = $(unit_cflags)
tests_unit_t_fmt_LDADD = $(unit_libs)

unit_tests += tests/unit/t_make
tests_unit_t_make_SOURCES = %D%/t_make.c %D%/unit.h
tests_unit_t_make_CFLAGS = $(unit_cflags)
tests_unit_t_make_LDADD = $(unit_libs)
