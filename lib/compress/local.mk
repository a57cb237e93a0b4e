# SPDX-License-Identifier: Apache-2.0
# lib/compress/local.mk - floor 9: quantizing a whole model

libsov_all_la_SOURCES +=
