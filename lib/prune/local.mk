# SPDX-License-Identifier: Apache-2.0
# lib/prune/local.mk - floor 10: taking weights out of a model

libsov_all_la_SOURCES += \
	%D%/decide.c \
	%D%/dsnot.c %D%/dsnot.h \
	%D%/inputs.c %D%/inputs.h \
	%D%/job.c %D%/job.h \
	%D%/limits.h \
	%D%/magnitude.c \
	%D%/method.c %D%/method.h %D%/methods.def \
	%D%/obs.c %D%/obs.h %D%/obs_in.h %D%/obs_solve.c \
	%D%/owl.c %D%/owl.h \
	%D%/pattern.c \
	%D%/select.c \
	%D%/sheet.c \
	%D%/stream.c \
	%D%/wanda.c
