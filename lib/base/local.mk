# SPDX-License-Identifier: Apache-2.0
# lib/base/local.mk - floor 0: errors, memory, bytes, numbers, text, json

libsov_all_la_SOURCES += \
	%D%/buf.c %D%/buf.h \
	%D%/err.c \
	%D%/fmath.c %D%/fmath.h \
	%D%/json.c %D%/json.h \
	%D%/le.h \
	%D%/limits.h \
	%D%/map.c %D%/map.h \
	%D%/mem.c %D%/mem.h \
	%D%/num.h \
	%D%/order.c %D%/order.h \
	%D%/rd.c %D%/rd.h \
	%D%/rng.c %D%/rng.h \
	%D%/text.c %D%/text.h \
	%D%/version.c
