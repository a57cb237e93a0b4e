# SPDX-License-Identifier: Apache-2.0
# tests/fuzz/local.mk - fuzz targets
#
# fuzz_NAME.c defines LLVMFuzzerTestOneInput().  With --enable-fuzz it becomes
# a libFuzzer program; otherwise driver.c is its main(), and make check feeds
# it every file of corpus/NAME/ and some deterministic mutations of each.
#
# A target is one line in fuzz_tests and two below it:
#
#   fuzz_tests += tests/fuzz/fuzz_gguf
#   tests_fuzz_fuzz_gguf_SOURCES = %D%/fuzz_gguf.c $(fuzz_main)
#   tests_fuzz_fuzz_gguf_LDADD = $(fuzz_libs)
#   tests_fuzz_fuzz_gguf_LDFLAGS = $(fuzz_ldflags)

fuzz_tests =
fuzz_libs = libsov_all.la $(deps_libs)

if SOV_FUZZ
noinst_PROGRAMS += $(fuzz_tests)
fuzz_main =
fuzz_ldflags = $(AM_LDFLAGS) -fsanitize=fuzzer
else
check_PROGRAMS += $(fuzz_tests)
TESTS += $(fuzz_tests)
fuzz_main = tests/fuzz/driver.c
fuzz_ldflags = $(AM_LDFLAGS)
endif

EXTRA_DIST += tests/fuzz/driver.c tests/fuzz/corpus tests/fuzz/parsers \
	tests/fuzz/coverage.awk tests/fuzz/mkseeds tests/fuzz/seeds.awk \
	tests/fuzz/seeds.txt tests/fuzz/seeds.sh
TESTS += tests/fuzz/seeds.sh

fuzz_tests += tests/fuzz/fuzz_spm
tests_fuzz_fuzz_spm_SOURCES = %D%/fuzz_spm.c $(fuzz_main)
tests_fuzz_fuzz_spm_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_spm_LDFLAGS = $(fuzz_ldflags)

fuzz_tests += tests/fuzz/fuzz_oms
tests_fuzz_fuzz_oms_SOURCES = %D%/fuzz_oms.c $(fuzz_main)
tests_fuzz_fuzz_oms_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_oms_LDFLAGS = $(fuzz_ldflags)

fuzz_tests += tests/fuzz/fuzz_config
tests_fuzz_fuzz_config_SOURCES = %D%/fuzz_config.c %D%/fuzz_export.h \
	tests/unit/tinyhf.h $(fuzz_main)
tests_fuzz_fuzz_config_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_config_LDFLAGS = $(fuzz_ldflags)

fuzz_tests += tests/fuzz/fuzz_import
tests_fuzz_fuzz_import_SOURCES = %D%/fuzz_import.c %D%/fuzz_export.h \
	tests/unit/tinyhf.h $(fuzz_main)
tests_fuzz_fuzz_import_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_import_LDFLAGS = $(fuzz_ldflags)

fuzz_tests += tests/fuzz/fuzz_experts
tests_fuzz_fuzz_experts_SOURCES = %D%/fuzz_experts.c %D%/fuzz_export.h \
	tests/unit/tinyhf.h $(fuzz_main)
tests_fuzz_fuzz_experts_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_experts_LDFLAGS = $(fuzz_ldflags)

fuzz_tests += tests/fuzz/fuzz_blocks
tests_fuzz_fuzz_blocks_SOURCES = %D%/fuzz_blocks.c $(fuzz_main)
tests_fuzz_fuzz_blocks_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_blocks_LDFLAGS = $(fuzz_ldflags)

fuzz_tests += tests/fuzz/fuzz_delta
tests_fuzz_fuzz_delta_SOURCES = %D%/fuzz_delta.c $(fuzz_main)
tests_fuzz_fuzz_delta_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_delta_LDFLAGS = $(fuzz_ldflags)

fuzz_tests += tests/fuzz/fuzz_bench
tests_fuzz_fuzz_bench_SOURCES = %D%/fuzz_bench.c $(fuzz_main)
tests_fuzz_fuzz_bench_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_bench_LDFLAGS = $(fuzz_ldflags)

