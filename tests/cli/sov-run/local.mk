# SPDX-License-Identifier: Apache-2.0
# tests/cli/sov-run/local.mk - sov-run as a user runs it

cli_tests += %D%/audit.sh
cli_tests += %D%/chat.sh
cli_tests += %D%/chat-tty.sh
cli_tests += %D%/chat-golden.sh
cli_tests += %D%/chat-tools.sh
cli_tests += %D%/embed.sh
cli_tests += %D%/embed-peer.sh
cli_tests += %D%/errors.sh
cli_tests += %D%/fast.sh
cli_tests += %D%/files.sh
cli_tests += %D%/generate.sh
cli_tests += %D%/jsonl.sh
cli_tests += %D%/loader.sh
cli_tests += %D%/jsonl-forms.sh
cli_tests += %D%/logits.sh
cli_tests += %D%/memcheck.sh
cli_tests += %D%/metrics.sh
cli_tests += %D%/output.sh
cli_tests += %D%/prompt.sh
cli_tests += %D%/proof.sh
cli_tests += %D%/resume.sh
cli_tests += %D%/sandbox.sh
cli_tests += %D%/session.sh
cli_tests += %D%/slow-reader.sh
cli_tests += %D%/tokenize.sh
cli_tests += %D%/window.sh
cli_tests += %D%/wiped.sh
EXTRA_DIST += %D%/chat-golden.txt %D%/chat-tools.json %D%/chat-tools.txt
