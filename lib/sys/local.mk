# SPDX-License-Identifier: Apache-2.0
# lib/sys/local.mk - floor 1: files, pipes, hashes, cpu, threads

libsov_all_la_SOURCES +=
