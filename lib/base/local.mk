# SPDX-License-Identifier: Apache-2.0
# lib/base/local.mk - floor 0: errors, memory, bytes, numbers, text, json

libsov_all_la_SOURCES += \
	%D%/version.c
