# SPDX-License-Identifier: Apache-2.0
# lib/trust/local.mk - floor 4: keys and claims

libsov_all_la_SOURCES +=
