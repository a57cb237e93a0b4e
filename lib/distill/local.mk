# SPDX-License-Identifier: Apache-2.0
# lib/distill/local.mk - floor 10: teaching a model

libsov_all_la_SOURCES += \
	%D%/comm.h \
	%D%/corpus.h \
	%D%/course.h \
	%D%/limits.h \
	%D%/make.h \
	%D%/shuffle.h \
	%D%/sieve.h \
	%D%/texts.h \
	%D%/tokens.h
