# SPDX-License-Identifier: Apache-2.0
# tests/cli/local.mk - the tools as a user runs them
#
# cli_tests names the scripts; each sources lib.sh, works in a scratch folder
# of its own and stops at the first thing that is wrong.

cli_tests =
TESTS += $(cli_tests)
EXTRA_DIST += $(cli_tests)
