# SPDX-License-Identifier: Apache-2.0
# lib/run/local.mk - floor 7: sessions, batches, sampling, chat

libsov_all_la_SOURCES += \
	%D%/batch.c \
	%D%/blocks.c \
	%D%/channel.c \
	%D%/chat.c \
	%D%/desk.c \
	%D%/dialog.c %D%/dialog.h \
	%D%/embed.c \
	%D%/encode.c \
	%D%/fit.c \
	%D%/proof.c \
	%D%/request.c \
	%D%/sample.c \
	%D%/session.c %D%/session.h \
	%D%/store.c %D%/store.h \
	%D%/stream.c
