# SPDX-License-Identifier: Apache-2.0
# tests/unit/compress.mk - unit tests of lib/compress
