# SPDX-License-Identifier: Apache-2.0
# tests/unit/compress.mk - unit tests of lib/compress

unit_tests += tests/unit/t_compress
tests_unit_t_compress_SOURCES = %D%/t_compress.c %D%/unit.h
tests_unit_t_compress_CFLAGS = $(unit_cflags)
tests_unit_t_compress_LDADD = $(unit_libs)

unit_tests += tests/unit/t_lora
tests_unit_t_lora_SOURCES = %D%/t_lora.c %D%/tiny.h %D%/unit.h
tests_unit_t_lora_CFLAGS = $(unit_cflags)
tests_unit_t_lora_LDADD = $(unit_libs)

unit_tests += tests/unit/t_feedback
tests_unit_t_feedback_SOURCES = %D%/t_feedback.c %D%/unit.h
tests_unit_t_feedback_CFLAGS = $(unit_cflags)
tests_unit_t_feedback_LDADD = $(unit_libs)

unit_tests += tests/unit/t_allot
tests_unit_t_allot_SOURCES = %D%/t_allot.c %D%/tiny.h %D%/tinytok.h %D%/unit.h
tests_unit_t_allot_CFLAGS = $(unit_cflags)
tests_unit_t_allot_LDADD = $(unit_libs)
