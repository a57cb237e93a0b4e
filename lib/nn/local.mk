# SPDX-License-Identifier: Apache-2.0
# lib/nn/local.mk - floor 5: matmul, norm, rope, attention, KV cache

libsov_all_la_SOURCES +=
