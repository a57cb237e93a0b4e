# SPDX-License-Identifier: Apache-2.0
# lib/calib/local.mk - floor 8: what went through a model

libsov_all_la_SOURCES += \
	%D%/moments.h \
	%D%/stats.c
