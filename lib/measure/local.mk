# SPDX-License-Identifier: Apache-2.0
# lib/measure/local.mk - floor 9: perplexity and comparison

libsov_all_la_SOURCES += \
	%D%/answers.c \
	%D%/answers.h \
	%D%/compare.c \
	%D%/diverge.c \
	%D%/hist.c \
	%D%/hist.h \
	%D%/perplexity.c \
	%D%/scan.c \
	%D%/slabs.c \
	%D%/slabs.h \
	%D%/spread.c \
	%D%/spread.h \
	%D%/weights.c \
	%D%/window.h
