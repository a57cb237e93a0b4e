# SPDX-License-Identifier: Apache-2.0
# tests/cli/sov-show/local.mk - sov-show as a user runs it

cli_tests += %D%/card.sh
cli_tests += %D%/check.sh
cli_tests += %D%/diff.sh
cli_tests += %D%/hostile.sh
cli_tests += %D%/json.sh
