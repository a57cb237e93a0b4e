# SPDX-License-Identifier: Apache-2.0
# lib/measure/local.mk - floor 9: perplexity and comparison

libsov_all_la_SOURCES += \
	%D%/compare.c \
	%D%/hist.c \
	%D%/hist.h \
	%D%/perplexity.c \
	%D%/scan.c \
	%D%/slabs.c \
	%D%/slabs.h \
	%D%/weights.c