fuzz_tests += tests/fuzz/fuzz_audit
tests_fuzz_fuzz_audit_SOURCES = %D%/fuzz_audit.c $(fuzz_main)
tests_fuzz_fuzz_audit_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_audit_LDFLAGS = $(fuzz_ldflags)

EXTRA_DIST += %D%/fuzz_model.h %D%/fuzz_tok.h

fuzz_tests += tests/fuzz/fuzz_gguf
tests_fuzz_fuzz_gguf_SOURCES = %D%/fuzz_gguf.c $(fuzz_main)
tests_fuzz_fuzz_gguf_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_gguf_LDFLAGS = $(fuzz_ldflags)

fuzz_tests += tests/fuzz/fuzz_safetensors
tests_fuzz_fuzz_safetensors_SOURCES = %D%/fuzz_safetensors.c $(fuzz_main)
tests_fuzz_fuzz_safetensors_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_safetensors_LDFLAGS = $(fuzz_ldflags)

fuzz_tests += tests/fuzz/fuzz_folder
tests_fuzz_fuzz_folder_SOURCES = %D%/fuzz_folder.c $(fuzz_main)
tests_fuzz_fuzz_folder_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_folder_LDFLAGS = $(fuzz_ldflags)

fuzz_tests += tests/fuzz/fuzz_key
tests_fuzz_fuzz_key_SOURCES = %D%/fuzz_key.c $(fuzz_main)
tests_fuzz_fuzz_key_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_key_LDFLAGS = $(fuzz_ldflags)

fuzz_tests += tests/fuzz/fuzz_claims
tests_fuzz_fuzz_claims_SOURCES = %D%/fuzz_claims.c $(fuzz_main)
tests_fuzz_fuzz_claims_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_claims_LDFLAGS = $(fuzz_ldflags)

fuzz_tests += tests/fuzz/fuzz_policy
tests_fuzz_fuzz_policy_SOURCES = %D%/fuzz_policy.c $(fuzz_main)
tests_fuzz_fuzz_policy_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_policy_LDFLAGS = $(fuzz_ldflags)

fuzz_tests += tests/fuzz/fuzz_sovidx
tests_fuzz_fuzz_sovidx_SOURCES = %D%/fuzz_sovidx.c $(fuzz_main)
tests_fuzz_fuzz_sovidx_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_sovidx_LDFLAGS = $(fuzz_ldflags)

fuzz_tests += tests/fuzz/fuzz_archive
tests_fuzz_fuzz_archive_SOURCES = %D%/fuzz_archive.c $(fuzz_main)
tests_fuzz_fuzz_archive_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_archive_LDFLAGS = $(fuzz_ldflags)

fuzz_tests += tests/fuzz/fuzz_journal
tests_fuzz_fuzz_journal_SOURCES = %D%/fuzz_journal.c $(fuzz_main)
tests_fuzz_fuzz_journal_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_journal_LDFLAGS = $(fuzz_ldflags)

fuzz_tests += tests/fuzz/fuzz_checkpoint
tests_fuzz_fuzz_checkpoint_SOURCES = %D%/fuzz_checkpoint.c $(fuzz_main)
tests_fuzz_fuzz_checkpoint_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_checkpoint_LDFLAGS = $(fuzz_ldflags)

fuzz_tests += tests/fuzz/fuzz_stats
tests_fuzz_fuzz_stats_SOURCES = %D%/fuzz_stats.c $(fuzz_main)
tests_fuzz_fuzz_stats_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_stats_LDFLAGS = $(fuzz_ldflags)

fuzz_tests += tests/fuzz/fuzz_net
tests_fuzz_fuzz_net_SOURCES = %D%/fuzz_net.c $(fuzz_main)
tests_fuzz_fuzz_net_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_net_LDFLAGS = $(fuzz_ldflags)

fuzz_tests += tests/fuzz/fuzz_hf
tests_fuzz_fuzz_hf_SOURCES = %D%/fuzz_hf.c $(fuzz_main)
tests_fuzz_fuzz_hf_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_hf_LDFLAGS = $(fuzz_ldflags)

fuzz_tests += tests/fuzz/fuzz_old
tests_fuzz_fuzz_old_SOURCES = %D%/fuzz_old.c %D%/fuzz_tok.h $(fuzz_main)
tests_fuzz_fuzz_old_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_old_LDFLAGS = $(fuzz_ldflags)

