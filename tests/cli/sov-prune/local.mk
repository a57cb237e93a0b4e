# SPDX-License-Identifier: Apache-2.0
# tests/cli/sov-prune/local.mk - sov-prune as a user runs it

cli_tests += %D%/claims.sh
cli_tests += %D%/errors.sh
cli_tests += %D%/heal.sh
cli_tests += %D%/makeup.sh
cli_tests += %D%/masks.sh
cli_tests += %D%/pack.sh
cli_tests += %D%/peer.sh
cli_tests += %D%/plan.sh
cli_tests += %D%/resume.sh
cli_tests += %D%/shapes.sh
cli_tests += %D%/shapes-peer.sh
cli_tests += %D%/stats.sh
cli_tests += %D%/stranger.sh
