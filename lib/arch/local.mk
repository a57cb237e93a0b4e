# SPDX-License-Identifier: Apache-2.0
# lib/arch/local.mk - floor 6: one file per architecture, with its import

libsov_all_la_SOURCES +=
