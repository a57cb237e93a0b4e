# SPDX-License-Identifier: Apache-2.0
# tests/unit/kern.mk - unit tests of lib/kern
