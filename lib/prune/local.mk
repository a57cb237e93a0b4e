# SPDX-License-Identifier: Apache-2.0
# lib/prune/local.mk - floor 10: taking weights out of a model

libsov_all_la_SOURCES += \
	%D%/decide.c \
	%D%/inputs.c %D%/inputs.h \
	%D%/job.c %D%/job.h \
	%D%/limits.h \
	%D%/magnitude.c \
	%D%/method.c %D%/method.h %D%/methods.def \
	%D%/pattern.c \
	%D%/select.c \
	%D%/sheet.c \
	%D%/stream.c \
	%D%/wanda.c
