# SPDX-License-Identifier: Apache-2.0
# lib/calib/local.mk - floor 8: what went through a model

libsov_all_la_SOURCES += \
	%D%/calib.c %D%/count.c %D%/calib.h %D%/calib_in.h \
	%D%/hidden.c %D%/hidden.h \
	%D%/intake.c %D%/intake.h \
	%D%/moments.c %D%/moments.h \
	%D%/onward.c %D%/onward.h \
	%D%/probe.c \
	%D%/run.c \
	%D%/stats.c %D%/stats.h \
	%D%/stats_make.c \
	%D%/sweep.c \
	%D%/text.c
