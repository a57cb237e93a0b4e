# SPDX-License-Identifier: Apache-2.0
# lib/distill/local.mk - floor 10: teaching a model

libsov_all_la_SOURCES += \
	%D%/cache.c \
	%D%/cache.h \
	%D%/cache_in.h \
	%D%/cache_write.c \
	%D%/comm.h \
	%D%/corpus.h \
	%D%/course.h \
	%D%/draw.c \
	%D%/few_code.c \
	%D%/few_code.h \
	%D%/limits.h \
	%D%/make.h \
	%D%/shuffle.h \
	%D%/sieve.h \
	%D%/teacher.c \
	%D%/teacher.h \
	%D%/texts.h \
	%D%/tokens.h \
	%D%/vocab.c \
	%D%/vocab.h
