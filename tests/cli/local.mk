# SPDX-License-Identifier: Apache-2.0
# tests/cli/local.mk - the tools as a user runs them
#
# cli_tests names the scripts; each sources lib.sh, works in a scratch folder
# of its own and stops at the first thing that is wrong.

cli_tests =
cli_tests += %D%/arch.sh
cli_tests += %D%/company.sh
cli_tests += %D%/bad.sh
cli_tests += %D%/claims.sh
cli_tests += %D%/exact.sh
cli_tests += %D%/export.sh
cli_tests += %D%/frame-options.sh
cli_tests += %D%/frame-report.sh
cli_tests += %D%/frame-status.sh
cli_tests += %D%/hash.sh
cli_tests += %D%/import.sh
cli_tests += %D%/import-forms.sh
cli_tests += %D%/interop.sh
cli_tests += %D%/lora.sh
cli_tests += %D%/matrix.sh
cli_tests += %D%/minisign.sh
cli_tests += %D%/peer.sh
cli_tests += %D%/peer-import.sh
cli_tests += %D%/peer-loads.sh
cli_tests += %D%/peer-tokens.sh
cli_tests += %D%/pipe.sh
cli_tests += %D%/ranks.sh
cli_tests += %D%/sigstore.sh
cli_tests += %D%/slow_compilers.sh
cli_tests += %D%/slow_threads.sh
cli_tests += %D%/tale-small.sh
cli_tests += %D%/turns.sh
cli_tests += %D%/torture.sh
cli_tests += %D%/trims.sh

include tests/cli/archive/local.mk
include tests/cli/sov-bench/local.mk
include tests/cli/sov-distill/local.mk
include tests/cli/sov-prune/local.mk
include tests/cli/sov-quantize/local.mk
include tests/cli/sov-run/local.mk
include tests/cli/sov-show/local.mk
include tests/cli/sov-verify/local.mk
EXTRA_DIST += %D%/peer.mjs %D%/peer-import.mjs %D%/peer-loads.mjs %D%/peer-tokens.mjs %D%/sigstore.mjs %D%/failing.c
EXTRA_DIST += %D%/cyclonedx.mjs %D%/lineage.mjs %D%/spdx.mjs %D%/swap.c %D%/verity.c

TESTS += $(cli_tests)
EXTRA_DIST += $(cli_tests) %D%/lib.sh

check_PROGRAMS += tests/cli/t-tool
tests_cli_t_tool_SOURCES = %D%/t-tool.c
tests_cli_t_tool_CFLAGS = $(AM_CFLAGS) -Wno-conversion -Wno-format-nonliteral
tests_cli_t_tool_LDADD = $(tool_libs)
