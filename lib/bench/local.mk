# SPDX-License-Identifier: Apache-2.0
# lib/bench/local.mk - floor 10: what was measured, and is it worse?

libsov_all_la_SOURCES += \
	%D%/limits.h \
	%D%/machine.c \
	%D%/metric.c %D%/metrics.def \
	%D%/noise.c \
	%D%/order.c %D%/order.h \
	%D%/record.c \
	%D%/roof.c \
	%D%/stat.c
