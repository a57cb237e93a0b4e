# SPDX-License-Identifier: Apache-2.0
# tests/unit/fmt.mk - unit tests of lib/fmt
