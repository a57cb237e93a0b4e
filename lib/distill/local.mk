# SPDX-License-Identifier: Apache-2.0
# lib/distill/local.mk - floor 10: teaching a model

libsov_all_la_SOURCES += \
	%D%/cache.h \
	%D%/comm.h \
	%D%/corpus.h \
	%D%/course.h \
	%D%/limits.h \
	%D%/make.h \
	%D%/shuffle.h \
	%D%/sieve.h \
	%D%/teacher.h \
	%D%/texts.h \
	%D%/tokens.h \
	%D%/vocab.h
