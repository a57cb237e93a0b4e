# SPDX-License-Identifier: Apache-2.0
# tests/unit/tok.mk - unit tests of lib/tok

unit_tests += tests/unit/t_tok
tests_unit_t_tok_SOURCES = %D%/t_tok.c %D%/spm_keys.h %D%/unit.h
tests_unit_t_tok_CFLAGS = $(unit_cflags)
tests_unit_t_tok_LDADD = $(unit_libs)

unit_tests += tests/unit/t_pretok
tests_unit_t_pretok_SOURCES = %D%/t_pretok.c %D%/unit.h
tests_unit_t_pretok_CFLAGS = $(unit_cflags)
tests_unit_t_pretok_LDADD = $(unit_libs)

unit_tests += tests/unit/t_bpe
tests_unit_t_bpe_SOURCES = %D%/t_bpe.c %D%/golden.h %D%/unit.h
tests_unit_t_bpe_CFLAGS = $(unit_cflags)
tests_unit_t_bpe_LDADD = $(unit_libs)

unit_tests += tests/unit/t_hf
tests_unit_t_hf_SOURCES = %D%/t_hf.c %D%/unit.h
tests_unit_t_hf_CFLAGS = $(unit_cflags)
tests_unit_t_hf_LDADD = $(unit_libs)

unit_tests += tests/unit/t_ids
tests_unit_t_ids_SOURCES = %D%/t_ids.c %D%/unit.h
tests_unit_t_ids_CFLAGS = $(unit_cflags)
tests_unit_t_ids_LDADD = $(unit_libs)

unit_tests += tests/unit/t_golden
tests_unit_t_golden_SOURCES = %D%/t_golden.c %D%/golden.h %D%/unit.h
tests_unit_t_golden_CFLAGS = $(unit_cflags)
tests_unit_t_golden_LDADD = $(unit_libs)

# with lib/tok compiled anew, to count steps
unit_tests += tests/unit/t_work
tests_unit_t_work_SOURCES = %D%/t_work.c %D%/golden.h %D%/spm_keys.h \
	%D%/unit.h $(tok_sources)
tests_unit_t_work_CFLAGS = $(unit_cflags) -DSOV_TOK_COUNT
tests_unit_t_work_LDADD = $(unit_libs)