fuzz_tests += tests/fuzz/fuzz_vocab
tests_fuzz_fuzz_vocab_SOURCES = %D%/fuzz_vocab.c $(fuzz_main)
tests_fuzz_fuzz_vocab_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_vocab_LDFLAGS = $(fuzz_ldflags)

fuzz_tests += tests/fuzz/fuzz_chat
tests_fuzz_fuzz_chat_SOURCES = %D%/fuzz_chat.c $(fuzz_main)
tests_fuzz_fuzz_chat_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_chat_LDFLAGS = $(fuzz_ldflags)

fuzz_tests += tests/fuzz/fuzz_ledger
tests_fuzz_fuzz_ledger_SOURCES = %D%/fuzz_ledger.c $(fuzz_main)
tests_fuzz_fuzz_ledger_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_ledger_LDFLAGS = $(fuzz_ldflags)

fuzz_tests += tests/fuzz/fuzz_request
tests_fuzz_fuzz_request_SOURCES = %D%/fuzz_request.c $(fuzz_main)
tests_fuzz_fuzz_request_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_request_LDFLAGS = $(fuzz_ldflags)

fuzz_tests += tests/fuzz/fuzz_lora
tests_fuzz_fuzz_lora_SOURCES = %D%/fuzz_lora.c $(fuzz_main)
tests_fuzz_fuzz_lora_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_lora_LDFLAGS = $(fuzz_ldflags)

fuzz_tests += tests/fuzz/fuzz_answers
tests_fuzz_fuzz_answers_SOURCES = %D%/fuzz_answers.c $(fuzz_main)
tests_fuzz_fuzz_answers_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_answers_LDFLAGS = $(fuzz_ldflags)

fuzz_tests += tests/fuzz/fuzz_few
tests_fuzz_fuzz_few_SOURCES = %D%/fuzz_few.c $(fuzz_main)
tests_fuzz_fuzz_few_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_few_LDFLAGS = $(fuzz_ldflags)

fuzz_tests += tests/fuzz/fuzz_saved
tests_fuzz_fuzz_saved_SOURCES = %D%/fuzz_saved.c $(fuzz_main)
tests_fuzz_fuzz_saved_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_saved_LDFLAGS = $(fuzz_ldflags)

fuzz_tests += tests/fuzz/fuzz_sheet
tests_fuzz_fuzz_sheet_SOURCES = %D%/fuzz_sheet.c %D%/fuzz_text.h \
	$(fuzz_main)
tests_fuzz_fuzz_sheet_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_sheet_LDFLAGS = $(fuzz_ldflags)

fuzz_tests += tests/fuzz/fuzz_tasks
tests_fuzz_fuzz_tasks_SOURCES = %D%/fuzz_tasks.c $(fuzz_main)
tests_fuzz_fuzz_tasks_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_tasks_LDFLAGS = $(fuzz_ldflags)

fuzz_tests += tests/fuzz/fuzz_corpus
tests_fuzz_fuzz_corpus_SOURCES = %D%/fuzz_corpus.c $(fuzz_main)
tests_fuzz_fuzz_corpus_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_corpus_LDFLAGS = $(fuzz_ldflags)

fuzz_tests += tests/fuzz/fuzz_prove
tests_fuzz_fuzz_prove_SOURCES = %D%/fuzz_prove.c $(fuzz_main)
tests_fuzz_fuzz_prove_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_prove_LDFLAGS = $(fuzz_ldflags)

fuzz_tests += tests/fuzz/fuzz_prune_sheet
tests_fuzz_fuzz_prune_sheet_SOURCES = %D%/fuzz_prune_sheet.c %D%/fuzz_text.h \
	$(fuzz_main)
tests_fuzz_fuzz_prune_sheet_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_prune_sheet_LDFLAGS = $(fuzz_ldflags)

fuzz_tests += tests/fuzz/fuzz_papers
tests_fuzz_fuzz_papers_SOURCES = %D%/fuzz_papers.c %D%/fuzz_forms.h \
	$(paper_sources) $(fuzz_main)
tests_fuzz_fuzz_papers_LDADD = bin/cli/libcli.la $(fuzz_libs) -lm
tests_fuzz_fuzz_papers_LDFLAGS = $(fuzz_ldflags)
