# SPDX-License-Identifier: Apache-2.0
# lib/tok/local.mk - floor 4: tokenizers

libsov_all_la_SOURCES +=
