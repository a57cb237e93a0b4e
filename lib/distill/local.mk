# SPDX-License-Identifier: Apache-2.0
# lib/distill/local.mk - floor 10: teaching a model

libsov_all_la_SOURCES += \
	%D%/cache.c \
	%D%/cache.h \
	%D%/cache_in.h \
	%D%/cache_make.c \
	%D%/cache_make.h \
	%D%/cache_write.c \
	%D%/comm.h \
	%D%/corpus.c \
	%D%/corpus.h \
	%D%/course.c \
	%D%/course.h \
	%D%/crowd.c \
	%D%/crowd.h \
	%D%/draw.c \
	%D%/few_code.c \
	%D%/few_code.h \
	%D%/limits.h \
	%D%/listing.c \
	%D%/listing.h \
	%D%/make.c \
	%D%/make.h \
	%D%/near.c \
	%D%/near.h \
	%D%/repair.c \
	%D%/repair.h \
	%D%/rules.def \
	%D%/shuffle.c \
	%D%/shuffle.h \
	%D%/sieve.c \
	%D%/sieve.h \
	%D%/sieve_in.h \
	%D%/sieve_report.c \
	%D%/teacher.c \
	%D%/teacher.h \
	%D%/texts.c \
	%D%/texts.h \
	%D%/tokens.c \
	%D%/tokens.h \
	%D%/traits.c \
	%D%/traits.h \
	%D%/vocab.c \
	%D%/vocab.h
