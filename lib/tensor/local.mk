# SPDX-License-Identifier: Apache-2.0
# lib/tensor/local.mk - floor 2: types, shapes, half floats

libsov_all_la_SOURCES += \
	%D%/half.h \
	%D%/type.c %D%/type.h
