# SPDX-License-Identifier: Apache-2.0
# tests/cli/sov-verify/local.mk - sov-verify as a user runs it

cli_tests += %D%/alone.sh
cli_tests += %D%/attack.sh
cli_tests += %D%/audit.sh
cli_tests += %D%/chain.sh
cli_tests += %D%/exhaustive.sh
cli_tests += %D%/facts.sh
cli_tests += %D%/keygen.sh
cli_tests += %D%/life.sh
cli_tests += %D%/oms.sh
cli_tests += %D%/papers.sh
cli_tests += %D%/recompute.sh
cli_tests += %D%/policy.sh
cli_tests += %D%/recompute-lies.sh
cli_tests += %D%/recompute-merge.sh
cli_tests += %D%/recompute-race.sh
cli_tests += %D%/recompute-text.sh
cli_tests += %D%/tamper.sh
cli_tests += %D%/threats.sh
EXTRA_DIST += %D%/forge.sh
