# SPDX-License-Identifier: Apache-2.0
# tests/unit/arch.mk - unit tests of lib/arch
