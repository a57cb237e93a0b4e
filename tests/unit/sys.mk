# SPDX-License-Identifier: Apache-2.0
# tests/unit/sys.mk - unit tests of lib/sys
