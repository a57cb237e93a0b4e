# SPDX-License-Identifier: Apache-2.0
# lib/measure/local.mk - floor 9: perplexity and comparison

libsov_all_la_SOURCES += \
	%D%/perplexity.c
