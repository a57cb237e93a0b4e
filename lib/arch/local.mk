# SPDX-License-Identifier: Apache-2.0
# lib/arch/local.mk - floor 6: one file per architecture, with its import

libsov_all_la_SOURCES += \
	%D%/import.c %D%/import.h %D%/imports.def \
	%D%/import_llama.c \
	%D%/import_vocab.c \
	%D%/open.c
