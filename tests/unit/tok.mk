# SPDX-License-Identifier: Apache-2.0
# tests/unit/tok.mk - unit tests of lib/tok
