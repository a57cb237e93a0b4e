# SPDX-License-Identifier: Apache-2.0
# tests/unit/run.mk - unit tests of lib/run

unit_tests += tests/unit/t_run
tests_unit_t_run_SOURCES = %D%/t_run.c %D%/tiny.h %D%/unit.h
tests_unit_t_run_CFLAGS = $(unit_cflags)
tests_unit_t_run_LDADD = $(unit_libs)

unit_tests += tests/unit/t_batch
tests_unit_t_batch_SOURCES = %D%/t_batch.c %D%/tiny.h %D%/unit.h
tests_unit_t_batch_CFLAGS = $(unit_cflags)
tests_unit_t_batch_LDADD = $(unit_libs)

unit_tests += tests/unit/t_window
tests_unit_t_window_SOURCES = %D%/t_window.c %D%/tiny.h %D%/unit.h
tests_unit_t_window_CFLAGS = $(unit_cflags)
tests_unit_t_window_LDADD = $(unit_libs)

unit_tests += tests/unit/t_leak
tests_unit_t_leak_SOURCES = %D%/t_leak.c %D%/tiny.h %D%/unit.h
tests_unit_t_leak_CFLAGS = $(unit_cflags)
tests_unit_t_leak_LDADD = $(unit_libs)

unit_tests += tests/unit/t_desk
tests_unit_t_desk_SOURCES = %D%/t_desk.c %D%/tiny.h %D%/unit.h
tests_unit_t_desk_CFLAGS = $(unit_cflags)
tests_unit_t_desk_LDADD = $(unit_libs)

unit_tests += tests/unit/t_chat
tests_unit_t_chat_SOURCES = %D%/t_chat.c %D%/unit.h
tests_unit_t_chat_CFLAGS = $(unit_cflags)
tests_unit_t_chat_LDADD = $(unit_libs)

unit_tests += tests/unit/t_dialect
tests_unit_t_dialect_SOURCES = %D%/t_dialect.c %D%/unit.h
tests_unit_t_dialect_CFLAGS = $(unit_cflags)
tests_unit_t_dialect_LDADD = $(unit_libs)

unit_tests += tests/unit/t_ledger
tests_unit_t_ledger_SOURCES = %D%/t_ledger.c %D%/unit.h
tests_unit_t_ledger_CFLAGS = $(unit_cflags)
tests_unit_t_ledger_LDADD = $(unit_libs)

unit_tests += tests/unit/t_request
tests_unit_t_request_SOURCES = %D%/t_request.c %D%/unit.h
tests_unit_t_request_CFLAGS = $(unit_cflags)
tests_unit_t_request_LDADD = $(unit_libs)

unit_tests += tests/unit/t_fit
tests_unit_t_fit_SOURCES = %D%/t_fit.c %D%/unit.h
tests_unit_t_fit_CFLAGS = $(unit_cflags)
tests_unit_t_fit_LDADD = $(unit_libs)

unit_tests += tests/unit/t_channel
tests_unit_t_channel_SOURCES = %D%/t_channel.c %D%/spm_keys.h %D%/unit.h
tests_unit_t_channel_CFLAGS = $(unit_cflags)
tests_unit_t_channel_LDADD = $(unit_libs)

unit_tests += tests/unit/t_proof
tests_unit_t_proof_SOURCES = %D%/t_proof.c %D%/unit.h
tests_unit_t_proof_CFLAGS = $(unit_cflags)
tests_unit_t_proof_LDADD = $(unit_libs)

unit_tests += tests/unit/t_saved
tests_unit_t_saved_SOURCES = %D%/t_saved.c %D%/tiny.h %D%/unit.h
tests_unit_t_saved_CFLAGS = $(unit_cflags)
tests_unit_t_saved_LDADD = $(unit_libs)
