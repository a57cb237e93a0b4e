# SPDX-License-Identifier: Apache-2.0
# lib/fmt/local.mk - floor 3: GGUF, safetensors, model directories

libsov_all_la_SOURCES +=
