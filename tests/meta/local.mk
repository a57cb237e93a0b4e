# SPDX-License-Identifier: Apache-2.0
# tests/meta/local.mk - scripts that hold the tree to its own rules

meta_tests =
TESTS += $(meta_tests)
EXTRA_DIST += $(meta_tests)
