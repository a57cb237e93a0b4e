# SPDX-License-Identifier: Apache-2.0
# tests/cli/sov-distill/local.mk - sov-distill as a user runs it

cli_tests += %D%/apart.sh
cli_tests += %D%/cache.sh
cli_tests += %D%/claims.sh
cli_tests += %D%/generate.sh
cli_tests += %D%/keep.sh
cli_tests += %D%/log.sh
cli_tests += %D%/lora.sh
cli_tests += %D%/output.sh
cli_tests += %D%/policy.sh
cli_tests += %D%/ranks.sh
cli_tests += %D%/resume.sh
cli_tests += %D%/tale.sh
cli_tests += %D%/teach.sh
cli_tests += %D%/train.sh
