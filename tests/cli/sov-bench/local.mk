# SPDX-License-Identifier: Apache-2.0
# tests/cli/sov-bench/local.mk - sov-bench as a user runs it

cli_tests += %D%/builds.sh
cli_tests += %D%/claims.sh
cli_tests += %D%/hostile.sh
cli_tests += %D%/judge.sh
cli_tests += %D%/manners.sh
cli_tests += %D%/ministat.sh
cli_tests += %D%/options.sh
cli_tests += %D%/quality.sh
cli_tests += %D%/packaging.sh
cli_tests += %D%/peer.sh
cli_tests += %D%/places.sh
cli_tests += %D%/show.sh
cli_tests += %D%/speed.sh
