# SPDX-License-Identifier: Apache-2.0
# lib/bench/local.mk - floor 10: what was measured, and is it worse?

libsov_all_la_SOURCES += \
	%D%/metric.c %D%/metrics.def \
	%D%/order.c %D%/order.h \
	%D%/record.c \
	%D%/stat.c
