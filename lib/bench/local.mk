# SPDX-License-Identifier: Apache-2.0
# lib/bench/local.mk - floor 10: what was measured, and is it worse?

libsov_all_la_SOURCES += \
	%D%/beside.c \
	%D%/change.c \
	%D%/dist.c %D%/dist.h \
	%D%/disturb.c \
	%D%/doubt.c %D%/doubt.h \
	%D%/history.c \
	%D%/cache.h %D%/limits.h \
	%D%/machine.c \
	%D%/metric.c %D%/metrics.def \
	%D%/noise.c \
	%D%/pool.c %D%/pool.h \
	%D%/record.c %D%/record.h \
	%D%/record_read.c \
	%D%/record_write.c \
	%D%/roof.c \
	%D%/signed.c %D%/signed.h \
	%D%/stat.c \
	%D%/steady.c \
	%D%/utest.c \
	%D%/verdict.c
