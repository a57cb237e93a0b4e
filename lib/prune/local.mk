# SPDX-License-Identifier: Apache-2.0
# lib/prune/local.mk - floor 10: taking weights out of a model

libsov_all_la_SOURCES += \
	%D%/limits.h \
	%D%/magnitude.c \
	%D%/method.c %D%/method.h %D%/methods.def \
	%D%/pattern.c \
	%D%/select.c \
	%D%/wanda.c
