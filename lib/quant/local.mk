# SPDX-License-Identifier: Apache-2.0
# lib/quant/local.mk - floor 3: block layouts and codecs

libsov_all_la_SOURCES +=
