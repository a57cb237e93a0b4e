# SPDX-License-Identifier: Apache-2.0
# lib/prove/local.mk - floor 11: re-computing what a claim says

libsov_all_la_SOURCES += \
	%D%/calibrate.c \
	%D%/compare.c \
	%D%/deeds.def \
	%D%/distill.c \
	%D%/edit.c \
	%D%/given.c \
	%D%/params.c \
	%D%/prove.c %D%/prove.h \
	%D%/prune.c \
	%D%/quantize.c \
	%D%/receipt.c \
	%D%/stage.c
