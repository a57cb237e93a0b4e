# SPDX-License-Identifier: Apache-2.0
# lib/tok/local.mk - floor 4: tokenizers

libsov_all_la_SOURCES += \
	%D%/special.c \
	%D%/spm.c \
	%D%/spm_model.c %D%/spm_model.h \
	%D%/spm_write.c \
	%D%/tok.c %D%/tok.h \
	%D%/tokenizers.def
