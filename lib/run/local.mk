# SPDX-License-Identifier: Apache-2.0
# lib/run/local.mk - floor 7: sessions, batches, sampling, chat

libsov_all_la_SOURCES += \
	%D%/answer.c \
	%D%/answer_openai.c \
	%D%/batch.c \
	%D%/blocks.c \
	%D%/channel.c \
	%D%/chat.c \
	%D%/desk.c %D%/desk.h \
	%D%/desk_job.c %D%/desk_pass.c \
	%D%/desk_token.c %D%/desk_vector.c \
	%D%/dialect_openai.c %D%/openai.h \
	%D%/dialect_own.c %D%/dialects.def \
	%D%/dialog.c %D%/dialog.h \
	%D%/embed.c \
	%D%/encode.c \
	%D%/fit.c \
	%D%/identity.c \
	%D%/ledger.c %D%/ledger.h %D%/ledger_read.c \
	%D%/proof.c \
	%D%/request.c %D%/request.h \
	%D%/request_embed.c %D%/request_text.c \
	%D%/sample.c \
	%D%/saved.c %D%/saved.h \
	%D%/saved_write.c \
	%D%/session.c %D%/session.h \
	%D%/store.c %D%/store.h \
	%D%/stream.c
