# SPDX-License-Identifier: Apache-2.0
# lib/measure/local.mk - floor 9: perplexity and comparison

libsov_all_la_SOURCES += \
	%D%/answers.c \
	%D%/answers.h \
	%D%/choices.c \
	%D%/choices.def \
	%D%/compare.c \
	%D%/diverge.c \
	%D%/feed.c \
	%D%/feed.h \
	%D%/hist.c \
	%D%/hist.h \
	%D%/likely.c \
	%D%/likely.h \
	%D%/limits.h \
	%D%/making.h \
	%D%/perplexity.c \
	%D%/scan.c \
	%D%/score.c \
	%D%/slabs.c \
	%D%/slabs.h \
	%D%/spread.c \
	%D%/spread.h \
	%D%/tally.c \
	%D%/tally.h \
	%D%/tasks.c \
	%D%/tasks.h \
	%D%/weights.c \
	%D%/window.h
