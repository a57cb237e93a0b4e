# SPDX-License-Identifier: Apache-2.0
# tests/unit/quant.mk - unit tests of lib/quant
