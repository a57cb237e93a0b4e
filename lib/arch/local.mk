# SPDX-License-Identifier: Apache-2.0
# lib/arch/local.mk - floor 6: one file per architecture, with its import

libsov_all_la_SOURCES += \
	%D%/arch.h %D%/archs.def \
	%D%/bind.c %D%/bind.h \
	%D%/carried.c \
	%D%/dense.c \
	%D%/export.c %D%/export.h %D%/exports.def \
	%D%/export_llama.c %D%/llama_parts.def \
	%D%/export_vocab.c \
	%D%/hparams.c %D%/hparams.h \
	%D%/import.c %D%/import.h %D%/imports.def \
	%D%/import_llama.c \
	%D%/import_vocab.c \
	%D%/llama.c \
	%D%/net.c \
	%D%/open.c \
	%D%/sane.c %D%/sane.h
