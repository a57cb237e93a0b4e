# SPDX-License-Identifier: Apache-2.0
# lib/tok/local.mk - floor 4: tokenizers

# Tests that count steps compile them anew.
tok_sources = \
	%D%/bpe.c %D%/bpe.h \
	%D%/bpe_load.c \
	%D%/bpe_merge.c \
	%D%/cut.c \
	%D%/dna.c \
	%D%/hf.c %D%/hf.h \
	%D%/hf_keys.c \
	%D%/hf_old.c \
	%D%/hf_pre.c \
	%D%/hf_rules.c \
	%D%/hf_text.c \
	%D%/hf_vocab.c \
	%D%/ids.c \
	%D%/normal.c %D%/normal.h \
	%D%/patterns.def \
	%D%/pretok.c %D%/pretok.h \
	%D%/pretoks.def \
	%D%/raw.c \
	%D%/scan.c %D%/scan.h \
	%D%/scan_script.c \
	%D%/special.c \
	%D%/spm.c \
	%D%/spm_model.c %D%/spm_model.h \
	%D%/spm_write.c \
	%D%/tok.c %D%/tok.h \
	%D%/tokenizers.def \
	%D%/ugm.c \
	%D%/uclass.c %D%/uclass.h %D%/uclass_table.h \
	%D%/vmap.c %D%/vmap.h \
	%D%/words.c %D%/words.h \
	%D%/work.h \
	%D%/wpm.c

libsov_all_la_SOURCES += $(tok_sources)
