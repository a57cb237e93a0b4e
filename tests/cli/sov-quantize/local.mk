# SPDX-License-Identifier: Apache-2.0
# tests/cli/sov-quantize/local.mk - sov-quantize as a user runs it

cli_tests += %D%/calib.sh
cli_tests += %D%/claims.sh
cli_tests += %D%/edit.sh
cli_tests += %D%/errors.sh
cli_tests += %D%/eval.sh
cli_tests += %D%/eval-peer.sh
cli_tests += %D%/experts.sh
cli_tests += %D%/folder.sh
cli_tests += %D%/import.sh
cli_tests += %D%/input.sh
cli_tests += %D%/kill.sh
cli_tests += %D%/kld.sh
cli_tests += %D%/kld-calib.sh
cli_tests += %D%/memory.sh
cli_tests += %D%/mixes.sh
cli_tests += %D%/nonfinite.sh
cli_tests += %D%/output.sh
cli_tests += %D%/plan.sh
cli_tests += %D%/plan-kld.sh
cli_tests += %D%/resume.sh
cli_tests += %D%/resume-bad.sh
cli_tests += %D%/roundtrip.sh
cli_tests += %D%/same-bytes.sh
cli_tests += %D%/split.sh
cli_tests += %D%/stats.sh
